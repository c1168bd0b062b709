"""The program as a process: help, exit codes, streams, completion, Ctrl-C."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from dashscope_server import DashScopeServer, dropping
from mmembed import __version__
from mmembed.cli import main
from mmembed.cli.program import program
from pages.sitting import run_demo

KEY = "sk-command-line-0123456789"
PROGRAM = [sys.executable, "-m", "mmembed.cli"]


def run(*arguments, **environment):
    return subprocess.run(  # noqa: S603  our own program
        [*PROGRAM, *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, "PYTHONUTF8": "1", **environment},
    )


@pytest.mark.parametrize("name", sorted(program.commands))
def test_every_command_has_help_with_an_example(name, capsys):
    """A sentence, the options, and a line that can be typed."""
    assert main([name, "--help"]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"Usage: mmembed {name}")
    assert "Example" in told
    assert f"  mmembed {name}" in told


def test_help_lists_every_command_and_all_exit_codes(capsys):
    """In the order of the work; the version is the package's."""
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    places = [told.index(f"\n  {name} ") for name in program.commands]
    assert places == sorted(places)
    for code in ("0", "1", "2", "3", "130"):
        assert f"\n    {code} " in told
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"mmembed {__version__}\n"


def test_help_loads_nothing_but_the_program():
    """No model, plot, service or analysis is loaded for it; modules are counted, which is the same on every machine."""
    code = (
        "import sys\nfrom mmembed.cli import main\nmain(['--help'])\n"
        "print('loaded', *[name for name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603  our own code
    loaded = done.stderr.split()
    assert not {"sklearn", "scipy", "numba", "plotly", "dashscope", "requests", "PIL"} & set(loaded)
    assert len([name for name in loaded if name.startswith("mmembed")]) <= 117


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["embed"], "Missing argument"),
        (["emebd"], "No such command"),
        (["search", "x.parquet", "--column", "v"], "Missing argument"),
        (["cluster", "x.parquet", "--column", "v", "--method", "magic"], "magic"),
        (["embed", "x.csv", "--column", "title"], "A text table shows no vectors"),
    ],
)
def test_a_wrong_call_is_exit_code_two(arguments, message, capsys):
    """As with every command-line program; the message names what is wrong."""
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


def test_refusals_are_one_message_and_exit_code_one(table, capsys):
    """What is wrong, without a traceback unless it is asked for; nothing written."""
    call = ["embed", str(table), "--column", "titel", "--model", "local", "-o", "out.parquet"]
    assert main(call) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Did you mean 'title'" in captured.err
    assert "Traceback" not in captured.err
    assert not Path("out.parquet").exists()
    with pytest.raises(KeyError, match="titel"):
        main(["--traceback", *call])


def test_without_a_key_the_message_says_what_to_do(table, capsys):
    """The variable, and the way without a key."""
    assert main(["embed", str(table), "--column", "title", "--modality", "text", "-o", "out.parquet"]) == 1
    message = capsys.readouterr().err
    assert "DASHSCOPE_API_KEY" in message
    assert "local" in message


def test_a_refused_key_is_not_shown(table, monkeypatch, capsys):
    """Neither in the message nor in the traceback."""
    with DashScopeServer(keys=("sk-another",)) as server:
        monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
        monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", server.base_url)
        call = ["embed", str(table), "--column", "title", "--modality", "text", "-o", "out.parquet"]
        assert main(call) == 1
        shown = capsys.readouterr()
        told = run("--traceback", *call)
    assert "InvalidApiKey" in shown.err
    assert "Traceback" in told.stderr
    assert KEY not in shown.out + shown.err + told.stdout + told.stderr
    assert KEY[3:] not in told.stderr


TOLD_BY_THE_DEMO = {
    "en": ("found by “bird”:  crow", "planet · solar system", "cannot see", "Open this page in a browser"),
    "zh": ("用“鸟”找照片：乌鸦", "行星 · 太阳系", "看不见", "请用浏览器打开"),
}


