"""How many tokens a content will cost, as a low and a high figure; the service's ``usage`` has the last word.

What contents will cost, and the budget that a run must keep.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmembed.contents.content import Content
from mmembed.errors import BudgetError
from mmembed.providers.models import ModelSpec

# One token is about 1.5 Chinese characters or 4 others; tokenizers differ by some 40 % either way.
_WIDE_RANGES = ((0x2E80, 0x9FFF), (0xAC00, 0xD7AF), (0xF900, 0xFAFF), (0xFF00, 0xFFEF), (0x20000, 0x3FFFF))

_WIDE = re.compile("[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in _WIDE_RANGES) + "]")

_CHARACTERS_AT_ONCE = 1_000_000

_LOW_SHARE = 0.7

_HIGH_SHARE = 1.5

# The documentation's example counts 896 tokens for one picture, and no page has a formula.
_IMAGE = (256, 896)

_IMAGE_HIGH = 1_792

# Sixteen sampled frames; the service caps the number of frames at a figure that it does not publish.
_VIDEO_FRAMES = (4, 64)


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
    >>> estimate_text("红色连衣裙").likely
    4
    """
    wide = len(_WIDE.findall(text)) if not text.isascii() else 0
    likely = wide / 1.5 + (len(text) - wide) / 4
    return TokenEstimate(
        max(1, math.floor(likely * _LOW_SHARE)), max(1, math.ceil(likely)), max(1, math.ceil(likely * _HIGH_SHARE))
    )


def estimate_texts(texts: Sequence[str]) -> TokenEstimate:
    """Return the sum of the estimates of many texts, in a small part of the time that one after the other takes."""
    low = likely = high = 0
    for part in _parts(texts):
        lengths = np.fromiter(map(len, part), np.int64, len(part))
        wide = _wide_counts("".join(part), lengths)
        tokens = wide / 1.5 + (lengths - wide) / 4
        low += int(np.maximum(1, np.floor(tokens * _LOW_SHARE)).sum())
        likely += int(np.maximum(1, np.ceil(tokens)).sum())
        high += int(np.maximum(1, np.ceil(tokens * _HIGH_SHARE)).sum())
    return TokenEstimate(low, likely, high)


def _parts(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut a column into parts of some million characters, whose codes fit into the processor's cache and memory."""
    start = held = 0
    for position, text in enumerate(texts):
        held += len(text)
        if held > _CHARACTERS_AT_ONCE:
            yield texts[start : position + 1]
            start, held = position + 1, 0
    if start < len(texts):
        yield texts[start:]


def _wide_counts(joined: str, lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return how many wide characters each of the joined texts has."""
    if joined.isascii():
        return np.zeros_like(lengths)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), "<u4")
    is_wide = np.zeros(len(codes), dtype=np.bool_)
    for first, last in _WIDE_RANGES:
        # One comparison: what lies below the range wraps round to a large number.
        is_wide |= codes - np.uint32(first) <= last - first
    before = np.concatenate(([0], np.cumsum(is_wide)))
    ends = np.cumsum(lengths)
    counts: npt.NDArray[np.int64] = before[ends] - before[ends - lengths]
    return counts


def estimate_tokens(content: Content) -> tuple[TokenEstimate, TokenEstimate]:
    """Estimate the tokens of a content.

    Returns
    -------
    tuple of TokenEstimate
        Of its texts, and of its pictures and videos: the two have different prices.
    """
    if content.kind == "text":
        return estimate_text(content.text or ""), TokenEstimate()
    if content.kind == "image":
        return TokenEstimate(), TokenEstimate(_IMAGE[0], _IMAGE[1], _IMAGE_HIGH)
    if content.kind == "video":
        low, high = _VIDEO_FRAMES
        return TokenEstimate(), TokenEstimate(low * _IMAGE[0], 4 * _IMAGE[1], high * _IMAGE[1])
    text, media = TokenEstimate(), TokenEstimate()
    for part in content.parts:
        part_text, part_media = estimate_tokens(part)
        text, media = text + part_text, media + part_media
    return text, media


@dataclass(frozen=True)
class CostEstimate:
    """Tokens and CNY: the likely figure between a low and a high one."""

    tokens: TokenEstimate
    low: float = 0.0
    likely: float = 0.0
    high: float = 0.0


def estimate_cost(contents: Iterable[Content], spec: ModelSpec) -> CostEstimate:
    """Estimate what a model will charge for contents; the free quota is left out of account."""
    texts: list[str] = []
    media = TokenEstimate()
    for content in contents:
        if content.text is not None:
            texts.append(content.text)
            continue
        for part in content.parts or (content,):
            if part.text is not None:
                texts.append(part.text)
            else:
                media += estimate_tokens(part)[1]
    return price_tokens(estimate_texts(texts), media, spec)


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
                f"The lowest price of this run is {low:.4g} CNY (likely {likely:.4g}), over "
                f"max_cost={self.max_cost:.4g}. Nothing was sent. Raise max_cost, embed fewer rows, or choose a "
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
                f"The run was stopped at {cost:.4g} CNY billed, with max_cost={self.max_cost:.4g}. What was answered "
                "is in the cache, where there is one; running again with a higher max_cost continues."
            )
