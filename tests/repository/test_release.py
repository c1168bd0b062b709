"""What a release rests on: one version everywhere, and recipes that ask for what the package asks for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import mmembed

ROOT = Path(__file__).parents[2]


def read(name: str) -> dict:
    return yaml.safe_load((ROOT / name).read_text("utf-8"))


def test_the_version_is_the_same_everywhere():
    """Citation, conda recipe and the newest dated section of the changelog have the package's version and one date."""
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    newest = re.search(r"^## \[(\d[^\]]*)\] - (\d{4}-\d\d-\d\d)$", changelog, re.MULTILINE)
    assert newest
    citation = read("CITATION.cff")
    found = {newest[1], citation["version"], read("conda/recipe.yaml")["context"]["version"]}
    assert found == {mmembed.__version__}
    assert str(citation["date-released"]) == newest[2]


def test_the_conda_recipe_asks_for_the_package_s_dependencies():
    """Names and lower bounds are those of pyproject.toml."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    run = read("conda/recipe.yaml")["requirements"]["run"]
    assert [one.replace(" ", "") for one in run if not one.startswith("python ")] == wanted


@pytest.mark.parametrize("name", ["checks", "publish"])
def test_the_workflows_run_what_ci_runs(name):
    """A public forge guards the same things as ``.ci/run``."""
    jobs = read(f".github/workflows/{name}.yml")["jobs"].values()
    assert "bash .ci/run" in [step.get("run") for job in jobs for step in job["steps"]]
