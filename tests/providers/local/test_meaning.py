"""The local model puts what belongs together near: texts of two languages, photographs and clips."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from contents.samples import DATA, image, text, video
from mmembed.providers.local import LocalProvider


@pytest.fixture(scope="module")
def embed():
    """Return a function from contents to their vectors."""
    with LocalProvider(workers=1).session() as session:

        def vectors(*contents):
            answer = session.embed(contents)
            assert not answer.failures
            return answer.matrix

        yield vectors


@pytest.fixture(scope="module")
def demo():
    """Return the demo table."""
    return pd.read_csv(DATA / "demo.csv")


@pytest.fixture(scope="module")
def photographs(embed, demo):
    """Return the vectors of all photographs of the table."""
    return embed(*(image(DATA / name) for name in demo["image"]))


@pytest.mark.parametrize(
    ("query", "near", "far"),
    [
        ("鸟", "crow", "airplane"),
        ("bird", "crow", "classical guitar"),
        ("飞机", "airplane", "crow"),
        ("a musical instrument", "trumpet", "european bear"),
        ("动物", "european bear", "toolbox"),
        ("水果", "Seville orange, also called a bitter orange", "electric guitar"),
    ],
)
def test_a_word_is_nearer_to_its_photograph(embed, demo, query, near, far):
    """In both languages, a word lies clearly nearer to a photograph of the thing than to one of something else."""
    files = [DATA / demo.loc[demo["text_en"] == caption, "image"].iloc[0] for caption in (near, far)]
    word, right, wrong = embed(text(query), image(files[0]), image(files[1]))
    assert word @ right > word @ wrong + 0.1


def test_translations_are_near(embed):
    """A Chinese sentence is nearer to its translation than to another sentence, by far."""
    chinese, english, other = embed(text("我喜欢喝咖啡"), text("I like to drink coffee"), text("The train was late"))
    assert chinese @ english > chinese @ other + 0.4


@pytest.mark.xdist_group("photographs")  # one worker, so that they are embedded once
def test_a_clip_is_near_the_photograph_it_was_made_from(embed, demo, photographs):
    """Most clips find their own photograph among all photographs of the table within the first three."""
    clips = demo[demo["video"].notna()]
    vectors = embed(*(video(DATA / name) for name in clips["video"]))
    own = np.sum(vectors * photographs[clips.index], axis=1, keepdims=True)
    ranks = (vectors @ photographs.T > own).sum(axis=1)
    assert (ranks < 3).mean() > 0.7


@pytest.mark.xdist_group("photographs")
def test_captions_find_their_photographs(embed, demo, photographs):
    """The recall in the first ten holds what the benchmark measured, with a little room."""
    for column, least in (("text_en", 0.74), ("text_zh", 0.69)):
        captions = embed(*(text(caption) for caption in demo[column]))
        best = np.argsort(-(captions @ photographs.T), axis=1)[:, :10]
        found = [demo[column].iloc[row].eq(caption).any() for row, caption in zip(best, demo[column], strict=True)]
        assert np.mean(found) >= least
