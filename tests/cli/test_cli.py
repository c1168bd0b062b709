"""The command line, called as a person calls it: files in, files out, exit codes, messages on the right stream."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from mmembed import VectorDtype
from mmembed.cli import main
from mmembed.cli.tables import TableError, read_table, write_table

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("DASHSCOPE_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    titles = ["a dog", "小狗", "a cat", "猫", "a train", "火车", "a lorry", "卡车", ""]
    pd.DataFrame({"title": titles}).to_csv(path, index=False)
    return path


def test_cluster_names_from_the_vocabulary_in_the_language_asked_for(table, capsys):
    """Without texts, names are Chinese where --language says so; noise goes where --assign-noise puts it."""
    embed = ["embed", str(table), "--column", "title", "--modality", "text", "--model", "local", "-o", "out.parquet"]
    options = ["--n-clusters", "2", "--random-state", "1", "--names", "space", "--language", "zh", "--assign-noise"]
    assert main(embed) == 0
    assert main(["cluster", "out.parquet", "--column", "title_vector", *options, "-o", "out.parquet"]) == 0
    assert "cluster_name" in capsys.readouterr().out
    names = read_table(Path("out.parquet"))["cluster_name"].dropna().unique()
    assert len(names) == 2
    assert all(any("\u4e00" <= character <= "\u9fff" for character in name) for name in names)
    assert main(["cluster", "out.parquet", "--column", "title_vector", "--min-cluster-size", "1", "-o", "x.csv"]) != 0


def test_embed_search_cluster_and_report_follow_each_other(table, capsys):
    """The README's line from a CSV file to a page."""
    assert (
        main(["embed", str(table), "--column", "title", "--modality", "text", "--model", "local", "-o", "out.parquet"])
        == 0
    )
    assert "8 of 9 rows have a vector" in capsys.readouterr().out
    assert read_table(Path("out.parquet"))["title_vector"].dtype == VectorDtype(512, "local-conse-1")

    assert main(["search", "out.parquet", "--column", "title_vector", "puppy", "-k", "2"]) == 0
    found = capsys.readouterr().out
    assert "a dog" in found
    assert "小狗" in found
    assert "vector" not in found

    assert (
        main(
            [
                "cluster",
                "out.parquet",
                "--column",
                "title_vector",
                "--method",
                "kmeans",
                "--n-clusters",
                "2",
                "--text",
                "title",
                "-o",
                "out.parquet",
            ]
        )
        == 0
    )
    assert "cluster_name" in capsys.readouterr().out
    assert read_table(Path("out.parquet"))["cluster"].nunique() == 2

    assert main(["report", "out.parquet", "--column", "title_vector", "--text", "title", "-o", "page.html"]) == 0
    assert "page.html" in capsys.readouterr().out
    assert "小狗" in Path("page.html").read_text("utf-8")

    again = ["report", "out.parquet", "--column", "title_vector", "--text", "title", "--breakdown", "cluster_name"]
    assert main([*again, "-o", "facts.json", "-o", "page.md"]) == 0
    assert "Written: facts.json" in capsys.readouterr().out
    assert "小狗" in Path("page.md").read_text("utf-8")
    assert main([*again, "--compare", "facts.json", "--language", "en", "-o", "next.html"]) == 0
    assert "Since the last report" in Path("next.html").read_text("utf-8")
    assert main([*again, "--compare", "gone.json"]) == 1
    assert "gone.json" in capsys.readouterr().err


def test_refusals_go_to_stderr_with_exit_code_one(table, capsys):
    """One line that says what is wrong; no traceback, nothing written."""
    assert main(["embed", str(table), "--column", "titel", "--model", "local", "-o", "out.parquet"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Did you mean 'title'" in captured.err
    assert "Traceback" not in captured.err
    assert not Path("out.parquet").exists()
    assert main(["search", "nothing.parquet", "--column", "v", "x"]) == 1
    assert "There is no table 'nothing.parquet'" in capsys.readouterr().err


def test_a_wrong_call_is_exit_code_two():
    """As with every command-line program."""
    with pytest.raises(SystemExit) as stopped:
        main(["embed"])
    assert stopped.value.code == 2


def test_without_a_key_the_message_says_what_to_do(table, capsys):
    """The variable, and the way without a key."""
    assert main(["embed", str(table), "--column", "title", "--modality", "text", "-o", "out.parquet"]) == 1
    message = capsys.readouterr().err
    assert "DASHSCOPE_API_KEY" in message
    assert "local" in message


def test_plan_says_what_it_would_cost_without_a_key(table, capsys):
    """Nothing is sent, and the figures are those of the model."""
    assert main(["plan", str(table), "--column", "title", "--modality", "text", "--model", "qwen3-vl-embedding"]) == 0
    printed = capsys.readouterr().out
    assert "8 rows, 8 distinct, 0 cached" in printed
    assert "1 requests" in printed
    assert "CNY" in printed


def test_the_cache_can_be_looked_at_and_emptied(table, capsys):
    """Its size is shown, and clearing says how much went."""
    main(["embed", str(table), "--column", "title", "--modality", "text", "--model", "local", "-o", "out.parquet"])
    capsys.readouterr()
    assert main(["cache", "info"]) == 0
    assert capsys.readouterr().out.startswith("8 vectors")
    assert main(["cache", "clear"]) == 0
    assert "8 vectors removed" in capsys.readouterr().out
    main(["cache", "info"])
    assert capsys.readouterr().out.startswith("0 vectors")


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_tables_are_written_whole_and_read_back(tmp_path, suffix):
    """The kind is told by the suffix, Chinese included; no temporary file stays."""
    df = pd.DataFrame({"title": ["红色", "b"], "n": [1, 2]})
    path = tmp_path / f"t{suffix}"
    write_table(df, path)
    pd.testing.assert_frame_equal(read_table(path), df)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_broken_and_unknown_tables_are_refused(tmp_path):
    """With the reason."""
    (tmp_path / "t.parquet").write_text("not parquet")
    with pytest.raises(TableError, match="cannot be read"):
        read_table(tmp_path / "t.parquet")
    with pytest.raises(TableError, match="Expected"):
        read_table(tmp_path / "t.xlsx")
    with pytest.raises(TableError, match="cannot be written"):
        write_table(pd.DataFrame(), tmp_path / "no" / "t.csv")


def test_the_demo_runs_as_a_program(tmp_path):
    """In a process of its own, from any folder: tables, searches, labels, and the page."""
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-m", "mmembed.cli", "demo", "--data", str(DATA), "-o", "demo.html"],
        capture_output=True,
        encoding="utf-8",
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert "Search '鸟' over the images" in done.stdout
    assert "Clusters of the photographs" in done.stdout
    assert (tmp_path / "demo.html").stat().st_size > 100_000


def test_the_demo_without_data_says_where_it_is(capsys, tmp_path):
    """The sample data is not in the wheel."""
    assert main(["demo", "--data", str(tmp_path)]) == 1
    assert "clone of the repository" in capsys.readouterr().err
