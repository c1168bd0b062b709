"""Candidate words and phrases of a text, in Chinese and in languages that put spaces between words.

Stop words are function words, words of measure ("pair") and of speech ("said"), and the remains of web pages, in
English and Chinese; a term neither is one nor begins or ends with one. Words that mean something are not among them,
however common: counting finds that they are as frequent in the other clusters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from mmembed.analysis.names.segmenter import Segmenter

Language = Literal["zh", "en"]

# What a caller may say; of "auto" the texts decide.
LANGUAGES = ("auto", "zh", "en")

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"

# Addresses, tags and entities of web pages; then runs of Han characters, words, and whatever parts phrases: digits with
# what is attached to them, punctuation, line ends.
_DEBRIS = re.compile(
    r"https?://\S+|www\.\S+|[a-z0-9._%+-]+@[a-z0-9-]+\.[a-z0-9.-]+|<(script|style)\b.*?</\1>|<[a-z/!][^<>]{0,200}>|"
    r"&#?[a-z0-9]{1,8};|\x1b\[[\d;]*m",
    re.IGNORECASE | re.DOTALL | re.ASCII,
)

_TOKENS = re.compile(
    rf"[{HAN}]+|[^\W\d_{HAN}][^\W_{HAN}]*(?:['’-][^\W\d_{HAN}]+)*|\d[^\W_{HAN}]*|[^\w '’-]|_|(?<= )-(?= )"
)

_IS_HAN = re.compile(rf"[{HAN}]")

# Stands before a part of a Chinese compound, which may be a word (咖啡 in 热咖啡) or mere syllables (尼亚 in 肯尼亚).
PART = "+"

_LONGEST_PHRASE = 3

LONGEST_HAN_PHRASE = 8

# Makes the next Chinese word say the opposite: without it a name would.
DENIES = frozenset("不未非无没")

# End no phrase: what they are done to follows. They begin some (有组织犯罪, 退运费).
_OPEN = frozenset("有在给成为放忘看说凑来做买卖换退查问找拿送叫走寄吃喝写读听弄搞催选拍")

# How many or how long (五天), which the segmenter does not always call a number.
_MEASURE = re.compile("[零一二两三四五六七八九十百千万几多半第]+[个只件条次块元毛斤天日周月年点分秒号遍回]")

# A term longer than this is no word of any language but a key, a hash, or a run without spaces.
LONGEST_TERM = 40

# Knows the words of the dictionary alone.
STANDARD = Segmenter()


def terms_of(text: str, segmenter: Segmenter = STANDARD) -> list[str]:
    """Return the candidate terms of a text, each once: words and phrases of up to three, in lower case.

    Chinese is segmented by ``rjieba``; a single character is a term only where it is a noun that stands alone. No term
    begins or ends with a word that says nothing, or reaches across punctuation, a number or such a word (but "of").
    Parts of Chinese compounds come with a ``+``: they are terms if some text has them as a word.

    Examples
    --------
    >>> terms_of("A red Dress")
    ['red', 'dress', 'red dress']
    >>> terms_of("The Bank of England's rate")
    ['bank', 'england', 'rate', 'england rate', 'bank of england']
    >>> terms_of("一条红色的裙子")
    ['红色', '裙子']
    >>> terms_of("手机壳"), terms_of("热咖啡")
    (['手机', '手机壳'], ['热咖啡', '+咖啡'])
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    found: dict[str, None] = {}
    for run in _runs(text):
        found.update(dict.fromkeys(_han_terms(run, segmenter) if isinstance(run, str) else _phrases(run)))
    return list(found)


