"""``classify(labels=…, judge=…)``: which rows a judge is shown, what it may answer, what the table gets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import mmembed
from mmembed.errors import EmbeddingWarning, ModelError

# Vectors of three numbers are near each other by nature.
pytestmark = pytest.mark.filterwarnings("ignore:Rows with a cosine of at least:UserWarning")

COLOURS = ("red", "green", "blue")


@pytest.fixture(autouse=True)
def colours(tmp_path, monkeypatch):
    """Register a model that sees colours in texts and pictures."""
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path / "cache"))
    mmembed.register_model(
        "colours",
        dimension=3,
        version="1",
        text=lambda texts: [[0.1 + (one in text) for one in COLOURS] for text in texts],
        image=lambda pictures: [0.1 + np.asarray(one.resize((1, 1)))[0, 0] / 255 for one in pictures],
    )


@pytest.fixture
def df():
    """Return sixty pictures and texts of three colours, with vectors of the pictures."""
    chance = np.random.default_rng(0)
    rows = []
    for number in range(60):
        pixel = chance.integers(0, 120, 3)
        pixel[number % 3] = chance.integers(150, 255)
        rows.append(
            {"photo": Image.new("RGB", (8, 8), tuple(pixel.tolist())), "title": f"{COLOURS[number % 3]} {number}"}
        )
    return pd.DataFrame(rows).mmembed.embed({"photo": "image", "title": "text"}, model="colours")


def test_a_judge_is_shown_contents_and_all_rows_get_labels(df):
    """It gets pictures and the labels, some at a time; labels and scores go to all rows."""
    seen = []

    def judge(contents, labels):
        seen.append(([one.size for one in contents], labels))
        return [COLOURS[int(np.asarray(one)[0, 0].argmax())] for one in contents]

    found = df.mmembed.classify("photo_vector", labels=list(COLOURS), judge=judge, judge_rows=30)
    assert [len(contents) for contents, _ in seen] == [20, 10]
    assert seen[0] == ([(8, 8)] * 20, list(COLOURS))
    assert found["label"].tolist() == [COLOURS[one % 3] for one in range(60)]
    assert found["label_score"].between(0.5, 1).all()
    assert list(found) == [*df, "label", "label_score"]


def test_the_same_seed_asks_about_the_same_rows(df):
    """Rows are drawn at random, the same ones each time; another seed draws others."""
    asked = []

    def judge(contents, _):
        asked.append(list(contents))
        return [one.split()[0] for one in contents]

    for seed in (None, None, 1):
        df.mmembed.classify("title_vector", labels=list(COLOURS), judge=judge, judge_rows=12, random_state=seed)
    assert asked[0] == asked[1]
    assert asked[0] != asked[2]
    assert len({*asked[0]}) == 12


def test_answers_are_labels_however_they_are_written_or_nothing(df):
    """Case and spaces do not matter, None is no answer, and what is none of the labels is left out with a warning."""

    def judge(contents, _):
        return [
            None if " 1" in one else "dunno" if one.endswith("7") else f" {one.split()[0].upper()} " for one in contents
        ]

    with pytest.warns(EmbeddingWarning, match="got none of the labels, such as 'dunno'"):
        found = df.mmembed.classify("title_vector", labels=list(COLOURS), judge=judge, judge_rows=60)
    assert found["label"].tolist() == [COLOURS[one % 3] for one in range(60)]


@pytest.mark.parametrize(
    ("judge", "error", "message"),
    [
        (lambda contents, _: ["no"] * len(contents), ModelError, "with none of the labels, such as 'no'"),
        (lambda _c, _l: ["red"], ModelError, "for 20 contents; expected a list"),
        (lambda _c, _l: "red", ModelError, "returned 'red'|returned red"),
        ("qwen-9", TypeError, "judge is of type str"),
    ],
)
def test_what_is_no_judge_says_what_was_expected(df, judge, error, message):
    """Answers that are none, too few, or one text; and what cannot be called."""
    with pytest.raises(error, match=message):
        df.mmembed.classify("title_vector", labels=list(COLOURS), judge=judge)


def test_options_that_do_not_go_together_are_refused(df):
    """A judge needs labels, and replaces neither a target nor kinds."""
    with pytest.raises(ValueError, match="needs target="):
        df.mmembed.classify("title_vector", judge=len)
    with pytest.raises(ValueError, match=r"judge= is for labels= alone"):
        df.assign(y="a").mmembed.classify("title_vector", labels=["a"], target="y", judge=len)
    with pytest.raises(ValueError, match="judge_rows=0"):
        df.mmembed.classify("title_vector", labels=["a", "b"], judge=len, judge_rows=0)
    with pytest.raises(ValueError, match="judge_on='title'"):
        df.rename(columns={"title": "name"}).mmembed.classify("title_vector", labels=["a", "b"], judge=len)


def test_dask_gives_the_labels_of_pandas(df):
    """The same rows are judged, drawn over all partitions, and the rest is lazy."""
    asked = []

    def judge(contents, _):
        asked.append(list(contents))
        return [one.split()[0] for one in contents]

    table = df.drop(columns=["photo", "photo_vector"])
    table["title_vector"] = table["title_vector"].where(table.index != 7)
    options = {"labels": list(COLOURS), "judge": judge, "judge_rows": 15}
    wanted = table.mmembed.classify("title_vector", **options)
    dd = pytest.importorskip("dask.dataframe")
    import mmembed.distributed  # noqa: F401  registers ddf.mmembed

    lazy = dd.from_pandas(table, npartitions=4).mmembed.classify("title_vector", **options)
    assert asked[0] == asked[1]
    found = lazy.compute(scheduler="threads")
    assert found["label"].fillna("none").tolist() == wanted["label"].fillna("none").tolist()
    np.testing.assert_allclose(found["label_score"], wanted["label_score"], rtol=1e-4)