@pytest.mark.xdist_group("pages")  # one worker, so that the first run fills the cache of the pages, too
def test_the_demo_runs_as_a_program(tmp_path, first_demo):
    """In a process of its own, from any folder, in either language: searches, labels, groups, limits, and the page.

    The second run finds the vectors of the first.
    """
    shutil.copytree(first_demo.cache, tmp_path / "cache", dirs_exist_ok=True)
    for language, demo in {"en": first_demo, "zh": run_demo(tmp_path, "zh")}.items():
        for part in TOLD_BY_THE_DEMO[language]:
            assert part in demo.told
        assert str(demo.page.resolve()) in demo.told
        assert demo.page.stat().st_size > 100_000


def test_commands_are_piped_into_each_other(table):
    """Parquet on the streams keeps the vectors' model; a reader that stops early is no error of ours."""
    first = subprocess.Popen(  # noqa: S603  our own program
        [*PROGRAM, "embed", str(table), "--column", "title", "--modality", "text", "--model", "local", "-f", "parquet"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    second = subprocess.run(  # noqa: S603
        [*PROGRAM, "search", "-", "--input-format", "parquet", "--column", "title_vector", "puppy", "-f", "jsonl"],
        stdin=first.stdout,
        capture_output=True,
        check=False,
    )
    first.communicate()
    assert first.returncode == 0
    assert second.returncode == 0, second.stderr
    assert second.stdout.decode().splitlines()[0].startswith('{"title":"小狗","title_vector":[')
    closed = subprocess.Popen([*PROGRAM, "models"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603
    closed.stdout.close()
    message = closed.stderr.read().decode()
    closed.stderr.close()
    closed.wait()
    assert "Traceback" not in message
    assert "Exception ignored" not in message


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed_for_each_shell(shell, capsys):
    """The script names the program and asks it for words."""
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "_MMEMBED_COMPLETE" in script
    assert "mmembed" in script


def test_bash_is_told_columns_models_and_commands():
    """What the script asks the program for, as bash asks it."""
    pd.DataFrame({"title": ["x"], "price": [1]}).to_csv("t.csv", index=False)

    def completed(*words):
        done = run(
            COMP_WORDS=" ".join(["mmembed", *words]),
            COMP_CWORD=str(len(words)),
            _MMEMBED_COMPLETE="bash_complete",
        )
        return [line.partition(",")[2] for line in done.stdout.split()]

    assert completed("clu") == ["cluster"]
    assert completed("search", "t.csv", "--column", "ti") == ["title"]
    assert completed("embed", "none.csv", "--column", "ti") == []
    assert "local" in completed("embed", "t.csv", "--model", "lo")


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another signal there")
def test_control_c_is_exit_code_130_and_says_that_work_is_kept(tmp_path):
    """Against a service that falls silent: no traceback, soon, and what was answered is in the cache."""
    pd.DataFrame({"text": [f"text {n}" for n in range(400)]}).to_csv("t.csv", index=False)
    with DashScopeServer(keys=(KEY,), keep_contents=False) as server:
        server.misbehave(dropping.silent(), lambda exchange: exchange.number > 3)
        process = subprocess.Popen(  # noqa: S603  our own program
            [*PROGRAM, "embed", "t.csv", "--column", "text", "--modality", "text", "--dimension", "256", "-o", "o.csv"],
            env={**os.environ, "DASHSCOPE_API_KEY": KEY, "DASHSCOPE_HTTP_BASE_URL": server.base_url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 300
        while len(server.embedding_requests) < 11:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)  # another process is at work; there is nothing to inject
        process.send_signal(signal.SIGINT)
        told, errors = process.communicate(timeout=115)
    assert process.returncode == 130, errors
    assert told == ""
    assert re.search("[1-3] requests? answered", errors)  # the last of the three may still have been read
    assert "running again continues" in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "o.csv").exists()