def word_runs(text: str) -> list[list[str]]:
    """Return the words of a text between what parts phrases, in lower case; those of Han characters are left out.

    Examples
    --------
    >>> word_runs("The Chef's knife, 20 cm")
    [['the', 'chef', 'knife'], ['cm']]
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return [run for run in _runs(text) if not isinstance(run, str)]


def _runs(text: str) -> Iterator[str | list[str]]:
    """Yield runs of Han characters as texts, and runs of words in lower case as lists."""
    words: list[str] = []
    for token in _TOKENS.findall(_DEBRIS.sub("\n", text).casefold().replace("’", "'")):
        is_word = token[0].isalpha() and not _IS_HAN.match(token)
        if is_word:
            words.append(token.removesuffix("'s"))
            continue
        if words:
            yield words
            words = []
        if _IS_HAN.match(token):
            yield token
    if words:
        yield words


def han_runs(text: str) -> list[str]:
    """Return what a text has of Han characters, in stretches without anything between them.

    Examples
    --------
    >>> han_runs("猫粮 10kg，成猫")
    ['猫粮', '成猫']
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return [run for run in _runs(text) if isinstance(run, str)]


def words_of(term: str, segmenter: Segmenter = STANDARD) -> list[str]:
    """Return the words of a term.

    Examples
    --------
    >>> words_of("bank of england"), words_of("红色连衣裙")
    (['bank', 'of', 'england'], ['红色', '连衣裙'])
    """
    if not is_han(term):
        return term.split(" ")
    return segmenter.cut(term)


def is_han(term: str) -> bool:
    """Return whether a term is written in Han characters, without spaces between words."""
    return bool(_IS_HAN.match(term))


def has_han(text: str) -> bool:
    """Return whether a text has a Han character."""
    return bool(_IS_HAN.search(text))


def is_part(piece: str, term: str) -> bool:
    """Return whether a term is a proper part of another, word by word.

    Examples
    --------
    >>> is_part("dress", "red dress"), is_part("red", "tired dress"), is_part("连衣裙", "红色连衣裙")
    (True, False, True)
    """
    if piece == term:
        return False
    return piece in term if is_han(piece) else f" {piece} " in f" {term} "


def overlap(left: str, right: str) -> bool:
    """Return whether two terms say partly the same: a word, its plural, or Han characters.

    Examples
    --------
    >>> overlap("running shoes", "shoe"), overlap("运动鞋", "跑步鞋"), overlap("cat", "dog")
    (True, True, False)
    """
    if is_han(left) and is_han(right):
        # One shared character is chance within longer words, but at their ends it is what they are.
        is_one = left in right or right in left or left[-1] == right[-1] or sorted(left) == sorted(right)
        return is_one or bool(_pairs(left) & _pairs(right))
    return bool(_forms(left) & _forms(right))


def _pairs(term: str) -> set[str]:
    return {term[start : start + 2] for start in range(len(term) - 1)}


def _forms(term: str) -> set[str]:
    return {form for word in term.split() for form in (word, *singulars(word))}


def singulars(term: str) -> tuple[str, ...]:
    """Return the terms of which a term may be the plural, as far as that can be told from the letters.

    Examples
    --------
    >>> singulars("shoes"), singulars("crashes"), singulars("batteries"), singulars("glass")
    (('shoe',), ('crashe', 'crash'), ('batterie', 'battery'), ())
    """
    if len(term) <= 3 or not term.endswith("s") or term.endswith("ss"):
        return ()
    found = [term[:-1]]
    if term.endswith(("ses", "xes", "zes", "ches", "shes")):
        found.append(term[:-2])
    elif term.endswith("ies"):
        found.append(f"{term[:-3]}y")
    return tuple(found)


def _phrases(words: Sequence[str]) -> Iterator[str]:
    """Yield the words that say something, and the runs of two or three that begin and end with one."""
    says = [1 < len(word) <= LONGEST_TERM and word not in ENGLISH for word in words]
    for word, said in zip(words, says, strict=True):
        if said:
            yield word
    for start in range(len(words) - 1):
        if says[start] and says[start + 1]:
            yield f"{words[start]} {words[start + 1]}"
    for start in range(len(words) - 2):
        if says[start] and says[start + 2] and (says[start + 1] or words[start + 1] == "of"):
            yield f"{words[start]} {words[start + 1]} {words[start + 2]}"


