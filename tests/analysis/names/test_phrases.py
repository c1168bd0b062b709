"""Names from a vocabulary in the space of the vectors: planted spaces, in which the right name is known."""

import re
from functools import cache
from zlib import crc32

import numpy as np
import pandas as pd
import pytest

from mmembed.analysis import name_clusters
from mmembed.analysis.names.names import compose
from mmembed.analysis.names.phrases import near_phrases
from mmembed.analysis.names.terms import Evidence
from mmembed.analysis.names.vocabulary import Phrase, phrases_with, shipped_phrases, wordings
from mmembed.errors import SpaceMismatchError
from mmembed.vectors import VectorArray

DIMENSION = 256


@cache
def meaning(word):
    """Return a direction of its own for each thing."""
    return np.random.default_rng(crc32(word.encode())).normal(size=DIMENSION)


CHINESE = {phrase.zh: phrase.en for phrase in shipped_phrases()}


def embed(texts):
    """Embed both wordings of a phrase near each other, and far from all others, in a cone of their own."""
    cone = 3 * meaning("the cone of texts")
    noise = [0.3 * meaning(text) for text in texts]
    rows = [cone + meaning(CHINESE.get(text, text)) + one for text, one in zip(texts, noise, strict=True)]
    return VectorArray.from_matrix(np.array(rows, np.float32), space="planted")


def rows_about(*things, n=20, seed=0, cone="the cone of pictures"):
    """Return n rows for each thing, which may be a mixture of several, in another cone than the texts."""
    random = np.random.default_rng(seed)
    made = [
        sum(meaning(part) for part in thing.split("+")) + 0.5 * random.normal(size=DIMENSION) + 3 * meaning(cone)
        for thing in things
        for _ in range(n)
    ]
    return np.array(made, np.float32)


def column(rows, space="planted", mask=None):
    return VectorArray.from_matrix(rows, space=space, mask=mask)


LABELS = np.repeat([0, 1, 2], 20)
ROWS = rows_about("animal+fox", "food+lemon", "musical instrument+harp")


def test_clusters_without_texts_are_called_by_what_is_near():
    """A broad word comes first, then what kind of it; the two languages speak of the same."""
    english = name_clusters(LABELS, vectors=column(ROWS), embed=embed, language="en")
    assert english == {0: "animal · fox", 1: "food · lemon", 2: "musical instrument · harp"}
    chinese = name_clusters(LABELS, vectors=column(ROWS), embed=embed, language="zh")
    assert chinese == {0: "动物 · 狐狸", 1: "食物 · 柠檬", 2: "乐器 · 竖琴"}
    assert set(chinese.origins.values()) == {"vocabulary"}


def test_siblings_are_told_apart_by_what_they_do_not_share():
    """Where all clusters are animals, the names say which; they differ always."""
    rows = rows_about("animal+fox", "animal+owl", "animal+bee")
    names = name_clusters(LABELS, vectors=column(rows), embed=embed, language="en")
    assert all(word in names[label] for label, word in enumerate(["fox", "owl", "bee"]))
    same = name_clusters(LABELS, vectors=column(rows_about("fox", "fox", "fox")), embed=embed)
    assert len(set(same.values())) == 3


def test_kinds_of_content_do_not_hide_meaning():
    """Texts and pictures of one thing in one cluster have its name, although each kind lies in a cone of its own."""
    pictures = rows_about("animal+fox", "food+lemon", n=20)
    texts = rows_about("animal+fox", "food+lemon", n=20, seed=1, cone="the cone of captions")
    labels, kinds = np.tile(np.repeat([0, 1], 20), 2), np.repeat(["image", "text"], 40)
    vectors = column(np.concatenate([pictures, texts]))
    names = name_clusters(labels, vectors=vectors, kinds=kinds, embed=embed, language="en")
    assert names == {0: "animal · fox", 1: "food · lemon"}


def test_rows_of_no_cluster_count_for_nothing():
    """Noise, rows without a label and rows without a vector change neither names nor evidence."""
    plain = name_clusters(LABELS, vectors=column(ROWS), embed=embed)
    rows = np.concatenate([rows_about("war", "rain"), ROWS])
    mask = np.zeros(len(rows), bool)
    labels = pd.array([-1] * 20 + [pd.NA] * 19 + [0] + LABELS.tolist(), dtype="Int64")
    mask[39] = True
    rows[39] = np.nan
    more = name_clusters(labels, vectors=column(rows, mask=mask), embed=embed)
    assert more.rename({-1: "rest"}) == {**plain, -1: "rest"}
    shifted = [[at - 40 for at in rows] for rows in more.audit()["examples"].dropna()]
    assert shifted == plain.audit()["examples"].tolist()


