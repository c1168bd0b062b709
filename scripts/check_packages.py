"""Build the packages, and try the wheel in clean environments on every Python and set of dependencies that it allows.

Run by ``make packages``. Each supported Python is tried with the newest dependencies, with pandas 2, and with the
oldest version of every direct dependency that has a wheel for it. Then, on the oldest Python: without extras, where the
space that each package takes is printed; with each extra by itself (on the newest Python, too); under
``mypy --strict``; and as an upgrade of version 0.1, whose cache, files and pickles must read. A table says for which
Pythons and systems all dependencies have wheels.

A Python that is not on this machine is said, and is an error unless ``--allow-missing`` is given. uv makes the
environments, so that they take minutes; it downloads packages and no Python.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
CODE = Path(__file__).parent / "packages"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
EXTRAS = ("index", "local", "video", "widget")
SETS = ("newest", "pandas 2", "oldest")
ONCE = (
    "oldest with Dask",
    "without extras",
    *(f"extra {name}" for name in ("dask", *EXTRAS)),
    "mypy --strict",
    "upgrade",
)
WHEELS = "wheels"
# Where a wheel must exist for every dependency; the names are uv's.
PLATFORMS = {
    "Linux": "x86_64-manylinux_2_28",
    "Linux ARM": "aarch64-manylinux_2_28",
    "macOS": "aarch64-apple-darwin",
    "macOS Intel": "x86_64-apple-darwin",
    "Windows": "x86_64-pc-windows-msvc",
}
# The last commit of version 0.1, from which its wheel is built.
VERSION_0_1 = "11cd2a4505b1ca544e5debb966f654041acfb3e1"
SHOWN = ("pandas", "numpy", "scikit-learn")
MOST_BYTES = 4_000_000  # of which the local model takes 1.7
_NEVER_PACKED = ("data/", ".ci/", ".venv", "notebooks/", "docs/", "benchmarks/", "report.html")
_NEVER_KINDS = (".pyc", ".parquet", ".sqlite")
_UV = (sys.executable, "-m", "uv")


@dataclass
class Row:
    """A line of the table: what was tried, on which versions, and what came of it."""

    python: str
    dependencies: str
    result: str = "ok"
    lack: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Place:
    """A clean environment and an empty folder to work in."""

    python: Path
    variables: Mapping[str, str]
    work: Path

    def install(self, *wanted: str) -> None:
        """Install wheels, never sources."""
        command = [*_UV, "pip", "install", "--quiet", "--only-binary", ":all:", "--python", str(self.python)]
        _run([*command, *wanted], self.variables)

    def run(self, *arguments: str, **more: str) -> str:
        """Run Python in the folder, with more variables, and return what it printed."""
        return _run([str(self.python), *arguments], {**self.variables, **more}, self.work)


class StepError(Exception):
    """A command that failed; holds the end of what it wrote."""


class LackError(Exception):
    """Something that this machine does not have, so that a step cannot be run."""


def main() -> int:
    """Build, check, try, print the table; return 0 if everything ran and was well."""
    options = _options()
    found = _pythons(options.python)
    with tempfile.TemporaryDirectory(prefix="mmembed-packages-") as name:
        folder = Path(name)
        wheel, problems = build(folder / "dist")
        there = [python for python in PYTHONS if found[python]] or [PYTHONS[0]]
        wanted = [(python, kind) for python in PYTHONS for kind in SETS]
        wanted += [(there[0], kind) for kind in ONCE]
        # Newer versions of what an extra needs may be for newer Pythons alone.
        wanted += [(there[-1], kind) for kind in ONCE if kind.startswith("extra ") and len(there) > 1]
        if options.only:
            wanted = [(python, kind) for python, kind in wanted if {python, kind} & set(options.only)]
            print(f"Only these were asked for: {', '.join(options.only)}")
        if not options.only or WHEELS in options.only:
            problems += check_wheels(folder)
        rows = [_try(wheel, found, python, kind, folder) for python, kind in wanted]
    _print_table(rows)
    for problem in problems:
        print(f"PACKAGE: {problem}")
    failed = [row for row in rows if row.result == "FAILED"]
    missing = [row for row in rows if row.result == "NOT RUN"]
    for lack in dict.fromkeys(row.lack for row in missing):
        print(f"NOT RUN: {lack}")
    print(f"{len(rows) - len(failed) - len(missing)} ran well, {len(failed)} failed, {len(missing)} could not be run.")
    return 1 if failed or problems or (missing and not options.allow_missing) else 0


def build(folder: Path) -> tuple[Path, list[str]]:
    """Build sdist and wheel, and return the wheel and what is wrong with them."""
    _run([sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)])
    wheel, sdist = next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))
    names = zipfile.ZipFile(wheel).namelist()
    with tarfile.open(sdist) as archive:
        packed = [member.name.partition("/")[2] for member in archive.getmembers()]
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.2f} MB, {len(names)} files")
    print(f"{sdist.name}: {sdist.stat().st_size / 1e6:.2f} MB, {len(packed)} files")
    return wheel, package_problems(names, packed, wheel.stat().st_size, sdist.stat().st_size)


def package_problems(wheel: Sequence[str], sdist: Sequence[str], wheel_bytes: int, sdist_bytes: int) -> list[str]:
    """Return what the lists of files and the sizes have that they must not have, or lack."""
    problems = [f"the wheel holds {name}" for name in wheel if not name.startswith(("mmembed/", "mmembed-"))]
    problems += [f"the sdist holds {name}" for name in sdist if name.startswith(_NEVER_PACKED)]
    problems += [
        f"a package holds {name}"
        for name in (*wheel, *sdist)
        if name.endswith(_NEVER_KINDS) and not name.startswith("tests/version_0_1/")
    ]
    here = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").rglob("*") if path.is_file()}
    wanted = {name for name in here if "__pycache__" not in name}
    problems += [f"the wheel lacks {name}" for name in sorted(wanted - set(wheel))]
    problems += [f"the sdist lacks src/{name}" for name in sorted(wanted) if f"src/{name}" not in set(sdist)]
    for kind, size in (("wheel", wheel_bytes), ("sdist", sdist_bytes)):
        if size >= MOST_BYTES:
            problems.append(f"the {kind} has {size / 1e6:.2f} MB, and {MOST_BYTES / 1e6:.0f} are allowed")
    return problems


def check_wheels(folder: Path) -> list[str]:
    """Print for which Pythons and systems all dependencies and extras have wheels, and return where they do not.

    uv resolves for a system that is not this one by what the registry says of each wheel. It may settle on an older
    version of a package that is not built for the system any more.
    """
    problems, extras = [], [word for extra in ("dask", *EXTRAS) for word in ("--extra", extra)]
    rows = [("wheels for", *PLATFORMS)]
    for python in PYTHONS:
        cells = []
        for system, platform in PLATFORMS.items():
            command = [*_UV, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--only-binary", ":all:"]
            command += ["--python-version", python, "--python-platform", platform, *extras]
            pins = folder / f"{python} {system}.txt"
            try:
                _run([*command, str(ROOT / "pyproject.toml"), "--output-file", str(pins)], _environment(folder))
                cells.append(f"{len(pins.read_text('utf-8').splitlines())} packages")
            except StepError as error:
                cells.append("LACKS")
                problems.append(f"not all dependencies have wheels for Python {python} on {system}: {error}")
        rows.append((f"Python {python}", *cells))
    _print_columns(rows)
    return problems


def _try(wheel: Path, found: Mapping[str, str | None], python: str, kind: str, folder: Path) -> Row:
    row = Row(python, kind)
    executable = found[python]
    if executable is None:
        row.result = "NOT RUN"
        row.lack = f"there is no Python {python} on this machine. Install it, or name it: "
        row.lack += f"--python {python}=/path/to/python{python}"
        return row
    print(f"Python {python}, {kind} …", file=sys.stderr, flush=True)
    started = time.perf_counter()
    root = folder / f"{python} {kind}".replace(" ", "-")
    inside = root / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    place = Place(inside, _environment(root), root / "work")
    place.work.mkdir(parents=True)
    try:
        _run([*_UV, "venv", "--quiet", "--python", executable, str(root / "env")], place.variables)
        if kind == "without extras":
            place.install(str(wheel))
            print(place.run(str(CODE / "bare.py")))
            _print_sizes(json.loads(place.run(str(CODE / "sizes.py"))))
        elif kind.startswith("extra "):
            extra = kind.removeprefix("extra ")
            place.install(f"{wheel}[{extra}]")
            place.run(str(CODE / "extras.py"), extra)
        elif kind == "mypy --strict":
            place.install(str(wheel), "mypy", "pandas-stubs")
            place.run("-m", "mypy", "--strict", str(CODE / "typed.py"))
        elif kind == "upgrade":
            _upgrade(wheel, place)
        else:
            row.versions = _walk(wheel, kind, place)
    except LackError as lack:
        row.result, row.lack = "NOT RUN", str(lack)
    except StepError as error:
        row.result = "FAILED"
        print(f"--- Python {python}, {kind}\n{error}", file=sys.stderr)
    row.seconds = time.perf_counter() - started
    shutil.rmtree(root / "env", ignore_errors=True)
    return row


def _walk(wheel: Path, kind: str, place: Place) -> dict[str, str]:
    """Walk the main road on a set of dependencies, and return their versions."""
    # Dask needs a newer Arrow than the rest does, so that the oldest versions are tried with and without it.
    extras = EXTRAS if kind == "oldest" else ("dask", *EXTRAS)
    wanted = [f"{wheel}[{','.join(extras)}]"]
    if kind == "pandas 2":
        wanted.append("pandas<3")
    if kind.startswith("oldest"):
        pins = place.work.with_name("oldest.txt")
        _run(_compile(str(place.python), extras, pins), place.variables)
        wanted += ["--constraint", str(pins)]
    place.install(*wanted)
    told = place.run(str(CODE / "smoke.py"))
    versions: dict[str, str] = json.loads(told.splitlines()[-1])
    return versions


def _upgrade(wheel: Path, place: Place) -> None:
    """Write files of every kind with version 0.1 and its dependencies, install the wheel over it, and read them."""
    old = place.work.with_name("0.1")
    old.mkdir()
    archive, source = old / "source.tar", old / "source"
    try:
        _run(["git", "-C", str(ROOT), "archive", "--output", str(archive), VERSION_0_1])
    except StepError as error:
        raise LackError(f"this clone has no commit {VERSION_0_1[:7]}, of which the wheel of 0.1 is built") from error
    with tarfile.open(archive) as packed:
        packed.extractall(source, filter="data")
    _run([sys.executable, "-m", "build", "--wheel", "--outdir", str(old / "dist"), str(source)])
    before = f"{next((old / 'dist').glob('*.whl'))}[dask,index,local]"
    place.install("--constraint", str(source / "constraints.txt"), before, "pytest")
    for name in ("write_files.py", "test_files_of_0_1.py"):
        shutil.copy(ROOT / "tests" / "version_0_1" / name, place.work)
    sys.path.insert(0, str(ROOT / "tests"))
    from dashscope_server import DashScopeServer

    with DashScopeServer() as server:
        service = {"DASHSCOPE_HTTP_BASE_URL": server.base_url, "DASHSCOPE_API_KEY": "sk-test"}
        place.run("write_files.py", "data", **service)
        place.run(str(CODE / "upgrade.py"), "write", **service)
        bought = server.bill.vectors
        place.install("--reinstall-package", "mmembed", f"{wheel}[dask,index,local]")
        place.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_files_of_0_1.py", **service)
        place.run(str(CODE / "upgrade.py"), "read", **service)
        if not bought or server.bill.vectors != bought:
            raise StepError(f"{server.bill.vectors - bought} vectors were bought again, of {bought}")


def _print_sizes(packages: Sequence[tuple[int, str, str]]) -> None:
    """Print what an installation without extras takes: packages of a megabyte or more, and the rest together."""
    large = [one for one in packages if one[0] >= 1e6]
    rest = packages[len(large) :]
    rows = [("package", "version", "MB")]
    rows += [(name, version, f"{size / 1e6:.1f}") for size, name, version in large]
    rows.append((f"{len(rest)} others", "", f"{sum(size for size, *_ in rest) / 1e6:.1f}"))
    rows.append((f"all {len(packages)}", "", f"{sum(size for size, *_ in packages) / 1e6:.1f}"))
    _print_columns(rows)


def _compile(executable: str, extras: Sequence[str], pins: Path) -> list[str]:
    """Return the command that finds the oldest version of each direct dependency with a wheel for this Python."""
    chosen = [word for extra in extras for word in ("--extra", extra)]
    command = [*_UV, "pip", "compile", "--quiet", "--resolution", "lowest-direct", "--only-binary", ":all:"]
    return [*command, "--python", executable, *chosen, str(ROOT / "pyproject.toml"), "--output-file", str(pins)]


def _environment(place: Path) -> dict[str, str]:
    """Return an environment in which nothing of this checkout, of the user's keys or caches is seen."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("DASHSCOPE", "MMEMBED", "PYTHON"))
    }
    return {
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_SYSTEM_CERTS": "true",
        **kept,
        "MMEMBED_CACHE_DIR": str(place / "cache"),
        "PYTHONUTF8": "1",
    }