def _han_terms(run: str, segmenter: Segmenter) -> Iterator[str]:
    """Yield the words of a run of Han characters and the phrases of adjacent ones."""
    stretch: list[tuple[str, str]] = []
    denied = ""
    for word, tag in segmenter.tag(run):
        if says_nothing_in_chinese(word, tag) or segmenter.is_wrong(word):
            yield from _han_phrases(stretch, segmenter)
            stretch = []
            denied = word if word in DENIES else ""
        else:
            stretch.append((denied + word, tag))
            denied = ""
    yield from _han_phrases(stretch, segmenter)


def says_nothing_in_chinese(word: str, tag: str) -> bool:
    """Return whether a Chinese word of a part of speech names nothing, so that no term reaches across it."""
    return tag in CHINESE_TAGS or tag.startswith("u") or word in CHINESE or _MEASURE.fullmatch(word) is not None


def _han_phrases(tagged: list[tuple[str, str]], segmenter: Segmenter) -> Iterator[str]:
    words = [word for word, _ in tagged]
    for word, tag in tagged:
        if len(word) > 1 or (len(words) == 1 and tag.startswith("n")):
            yield word
        if len(word) > 2:
            yield from (PART + part for part in segmenter.parts(word))
    for length in range(2, _LONGEST_PHRASE + 1):
        for start in range(len(words) - length + 1):
            phrase = "".join(words[start : start + length])
            if len(phrase) <= LONGEST_HAN_PHRASE and words[start + length - 1] not in _OPEN:
                yield phrase


ENGLISH = frozenset(
    re.findall(
        r"\S+",
        """a about above across actually after again against ago all almost along already also although always
    am amid among an and another any anyone anything are aren't around as at away back be became because
    become been before began behind being below beside between both but by came can can't cannot close
    come comes could couldn't did didn't do does doesn't doing don't done down during each either else
    even ever every everyone everything few following for from front full further gave get gets getting
    give given go goes going gone got had hadn't has hasn't have haven't having he he's her here hers
    herself him himself his how however i i'd i'll i'm i've if in inside instead into is isn't it it's
    its itself just keep kept later least less let like likely little lot made make makes making many
    may maybe me might mine more most mr mrs ms much must my myself near nearly need never next no nor
    not nothing now of off often ok on once one one's only onto or other others otherwise our ours
    ourselves out outside over own per perhaps please put quite rather really same saw say saying says
    see seem seemed seen several shall she she's should shouldn't since so some someone something soon
    still such take taken takes taking tell than that that's the their theirs them themselves then there
    there's therefore these they they're they've thing things this those though through thus to today
    together told too took top toward towards two under unless until up upon us use used uses using
    usually very via want wanted wants was wasn't way we we're we've well went were weren't what what's
    when where whether which while who who's whole whom whose why will with within without won't would
    wouldn't yes yesterday yet you you're you've your yours yourself said
    hi hello hey dear thanks thank regards three four five six seven eight nine ten
    albeit amongst amid atop aside beneath besides beyond concerning considering despite due excluding
    except furthermore hence hereby inasmuch insofar lest moreover namely nevertheless nonetheless
    notwithstanding oneself otherwise owing pending plus regarding regardless respectively thereby thereof
    throughout underneath unlike versus vs whatever whenever whereas whereby wherein wherever whichever whilst
    whoever whomever worth
    pair pairs piece pieces kind kinds type types sort lot lots bit couple
    add added adding adds
    including included includes according amp br com div gif gt href html http https img jpeg jpg lt
    nbsp net org php png quot span url utm webp www""",
    )
)

