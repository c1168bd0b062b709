"""Names of clusters in Chinese and English."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmembed.analysis import name_clusters
from mmembed.analysis.names.names import SEPARATOR, Naming
from mmembed.analysis.names.naming import audited
from mmembed.analysis.names.terms import Evidence, terms_of
from mmembed.vectors import VectorArray

CHINESE = [
    *("红色连衣裙", "白色长款连衣裙", "碎花连衣裙夏季", "黑色修身连衣裙"),
    *("一杯热咖啡", "拿铁咖啡和蛋糕", "桌上的咖啡杯", "手冲咖啡"),
    *("笔记本电脑放在桌上", "银色笔记本电脑", "打开的笔记本电脑", "游戏笔记本电脑"),
]
ENGLISH = [
    *("a red dress on a hanger", "long white summer dress", "floral summer dress", "Black slim dress"),
    *("a cup of hot coffee", "Latte coffee and cake", "iced coffee on the table", "pour over coffee"),
    *("a laptop computer on the desk", "silver laptop computer", "open laptop computer", "gaming laptop computer"),
]
LABELS = np.repeat([0, 1, 2], 4)


def test_chinese_names_are_whole_words():
    """Without a segmenter, the words that a reader would choose come out, not pieces of them."""
    names = name_clusters(LABELS, CHINESE, most_terms=1)
    assert names == {0: "连衣裙", 1: "咖啡", 2: "笔记本电脑"}


def test_english_names_are_contrasting_words():
    """Words that mark the cluster come first; function words and letter case do not count."""
    names = name_clusters(LABELS, ENGLISH, most_terms=1)
    assert names == {0: "dress", 1: "coffee", 2: "laptop computer"}


def test_mixed_captions():
    """Chinese captions with Latin words are read in both scripts."""
    names = name_clusters([0, 0, 1, 1], ["iPhone 手机壳", "透明 iPhone 手机壳", "USB 充电线", "编织 USB 充电线"])
    assert "手机壳" in names[0]
    assert "iPhone" in names[0]
    assert "充电线" in names[1]


def test_what_is_everywhere_names_nothing():
    """A term that is as frequent elsewhere is not in a name."""
    names = name_clusters([0, 0, 1, 1], ["photo of cat", "photo of cat", "photo of dog", "photo of dog"])
    assert names == {0: "cat", 1: "dog"}


def test_terms_are_shown_as_most_cells_write_them():
    """Abbreviations and names keep their capitals; a capital at the beginning of a sentence is none of the word."""
    texts = ["Fix the AC please", "The AC broke again", "our AC is loud", "Repair of ac unit"] * 4
    texts += ["Upgrade from Windows XP", "an old Windows XP box", "Does windows xp still run?", "Windows XP"] * 4
    labels = [0] * 16 + [1] * 16
    named = name_clusters(labels, texts)
    assert named[0].split(SEPARATOR)[0] == "AC"
    assert named[1].split(SEPARATOR)[0] == "Windows XP"
    audit = named.audit()
    assert audit.loc[audit["term"] == "AC", "in_name"].tolist() == [True]
    assert name_clusters(labels, [text.lower() for text in texts])[1].startswith("windows xp")


@pytest.mark.parametrize("text", ["a - b", "C++ & C#", "x y z", "A/C", "…!?", "- — •"])
def test_single_letters_and_punctuation_are_no_terms(text):
    """Neither is a name of anything."""
    assert terms_of(text) == []


def test_one_word_captions_are_named_by_typical_rows():
    """Where no term is shared, the words of the rows nearest to the centre come first, without count and measure."""
    names = name_clusters([0] * 5, ["一只鸽子", "海豚", "一只绵羊", "鹿", "一匹马"], scores=[0.9, 0.2, 0.8, 0.1, 0.7])
    assert names == {0: "混合 · 鸽子 · 绵羊 · 马"}
    with pytest.raises(ValueError, match="1 values for 2 rows"):
        name_clusters([0, 0], ["cat", "dog"], scores=[1.0])


def test_phrases_need_a_second_caption():
    """Words that stand side by side in one caption only are no phrase; in two they are, and come before their parts."""
    assert name_clusters([0, 1], ["请记住冲马桶", "汽车"], most_terms=1) == {0: "记住", 1: "汽车"}
    assert name_clusters([0, 0, 1], ["请记住冲马桶", "冲马桶和用肥皂洗手", "汽车"])[0] == "冲马桶"
    captions = ["machine learning", "a machine learning course", "deep learning", "truck", "truck"]
    assert name_clusters([0, 0, 0, 1, 1], captions)[0] == "machine learning"


def test_parts_of_compounds_count_where_they_are_words():
    """What Chinese compounds have in common names them if it is a word elsewhere, and syllables of names do not."""
    assert name_clusters([0, 0, 0, 1], ["热咖啡", "咖啡杯", "咖啡", "汽车"], most_terms=1)[0] == "咖啡"
    assert "尼亚" not in name_clusters([0, 0, 1], ["肯尼亚", "爱沙尼亚", "汽车"])[0].split(" · ")


def test_singular_and_plural_are_one():
    """A word and its plural count together and stand in a name once."""
    audit = name_clusters([0, 0, 0, 1, 1], ["red shoes", "old shoes", "one shoe", "hat", "hat"]).audit()
    assert audit.loc[audit["in_name"], ["cluster", "term", "inside"]].to_numpy().tolist() == [
        [0, "shoes", 3],
        [1, "hat", 2],
    ]


@pytest.mark.parametrize(("one", "many"), [("crash", "crashes"), ("box", "boxes"), ("battery", "batteries")])
def test_plurals_of_every_form_are_one_with_their_word(one, many):
    """Nor does a name say both."""
    texts = [f"app {one}", f"many {many}", f"the {many} again", "late parcel", "lost parcel"]
    naming = name_clusters([0, 0, 0, 1, 1], texts)
    audit = naming.audit().query("cluster == 0")
    assert audit.loc[audit["term"] == many, "inside"].tolist() == [3]
    assert one not in naming[0].split(" · ")


def test_siblings_with_equal_captions_get_different_names():
    """Names are unique even where captions are not, and none is taken for noise."""
    names = name_clusters([0, 0, 1, 1, 2, 2, -1], ["cat"] * 4 + ["noise"] * 2 + ["cat"])
    assert len(set(names.values())) == 4
    assert names[-1] == "noise"


def test_a_group_keeps_what_it_is_about_where_that_is_a_name_already():
    """The word for rows that belong nowhere, and a name of another group, get a second term behind them."""
    noises = ["工地噪声超标", "夜里噪声吵人", "噪声太大", "广场舞噪声扰民", "扰民的噪声"]
    bins = ["垃圾没人收", "垃圾堆成山", "小区垃圾没人收"]
    rivers = ["河里垃圾漂着", "河里都是垃圾", "垃圾倒进河里"]
    texts = [*noises, *bins, *rivers, "什么都不是"]
    naming = name_clusters([0] * 5 + [1] * 3 + [2] * 3 + [-1], texts)
    assert naming[0].split(" · ")[0] == "噪声"
    assert "垃圾" in naming[1]
    assert len(set(naming.values())) == 4


def test_words_beside_chinese_keep_their_capitals():
    """Han characters have no spaces beside them."""
    naming = name_clusters([0, 0, 0, 1, 1], ["招Java工程师", "会Java优先", "精通Java", "会计师", "会计主管"])
    assert naming[0].split(" · ")[0] == "Java"


def test_without_text_the_label_is_the_name():
    """Without captions, or with none in a cluster, the cluster is called by its label."""
    assert name_clusters([1, 0, pd.NA, -1]) == {0: "cluster 0", 1: "cluster 1", -1: "noise"}
    assert name_clusters([0, 1, 1], [None, "cat", float("nan")]) == {0: "cluster 0", 1: "cat"}
    assert name_clusters([], []) == {}


def test_one_caption_for_each_row():
    """A wrong number of captions is refused with both numbers."""
    with pytest.raises(ValueError, match="text has 1 values for 2 rows"):
        name_clusters([0, 1], ["cat"])
    with pytest.raises(ValueError, match="Did you mean 'zh'"):
        name_clusters([0], ["cat"], language="zhh")
    with pytest.raises(ValueError, match="at least 1"):
        name_clusters([0], ["cat"], most_terms=0)


def test_hostile_cells_give_plain_names():
    """Markup, addresses, escapes, direction marks and endless words come into no name; names are short."""
    hostile = [
        "<script>alert(1)</script> \x1b[31mdress\u202e\u2028",
        "dress http://evil.example/x a@b.example",
        "z" * 500,
    ]
    for name in name_clusters([0, 0, 1], [*hostile[:2], hostile[2]]).values():
        assert name in {"dress", "cluster 1"}
    long = [" ".join(f"{letter * 38}{n}" for letter in "abc") for n in "xx"]
    assert all(len(name) <= 80 for name in name_clusters([0, 0, 1], [*long, "cat"]).values())
    assert name_clusters([0, 1], [5, b"cat"]) == {0: "cluster 0", 1: "cluster 1"}


def evidence(term, *, source="vocabulary", is_thing=False):
    return Evidence(term, source, 1.0, 3, 0.5, 0, 0.0, is_thing=is_thing)


def test_audit_shows_a_phrase_once():
    """A phrase of the cluster that a typical row shows is listed once, as is one that two rows show."""
    near = [*map(evidence, ["fox", "animal"]), *(evidence(one, is_thing=True) for one in ["fox", "den", "den"])]
    found = audited([evidence("fox", source="text")], near)
    assert [(one.term, one.source) for one in found] == [
        ("fox", "text"),
        ("fox", "vocabulary"),
        ("animal", "vocabulary"),
        ("den", "vocabulary"),
    ]
    many = [*map(evidence, "abcdefgh"), *(evidence(one, is_thing=True) for one in "xyz")]
    assert "".join(one.term for one in audited([], many)) == "abcdexyz"


def test_audit_shows_what_a_name_rests_on():
    """Each candidate comes with its counts inside and outside and rows that have it; unnamed clusters have one row."""
    captions = ["red dress", "blue dress", "dress shop", "red car", "cars", None]
    audit = name_clusters([0, 0, 0, 1, 1, 2], captions, scores=[0.1, 0.9, 0.5, 1, 1, 1]).audit()
    first = audit.iloc[0]
    assert (first["term"], first["inside"], first["outside"], first["inside_share"]) == ("dress", 3, 0, 1.0)
    assert first["examples"] == [1, 2, 0]
    red = audit[(audit["cluster"] == 0) & (audit["term"] == "red")]
    assert red.empty or red.iloc[0]["outside"] == 1
    last = audit.iloc[-1]
    assert (last["cluster"], last["name"], last["origin"], last["term"] is None or pd.isna(last["term"])) == (
        *(2, "cluster 2", "number"),
        True,
    )


def test_names_of_one_language():
    """With a language, only its terms come into names, and what has no name is called so in it."""
    captions = ["红色连衣裙 red dress", "长款连衣裙 long dress", "手机壳 phone case", "手机 phone"]
    assert name_clusters([0, 0, 1, 1], captions, language="zh", most_terms=1) == {0: "连衣裙", 1: "手机"}
    assert name_clusters([0, 0, 1, 1], captions, language="en", most_terms=1) == {0: "dress", 1: "phone"}
    assert name_clusters([0, -1], ["dress", "hat"], language="zh") == {0: "簇 0", -1: "噪声"}


def test_rename_replaces_some_names():
    """Given names are kept as they are; the old naming is not changed."""
    naming = name_clusters([0, 0, 1, -1], ["cat", "cat", "dog", "x"])
    renamed = naming.rename({0: "Cats & kittens", -1: "the rest"})
    assert renamed == {0: "Cats & kittens", 1: "dog", -1: "the rest"}
    assert naming == {0: "cat", 1: "dog", -1: "noise"}
    assert renamed.audit()["origin"].tolist()[0] == "given"
    assert Naming.of({0: "a", 1: "b"}).rename({1: "c"}) == {0: "a", 1: "c"}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({7: "cats"}, "cluster 7, which does not exist. Clusters: 0, 1"),
        ({0: ""}, "is empty"),
        ({0: " cat"}, "space"),
        ({0: 5}, "is a int; a name is a string"),
        ({0: "x" * 81}, "81 characters; a name has at most 80"),
        ({0: "two\nlines"}, "U+000A"),
        ({0: "evil\u202egnp"}, "U+202E"),
        ({0: "Dog"}, "clusters 0 and 1 with one name"),
    ],
)
def test_impossible_names_are_refused(names, message):
    """A name must be one short line, and no other cluster's."""
    with pytest.raises(ValueError, match=re.escape(message)):
        name_clusters([0, 1], ["cat", "dog"]).rename(names)


