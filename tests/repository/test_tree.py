"""What the tree must and must not hold."""

from __future__ import annotations

import json
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


def test_source_files_hold_one_idea(tracked):
    """No module grows past 300 lines, and none is called utils."""
    sources = [path for path in tracked if path.is_relative_to(ROOT / "src") and path.suffix == ".py"]
    long = {path.name: lines for path in sources if (lines := len(path.read_text("utf-8").splitlines())) > 300}
    # The accessor is a list of doors, one a verb; most of its lines are their docstrings.
    assert set(long) <= {"accessor.py"}, long
    assert not [path for path in sources if path.stem in ("utils", "helpers", "misc")]


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


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.name)
def test_notebooks_are_stored_without_output(path):
    """A notebook in the repository holds no output and no execution count."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert not [cell for cell in code if cell["outputs"] or cell["execution_count"]]
