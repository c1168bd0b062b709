"""Rows of CSV keep the signs that they were written with, and odd tables are read into the right columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmembed.cli.tables import TableError, check_target, open_table, read_table, write_table


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("quotes.csv", ["id,text", '"7","red"', '8,"a ""b"" c"', '"9",']),
        ("inches.tsv", ["id\ttext", '07\t5" disk', '8\t"a\tb"', "9\t' x '"]),
        ("blanks.csv", ["id,text", "1, red ", "2,\tblue", '3,"l1\nl2"']),
        ("columns.csv", ["id;text;price", "1;a,b;2,50", "2;;3", '3;"x;y";"4"']),
    ],
)
def test_untouched_cells_keep_their_signs(tmp_path, name, lines):
    """Quotes that were not needed stay, and none are added; the new column stands at the end of each row."""
    path, sign = tmp_path / name, "\t" if name.endswith("tsv") else lines[0][2]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    df, origin = open_table(path)
    write_table(df.assign(new=[0.5, None, 1.0]), path, origin=origin)
    ends = ["new", "0.5", "", "1.0"]
    expected = [f"{line}{sign}{end}" for line, end in zip(lines, ends, strict=True)]
    assert path.read_text("utf-8") == "\n".join(expected) + "\n"


def test_rows_of_a_selection_keep_theirs(tmp_path):
    """As search and deduplicate write them, in another order; a changed cell is written anew."""
    path = tmp_path / "t.csv"
    path.write_text('id,text\n"1","a"\n"2","b"\n"3","c"\n', "utf-8")
    df, origin = open_table(path)
    write_table(df.iloc[[2, 0]], path, origin=origin)
    assert path.read_text("utf-8") == 'id,text\n"3","c"\n"1","a"\n'
    write_table(df.assign(text=["a", "x", "c"]), path, origin=origin)
    assert path.read_text("utf-8") == "id,text\n1,a\n2,x\n3,c\n"


@pytest.mark.parametrize(
    "text",
    [
        "id,title,price\n1,red,5,\n2,blue,6,\n",
        "id,title,price\n1,red,5\n2,blue,6,\n",
        "id;title;price\n1;red;5;;\n2;blue;6;;\n",
        "id|title|price\n1|red|5|\n2|blue|6|\n",
    ],
    ids=["all rows", "some rows", "semicolons", "bars"],
)
def test_separators_at_the_end_of_rows_move_no_cell(tmp_path, text):
    """The header has none of them; the separator is recognised all the same."""
    path = tmp_path / "t.csv"
    path.write_text(text, "utf-8")
    assert read_table(path).to_dict("list") == {"id": [1, 2], "title": ["red", "blue"], "price": [5, 6]}


def test_a_folder_that_takes_no_files_is_seen_before_anything_is_sent():
    """Whatever the folder's rights say: a file is tried."""
    if not Path("/proc/self").is_dir():
        pytest.skip("needs a file system without new files")
    with pytest.raises(TableError, match="cannot be written: the folder '/proc' is not to be written to"):
        check_target(Path("/proc/out.csv"))


@pytest.mark.parametrize(("given", "wanted"), [("csv", "jsonl"), ("jsonl", "csv"), ("csv", "tsv"), ("tsv", "csv")])
def test_a_table_becomes_one_of_another_kind(tmp_path, given, wanted):
    """What was kept of the file that was read serves files of its kind only."""
    texts = {"csv": '"a","b"\n"1","x"\n', "tsv": "a\tb\n1\tx\n", "jsonl": '{"a": 1, "b": "x"}\n'}
    results = {"csv": "a,b\n1,x\n", "tsv": "a\tb\n1\tx\n", "jsonl": '{"a":1,"b":"x"}\n'}
    source, target = tmp_path / f"in.{given}", tmp_path / f"out.{wanted}"
    source.write_text(texts[given], "utf-8")
    df, origin = open_table(source)
    write_table(df, target, origin=origin)
    assert target.read_text("utf-8") == results[wanted]
