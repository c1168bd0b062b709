"""What the tree must and must not hold."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tracked():
    """Return the files that git tracks; in an exported tree without git, every file."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607
    if done.returncode:
        return [path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


# Files that do the same thing for two peers bear one name: verbs on pandas, on Dask and in the shell, a result on
# Dask and its twin on pandas, the service and the local model, what clusters and labels are fitted by.
PEERS = [
    {"accessor", "distributed"},
    {"providers/dashscope", "providers/local"},
    {"analysis/clusters", "analysis/labels", "analysis/maps"},
]


@pytest.fixture(scope="module")
def sources(tracked):
    """Return the modules of the package, by their path below it."""
    package = ROOT / "src" / "mmembed"
    return {
        path.relative_to(package): path for path in tracked if path.is_relative_to(package) and path.suffix == ".py"
    }


def test_no_source_file_is_longer_than_an_idea(sources):
    """No module grows past 650 lines, and none is called utils."""
    assert not {
        str(name): n for name, path in sources.items() if (n := len(path.read_text("utf-8").splitlines())) > 650
    }
    assert not [str(name) for name in sources if name.stem in ("utils", "helpers", "misc")]


def test_no_function_is_longer_than_a_screen(sources):
    """No function has more than 80 lines of code; its docstring, comments and blank lines do not count."""
    long = {}
    for name, path in sources.items():
        text = path.read_text("utf-8")
        lines = text.splitlines()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                code = lines[body[0].lineno - 1 : node.end_lineno] if body else []
                count = sum(1 for line in code if line.strip() and not line.strip().startswith("#"))
                if count > 80:
                    long[f"{name}: {node.name}"] = count
    assert not long


def test_one_file_name_has_one_meaning(sources):
    """No two files bear one name, but those of peers; a file on Dask bears the name of its twin."""
    folders: dict[str, list[str]] = {}
    for name in sources:
        if not name.stem.startswith("__"):
            folders.setdefault(name.stem, []).append(name.parent.as_posix())
    twice = {stem: set(found) - {"distributed"} for stem, found in folders.items() if len(found) > 1}
    # A package's main file may bear the name of its package: report/report.py.
    assert not {
        stem: found for stem, found in twice.items() if len(found) > 1 and not any(found <= peers for peers in PEERS)
    }


def test_no_file_is_large(tracked):
    """The repository stays quick to clone."""
    large = {path.name: path.stat().st_size for path in tracked if path.stat().st_size > 1_500_000}
    assert not large


def test_no_text_names_a_registry_or_a_machine(tracked):
    """Pins are names and versions only, and no path is one machine's."""
    forbidden = re.compile(r"index[-]url|https?://[^\s\"']+\.(?:whl|tgz)")
    found = [
        path.relative_to(ROOT)
        for path in tracked
        if path.suffix in (".toml", ".txt", ".md", ".yaml", ".py", ".cfg", "") and path != Path(__file__)
        if forbidden.search(path.read_text("utf-8", errors="replace"))
    ]
    assert not found


def test_constraints_pin_every_development_dependency():
    """A fresh environment gets the versions that were tested."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    names = {re.split(r"[<>=!\[; ]", one)[0].lower().replace("_", "-") for one in wanted} - {"mmembed"}
    pinned = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
        if "==" in line
    }
    assert names <= pinned, names - pinned


def test_make_help_lists_every_target():
    """``make help`` is made from the targets themselves, so none is forgotten."""
    text = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split())
    described = set(re.findall(r"^([a-z]+):.*## ", text, re.MULTILINE))
    assert described == targets


def test_the_changelog_names_the_version_or_unreleased():
    """The changelog is current."""
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text("utf-8")
