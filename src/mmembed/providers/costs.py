"""How many tokens contents count and what they cost, as a low, a likely and a high figure; ``usage`` has the last word.

And the budget that a run must keep. Texts are estimated by rules that were fitted to texts of forty kinds, counted with
the vocabulary that the SDK ships; pictures by their size, where the model's page says how.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mmembed.contents.content import Content
from mmembed.contents.media import Media
from mmembed.contents.pictures import picture_size
from mmembed.errors import BudgetError
from mmembed.providers.models import ModelSpec

_CHARACTERS_AT_ONCE = 1_000_000

# Classes of characters, and the ranges of each below U+10000; later ranges win over earlier ones.
_NONE, _LOWER, _UPPER, _ACCENTED, _DIGIT, _HAN, _KANA, _HANGUL, _CYRILLIC, _ARABIC, _GREEK = range(11)
_OTHER_LETTER, _PUNCTUATION, _WIDE_MARK, _SPACE, _LINE_END, _SYMBOL = range(11, 17)

_RANGES = (
    (_OTHER_LETTER, (0x80, 0xFFFF)),
    (_PUNCTUATION, (0x00, 0x7F)),
    (_LOWER, (0x61, 0x7A)),
    (_UPPER, (0x41, 0x5A)),
    (_DIGIT, (0x30, 0x39)),
    (_ACCENTED, (0xC0, 0x24F), (0x300, 0x36F), (0x1E00, 0x1EFF)),
    (_GREEK, (0x370, 0x3FF), (0x1F00, 0x1FFF)),
    (_CYRILLIC, (0x400, 0x52F)),
    (_ARABIC, (0x590, 0x77F), (0x8A0, 0x8FF), (0xFB1D, 0xFDFF), (0xFE70, 0xFEFF)),
    (_SYMBOL, (0x2000, 0x2E7F), (0x3200, 0x33FF), (0xD800, 0xF8FF), (0xFE00, 0xFE0F), (0xFFF0, 0xFFFF)),
    (_WIDE_MARK, (0x80, 0xBF), (0x2010, 0x202F), (0x3001, 0x303F), (0xFF00, 0xFF0F), (0xFF1A, 0xFF65)),
    (_SYMBOL, (0xFF10, 0xFF19)),
    (_HAN, (0x2E80, 0x2FFF), (0x3100, 0x312F), (0x3190, 0x31EF), (0x3400, 0x9FFF), (0xF900, 0xFAFF)),
    (_KANA, (0x3040, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F)),
    (_HANGUL, (0x1100, 0x11FF), (0x3130, 0x318F), (0xAC00, 0xD7AF)),
    (_SPACE, (0x09, 0x09), (0x0B, 0x0C), (0x20, 0x20), (0xA0, 0xA0), (0x2000, 0x200A), (0x3000, 0x3000)),
    (_LINE_END, (0x0A, 0x0A), (0x0D, 0x0D)),
)

_IDEOGRAPHS_FROM, _IDEOGRAPHS_TO = 0x20000, 0x3FFFF

# What a character counts, in hundredths of a token (low, likely, high), where it begins a run of its class and where it
# goes on with one. Fitted to texts of forty kinds; a digit is always one token, a run of blanks one, a picture of
# hyphens few. Emoji of several characters count each of them.
_WEIGHTS: Mapping[int, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    _NONE: ((0, 0, 0), (0, 0, 0)),
    _LOWER: ((34, 50, 85), (7, 11, 19)),
    _UPPER: ((34, 50, 85), (18, 29, 60)),
    _ACCENTED: ((50, 105, 150), (50, 105, 150)),
    _DIGIT: ((100, 100, 100), (100, 100, 100)),
    _HAN: ((75, 125, 190), (42, 64, 95)),
    _KANA: ((32, 55, 85), (32, 55, 85)),
    _HANGUL: ((70, 110, 180), (38, 66, 110)),
    _CYRILLIC: ((60, 105, 170), (17, 31, 55)),
    _ARABIC: ((70, 130, 200), (10, 26, 65)),
    _GREEK: ((75, 102, 130), (75, 102, 130)),
    _OTHER_LETTER: ((55, 115, 190), (55, 115, 190)),
    _PUNCTUATION: ((68, 105, 140), (22, 45, 80)),
    _WIDE_MARK: ((50, 85, 140), (20, 40, 110)),
    _SPACE: ((0, 0, 4), (0, 0, 4)),
    _LINE_END: ((0, 30, 100), (0, 5, 40)),
    _SYMBOL: ((50, 120, 300), (50, 120, 300)),
}

# Likewise where a character stands in a particular place.
_LATE_LETTER = (19, 32, 48)  # the sixth of a word and those after it
_LETTER_AFTER_DIGIT = (80, 145, 190)
_LETTER_AFTER_MARK = (0, 10, 50)  # one token with it: "/path", "_name"
_SAME_MARK = (0, 4, 35)
_COUNTED_SPACE = (70, 110, 125)  # one before a digit, before another space, or at the end

_LATE = 5

# Where no page says what a picture counts, or it lies behind a URL: from the smallest picture to the largest.
_LEAST_IMAGE_TOKENS = 6
_MOST_IMAGE_TOKENS = 1_800
_USUAL_SIDE = 1_024
_UNDOCUMENTED_PIXELS_A_TOKEN = 1_024

# Sixteen sampled frames; the service caps the number of frames at a figure that it does not publish.
_VIDEO = (1_024, 3_584, 57_344)

_MOST_SIZES_KEPT = 200_000


@dataclass(frozen=True, slots=True)
class TokenEstimate:
    """Tokens of text and of pictures or videos: the likely figure between a low and a high one."""

    low: int = 0
    likely: int = 0
    high: int = 0

    def __add__(self, other: TokenEstimate) -> TokenEstimate:
        return TokenEstimate(self.low + other.low, self.likely + other.likely, self.high + other.high)


def estimate_text(text: str) -> TokenEstimate:
    """Estimate the tokens of a text.

    Examples
    --------
    >>> estimate_text("2026").high
    4
    """
    return TokenEstimate(*estimate_each([text])[0].tolist())


def estimate_texts(texts: Sequence[str]) -> TokenEstimate:
    """Return the sum of the estimates of many texts, in a small part of the time that one after the other takes."""
    return TokenEstimate(*estimate_each(texts).sum(axis=0).tolist())


def estimate_each(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the estimates of n texts, shape (n, 3): low, likely and high tokens of each, at least one."""
    parts = [_estimate_part(part) for part in _parts(texts)]
    return np.concatenate(parts) if parts else np.zeros((0, 3), np.int64)


