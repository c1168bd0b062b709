"""Build the packages, and try the wheel in clean environments on every Python and set of dependencies that it allows.

Run by ``make packages``. Each supported Python is tried with the newest dependencies, with pandas 2.2, and with the
oldest version of every direct dependency that has a wheel for it; then once without extras, and once under
``mypy --strict``. A Python that is not on this machine is said, and is an error unless ``--allow-missing`` is given.
uv makes the environments, so that twelve of them take minutes; it downloads packages and no Python.
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
PYTHONS = ("3.11", "3.12", "3.13")
EXTRAS = ("index", "local", "video", "widget")
SETS = ("newest", "pandas 2.2", "oldest")
SHOWN = ("pandas", "numpy", "scikit-learn")
MOST_BYTES = 3_000_000
_NEVER_PACKED = ("data/", ".ci/", ".venv", "notebooks/", "docs/", "benchmarks/", "report.html")
_NEVER_KINDS = (".pyc", ".parquet", ".sqlite")
_UV = (sys.executable, "-m", "uv")


@dataclass
class Row:
    """A line of the table: what was tried, on which versions, and what came of it."""

    python: str
    dependencies: str
    result: str = "ok"
    versions: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


class StepError(Exception):
    """A command that failed; holds the end of what it wrote."""


def main() -> int:
    """Build, check, try, print the table; return 0 if everything ran and was well."""
    options = _options()
    found = _pythons(options.python)
    with tempfile.TemporaryDirectory(prefix="mmembed-packages-") as name:
        folder = Path(name)
        wheel, problems = build(folder / "dist")
        first = next((python for python in PYTHONS if found[python]), PYTHONS[0])
        wanted = [(python, kind) for python in PYTHONS for kind in SETS]
        wanted += [(first, kind) for kind in ("oldest with Dask", "without extras", "mypy --strict")]
        if options.only:
            wanted = [(python, kind) for python, kind in wanted if {python, kind} & set(options.only)]
            print(f"Only these were asked for: {', '.join(options.only)}")
        rows = [_try(wheel, found, python, kind, folder) for python, kind in wanted]
    _print_table(rows)
    for problem in problems:
        print(f"PACKAGE: {problem}")
    failed = [row for row in rows if row.result == "FAILED"]
    missing = [row for row in rows if row.result == "NOT RUN"]
    for python in dict.fromkeys(row.python for row in missing):
        print(
            f"NOT RUN: there is no Python {python} on this machine. Install it, or name it: "
            f"--python {python}=/path/to/python{python}"
        )
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
    problems += [f"a package holds {name}" for name in (*wheel, *sdist) if name.endswith(_NEVER_KINDS)]
    here = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").rglob("*") if path.is_file()}
    wanted = {name for name in here if "__pycache__" not in name}
    problems += [f"the wheel lacks {name}" for name in sorted(wanted - set(wheel))]
    problems += [f"the sdist lacks src/{name}" for name in sorted(wanted) if f"src/{name}" not in set(sdist)]
    for kind, size in (("wheel", wheel_bytes), ("sdist", sdist_bytes)):
        if size >= MOST_BYTES:
            problems.append(f"the {kind} has {size / 1e6:.2f} MB, and {MOST_BYTES / 1e6:.0f} are allowed")
    return problems


def _try(wheel: Path, found: Mapping[str, str | None], python: str, kind: str, folder: Path) -> Row:
    row = Row(python, kind)
    executable = found[python]
    if executable is None:
        row.result = "NOT RUN"
        return row
    print(f"Python {python}, {kind} …", file=sys.stderr, flush=True)
    started = time.perf_counter()
    place = folder / f"{python} {kind}".replace(" ", "-")
    work = place / "work"
    work.mkdir(parents=True)
    inside = place / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    environment = _environment(place)
    try:
        _run([*_UV, "venv", "--quiet", "--python", executable, str(place / "env")], environment)
        install = [*_UV, "pip", "install", "--quiet", "--only-binary", ":all:", "--python", str(inside)]
        if kind == "without extras":
            _run([*install, str(wheel)], environment)
            print(_run([str(inside), str(CODE / "bare.py")], environment, work))
        elif kind == "mypy --strict":
            _run([*install, str(wheel), "mypy", "pandas-stubs"], environment)
            _run([str(inside), "-m", "mypy", "--strict", str(CODE / "typed.py")], environment, work)
        else:
            # Dask needs a newer Arrow than the rest does, so that the oldest versions are tried with and without it.
            extras = EXTRAS if kind == "oldest" else ("dask", *EXTRAS)
            wanted = [f"{wheel}[{','.join(extras)}]"]
            if kind == "pandas 2.2":
                wanted.append("pandas==2.2.*")
            if kind.startswith("oldest"):
                pins = place / "oldest.txt"
                _run(_compile(executable, extras, pins), environment)
                wanted += ["--constraint", str(pins)]
            _run([*install, *wanted], environment)
            told = _run([str(inside), str(CODE / "smoke.py")], environment, work)
            row.versions = json.loads(told.splitlines()[-1])
    except StepError as error:
        row.result = "FAILED"
        print(f"--- Python {python}, {kind}\n{error}", file=sys.stderr)
    row.seconds = time.perf_counter() - started
    shutil.rmtree(place / "env", ignore_errors=True)
    return row


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
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", default=[], metavar="3.12=PATH", help="where a Python lies")
    parser.add_argument("--allow-missing", action="store_true", help="a Python that is not here is no error")
    parser.add_argument("--only", action="append", default=[], metavar="WHAT", help="a Python, or a set: 3.13, oldest")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
