"""What a release rests on: one version everywhere, and recipes that ask for what the package asks for."""

from __future__ import annotations

import email
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
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


def built_metadata(folder: Path, **environment: str) -> tuple[str, str]:
    """Build both packages as ``make dist`` does; return the wheel's metadata and the sdist's."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, env={**os.environ, **environment}, check=True, capture_output=True)  # noqa: S603
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        of_wheel = wheel.read(f"mmembed-{mmembed.__version__}.dist-info/METADATA").decode()
    with tarfile.open(next(folder.glob("*.tar.gz"))) as sdist:
        of_sdist = sdist.extractfile(f"mmembed-{mmembed.__version__}/PKG-INFO").read().decode()
    return of_wheel, of_sdist


def test_packages_name_the_address_they_are_published_at(tmp_path):
    """The wheel is built from the sdist: both have the addresses and a readme without a relative link."""
    address = "https://forge.example/team/mmembed"
    for metadata in built_metadata(tmp_path, PROJECT_ADDRESS=f"{address}/"):
        message = email.message_from_string(metadata)
        assert f"Source, {address}" in message.get_all("Project-URL")
        assert message["Description-Content-Type"] == "text/markdown"
        readme = message.get_payload()
        tag = f"v{mmembed.__version__}"
        assert f"[中文说明]({address}/blob/{tag}/README.zh-CN.md)" in readme
        assert f"]({address}/raw/{tag}/docs/images/report-en.webp)" in readme
        assert not re.findall(r"\]\((?!https://|#)", readme)


def test_packages_without_an_address_have_the_readme_as_it_is(tmp_path):
    """A clone that nobody published builds, and claims no address."""
    for metadata in built_metadata(tmp_path, PROJECT_ADDRESS=""):
        message = email.message_from_string(metadata)
        assert message.get_all("Project-URL") is None
        assert message.get_payload().strip() == (ROOT / "README.md").read_text("utf-8").strip()
