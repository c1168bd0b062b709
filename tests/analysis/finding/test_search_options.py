"""Filters, negative examples, diversity, keywords and calibration in search."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from mmembed.analysis.finding.bm25 import (
    KeywordMatches,
    KeywordStatistics,
    keyword_matches,
    keyword_scores,
    keyword_statistics,
)
from mmembed.analysis.finding.calibration import fit_calibration, measure_gap
from mmembed.analysis.finding.keyword_index import _IndexStore
from mmembed.analysis.finding.keyword_terms import keyword_terms
from mmembed.analysis.finding.search import best_by_keywords, search
from mmembed.errors import SpaceMismatchError, VectorError
from mmembed.vectors import Vector, VectorArray

MATRICES = st_numpy.arrays(np.float32, st.tuples(st.integers(1, 40), st.just(3)), elements=st.integers(-2, 2))


def units_of(matrix):
    lengths = np.linalg.norm(matrix.astype(float), axis=1, keepdims=True)
    return np.divide(matrix, lengths, out=np.zeros(matrix.shape), where=lengths > 0)


@settings(deadline=None)
@given(MATRICES, st.data())
def test_a_filter_is_a_search_of_the_rows_it_leaves(matrix, data):
    """The hits are those of the filtered rows, at their places in the whole; few or many rows alike."""
    where = data.draw(st_numpy.arrays(bool, len(matrix)))
    hits = search(matrix[:2], matrix, 4, where=where)
    rows = np.flatnonzero(where)
    alone = search(matrix[:2], VectorArray.from_matrix(matrix[rows].reshape(-1, 3)), 4)
    expected = np.where(alone.positions >= 0, rows[alone.positions] if len(rows) else -1, -1)
    assert np.array_equal(hits.positions, expected)
    assert np.array_equal(hits.similarities, alone.similarities, equal_nan=True)


@settings(deadline=None)
@given(MATRICES, MATRICES)
def test_negative_examples_lower_what_is_like_them(matrix, unlike):
    """The order is that of the cosine less half of the mean cosine with the examples; similarity stays the cosine."""
    query = np.array([1, 2, -1], dtype=np.float32)
    hits = search(query, matrix, len(matrix), minus=unlike)
    cosines = units_of(matrix) @ units_of(query[np.newaxis])[0]
    scores = cosines - 0.5 * (units_of(matrix) @ units_of(unlike).T).mean(axis=1)
    found = hits.positions[0]
    np.testing.assert_allclose(hits.scores["score"][0], np.sort(scores)[::-1], atol=1e-5)
    np.testing.assert_allclose(hits.similarities[0], cosines[found], atol=1e-5)


def true_diverse(query, matrix, k, diversity):
    """Choose by maximal marginal relevance among all rows, in loops."""
    relevance, likeness = units_of(matrix) @ units_of(query[np.newaxis])[0], units_of(matrix) @ units_of(matrix).T
    chosen = []
    while len(chosen) < k:
        values = [
            -np.inf
            if row in chosen
            else (1 - diversity) * relevance[row] - diversity * max((likeness[row, one] for one in chosen), default=0)
            for row in range(len(matrix))
        ]
        chosen.append(int(np.argmax(values)))
    return chosen


@pytest.mark.parametrize("diversity", [0.0, 0.4, 0.8])
def test_diverse_hits_are_chosen_by_marginal_relevance(diversity):
    """With a pool that holds all rows, the choice is that of the definition."""
    matrix = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    query = matrix[0] + 0.1
    hits = search(query, matrix, 8, diverse=diversity)
    assert hits.positions[0].tolist() == true_diverse(query, matrix, 8, diversity)
    if not diversity:
        assert np.array_equal(hits.positions, search(query, matrix, 8).positions)


def test_keywords_and_meaning_are_fused_by_rank():
    """A row that stands high in both lists wins; one that only the keywords found has its true cosine."""
    matrix = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.5, 0.5]], dtype=np.float32)
    keywords = np.array([[0.0, 2.0, 5.0, 0.0]])
    hits = search(np.array([1.0, 0.0]), matrix, 3, keywords=keywords)
    assert hits.positions.tolist() == [[1, 2, 0]]
    assert hits.scores["score"][0] == pytest.approx([2 / 62, 1 / 61 + 1 / 64, 1 / 61])
    assert hits.similarities[0] == pytest.approx([0.9939, 0, 1], abs=1e-4)
    filtered = search(np.array([1.0, 0.0]), matrix, 3, keywords=keywords, where=[True, True, False, True])
    assert 2 not in filtered.positions
    both = search(np.array([1.0, 0.0]), matrix, 2, keywords=keywords, diverse=0.5)
    assert both.positions.tolist() == [[1, 2]]


@settings(deadline=None)
@given(st.lists(st.none() | st.text("ab 红裙", max_size=6), max_size=12), st.integers(0, 12))
def test_the_statistics_of_parts_give_the_scores_of_the_whole(texts, place):
    """Scored in two parts with the counts of both, each text has the score that it has in the whole."""
    column, query = pd.Series(texts, dtype=object), "a 红裙 b"
    parts = [column.iloc[:place], column.iloc[place:]]
    counted = sum((keyword_statistics(part, [query]) for part in parts), KeywordStatistics())
    found = np.concatenate([keyword_scores(query, part, counted) for part in parts])
    assert np.array_equal(found, keyword_scores(query, column))


def test_chinese_needs_no_segmentation():
    """Pairs of characters find words inside of sentences; full-width and capital letters are plain ones."""
    assert keyword_terms("ＲＥＤ 红 red") == ["red", "红"]
    texts = pd.Series(["一条红色的连衣裙", "红色的汽车", "Ｒed dresses", "裙子", None, "infrared"])
    assert keyword_scores("连衣裙", texts).argmax() == 0
    assert (keyword_scores("红色", texts) > 0).tolist() == [True, True, False, False, False, False]
    assert (keyword_scores("red dress", texts) > 0).tolist() == [False, False, True, False, False, False]
    assert not keyword_scores("?!", texts).any()
    assert not keyword_scores("红", pd.Series([None, ""])).any()


def two_kinds(seed=0, shift=4.0):
    """Return texts and pictures with the same meanings in two cones."""
    random = np.random.default_rng(seed)
    meaning = random.normal(size=(80, 16))
    texts, pictures = meaning + random.normal(size=(2, 80, 16)) * 0.3
    texts[:, 0] += shift
    pictures[:, 1] += shift
    return texts.astype(np.float32), pictures.astype(np.float32)


def test_the_gap_is_measured_and_removed():
    """Random pairs of two kinds are far less similar than those of one, and equally so once the means are gone."""
    texts, pictures = two_kinds()
    gap = measure_gap(texts, pictures)
    table = gap.summary()["median"]
    assert gap.distance > 0.8
    assert table["left-right", "similarity"] < table["left-left", "similarity"] - 0.3
    assert abs(table["left-right", "centred"]) < 0.05
    assert abs(table["left-left", "centred"]) < 0.05
    assert measure_gap(texts, texts).distance == pytest.approx(0, abs=1e-6)
    assert "left-right" in repr(gap)


def test_calibration_finds_more_and_says_what_a_similarity_means():
    """A true pair is above almost all random pairs; mixed kinds no longer hide behind their cones."""
    texts, pictures = two_kinds()
    mixed = np.concatenate([texts[40:], pictures])
    kinds = ["text"] * 40 + ["picture"] * 80
    calibration = fit_calibration(texts, mixed, kinds=kinds)
    hits = calibration.add_to_hits(search(calibration.prepare(texts[:40]), calibration.rows, 3))
    assert (hits.positions[:, 0] == np.arange(40, 80)).mean() > 0.9
    assert (search(texts[:40], mixed, 1).positions[:, 0] < 40).mean() > 0.5
    assert hits.scores["percentile"][:, 0].min() > 95
    spread = calibration.percentiles(calibration.background)
    assert spread.mean() == pytest.approx(50, abs=1)
    assert np.isnan(calibration.percentiles(np.array([np.nan]))).all()
    assert "median" in repr(calibration)


@pytest.fixture
def df():
    vectors = VectorArray.from_matrix(np.array([[1, 0], [1, 0.1], [0, 1], [np.nan, np.nan]]), space="toy")
    return pd.DataFrame({"v": vectors, "text": ["red car", "red bus", "blue sea", "red"], "price": [3, 1, 2, 4]})


def test_the_accessor_takes_masks_rows_and_keywords(df):
    """A mask, a callable, a row that is not among its own hits, a negative example, a calibration."""
    east = Vector([1.0, 0.0], space="toy")
    assert df.mmembed.search(east, "v", where=df["price"] < 3).index.tolist() == [1, 2]
    assert df.mmembed.search(east, "v", where=lambda frame: frame["price"] < 3).index.tolist() == [1, 2]
    assert df.mmembed.search(df.loc[0], "v").index.tolist() == [1, 2]
    assert df.mmembed.search(df.loc[0], "v", where=df["price"] == 3).index.tolist() == []
    assert df.mmembed.search(east, "v", minus=east, k=1)["similarity"].tolist() == [1.0]
    calibrated = df.mmembed.search(east, "v", calibrate="v")
    assert calibrated["percentile"].between(0, 100).all()
    assert df.mmembed.search([east, [0.0, 1.0]], "v", k=1, diverse=0.3)["rank"].tolist() == [1, 1]


def test_bad_arguments_are_refused(df):
    """Each error says what was given and what is expected."""
    east = Vector([1.0, 0.0], space="toy")
    cheap = df["price"] < 3
    assert df.mmembed.search(east, "v", where=cheap.iloc[::-1]).equals(df.mmembed.search(east, "v", where=cheap))
    with pytest.raises(ValueError, match="other index labels"):
        df.mmembed.search(east, "v", where=cheap.set_axis([4, 5, 6, 7]))
    with pytest.raises(TypeError, match="filter first"):
        df.mmembed.search(east, "v", where=df)
    with pytest.raises(TypeError, match="not True or False"):
        df.mmembed.search(east, "v", where=df["text"])
    with pytest.raises(ValueError, match="one bool"):
        df.mmembed.search(east, "v", where=[True])
    with pytest.raises(ValueError, match="hybrid='text' looks for the words"):
        df.mmembed.search(east, "v", hybrid="text")
    with pytest.raises(VectorError, match="The row 3 has no vector"):
        df.mmembed.search(df.loc[3], "v")
    with pytest.raises(ValueError, match="needs calibrate="):
        df.mmembed.search(east, "v", kinds="text")
    with pytest.raises(ValueError, match="from 0"):
        df.mmembed.search(east, "v", diverse=1.5)
    with pytest.raises(SpaceMismatchError, match=r"toy.*other"):
        df.mmembed.search(east, "v", minus=Vector([1.0, 0.0], space="other"))
    with pytest.raises(VectorError, match="fewer than two"):
        df.iloc[:1].mmembed.search(east, "v", calibrate="v")
    with pytest.raises(VectorError, match="zero vector"):
        df.mmembed.search([0.0, 0.0], "v")
    with pytest.raises(ValueError, match="keywords has shape"):
        search(np.ones(2), np.eye(2), keywords=np.ones((1, 3)))
    with pytest.raises(ValueError, match="minus holds no vector"):
        search(np.ones(2), np.eye(2), minus=pd.Series(VectorArray.from_matrix(np.full((1, 2), np.nan))))


def test_hybrid_search_of_the_local_model(tmp_path, monkeypatch):
    """A name that the model does not know is found by its letters, in Chinese too, beside what means the same."""
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path))
    df = pd.DataFrame({"text": ["a dog", "型号 ZX81 的小狗", "a train", "苹果", "ZX81 火车"]})
    df = df.mmembed.embed("text", "text", model="local")
    found = df.mmembed.search("ZX81 小狗", "text_vector", k=2, hybrid="text")
    assert found["text"].iloc[0] == "型号 ZX81 的小狗"
    assert found["score"].is_monotonic_decreasing
    many = df.mmembed.search(["苹果", "train"], "text_vector", k=1, hybrid="text")
    assert many["text"].tolist() == ["苹果", "a train"]


def test_a_row_that_asks_leaves_out_itself_and_not_its_namesakes():
    """A label that other rows have, too, does not hide them."""
    vectors = VectorArray.from_matrix(np.array([[1, 0], [1, 0.1], [0, 1]], dtype="float32"))
    df = pd.DataFrame({"row": [0, 1, 2], "v": vectors}, index=["same", "same", "other"])
    assert df.mmembed.search(df.iloc[0], "v", k=1)["row"].tolist() == [1]


PIECES = st.sampled_from(
    [
        "red",
        "Reds",
        "redes",
        "a",
        "as",
        "s",
        "红",
        "红裙",
        "哈哈哈",
        "ß",
        "ab红",
        "_",
        "x_red",
        "-",
        " ",
        "  ",
        "ＲＥＤ",
        "кот",
    ]
)


@settings(deadline=None)
@given(st.lists(st.none() | st.lists(PIECES, max_size=8).map(" ".join) | st.lists(PIECES, max_size=8).map("".join)))
def test_the_index_of_a_column_gives_the_scores_that_its_texts_give(texts):
    """Plurals, equal words in a row, words beside Han characters, repeated characters: the index counts as Arrow."""
    query = "red a 红裙 哈哈 ß кот red s"
    for column in (pd.Series(texts, dtype=object), pd.Series(texts, dtype="str")):
        from_texts = keyword_scores(query, column, keyword_statistics(column, [query]))
        assert np.array_equal(keyword_scores(query, column), from_texts)


def test_an_index_is_made_once_for_equal_texts_and_again_for_others():
    """Of Arrow and of Python texts, whole and cut; the store forgets the oldest ones, and long columns have none."""
    store = _IndexStore(most_bytes=1, most_characters=100)
    for dtype in ("str", object):
        texts = pd.Series(["a red hat", "红色", None, "red red"], dtype=dtype)
        index = store.index(texts)
        assert store.index(texts.copy()) is index
        assert store.index(texts.iloc[1:]) is not index
        assert len(store.index(texts.iloc[1:]).lengths) == 3
        changed = texts.copy()
        changed.iloc[0] = "blue"
        assert store.index(changed) is not index
        assert store.index(pd.Series(["red " * 30], dtype=dtype)) is None


def test_the_best_by_keywords_are_in_row_order_where_they_tie():
    """However many are asked for; rows with no score are in no list."""
    scores = np.array([0.0, 2.0, 1.0, 2.0, 0.0, 1.0, 1.0])
    assert best_by_keywords(scores, 1).tolist() == [1]
    assert best_by_keywords(scores, 3).tolist() == [1, 3, 2]
    assert best_by_keywords(scores, 9).tolist() == [1, 3, 2, 5, 6]


def test_half_a_surrogate_pair_is_no_word():
    """A cell with one has the scores of its other words, and the other cells have theirs."""
    texts = ["red \ud83d dress", "blue sky", None]
    for dtype in (object, None):
        column = pd.Series([text and text.replace("\ud83d", "-") for text in texts], dtype=dtype)
        assert (
            keyword_scores("red dress", column) == keyword_scores("red dress", pd.Series(texts, dtype=object))
        ).all()
    statistics = keyword_statistics(pd.Series(texts, dtype=object), ["dress"])
    assert (statistics.n_texts, statistics.documents["dress"]) == (2, 1)


def test_words_that_say_nothing_are_no_terms():
    """Stop words of both languages are left out; names, codes and abbreviations are not, and no pair crosses a gap."""
    assert keyword_terms("Where is my order?") == ["order"]
    assert keyword_terms("I can't open what we've bought from O'Neill's") == ["open", "bought", "o", "neill"]
    assert keyword_terms("给宠物吃的") == ["宠物", "物吃", "宠", "物", "吃"]
    assert not {"给", "的", "吃的", "我", "的钱"} & set(keyword_terms("给宠物吃的") + keyword_terms("怎么老是扣我的钱"))
    assert "so48213" in keyword_terms("订单SO48213怎么样了")
    assert {"晓彤", "欧阳"} <= set(keyword_terms("请问欧阳晓彤在不在"))
    assert keyword_terms("What does the WHO say") == ["who"]
    assert keyword_terms("WHERE IS IT") == keyword_terms("我们的") == keyword_terms("is it the") == []


def test_words_that_say_nothing_find_nothing():
    """A query of stop words alone has the hits and the order of the vectors, as if there were no keywords."""
    matrix = np.random.default_rng(0).normal(size=(150, 6)).astype(np.float32)
    texts = pd.Series(["where is my hat", "what is it", "我的是这个"] * 50)
    for query in ("where is it", "这是我的", "?"):
        found = keyword_matches(query, texts)
        assert not found.scores.any()
        assert not found.weights.any()
        hits = search(matrix[0], matrix, 120, keywords=KeywordMatches.stacked([found], len(texts)))
        assert np.array_equal(hits.positions, search(matrix[0], matrix, 120).positions)


@pytest.mark.parametrize(
    "asked", ["{}", "查一下{}这个单子", "你好，我的工单{}三天了没动静，能不能催一下", "where is my order {} please"]
)
def test_who_has_the_code_of_a_question_counts_in_full(asked):
    """However it is asked for: words of the question that no row has say nothing against it."""
    texts = pd.Series([f"工单 SQ11-{number} 处理中" for number in range(1000, 1200)])
    found = keyword_matches(asked.format("SQ11-1077"), texts)
    assert found.scores.argmax() == 77
    assert found.weights[77] == pytest.approx(1, abs=0.01)
    assert np.delete(found.weights, 77).max() < 0.1


def test_a_code_beside_han_characters_is_a_word():
    """Chinese has no spaces between words: a number that stands in a sentence is found, and a part of one is not."""
    for dtype in (object, "str"):
        texts = pd.Series(["订单SO48213还没到", "订单so482135", "SO48213", "ASO48213号", "没有"], dtype=dtype)
        expected = [True, False, True, False, False]
        assert (keyword_scores("SO48213", texts) > 0).tolist() == expected
        counted = keyword_statistics(texts, ["SO48213"])
        assert counted.documents == {"so48213": 2}
        assert (keyword_scores("SO48213", texts, counted) > 0).tolist() == expected


def test_a_row_weighs_as_much_as_what_it_has_of_the_query():
    """All of it where it has the codes, some where it has a rare word, and little where it has a common one."""
    texts = pd.Series(["the parcel", "parcel from Marguerite", "a hat", "case ZX81", "parcel ZX81"] + ["parcel"] * 95)
    common, rare, none, code, both = keyword_matches("parcel for Marguerite ZX81", texts).weights[:5]
    assert none == 0
    assert 0 < common < 0.05
    assert 10 * common < rare < code == both == 1
    assert code > 0.6
    assert keyword_matches("ZX81", texts).weights.max() == 1
    assert keyword_matches("Marguerite", texts).weights.tolist() == [0, 1, *[0] * 98]
    assert 0 < keyword_matches("parcel", texts).weights.max() < 0.1
    of_another_table = keyword_matches("hat from Timbuktu", texts).weights
    assert 0 < of_another_table.max() < 0.5


def test_weights_say_how_much_of_its_place_among_the_words_a_row_is_given():
    """Half a weight gives half a place; a row that has hardly anything of the query stays where the vectors put it."""
    matrix = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.5, 0.5]], dtype=np.float32)
    scores = np.array([[0.0, 2.0, 5.0, 0.0]])
    hits = search(np.array([1.0, 0.0]), matrix, 3, keywords=KeywordMatches(scores, np.array([[0, 0.5, 0.01, 0]])))
    assert hits.positions.tolist() == [[1, 0, 3]]
    assert hits.scores["score"][0] == pytest.approx([1 / 62 + 0.5 / 62, 1 / 61, 1 / 63])
    with pytest.raises(ValueError, match="keywords has shape"):
        search(np.ones(2), np.eye(2), keywords=KeywordMatches(np.ones((1, 2)), np.ones((1, 3))))


@settings(deadline=None)
@given(st.lists(st.none() | st.text("ab 红裙", max_size=6), max_size=12), st.integers(0, 12))
def test_parts_of_a_table_weigh_as_in_the_whole(texts, place):
    """To the last digit, with the counts of both parts."""
    column, query = pd.Series(texts, dtype=object), "ab 红裙 b"
    parts = [column.iloc[:place], column.iloc[place:]]
    counted = sum((keyword_statistics(part, [query]) for part in parts), KeywordStatistics())
    found = np.concatenate([keyword_matches(query, part, counted).weights for part in parts])
    assert np.array_equal(found, keyword_matches(query, column).weights)


def test_hybrid_search_keeps_paraphrases_and_finds_codes(tmp_path, monkeypatch):
    """Where words of a paraphrase stand in rows on something else, the vectors win; a code in a sentence is found."""
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path))
    texts = [
        *(f"I need a refund of {amount} for the payment" for amount in ("$12", "$49", "$230", "$99")),
        *(f"When will the {thing} be back in stock" for thing in ("lamp", "mat", "kettle", "jacket", "mug", "scarf")),
        *(f"{brand}鸡肉味猫粮{weight}" for brand in ("小熊", "优品") for weight in ("10斤", "2kg")),
        *(f"温州特产海苔{taste}小吃袋装" for taste in ("蜜汁", "香辣", "原味", "麻辣", "奶香")),
        "订单SO48213的电饭锅不通电",
        "Blue kettle, order A-7731",
    ]
    df = pd.DataFrame({"text": texts}).mmembed.embed("text", "text", model="local")

    def found(query, k):
        return df.mmembed.search(query, "text_vector", k=k, hybrid="text")["text"]

    assert found("money back", 4).str.contains("refund").all()
    assert found("给宠物吃的", 4).str.contains("猫粮").all()
    assert "SO48213" in found("我的订单SO48213到哪里了", 1).iloc[0]
    assert "A-7731" in found("where is my order A-7731", 1).iloc[0]
