"""Reading and counting texts part by part: the same as if the table had been one."""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np
import pytest

from mmembed.analysis.names.keywords import count_terms, keywords, merge_samples, rank_terms, sample_texts, tally_known

WORDS = "red blue dress shoe shoes chair table wooden silver 连衣裙 沙发 of a".split()  # noqa: SIM905


def rows(n, words=6, seed=0):
    """Return labels, texts (some missing or blank) and weights."""
    random = np.random.default_rng(seed)
    texts = [" ".join(random.choice(WORDS, words)) for _ in range(n)]
    texts[0], texts[1] = None, "  "
    return random.integers(-1, 3, n), texts, random.random(n)


def test_texts_are_read_alike_in_parts():
    """Of a table that is too large to be read, the parts' samples merge to the sample of the whole."""
    labels, texts, weights = rows(6000, words=180)
    whole = sample_texts(labels, texts, weights)
    assert not whole.is_whole
    assert sum(len(text.encode()) for text in whole.texts) < 4_010_000
    cuts = [slice(0, 10), slice(10, 5500), slice(5500, 6000)]
    parts = [sample_texts(labels[at], texts[at], weights[at], first=at.start) for at in cuts]
    merged = merge_samples([merge_samples(parts[:2]), parts[2]])
    assert not merged.is_whole
    assert set(zip(merged.positions, merged.labels, merged.texts, merged.weights, strict=True)) == set(
        zip(whole.positions, whole.labels, whole.texts, whole.weights, strict=True)
    )


def test_counts_of_parts_add_up():
    """Terms counted part by part have the counts, and the ranks, that they have in the whole table."""
    labels, texts, weights = rows(400)
    sample = sample_texts(labels, texts, weights)
    counted = count_terms(sample)
    tally = counted.tally(sample)
    known = {"names": tally.labels, "terms": counted.terms, "spellings": counted.spellings}
    known["segmenter"] = counted.segmenter
    cuts = [slice(0, 1), slice(1, 250), slice(250, 400)]
    parts = [tally_known(labels[at], texts[at], weights[at], **known) for at in cuts]
    total = reduce(add, parts)
    np.testing.assert_array_equal(total.plain.toarray(), tally.plain.toarray())
    np.testing.assert_allclose(total.weighted.toarray(), tally.weighted.toarray())
    np.testing.assert_array_equal(total.texts, tally.texts)
    ranked = rank_terms(tally, counted.in_texts(sample))
    assert ranked == keywords(labels, texts, weights)
    assert {label: [one.term for one in found] for label, found in ranked.items()}


def leading(texts_by_label):
    labels = np.repeat(np.arange(len(texts_by_label)), [len(texts) for texts in texts_by_label])
    texts = [text for texts in texts_by_label for text in texts]
    found = keywords(labels, texts, np.ones(len(texts)))
    return [[one.term for one in found[label]] for label in range(len(texts_by_label))]


def test_what_texts_deny_is_not_what_they_are_said_to_be_about():
    """A Chinese word after "not" is a term with it, so that no name says the opposite."""
    unfair = [f"经营者不得从事不正当竞争行为，{one}" for one in ("第一条", "第二条", "第三条")]
    first, _ = leading([unfair, ["学校开设课程", "教师在学校讲课", "学生到学校上学"]])
    assert any("不正当竞争" in term for term in first)
    assert not any(term.startswith("正当竞争") for term in first)


def test_no_term_is_cut_out_of_a_longer_one():
    """What texts always continue with the same word is a piece of something longer than a term may be."""
    ends = ("制定", "公布", "组织", "审查", "备案", "批准")
    standards = [f"国务院标准化行政主管部门{one}强制性标准" for one in ends]
    first, _ = leading([standards, ["学校开设课程", "教师在学校讲课", "学生到学校上学"]])
    assert "国务院标准化行政" not in first
    assert "强制性标准" in first


def test_no_chinese_term_begins_with_the_end_of_a_word():
    """A character that ends the word before it begins no term, nor does one that says when or where."""
    sent = [f"{who}员态度很差，{what}" for who in ("配送", "快递", "派送") for what in ("乱扔", "迟到")]
    codes = [f"{when}时收不到验证码，{what}" for when in ("登录", "注册", "绑定") for what in ("急死", "头疼")]
    first, second = leading([sent, codes])
    assert "态度很差" in first
    assert "收不到验证码" in second
    assert not [term for term in first + second if term.startswith(("员", "时"))]


def test_a_word_that_no_dictionary_has_is_learnt_from_all_texts():
    """Text by text the segmenter reads it as something else each time (猫猫 and 粮, 粮幼, 粮成)."""
    foods = ["皇家成猫猫粮", "猫粮幼猫通用", "猫粮成猫", "鱼肉味猫粮", "鸡肉味全价猫粮10斤", "特价猫粮"]
    pays = ["退回花呗", "花呗还款", "花呗支付不了", "用花呗付款", "花呗额度"]
    first, second = leading([foods, pays])
    assert first[0] == "猫粮"
    assert second[0] == "花呗"