def test_rewrite_sees_all_siblings():
    """The function gets name, terms and texts of each cluster; what was given by hand stays."""
    seen = {}

    def write(drafts):
        seen.update(drafts)
        return {label: draft.name.upper() for label, draft in drafts.items()}

    naming = name_clusters([0, 0, 1, -1], ["a red dress", "long\ndress", "dog", "x"]).rename({1: "Dogs"})
    assert naming.rewrite(write) == {0: "DRESS", 1: "Dogs", -1: "noise"}
    assert seen[0].terms[0] == "dress"
    assert seen[0].texts == ("a red dress", "long dress")
    assert set(seen) == {0, 1}


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (["a", "b"], "returned a list, not a mapping"),
        ({0: "a"}, "missing: [1], unknown: none"),
        ({0: "a", 1: "b", 2: "c"}, "missing: none, unknown: [2]"),
        ({0: "a", 1: "A"}, "one name, 'A'"),
        ({0: "a", 1: None}, "is a NoneType"),
    ],
)
def test_rewritten_names_are_checked(written, message):
    """Nothing that breaks the rules of names is taken, and nothing is mended in silence."""
    with pytest.raises(ValueError, match=re.escape(message)):
        name_clusters([0, 1], ["cat", "dog"]).rewrite(lambda _: written)