def _run(command: Sequence[str], environment: Mapping[str, str] | None = None, work: Path | None = None) -> str:
    done = subprocess.run(  # noqa: S603  commands made above
        command, env=environment, cwd=work, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    if done.returncode:
        end = "\n".join((done.stdout + done.stderr).splitlines()[-25:])
        raise StepError(f"{' '.join(map(str, command[:6]))} … ended with {done.returncode}:\n{end}")
    return done.stdout


def _pythons(given: Sequence[str]) -> dict[str, str | None]:
    """Return the executable of each supported Python: as given, on the PATH, or pyenv's."""
    named = dict(one.split("=", 1) for one in given)
    home = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found: dict[str, str | None] = {}
    for python in PYTHONS:
        pyenv = sorted(home.glob(f"versions/{python}.*/bin/python"))
        candidates = [named.get(python), shutil.which(f"python{python}"), *map(str, pyenv), sys.executable]
        found[python] = next((one for one in candidates if one and _is(one, python)), None)
    return found


def _is(executable: str, python: str) -> bool:
    """Return whether an executable starts, and is of that version; a pyenv shim of a hidden version does not."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return False
    return done.returncode == 0 and done.stdout.strip() == python


def _print_table(rows: Sequence[Row]) -> None:
    lines = [("Python", "dependencies", *SHOWN, "result", "seconds")]
    for row in rows:
        versions = [row.versions.get(name, "") for name in SHOWN]
        lines.append((row.python, row.dependencies, *versions, row.result, f"{row.seconds:.0f}"))
    _print_columns(lines)


def _print_columns(lines: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", default=[], metavar="3.12=PATH", help="where a Python lies")
    parser.add_argument("--allow-missing", action="store_true", help="a Python that is not here is no error")
    parser.add_argument(
        "--only", action="append", default=[], metavar="WHAT", help="a Python, a set or a step: 3.13, oldest"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
