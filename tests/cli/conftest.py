"""A folder, a cache and a table of its own for each test of the command line; no key."""

from __future__ import annotations

import pandas as pd
import pytest

from mmembed.cli import main

TITLES = ["a dog", "小狗", "a cat", "猫", "a train", "火车", "a lorry", "卡车", ""]


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("DASHSCOPE_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    pd.DataFrame({"title": TITLES}).to_csv(path, index=False)
    return path


@pytest.fixture
def embedded(table, capsys):
    """Return the name of a Parquet file with title_vector."""
    call = ["embed", str(table), "--column", "title", "--modality", "text", "--model", "local", "-o", "out.parquet"]
    assert main(call) == 0
    capsys.readouterr()
    return "out.parquet"