def test_a_sample_of_many_texts_is_read():
    """With more text than is read, names are the same whatever the order of rows."""
    words = [f"word{n % 50}" for n in range(6000)]
    captions = [
        f"apple {word} " + "filler " * 130 if n % 2 else f"engine {word} " + "filler " * 130
        for n, word in enumerate(words)
    ]
    labels = [n % 2 for n in range(6000)]
    naming = name_clusters(labels, captions, most_terms=1)
    assert naming == {0: "engine", 1: "apple"}
    order = np.random.default_rng(0).permutation(6000)
    again = name_clusters(np.array(labels)[order], [captions[at] for at in order], most_terms=1)
    assert again.audit().drop(columns="examples").equals(naming.audit().drop(columns="examples"))


@given(st.lists(st.tuples(st.integers(-1, 5), st.text("ab 红色猫狗的", max_size=12)), max_size=40), st.integers(1, 3))
def test_names_are_unique_short_and_independent_of_order(rows, most_terms):
    """Each label gets one name of its own with few terms, whatever the captions and their order."""
    labels, captions = [label for label, _ in rows], [caption for _, caption in rows]
    names = name_clusters(labels, captions, most_terms=most_terms)
    assert set(names) == set(labels)
    assert len(set(names.values())) == len(names)
    assert all(
        name.removeprefix("mixed · ").removeprefix("混合 · ").count(" · ") < most_terms for name in names.values()
    )
    assert name_clusters(labels[::-1], captions[::-1], most_terms=most_terms) == names


