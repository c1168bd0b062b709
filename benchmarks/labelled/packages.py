"""Files of packages: those that pip installed, and those that npm packs into mmembed's cache folder."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from mmembed.embedding.cache_file import default_folder


def installed(package: str) -> Path:
    """Return the folder of an installed package, without importing it.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"Package {package!r} is not installed. Run: pip install -e '.[bench]'")
    return Path(spec.submodule_search_locations[0])


def packed(package: str, version: str) -> Path:
    """Return the folder of an npm package, unpacked at first use.

    Raises
    ------
    FileNotFoundError
        If npm is not there.
    subprocess.CalledProcessError
        If npm cannot get the package.
    """
    folder = default_folder() / "benchmarks" / f"{package.replace('/', '_').lstrip('@')}-{version}"
    if not folder.exists():
        if (npm := shutil.which("npm")) is None:
            raise FileNotFoundError(f"npm is not on the PATH; it is needed once to get {package}@{version}.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent) as work:
            command = [npm, "pack", "--silent", "--pack-destination", work, f"{package}@{version}"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - the two arguments are ours
            with tarfile.open(next(Path(work).glob("*.tgz"))) as archive:
                archive.extractall(work, filter="data")
            # A rename is all or nothing: a run that is killed leaves no half package.
            (Path(work) / "package").rename(folder)
    return folder