CHINESE = frozenset(
    re.findall(
        r"\S+",
        """一下 一些 一切 一定 一样 一直 一种 一般 一起 上下 不会 不但 不同 不够 不如 不得 不是 不管 不能 不要
    不过 不错 与其 个人 为了 为什么 之一 之前 之后 之间 也是 也许 了解 于是 什么 今天 他们 以上 以下
    以及 以后 以来 以前 任何 似乎 但是 位于 作为 使得 使用 例如 依然 便是 做好 先后 全部 其中 其他 其它
    其实 具有 具体 几乎 出来 出现 分别 刚刚 别的 到了 十分 即使 却是 又是 及其 只是 只有 只能 只要 可以
    可能 各种 各自 同时 同样 后来 向着 吗啊 哪些 哪里 哪个 因为 因此 地方 多个 多么 多少 大家 大概 大约
    太多 如今 如何 如果 如此 如下 完全 它们 对于 就是 就会 已经 常常 并且 并不 应该 开始 当时 当然 很多
    得到 怎么 怎样 总是 您们 情况 想要 成为 我们 或者 所以 所有 所谓 才能 才是 打开 按照 放在 放着 整个
    方面 无法 日前 时候 时间 昨天 明天 是否 显得 曾经 有些 有人 有所 有时 有的 有着 本来 来自 极其 某个
    某些 根据 正在 正是 此外 此次 每个 比如 比较 没有 没什么 然后 然而 特别 现在 甚至 由于 的话 目前
    直到 直接 相当 看到 看见 看着 知道 确实 称为 穿着 等等 终于 经过 经常 结果 给予 继续 而且 而是 自己
    至今 至于 至少 虽然 虽说 表示 装着 觉得 认为 许多 设有 说是 请勿 请问 谁的 起来 越来越 足够 轮到
    较为 过来 过程 还是 还有 还要 这个 这么 这些 这样 这种 这里 进行 通过 通常 造成 那个 那么 那些 那样
    那里 都是 采用 里面 除了 随着 需要 非常 首先 马上 一个 两个 这是 那是 上面 下面 外面 前面 后面 旁边
    中间 附近 属于 不到 不再 来说 之中 之类 记者 获悉 报道 是 要 让 使 令 给 想
    能 会 可 没 时 后 前 里 内 外 上 下 很 太 最 更 挺 有点 有点儿 您 您好 你好
    是不是 有没有 能不能 会不会 可不可以 好不好""",
    )
)

# Parts of speech, as the segmenter tags them, of words that name nothing: adverbs, conjunctions, exclamations, numbers
# with their measure words, prepositions, pronouns, particles, punctuation.
CHINESE_TAGS = frozenset({"c", "d", "df", "e", "m", "mq", "o", "p", "q", "r", "rg", "rr", "rz", "u", "w", "x", "y"})


@dataclass(frozen=True)
class Evidence:
    """One candidate term of one cluster, as ``.audit()`` shows it.

    Attributes
    ----------
    term : str
        The word or phrase, in lower case if it is of texts.
    source : {"text", "vocabulary"}
        Whether it stands in the texts of the cluster, or is near to its vectors.
    score : float
        How much it sets the cluster apart from its siblings; comparable within one source only.
    inside, outside : int
        Rows of the cluster, and of the other clusters, that speak for the term: whose text, as far as it was read, has
        it, or whose vector is nearer to it than halfway between the cluster's mean and that of the others.
    inside_share, outside_share : float
        The same as shares of the rows looked at.
    examples : tuple of int
        Positions of up to three rows of the cluster that speak for it.
    is_broad : bool
        Whether it is a wide word of the vocabulary, such as "food", that says what many things are.
    is_clear : bool
        Whether a name may begin with it although no text has it: half of the rows of the cluster are nearer to it than
        to nearly all other phrases, and hardly a row elsewhere is.
    is_thing : bool
        Whether it is what a typical row of the cluster shows, and not what the rows have in common.
    written : str
        The term as most texts write it; nothing where that is as ``term``.
    """

    term: str
    source: Literal["text", "vocabulary"]
    score: float
    inside: int
    inside_share: float
    outside: int
    outside_share: float
    examples: tuple[int, ...] = ()
    is_broad: bool = False
    is_clear: bool = False
    is_thing: bool = False
    written: str = ""

    @property
    def shown(self) -> str:
        """The term as names and audit show it."""
        return self.written or self.term
