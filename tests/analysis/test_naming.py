"""Names of clusters in Chinese and English."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmembed.analysis import name_clusters

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
    assert "iphone" in names[0]
    assert "充电线" in names[1]


def test_what_is_everywhere_names_nothing():
    """A term that is as frequent elsewhere is not in a name."""
    names = name_clusters([0, 0, 1, 1], ["photo of cat", "photo of cat", "photo of dog", "photo of dog"])
    assert names == {0: "cat", 1: "dog"}


def test_one_word_captions_are_named_by_typical_rows():
    """Where no term is shared, the words of the rows nearest to the centre come first, without count and measure."""
    names = name_clusters([0] * 5, ["一只鸽子", "海豚", "一只绵羊", "鹿", "一匹马"], scores=[0.9, 0.2, 0.8, 0.1, 0.7])
    assert names == {0: "鸽子 · 绵羊 · 马"}
    with pytest.raises(ValueError, match="1 values for 2 rows"):
        name_clusters([0, 0], ["cat", "dog"], scores=[1.0])


def test_pieces_of_long_captions_are_no_names():
    """A stretch of a long Chinese sentence is no term until other captions have it, too."""
    assert name_clusters([0], ["记住冲马桶和用肥皂洗手"]) == {0: "cluster 0"}
    assert name_clusters([0, 0, 1], ["请记住冲马桶", "冲马桶和用肥皂洗手", "汽车"])[0].split(" · ")[0] == "冲马桶"


def test_siblings_with_equal_captions_get_different_names():
    """Names are unique even where captions are not, and none is taken for noise."""
    names = name_clusters([0, 0, 1, 1, 2, 2, -1], ["cat"] * 4 + ["noise"] * 2 + ["cat"])
    assert len(set(names.values())) == 4
    assert names[-1] == "noise"


def test_without_text_the_label_is_the_name():
    """Without captions, or with none in a cluster, the cluster is called by its label."""
    assert name_clusters([1, 0, pd.NA, -1]) == {0: "cluster 0", 1: "cluster 1", -1: "noise"}
    assert name_clusters([0, 1, 1], [None, "cat", float("nan")]) == {0: "cluster 0", 1: "cat"}
    assert name_clusters([], []) == {}


def test_one_caption_for_each_row():
    """A wrong number of captions is refused with both numbers."""
    with pytest.raises(ValueError, match="1 captions for 2 rows"):
        name_clusters([0, 1], ["cat"])


@given(st.lists(st.tuples(st.integers(-1, 5), st.text("ab 红色猫狗的", max_size=12)), max_size=40), st.integers(1, 3))
def test_names_are_unique_short_and_independent_of_order(rows, most_terms):
    """Each label gets one name of its own with few terms, whatever the captions and their order."""
    labels, captions = [label for label, _ in rows], [caption for _, caption in rows]
    names = name_clusters(labels, captions, most_terms=most_terms)
    assert set(names) == set(labels)
    assert len(set(names.values())) == len(names)
    assert all(name.count(" · ") < most_terms for name in names.values())
    assert name_clusters(labels[::-1], captions[::-1], most_terms=most_terms) == names