def test_a_word_may_begin_with_a_character_that_says_where():
    """后 is no end of what stands before it in 后端, nor 中 in 中控."""
    jobs = ["Java后端开发", "招后端工程师", "后端实战", "懂后端优先"]
    guards = ["消防中控员", "招中控员两名", "中控员夜班", "中控员持证"]
    first, second = leading([jobs, guards])
    assert "后端" in first
    assert any("中控" in term for term in second)
    assert not any(term.startswith(("端", "控")) for term in first + second)


def test_a_code_that_one_row_has_is_no_term():
    """Numbers of orders tell rows apart and not groups; what several rows have, such as a model, is a term."""
    late = [f"快递太慢 单号HZ{number}" for number in range(10_400, 10_406)]
    phones = ["适用mate60手机壳", "mate60钢化膜", "mate60充电头 单号HZ77120"]
    first, second = leading([late, phones])
    assert "mate60" in second
    assert not any(term.startswith("hz") for term in first + second)


@pytest.mark.parametrize(
    ("texts", "word"),
    [
        (["能发吗", "能发货", "还能发"], "能发"),  # a guess of the segmenter
        (["凑单凑不够", "凑单凑满减", "凑单凑来凑去"], "凑单凑"),
        (["包裹放门口", "包裹放驿站", "包裹放快递柜"], "包裹放"),
        (["快递等了五天", "快递五天没到", "五天了"], "五天"),
        (["您好查一下快递", "您好快递呢", "您好快递到哪了"], "您好"),
    ],
)
def test_what_names_nothing_is_no_term(texts, word):
    """How many and how long, greetings, and phrases without what they are done to."""
    first, _ = leading([texts, ["学校开设课程", "教师在学校讲课", "学生到学校上学"]])
    assert word not in first


def test_a_chinese_noun_of_one_character_begins_a_term():
    """Nor is a term cut that begins with a character for a thing, or with a verb that also begins what is said."""
    first, second = leading(
        [
            [f"国务院核安全监督管理部门{one}核设施" for one in ("审查", "检查", "批准")],
            ["退运费", "商家不退运费", "请退运费给我"],
        ]
    )
    assert any(term.startswith("核安全") for term in first)
    assert any(term.startswith("退运费") for term in second)


def test_no_english_term_lacks_its_last_word():
    """A phrase of three words that texts always continue with a fourth is left out for one that has the fourth."""
    pans = [f"{one} Stainless Steel Frying Pan {size} cm" for one in ("New", "Eco") for size in range(20, 26)]
    boots = [f"Women's Leather Ankle Boots {size}" for size in range(35, 47)]
    first, second = leading([pans, boots])
    assert "steel frying pan" in first
    assert "leather ankle boots" in second
    assert not {"stainless steel frying", "women leather ankle"} & {*first, *second}


def test_no_chinese_term_ends_or_begins_with_a_verb_that_says_nothing():
    """要, 是 and their like part phrases, as other words do that say nothing; 有 ends none, and begins some."""
    texts = [f"会员有什么权益，退款审核要多久，包装是破的{one}" for one in ("吗", "呢", "啊")]
    first, _ = leading([texts, ["学校开设课程", "教师在学校讲课", "学生到学校上学"]])
    assert {"会员", "退款审核"} <= set(first)
    assert not [term for term in first if term[0] in "要是" or term[-1] in "有要是"]


def test_what_it_is_about_comes_before_who_acts():
    """Of two Chinese terms that are as frequent the one that is a body of an office is second."""
    first, _ = leading(
        [
            [f"监督部门。汇票，{one}" for one in ("付款", "承兑", "背书")],
            ["学校开设课程", "教师在学校讲课", "学生到学校上学"],
        ]
    )
    assert first.index("汇票") < first.index("监督部门")


def test_a_term_of_many_contexts_comes_before_one_that_stands_in_one_formula():
    """Of two terms that as many texts have, the one whose texts differ says what the cluster is about."""
    formulas = [f"diffuse membranous nephritis with lesions {one}" for one in ("first", "second", "third", "fourth")]
    wide = ["kidney stone", "injured kidney", "kidney transplant", "swollen kidney"]
    other = [f"{one} bone" for one in "broken brittle long short thin thick healed split".split()]  # noqa: SIM905
    found = keywords(np.repeat([0, 1], 8), formulas + wide + other, np.ones(16))[0]
    assert {one.inside for one in found[:2]} == {4}
    assert found[0].term == "kidney"


def test_texts_that_are_all_alike_still_have_terms():
    """Where every text of a cluster is the same, no term loses all of its score, however alike its texts are."""
    found = keywords(np.repeat([0, 1], 4), ["red dress"] * 4 + ["old chair"] * 4, np.ones(8))
    assert {label: one[0].term for label, one in found.items()} == {0: "red dress", 1: "old chair"}
    assert found[0][0].score > 0.1