def test_a_term_that_few_rows_have_does_not_pass_for_the_group():
    """A group whose rows share no word is called mixed, with examples; with a third row the word leads."""
    others = ["steel", "iron", "steel and iron"] * 5
    few = ["guitar", "a guitar", *(f"{word}x" for word in "abcdefghijklmnopqrst")]
    labels = [0] * len(few) + [1] * len(others)
    naming = name_clusters(labels, few + others)
    assert naming[0].split(" · ")[:2] == ["mixed", "guitar"]
    assert naming.origins[0] == "mixed"
    assert name_clusters(labels, few + others, language="zh")[0] == "簇 0"
    assert name_clusters([0] * 25 + [1] * 15, [*few, *["guitar case"] * 3, *others])[0].startswith("guitar")
    lonely = name_clusters([0, 0, 0, 1], ["apple", "moon", "chair", "steel"])
    assert lonely[0].split(" · ")[0] == "mixed"


def test_a_term_that_is_as_common_elsewhere_does_not_lead():
    """What the other groups say as well is no name, however many rows have it."""
    dogs, cats = ["good dog", "good dogs"] * 4 + ["good"] * 2, ["good cat"] * 8 + ["bad"] * 3
    names = name_clusters([0] * 10 + [1] * 11, dogs + cats, most_terms=1)
    assert names == {0: "good dog", 1: "cat"}


