"""Ctrl-C in a shell: one line on what became of the work and the exit code 130, also while pandas is imported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
INTERRUPTING = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"


def run(*arguments, path):
    """Return the end of a Python that looks for modules in a folder first."""
    found = os.pathsep.join([str(path), str(SOURCE)])
    command = [sys.executable, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": found}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603


@pytest.fixture
def pandas_that_is_interrupted(tmp_path):
    """Return a folder whose pandas is interrupted while it is imported."""
    (tmp_path / "pandas.py").write_text(INTERRUPTING, "utf-8")
    return tmp_path


@pytest.mark.parametrize("way", [("-m", "mmembed"), ("-W", "ignore", "-m", "mmembed"), ("-m", "mmembed.cli")])
def test_ctrl_c_while_the_program_is_loaded_is_one_line(pandas_that_is_interrupted, way):
    """Whoever sees at once that the command was wrong sees no traceback of an import."""
    ended = run(*way, "models", path=pandas_that_is_interrupted)
    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr == "mmembed: stopped; nothing was written.\n"


def test_so_it_is_in_the_installed_program(pandas_that_is_interrupted):
    """The script that pip puts beside Python is called ``mmembed``."""
    script = pandas_that_is_interrupted / "mmembed"
    script.write_text("import sys\nfrom mmembed.cli import main\nsys.exit(main())\n", "utf-8")
    ended = run(script, "models", path=pandas_that_is_interrupted)
    assert (ended.returncode, ended.stderr) == (130, "mmembed: stopped; nothing was written.\n")


def test_other_programs_keep_their_interrupts(pandas_that_is_interrupted):
    """A script that imports mmembed gets KeyboardInterrupt as from any other module, then and later."""
    script = pandas_that_is_interrupted / "work.py"
    script.write_text("try:\n    import mmembed\nexcept KeyboardInterrupt:\n    print('mine')\n", "utf-8")
    ended = run(script, path=pandas_that_is_interrupted)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "mine\n", "")


@pytest.mark.parametrize(
    ("command", "module"), [("cluster", "mmembed.analysis.graphs.graph"), ("report", "mmembed.report.build")]
)
def test_ctrl_c_in_a_command_says_what_became_of_the_work(tmp_path, command, module):
    """The interrupt comes while the vectors are looked at; what is there stays, and nothing is written."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n",
        "utf-8",
    )
    table = tmp_path / "table.jsonl"
    table.write_text("".join(f'{{"v": [{n % 3}, {n % 5}, 1]}}\n' for n in range(40)), "utf-8")
    kept = tmp_path / "out.parquet"
    kept.write_bytes(b"kept")
    ended = run("-m", "mmembed", command, table, "--column", "v", "-o", kept, path=tmp_path)
    assert ended.returncode == 130, ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("mmembed: stopped; nothing was written.")
    assert "Traceback" not in ended.stderr
    assert kept.read_bytes() == b"kept"


def test_the_signal_is_python_s_own_again_once_the_program_runs():
    """What a command does with Ctrl-C is up to it: embedding keeps what came."""
    code = (
        "import sys; sys.argv = ['mmembed', 'models', '-f', 'csv']\n"
        "import mmembed, signal\n"
        "assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler\n"
        "from mmembed.cli import main\n"
        "main()\n"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
    )
    ended = run("-c", code, path=SOURCE)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_signal_numbers():
    """130 is what shells show for a process that SIGINT ended."""
    assert 128 + signal.SIGINT == 130