def test_the_order_of_rows_changes_nothing():
    """Permuted rows give the same names and counts."""
    order = np.random.default_rng(1).permutation(len(LABELS))
    plain = name_clusters(LABELS, vectors=column(ROWS), embed=embed)
    permuted = name_clusters(LABELS[order], vectors=column(ROWS[order]), embed=embed)
    assert permuted == plain
    pd.testing.assert_frame_equal(
        permuted.audit().drop(columns="examples"), plain.audit().drop(columns="examples"), rtol=1e-5
    )


def test_one_cluster_is_named_by_its_middle():
    """Without siblings there is nothing to differ from, and still a name."""
    rows = rows_about("animal+fox", cone="the cone of texts")
    assert name_clusters([0] * 20, vectors=column(rows), embed=embed, language="en") == {0: "animal · fox"}
    assert name_clusters([-1] * 20, vectors=column(rows), embed=embed) == {-1: "noise"}


def test_evidence_counts_the_rows_that_speak_for_a_phrase():
    """All rows of the cluster and none of the others are near to what was planted; the examples are of the cluster."""
    audit = name_clusters(LABELS, vectors=column(ROWS), embed=embed, language="en").audit()
    fox = audit[(audit["cluster"] == 0) & (audit["term"] == "fox")].iloc[0]
    assert (fox["source"], fox["inside"], fox["outside"], fox["in_name"]) == ("vocabulary", 20, 0, True)
    assert len(fox["examples"]) == 3
    assert all(at < 20 for at in fox["examples"])


def test_many_rows_are_read_in_pieces():
    """Counts and nearest rows are those of all rows, not of one piece of them."""
    wide = np.random.default_rng(0).normal(size=(2, 2048)).astype(np.float32)
    rows = np.repeat(wide, [2500, 2400], axis=0)
    labels = np.repeat([0, 1], [2500, 2400])
    phrases = [Phrase("left", "左", is_broad=True), Phrase("right", "右", is_broad=True)]
    texts = VectorArray.from_matrix(np.repeat(wide, 2, axis=0), space=None)
    found = near_phrases(labels, VectorArray.from_matrix(rows), phrases=phrases, texts=texts, language="en")
    assert [(found[at][0].term, found[at][0].inside, found[at][0].outside) for at in (0, 1)] == [
        ("left", 2500, 0),
        ("right", 2400, 0),
    ]
    assert found[1][0].examples == (2500, 2501, 2502)


def test_own_phrases_name_clusters():
    """Phrases of the user's own are in the choice, in either language, and may stand alone."""
    rows = rows_about("zorblax", "food+lemon")
    labels = np.repeat([0, 1], 20)
    for language in ("en", "zh"):
        names = name_clusters(labels, vectors=column(rows), embed=embed, vocabulary=["zorblax"], language=language)
        assert names[0].split(" · ")[0] == "zorblax"


def test_texts_lead_and_a_clear_phrase_stands_in_for_them():
    """A word of most texts names the group; where texts share none, what its rows are near to does."""
    shared = ["a fox here", "fox there"] * 10 + [f"sour{n}" for n in "ab"] * 10 + [f"word{n}" for n in range(20)]
    names = name_clusters(LABELS, shared, vectors=column(ROWS), embed=embed)
    assert names[0] == "fox"
    assert names.origins == {0: "text", 1: "text", 2: "vocabulary"}
    assert names[2] == "musical instrument · harp"


def test_a_group_of_unlike_rows_is_called_mixed():
    """No phrase that some of the rows are near to passes for all: the name says so, with what typical rows show."""
    things = ["fox", "lemon", "harp", "hammer", "boat", "tent"]
    rows = np.concatenate([rows_about(*things, n=4), rows_about("animal+owl", "food+bread", n=24)])
    labels = np.repeat([0, 1, 2], 24)
    naming = name_clusters(labels, vectors=column(rows), embed=embed, language="en")
    assert naming[0].split(" · ")[0] == "mixed"
    assert set(naming[0].split(" · ")[1:]) <= set(things)
    assert naming.origins == {0: "mixed", 1: "vocabulary", 2: "vocabulary"}
    assert [naming[1], naming[2]] == ["animal · owl", "food · bread"]
    assert name_clusters(labels, vectors=column(rows), embed=embed, language="zh")[0].split(" · ")[0] == "混合"


