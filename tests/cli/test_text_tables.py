"""What a command does not touch comes out of CSV and JSON lines as it went in."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmembed.cli import main
from mmembed.cli.tables import TableError, check_parquet, open_table, read_table, write_table
from mmembed.cli.text_tables import with_numbers

CELLS = [
    ["id", "zip", "phone", "article", "version", "long", "flag", "note"],
    ["123456789012345678", "01234", "+8613800000000", "12E4", "2.10", "9" * 28, "True", "NA"],
    ["", "99999", "", "7", "3", "1", "False", "a, b"],
    ["123456789012345679", "", "+86", "", "2.1", "", "True", 'say "no"'],
]


def _csv(rows, sep=","):
    quoted = [['"' + cell.replace('"', '""') + '"' if set(cell) & {sep, '"'} else cell for cell in row] for row in rows]
    return "".join(sep.join(row) + "\n" for row in quoted)


@pytest.mark.parametrize(
    ("sep", "name"), [(",", "t.csv"), (";", "t.csv"), ("|", "t.csv"), ("\t", "t.tsv"), (",", "t.csv.gz")]
)
def test_cells_of_csv_come_out_byte_for_byte(tmp_path, sep, name):
    """Ids of 18 and 28 digits, leading zeros, +86, 12E4, 2.10, NA and quotes, whatever parts the cells."""
    import gzip

    path, text = tmp_path / name, _csv(CELLS, sep).encode()
    path.write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    df, origin = open_table(path)
    assert df["id"].tolist() == [123456789012345678, pd.NA, 123456789012345679]
    assert df["zip"].tolist()[0] == "01234"
    write_table(df.assign(new=[0.5, np.nan, 1.0]), path, origin=origin)
    data = path.read_bytes()
    out = (gzip.decompress(data) if name.endswith("gz") else data).decode()
    added = ["new", "0.5", "", "1.0"]
    assert out == _csv([[*row, cell] for row, cell in zip(CELLS, added, strict=True)], sep)


def test_lines_of_json_come_out_byte_for_byte(tmp_path):
    """Spaces, escapes, absent keys, null, NaN, 2.10, 12E4, long integers and half a surrogate pair stay."""
    lines = [
        '{"id": 123456789012345678, "v": 2.10, "t": "\\u4e2d文", "big": 1234567890123456789012345678}',
        '{"v":12E4,"t":null,"x":{"a":[1,2.50]}}',
        '{ "t" : "half \\ud83d", "id": 1, "v": NaN }',
    ]
    path = tmp_path / "t.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + "\n".join(lines).encode() + b"\n")
    df, origin = open_table(path)
    assert df["id"].tolist() == [123456789012345678, pd.NA, 1]
    assert df["v"].tolist()[:2] == [2.1, 120000.0]
    write_table(df, path, origin=origin)
    assert path.read_text("utf-8").splitlines() == [
        line.rstrip(" }") + "}" if line.endswith(" }") else line for line in lines
    ]
    write_table(df.iloc[::-1].assign(n=[1, 2, 3]), path, origin=origin)
    out = path.read_text("utf-8").splitlines()
    assert out[2] == lines[0][:-1] + ', "n": 3}'
    assert out[1] == lines[1][:-1] + ',"n":2}'
    # A column that was changed is written anew, the others as they were.
    write_table(df.assign(t=["a", "b", "c"]), path, origin=origin)
    out = path.read_text("utf-8").splitlines()
    assert '"v":2.10' in out[0]
    assert json.loads(out[0])["t"] == "a"
    assert "1234567890123456789012345678" in out[0]


def test_vectors_that_were_read_as_texts_are_written_as_they_were(capsys):
    """CSV in, CSV out: the command adds its columns and leaves the numbers of the vectors alone."""
    cells = ["[0.10, 0.2000000000000000123]", "[1, 0]", "", "[0.11, 0.2]", "[0.9, 1e-3]"]
    Path("t.csv").write_text("v,id\n" + "".join(f'"{cell}",00{n}\n' for n, cell in enumerate(cells)))
    Path("t.jsonl").write_text("".join(f'{{"v": {cell or "null"}, "id": "00{n}"}}\n' for n, cell in enumerate(cells)))
    assert main(["outliers", "t.csv", "-c", "v", "-k", "1", "-o", "o.csv"]) == 0
    assert main(["outliers", "t.jsonl", "-c", "v", "-k", "1", "-o", "o.jsonl"]) == 0
    assert main(["outliers", "o.csv", "-c", "v", "-k", "2", "--name", "far", "-o", "o.csv"]) == 0, (
        capsys.readouterr().err
    )
    assert read_table(Path("o.csv"))["v"].fillna("").tolist() == cells
    for line, before in zip(
        Path("o.jsonl").read_text().splitlines(), Path("t.jsonl").read_text().splitlines(), strict=True
    ):
        assert line.startswith(before[:-1] + ', "outlier_score": ')


def test_rows_that_end_in_a_comma_are_not_read_one_column_off(tmp_path):
    """An empty cell too many is dropped, a full one is refused with its line; short rows are filled."""
    path = tmp_path / "t.csv"
    path.write_text("id,title,price\n1,dress,10,\n2,shoe,20,\n3,hat\n")
    df = read_table(path)
    assert list(df) == ["id", "title", "price"]
    assert df["title"].tolist() == ["dress", "shoe", "hat"]
    path.write_text("id,title\n1,dress,10\n")
    with pytest.raises(TableError, match=r"line 2 has 3 cells.*--sep"):
        read_table(path)
    path.write_text("id,title,\n1,dress,\n")
    df, origin = open_table(path)
    write_table(df, path, origin=origin)
    assert path.read_text() == "id,title,\n1,dress,\n"


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("标题;图;价\n红,蓝;a.jpg;2,50\n绿;b.jpg;3\n", ["标题", "图", "价"]),
        ("a\tb\n1,5\tx\n", ["a", "b"]),
        ("a|b\n1|2\n", ["a", "b"]),
        ("title\nred; blue\ngreen\n", ["title"]),
        ("a,b\n1;2,3\n", ["a", "b"]),
    ],
)
def test_the_separator_is_recognised(tmp_path, text, columns):
    """Semicolons, tabulators and bars; a comma in the first line decides; one column is one column."""
    path = tmp_path / "t.csv"
    path.write_text(text)
    assert list(read_table(path)) == columns
    if len(columns) == 3:
        with pytest.raises(TableError, match="not one sign"):
            read_table(path, separator="::")
        assert list(read_table(path, separator=";")) == columns


def test_encodings_are_recognised(tmp_path):
    """UTF-8 with and without a mark, UTF-16 with one, and GBK; a Western file is refused with what to do."""
    path = tmp_path / "t.csv"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "gbk", "gb18030"):
        path.write_bytes("标题,价\n红色连衣裙,12\n".encode(encoding))
        assert read_table(path).to_dict("list") == {"标题": ["红色连衣裙"], "价": [12]}
    path.write_bytes("titre\ncrème brûlée à la française\n".encode("cp1252"))
    with pytest.raises(TableError, match=r"--encoding gb18030.*cp1252"):
        read_table(path)
    assert read_table(path, encoding="cp1252")["titre"].tolist() == ["crème brûlée à la française"]


def test_pipes_are_read_and_written(tmp_path):
    """A FIFO is no folder; writing to one does not replace it."""
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("a\n1\n",))
    writer.start()
    assert read_table(pipe)["a"].tolist() == [1]
    writer.join()
    found = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_text()))
    reader.start()
    write_table(pd.DataFrame({"a": [2]}), pipe)
    reader.join()
    assert found == ["a\n2\n"]
    assert pipe.is_fifo()


def test_numbers_are_numbers_where_something_is_computed():
    """``--where`` and ``--keep`` see prices like 2.10 as numbers, and codes with leading zeros as texts."""
    df = pd.DataFrame({"price": ["2.10", "12", None], "code": ["007", "12", "1"], "t": ["a", "1", "2"]})
    found = with_numbers(df)
    assert found["price"].tolist()[:2] == [2.1, 12.0]
    assert found["code"].tolist() == ["007", "12", "1"]
    assert found["t"].tolist() == ["a", "1", "2"]


def test_what_cannot_be_written_is_refused_before_anything_is_read(capsys):
    """An unknown suffix, a missing folder, a folder; also for --failed. The table is not even there."""
    base = ["embed", "none.csv", "-c", "t", "-m", "text", "--model", "local"]
    Path("folder.csv").mkdir()
    for target, said in (("o.xlsx", "Expected"), ("no/o.csv", "no folder 'no'"), ("folder.csv", "folder")):
        for options in (["-o", target], ["-o", "o.csv", "--failed", target]):
            assert main([*base, *options]) in (1, 2)
            assert said in capsys.readouterr().err
    assert not Path("o.csv").exists()


def test_columns_that_parquet_cannot_hold_are_refused_before_the_first_request(capsys):
    """A whole number of 28 digits, or cells of several types; CSV cells of 28 digits are texts and go in."""
    Path("t.jsonl").write_text('{"t": "a", "id": 1234567890123456789012345678}\n')
    call = ["-c", "t", "-m", "text", "--model", "qwen3-vl-embedding", "-o", "o.parquet"]
    assert main(["embed", "t.jsonl", *call]) == 1  # without a key: nothing is asked for one
    assert "Column 'id' cannot be stored as Parquet" in capsys.readouterr().err
    with pytest.raises(TableError, match="'mixed'"):
        check_parquet(pd.DataFrame({"mixed": [1, "a"]}))
    with pytest.raises(TableError, match="'half'"):
        check_parquet(pd.DataFrame({"half": pd.Series(["\ud83d"], dtype=object)}))
    check_parquet(pd.DataFrame({"id": ["9" * 28], "n": [1]}))


def test_columns_of_the_users_are_named_with_the_option(capsys):
    """The shell says ``--name`` where pandas says ``name=``."""
    Path("t.jsonl").write_text("".join(f'{{"v": [1, 0.{n}], "similarity": "mine"}}\n' for n in range(5)))
    for call in (["outliers", "--name", "similarity"], ["duplicates", "--threshold", "0.9"]):
        assert main([call[0], "t.jsonl", "-c", "v", *call[1:], "-o", "o.jsonl"]) == 1
        assert "--name" in (said := capsys.readouterr().err)
        assert "'similarity'" in said
    assert main(["duplicates", "t.jsonl", "-c", "v", "--threshold", "0.9", "--name", "d", "-o", "o.jsonl"]) == 0
    assert '"d_similarity"' in Path("o.jsonl").read_text()