def _parts(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut a column into parts of some million characters, whose codes fit into the processor's cache and memory."""
    start = held = 0
    for position, text in enumerate(texts):
        held += len(text) + 1
        if held > _CHARACTERS_AT_ONCE:
            yield texts[start : position + 1]
            start, held = position + 1, 0
    if start < len(texts):
        yield texts[start:]


def _estimate_part(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    ends = np.cumsum(lengths + 1) - 1  # where the character lies that parts a text from the next one
    places = _places("\0".join(texts) + "\0", ends)
    found = np.empty((len(texts), 3), np.int64)
    starts = ends - lengths
    for column in range(3):
        before = np.concatenate(([0], np.cumsum(_PLACE_WEIGHTS[column][places], dtype=np.int64)))
        found[:, column] = before[ends] - before[starts]
    found[:, 0] //= 100
    found[:, 1] = (found[:, 1] + 50) // 100
    found[:, 2] = -(-found[:, 2] // 100)
    return np.maximum(found, 1)


def longest_beginning(text: str, most: int) -> str:
    """Return the longest beginning of a text whose high estimate is at most so many tokens, at least a character."""
    places = _places(text + "\0", np.array([len(text)]))
    fits = int(np.searchsorted(np.cumsum(_PLACE_WEIGHTS[2][places[:-1]], dtype=np.int64), 100 * most, side="right"))
    while fits > 1 and estimate_text(text[:fits]).high > most:  # a space at the end counts where it did not within
        fits -= 1
    return text[: max(1, fits)]


def _table_of_classes() -> npt.NDArray[np.uint8]:
    table = np.zeros(0x10000, np.uint8)
    for kind, *ranges in _RANGES:
        for first, last in ranges:
            table[first : last + 1] = kind
    return table


_CLASSES = _table_of_classes()

_GOING_ON = 17  # added to the class of a character that goes on with a run

_SPECIAL = (_LATE_LETTER, _LETTER_AFTER_DIGIT, _LETTER_AFTER_MARK, _SAME_MARK, _COUNTED_SPACE)

_PLACE_WEIGHTS = np.array(
    [_WEIGHTS[kind][0] for kind in range(_GOING_ON)] + [_WEIGHTS[kind][1] for kind in range(_GOING_ON)] + [*_SPECIAL],
    np.int32,
).T.copy()


def _places(joined: str, ends: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Return which of the weights each character has; those at ``ends`` part texts, and have none."""
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), "<u4")
    kinds: npt.NDArray[np.uint8] = _CLASSES[np.minimum(codes, 0xFFFF)]
    is_high = codes > 0xFFFF
    if is_high.any():
        kinds[is_high] = _SYMBOL
        kinds[(codes >= _IDEOGRAPHS_FROM) & (codes <= _IDEOGRAPHS_TO)] = _HAN
    kinds[ends] = _NONE
    before = np.concatenate((np.zeros(1, np.uint8), kinds[:-1]))
    after = np.concatenate((kinds[1:], np.zeros(1, np.uint8)))
    is_latin = (kinds >= _LOWER) & (kinds <= _ACCENTED)
    follows_latin = np.concatenate((np.zeros(1, np.bool_), is_latin[:-1]))
    places: npt.NDArray[np.uint8] = kinds.copy()
    places[(kinds == before) | (is_latin & follows_latin)] += _GOING_ON
    is_late = is_latin & (kinds == _LOWER)
    for step in range(1, _LATE + 1):
        is_late[step:] &= is_latin[:-step]
        is_late[:step] = False
    is_mark = kinds == _PUNCTUATION
    repeats = np.concatenate((np.zeros(1, np.bool_), codes[1:] == codes[:-1]))
    is_space = kinds == _SPACE
    is_plain = is_latin & (kinds != _ACCENTED)
    for number, where in enumerate(
        (
            is_late,
            is_plain & (before == _DIGIT),
            is_plain & (before == _PUNCTUATION),
            is_mark & (before == _PUNCTUATION) & repeats,
            is_space & (before != _SPACE) & ((after == _SPACE) | (after == _DIGIT) | (after == _NONE)),
        ),
        2 * _GOING_ON,
    ):
        places[where] = number
    return places


_sizes: dict[bytes, tuple[int, int]] = {}


def image_size(content: Content) -> tuple[int, int] | None:
    """Return width and height of a picture of this machine, read from its head once; None where nobody can say."""
    if content.media is None or content.media.url is not None:
        return None
    known = _sizes.get(content.digest)
    if known is None and (known := picture_size(content.media)) is not None:  # a file that is away may be back later
        if len(_sizes) >= _MOST_SIZES_KEPT:
            _sizes.clear()
        _sizes[content.digest] = known
    return known


def estimate_image(size: tuple[int, int] | None, spec: ModelSpec) -> TokenEstimate:
    """Estimate the tokens of a picture of this width and height; None is one that nobody has seen yet.

    Examples
    --------
    >>> from mmembed.providers.models import find_model
    >>> estimate_image((224, 224), find_model("qwen3-vl-embedding")).likely
    51
    """
    pixels = spec.image_pixels_a_token
    most = spec.most_image_tokens or _MOST_IMAGE_TOKENS
    if size is None:
        return TokenEstimate(_LEAST_IMAGE_TOKENS, min(most, _image_tokens(_USUAL_SIDE, _USUAL_SIDE, pixels)), most + 2)
    likely = max(_LEAST_IMAGE_TOKENS, min(most, _image_tokens(*size, pixels)))
    if pixels is None:
        return TokenEstimate(_LEAST_IMAGE_TOKENS, likely, most + 2)
    # The model brings both sides to whole patches, up or down, and a large picture to a little below the most.
    side = math.isqrt(pixels)
    width, height = size
    fewest = (width // side) * (height // side) + 2
    rounded_up = -(-width // side) * -(-height // side) + 2
    low = max(_LEAST_IMAGE_TOKENS, min(fewest, most * 9 // 10))
    return TokenEstimate(min(low, likely), likely, max(likely, min(most + 2, rounded_up)))


def _image_tokens(width: int, height: int, pixels_a_token: int | None) -> int:
    return math.ceil(width * height / (pixels_a_token or _UNDOCUMENTED_PIXELS_A_TOKEN)) + 2


def estimate_tokens(content: Content, spec: ModelSpec) -> tuple[TokenEstimate, TokenEstimate]:
    """Estimate the tokens of a content.

    Returns
    -------
    tuple of TokenEstimate
        Of its texts, and of its pictures and videos: the two have different prices.
    """
    text, media = TokenEstimate(), TokenEstimate()
    for part in content.leaves:
        if part.text is not None:
            text += estimate_text(part.text)
        else:
            media += estimate_media(part, spec)
    return text, media


def estimate_media(content: Content, spec: ModelSpec) -> TokenEstimate:
    """Estimate the tokens of a picture, a list of pictures or a video."""
    if content.kind == "image":
        return estimate_image(image_size(content) if spec.media_price else None, spec)  # nobody looks at what is free
    if content.kind == "video":
        return TokenEstimate(*_VIDEO)
    return sum((estimate_media(part, spec) for part in content.parts), TokenEstimate())


def estimate_all(contents: Sequence[Content], spec: ModelSpec) -> npt.NDArray[np.int64]:
    """Return the estimates of n contents, shape (n, 2, 3): of texts and of media; low, likely and high."""
    found = np.zeros((len(contents), 2, 3), np.int64)
    texts: list[str] = []
    owners: list[int] = []
    for number, content in enumerate(contents):
        for part in content.leaves:
            if part.text is not None:
                texts.append(part.text)
                owners.append(number)
            else:
                one = estimate_media(part, spec)
                found[number, 1] += (one.low, one.likely, one.high)
    np.add.at(found[:, 0], owners, estimate_each(texts))
    return found


def likely_on_the_wire(contents: Iterable[Mapping[str, Any]], spec: ModelSpec) -> tuple[int, int]:
    """Return the likely tokens of texts and of media of a request's ``input.contents``.

    For answers without ``usage``: what was embedded is charged at what the plan said of it.
    """
    texts: list[str] = []
    media = 0
    for content in contents:
        for kind, value in content.items():
            if kind == "text":
                texts.append(value)
            elif kind == "video":
                media += _VIDEO[1]
            else:
                media += sum(_likely_image(one, spec) for one in (value if isinstance(value, list) else [value]))
    return estimate_texts(texts).likely, media


def _likely_image(value: str, spec: ModelSpec) -> int:
    head, _, payload = value.partition(";base64,")
    data = base64.b64decode(payload) if head.startswith("data:") else None
    return estimate_image(None if data is None else picture_size(Media(data=data)), spec).likely


@dataclass(frozen=True)
class CostEstimate:
    """Tokens and CNY: the likely figure between a low and a high one."""

    tokens: TokenEstimate
    low: float = 0.0
    likely: float = 0.0
    high: float = 0.0


def amount(price: float) -> str:
    """Return a price in four digits, however small it is, without an exponent.

    Examples
    --------
    >>> amount(0.0000356), amount(12.5), amount(123456.7)
    ('0.0000356', '12.5', '123500')
    """
    return np.format_float_positional(float(f"{price:.4g}"), trim="-")


def estimate_cost(contents: Iterable[Content], spec: ModelSpec) -> CostEstimate:
    """Estimate what a model will charge for contents; the free quota is left out of account."""
    text, media = estimate_all(list(contents), spec).sum(axis=0).tolist()
    return price_tokens(TokenEstimate(*text), TokenEstimate(*media), spec)


def price_tokens(text: TokenEstimate, media: TokenEstimate, spec: ModelSpec) -> CostEstimate:
    """Return what a model will charge for tokens of texts and of pictures and videos."""
    text_price, media_price = spec.text_price / 1000, spec.media_price / 1000
    return CostEstimate(
        tokens=text + media,
        low=text.low * text_price + media.low * media_price,
        likely=text.likely * text_price + media.likely * media_price,
        high=text.high * text_price + media.high * media_price,
    )


@dataclass(frozen=True)
class Budget:
    """The most that a run may cost, in CNY."""

    max_cost: float
    spec: ModelSpec

    def __post_init__(self) -> None:
        if not self.max_cost >= 0:
            raise ValueError(f"max_cost={self.max_cost!r} is not an amount of CNY of at least 0.")

    def check_plan(self, contents: Iterable[Content]) -> None:
        """Refuse contents whose lowest price is over the budget, before anything is sent.

        Raises
        ------
        BudgetError
            If it is; names both sums.
        """
        estimate = estimate_cost(contents, self.spec)
        self.check_price(estimate.low, estimate.likely)

    def check_price(self, low: float, likely: float) -> None:
        """Refuse a run whose lowest price is over the budget, before anything is sent.

        Raises
        ------
        BudgetError
            If it is; names both sums.
        """
        if low > self.max_cost:
            raise BudgetError(
                f"The lowest price of this run is {amount(low)} CNY (likely {amount(likely)}), over "
                f"max_cost={amount(self.max_cost)}. Nothing was sent. Raise max_cost, embed fewer rows, or choose a "
                "cheaper model; df.mmembed.plan(…) shows prices."
            )

    def check_bill(self, cost: float) -> None:
        """Stop a run whose bill has reached the budget.

        Raises
        ------
        BudgetError
            If it has.
        """
        if cost >= self.max_cost and cost > 0:
            raise BudgetError(
                f"The run was stopped at {amount(cost)} CNY billed, with max_cost={amount(self.max_cost)}. What was "
                "answered is in the cache, where there is one; running again with a higher max_cost continues."
            )