def test_a_phrase_that_the_others_are_near_to_does_not_lead():
    """What a third of the other rows are near to as well says nothing, even if all rows of the group are near to it."""
    rows = rows_about("animal+fox", "food+lemon", "food+lemon", "animal+owl", n=12)
    # Half of a mixed group are animals, too.
    labels = np.repeat([0, 1, 1, 1], 12)
    naming = name_clusters(labels, vectors=column(rows), embed=embed, language="en")
    audit = naming.audit()
    assert naming[0].split(" · ")[0] != "animal"
    assert audit.loc[(audit["cluster"] == 0) & (audit["term"] == "fox"), "outside_share"].max() <= 0.1


def test_siblings_may_share_the_phrase_that_leads():
    """A phrase that describes a sibling as a whole, too, is no mistake there: both begin with it, and differ."""
    rows = rows_about("animal+fox", "animal+owl", "food+lemon", "harp", "boat", "tent", "hammer", n=12)
    names = name_clusters(np.repeat(np.arange(7), 12), vectors=column(rows), embed=embed, language="en")
    assert [names[0], names[1], names[2]] == ["animal · fox", "animal · owl", "food · lemon"]


def test_large_groups_are_judged_by_a_sample_of_their_rows():
    """With more rows than are compared with all phrases, names are those of a small table, in any order of rows."""
    rows = rows_about("animal+fox", "food+lemon", n=1000)
    labels = np.repeat([0, 1], 1000)
    naming = name_clusters(labels, vectors=column(rows), embed=embed, language="en")
    assert naming == {0: "animal · fox", 1: "food · lemon"}
    order = np.random.default_rng(0).permutation(2000)
    assert name_clusters(labels[order], vectors=column(rows[order]), embed=embed, language="en") == naming


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"embed": None, "vocabulary": ["cat"]}, ValueError, "vocabulary= needs embed="),
        ({"vectors": None}, ValueError, "without vectors="),
        ({"vectors": column(ROWS[:5])}, ValueError, "5 rows for 60 labels"),
        ({"vocabulary": ["a\nb"]}, ValueError, "vocabulary= has 'a\\nb', which has the invisible character U+000A"),
        ({"vocabulary": [7]}, ValueError, "vocabulary= has 7, which is a int"),
        ({"vectors": column(ROWS, space="other")}, SpaceMismatchError, "'other'"),
        ({"embed": lambda texts: embed(texts[:-1])}, ValueError, "vectors for"),
    ],
)
def test_what_cannot_be_meant_is_refused(options, error, message):
    """The message says which argument is wrong."""
    with pytest.raises(error, match=re.escape(message)):
        name_clusters(LABELS, **({"vectors": column(ROWS), "embed": embed} | options))


def test_the_shipped_vocabulary_can_stand_in_names():
    """Each phrase is a short line of its own in both languages; both wordings are embedded once."""
    phrases = shipped_phrases()
    assert len(phrases) > 1500
    assert 80 < sum(phrase.is_broad for phrase in phrases) < 150
    for language in ("en", "zh"):
        shown = [phrase.shown(language) for phrase in phrases]
        assert all(one == one.strip() and 0 < len(one) < 30 and "\t" not in one for one in shown)
    assert len({phrase.en for phrase in phrases}) == len({phrase.zh for phrase in phrases}) == len(phrases)
    assert all(re.search("[一-鿿]|^DVD$|^DNA$", phrase.zh) for phrase in phrases)
    assert Phrase("mouse (animal)", "老鼠").shown("en") == "mouse"
    assert phrases_with("zorblax")[-1] == Phrase("zorblax", "zorblax", is_broad=True)
    assert phrases_with(["food", "食物"]) == phrases
    texts = wordings(phrases)
    assert len(set(texts)) == len(texts) <= 2 * len(phrases)


def near(term, inside, share, **marks):
    return Evidence(term, "vocabulary", 0.4, inside, share, 0, 0.0, **marks)


def test_a_second_phrase_needs_several_rows():
    """Of two pictures of a clothespin "percussion instrument" is as near as "tool": only the first is said."""
    for inside, name in ((2, "tool"), (8, "tool · drum")):
        found = [near("tool", inside, 1.0, is_broad=True, is_clear=True), near("drum", inside, 1.0, is_clear=True)]
        assert compose([0], {}, {0: found}, language="en", most_terms=3)[0] == {0: name}


def test_what_one_row_of_many_shows_is_no_part_of_the_name():
    """A group that shares its phrase with another is told apart by what a fifth of its rows show, or by a number."""
    for share, name in ((0.1, "animal (2)"), (0.2, "animal · fabric")):
        animal = near("animal", 8, 0.8, is_broad=True, is_clear=True)
        found = {0: [animal], 1: [animal, near("fabric", 1, share, is_thing=True)]}
        assert compose([0, 1], {}, found, language="en", most_terms=3)[0] == {0: "animal", 1: name}
