"""What cells and messages may do to a terminal: nothing."""

from __future__ import annotations

import io
import sys
import unicodedata

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from mmembed.cli import main
from mmembed.cli.terminal import say, text_table, visible

HOSTILE = "a\x1b[2J\x1b]0;title\x07 b\x9b31m\u202egnp.exe\r\nc"


@given(st.text())
def test_no_control_character_reaches_a_terminal(text):
    """Neither controls nor marks that turn the direction, in a cell, a column's name or a message."""
    shown = text_table(pd.DataFrame({f"n{text}": [f"c{text}"]})) + visible(text)
    turning = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    assert not [
        one
        for one in shown
        if (unicodedata.category(one) == "Cc" and one != "\n") or unicodedata.bidirectional(one) in turning
    ]


def test_hostile_cells_are_written_out_in_results_and_messages(tmp_path, monkeypatch, capsys):
    """A cell that holds escape sequences shows them as text, also where it is the reason of a failure."""
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"title": [HOSTILE, "dog"]}).to_json("t.jsonl", orient="records", lines=True)
    text = ["--modality", "text", "--model", "local"]
    assert main(["embed", "t.jsonl", "--column", "title", *text, "-o", "o.parquet"]) == 0
    assert main(["search", "o.parquet", "--column", "title_vector", "dog"]) == 0
    assert (
        main(["embed", "t.jsonl", "--column", "title", "--modality", "image", "--model", "local", "-o", "x.csv"]) == 1
    )
    assert main(["cluster", "o.parquet", "--column", HOSTILE, "-o", "x.csv"]) == 1
    captured = capsys.readouterr()
    for stream in (captured.out, captured.err):
        assert "\\x1b[2J" in stream
        assert not {"\x1b", "\x07", "\x9b", "\u202e", "\r"} & set(stream)


def test_a_terminal_gets_data_without_control_characters_and_no_parquet(tmp_path, monkeypatch, capsys):
    """The same command into a pipe keeps every character."""
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"title": [HOSTILE], "v": [[1.0, 0.0]]}).to_json("t.jsonl", orient="records", lines=True)
    call = ["outliers", "t.jsonl", "--column", "v", "-k", "1"]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert main([*call, "-f", "csv"]) == 0
    assert "\x1b" not in capsys.readouterr().out
    assert main([*call, "-f", "parquet"]) == 1
    assert "not for a terminal" in capsys.readouterr().err


def test_a_stream_of_another_encoding_gets_what_it_can_show(monkeypatch):
    """An old code page shows Chinese as escapes instead of ending the program."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stderr", stream)
    say("红色 dress")
    stream.flush()
    assert stream.buffer.getvalue() == b"\\u7ea2\\u8272 dress\n"
