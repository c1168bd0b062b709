"""Tables on disk and in streams."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mmembed.cli.tables import TableError, column_names, read_table, write_table


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".csv.gz", ".jsonl.gz"])
def test_tables_are_written_whole_and_read_back(tmp_path, suffix):
    """The kind is told by the suffix, Chinese included; no temporary file stays."""
    df = pd.DataFrame({"title": ["红色", "b\tc"], "n": [1, 2], "id": ["007", "12"]})
    path = tmp_path / f"t{suffix}"
    write_table(df, path)
    pd.testing.assert_frame_equal(read_table(path), df)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    if not suffix.endswith(".gz"):
        assert column_names(path) == ["title", "n", "id"]


def test_what_looks_like_a_number_or_a_date_stays_as_it_was_written(tmp_path):
    """Article numbers keep their zeros; JSON texts stay texts whatever their column is called."""
    (tmp_path / "t.csv").write_text("id,zip,n,x\n007,01234,1,-1\n8,99999,2,-20\n", "utf-8")
    df = read_table(tmp_path / "t.csv")
    assert df["id"].tolist() == ["007", "8"]
    assert df["zip"].tolist() == ["01234", "99999"]
    assert df[["n", "x"]].to_numpy().tolist() == [[1, -1], [2, -20]]
    (tmp_path / "t.jsonl").write_text('{"title": "2024", "date": "20240101", "n": 3}\n', "utf-8")
    assert read_table(tmp_path / "t.jsonl").iloc[0].tolist() == ["2024", "20240101", 3]


def test_other_encodings_are_read_where_they_are_named(tmp_path):
    """A table in another encoding than those that are recognised is refused with the option that reads it."""
    path = tmp_path / "t.csv"
    path.write_bytes("titre\ncrème brûlée\n".encode("cp1252"))
    with pytest.raises(TableError, match="--encoding gb18030"):
        read_table(path)
    path.write_bytes("标题\n红色\n".encode("gb18030"))
    assert read_table(path, encoding="gb18030")["标题"].tolist() == ["红色"]
    with pytest.raises(TableError, match="unknown encoding"):
        read_table(path, encoding="klingon")
    path.write_bytes(b"\xef\xbb\xbftitle\nx\n")
    assert list(read_table(path)) == ["title"]


def test_broken_and_unknown_tables_are_refused(tmp_path):
    """With the reason."""
    (tmp_path / "t.parquet").write_text("not parquet")
    with pytest.raises(TableError, match="cannot be read"):
        read_table(tmp_path / "t.parquet")
    (tmp_path / "t.jsonl").write_text('{"a": 1}\n\n[2]\n')
    with pytest.raises(TableError, match="line 3 is no JSON object"):
        read_table(tmp_path / "t.jsonl")
    for name in ("t.xlsx", "t", "t.parquet.gz", "t.gz"):
        with pytest.raises(TableError, match="Expected"):
            read_table(tmp_path / name)
    with pytest.raises(TableError, match="There is no table"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(TableError, match="--input-format"):
        read_table(Path("-"))
    with pytest.raises(TableError, match="cannot be written"):
        write_table(pd.DataFrame(), tmp_path / "no" / "t.csv")
