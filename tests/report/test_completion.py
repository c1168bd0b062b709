"""What a report computes where the frame lacks it, and how it says so."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from mmembed.accessor.show_verbs import complete_for_report
from mmembed.vectors import VectorArray


@pytest.fixture
def df():
    rows = np.random.default_rng(0).normal(size=(12, 5)) + np.repeat([[9.0], [-9.0]], 6, axis=0) * np.eye(5)[0]
    return pd.DataFrame({"v": VectorArray.from_matrix(rows), "text": list("aaaaaabbbbbb")})


def test_missing_columns_are_computed_and_noted(df):
    """One note each, in the report's language; the input is left alone."""
    before = list(df.columns)
    done, notes = complete_for_report(df, df["v"], text=df["text"], language="zh")
    assert {"cluster", "cluster_name", "map_x", "map_y"} <= set(done.columns)
    assert len(notes) == 2
    assert all("random_state=0" in note and "默认" in note for note in notes)
    assert list(df.columns) == before


def test_columns_that_are_there_are_kept_as_they_are(df):
    """Nothing is fitted again, so nothing is noted."""
    made = df.assign(cluster=pd.array([0] * 12, dtype="Int64"), map_x=1.0, map_y=2.0)
    done, notes = complete_for_report(made, made["v"])
    assert notes == []
    pd.testing.assert_frame_equal(done, made)


def test_only_the_map_is_computed_where_only_it_is_missing(df):
    """The note names the columns."""
    made = df.assign(cluster=pd.array([0] * 12, dtype="Int64"))
    done, notes = complete_for_report(made, made["v"], random_state=7)
    assert done["cluster"].eq(0).all()
    assert len(notes) == 1
    assert "map_x" in notes[0]
    assert "random_state=7" in notes[0]


def test_the_code_of_the_page_has_the_seed_of_what_was_computed(df):
    """A report that makes clusters itself is asked for them again, and makes the same."""
    report = df.mmembed.report("v", text="text", random_state=7)
    code = report._contents.profile.code
    assert "report('v', text='text', language='en', random_state=7)" in code
    again: dict[str, object] = {"df": df}
    exec(code.replace('.save("report.html")', "").replace("df.mmembed.report", "made = df.mmembed.report"), again)  # noqa: S102
    assert again["made"].to_markdown().split("\n", 4)[4] == report.to_markdown().split("\n", 4)[4]


_REPORT = """
import sys
import numpy as np, pandas as pd, mmembed
random = np.random.default_rng(0)
rows = np.eye(3, 8)[np.arange(120) % 3] + random.normal(scale=0.1, size=(120, 8))
df = pd.DataFrame({"vector": mmembed.VectorArray.from_matrix(rows.astype("float32"))})
if sys.argv[1] == "computed":
    df = df.assign(cluster=np.arange(120) % 3, map_x=rows[:, 0], map_y=rows[:, 1])
df.mmembed.report("vector").html
print("scipy.stats" in sys.modules)
"""


def test_a_terminal_is_told_what_a_report_computes():
    """From the first step on: a large table takes minutes."""
    termios = pytest.importorskip("termios")
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (30, 100))
    command = [sys.executable, "-c", _REPORT, "nothing"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs) as process:  # noqa: S603 - ours
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 1 << 16)
            except OSError:  # how Linux says that the other end is closed
                break
            if not part:
                break
            shown += part
    os.close(ours)
    assert process.returncode == 0
    told = shown.decode()
    places = [told.find(step) for step in ("report: different rows", "report: communities", "map: different rows")]
    assert places == sorted(places)
    assert places[0] >= 0


def test_a_report_of_what_is_there_imports_no_statistics():
    """They take a second, and are needed where something has to be told from chance."""
    command = [sys.executable, "-c", _REPORT, "computed"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert done.stdout.strip() == "False"