def test_a_word_that_every_chapter_has_does_not_come_before_what_one_chapter_is_about():
    """A term of a fifth of the rows leads over better ranked ones only where it is rare elsewhere."""
    organs = {"eye": "cataract glaucoma retina", "liver": "hepatitis cirrhosis bile", "skin": "eczema acne psoriasis"}
    labels, texts = [], []
    for label, words in enumerate(organs.values()):
        rows = [word for word in words.split() for _ in range(6)] + ["diseases"] * (12 if label == 0 else 4)
        labels += [label] * len(rows)
        texts += [f"{word} {chr(97 + at)}{label}x" for at, word in enumerate(rows)]
    assert name_clusters(labels, texts)[0].split(SEPARATOR)[0] in organs["eye"].split()


def test_everyday_words_come_before_names_that_are_as_frequent():
    """Of terms that tell a group apart alike, the one that everybody knows comes first."""
    texts = ["zorblax music", "zorblax music", "zorblax music", "steel", "steel"]
    assert name_clusters([0, 0, 0, 1, 1], texts, most_terms=1)[0] in {"music", "zorblax music"}
    apart = ["zorblax plays music", "zorblax likes music", "the music of zorblax", "steel", "steel"]
    assert name_clusters([0, 0, 0, 1, 1], apart, most_terms=1)[0] == "music"


def test_terms_near_to_the_middle_of_a_group_lead():
    """With vectors of the terms, of two that are as frequent the one comes first that the rows are about."""
    places = {"alpha": [1, 0.1], "beta": [-0.2, 1], "gamma": [0.1, -1], "delta": [-1, 0.3]}
    vectors = VectorArray.from_matrix(
        np.array([[1, 0.02 * n] for n in range(4)] + [[-1, 0.02 * n] for n in range(4)], np.float32)
    )
    texts = ["alpha and beta"] * 4 + ["gamma and delta"] * 4

    def embed(terms):
        return VectorArray.from_matrix(np.array([places.get(one, [0, 1]) for one in terms], np.float32))

    labels = [0] * 4 + [1] * 4
    names = name_clusters(labels, texts, vectors=vectors, embed_terms=embed, most_terms=1)
    assert names == {0: "alpha", 1: "delta"}
    again = name_clusters(labels[::-1], texts[::-1], vectors=vectors[::-1], embed_terms=embed, most_terms=1)
    assert again == names
    with pytest.raises(ValueError, match="embed_terms= returned"):
        name_clusters(labels, texts, vectors=vectors, embed_terms=lambda terms: embed(terms[:-1]))
    with pytest.raises(ValueError, match="without vectors="):
        name_clusters(labels, texts, embed_terms=embed)
