"""How many tokens a content will cost, as a low and a high figure; the service's ``usage`` has the last word."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from mmembed.providers.protocol import Content

# One token is about 1.5 Chinese characters or 4 others; tokenizers differ by some 40 % either way.
_WIDE = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
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
