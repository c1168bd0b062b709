"""The demo on the sample data: what its groups hold, whatever their numbers, and its language."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mmembed.cli.demo import language_of

DATA = Path(__file__).parents[2] / "data"

# What each name of a group promises, as the categories of the table have it, and how much of the group keeps it.
PROMISES = {
    "animal": "animals",
    "bird": "animals",
    "planet": "space",
    "flower": "plants",
    "food": "food",
    "tool": "household",
    "动物": "animals",
    "鸟": "animals",
    "行星": "space",
    "花": "plants",
    "食物": "food",
    "工具": "household",
}


@pytest.fixture(scope="module")
def fused(warm_cache):
    """Return the table of the demo with its vectors."""
    df = pd.read_csv(DATA / "demo.csv")
    df = df.assign(caption=df["text_en"] + " " + df["text_zh"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MMEMBED_CACHE_DIR", str(warm_cache))
        return df.mmembed.fuse(text="caption", image="image", model="local", root=DATA)


@pytest.mark.xdist_group("pages")  # one worker, so that the table is embedded once for both
@pytest.mark.parametrize("text", ["text_en", "text_zh"])
def test_the_names_of_the_demo_say_what_their_groups_are(fused, text):
    """Each group has a name of a known kind, and at least two thirds of its rows are of that kind."""
    df = fused.mmembed.cluster("fused_vector", text=text)
    groups = df[df["cluster"] >= 0].groupby("cluster")
    assert len(groups) >= 4
    for _, group in groups:
        words = group["cluster_name"].iloc[0].split(" · ")
        kinds = [PROMISES[word] for word in words if word in PROMISES]
        assert kinds, words
        assert (group["category"] == kinds[0]).mean() >= 2 / 3, words


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LC_ALL": "zh_TW"}, "zh"),
        ({"LC_MESSAGES": "zh_CN.UTF-8", "LANG": "en_US.UTF-8"}, "zh"),
        ({"LC_ALL": "C.UTF-8", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LC_ALL": "", "LANG": "de_DE.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_the_language_is_that_of_the_locale(environment, language):
    """The first variable that is set decides; what is not Chinese is told in English."""
    assert language_of(environment) == language
