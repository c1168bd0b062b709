"""The texts that names are made from: of each cluster some, so that no table is too large to be read."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from mmembed.arrays import Positions

# Names need no more than a sample: at most this many bytes of UTF-8 are read in all, in equal shares for each cluster.
# A Chinese character has three and is about a third of a word's work, as three letters are.
_BYTES = 4_000_000
# What a text is about is said early; the rest of a long one adds time and chance words.
_CHARACTERS_A_TEXT = 1_000


@dataclass(frozen=True, eq=False)
class TextSample:
    """The texts that are read: of each cluster some, chosen by content alone, so that the order of rows is nothing.

    Attributes
    ----------
    positions, labels, texts, weights
        Of each text that is read: its row, its cluster, its beginning, how typical the row is of the cluster.
    is_whole : bool
        Whether these are all texts.
    """

    positions: Positions
    labels: Positions
    texts: list[str]
    weights: npt.NDArray[np.float64]
    is_whole: bool = True


def beginning(text: Any) -> str:
    """Return the part of a text that is read; nothing of a cell that is no text."""
    return text[:_CHARACTERS_A_TEXT].strip() if isinstance(text, str) else ""


def sample_texts(
    labels: Positions, texts: Sequence[Any], weights: npt.NDArray[np.float64], *, first: int = 0
) -> TextSample:
    """Return the texts to read; ``first`` is the position of the first row in a table that these are a part of."""
    starts = [
        (position, start)
        for position, (label, text) in enumerate(zip(labels.tolist(), texts, strict=True))
        if label >= 0 and (start := beginning(text))
    ]
    at = np.array([position for position, _ in starts], dtype=np.int64)
    return _within_share(
        TextSample(at + first, labels[at].astype(np.int64), [start for _, start in starts], weights[at])
    )


def merge_samples(samples: Sequence[TextSample]) -> TextSample:
    """Return the texts to read of a table from those of its parts: the same as if it had been one."""
    return _within_share(
        TextSample(
            np.concatenate([one.positions for one in samples]),
            np.concatenate([one.labels for one in samples]),
            [text for one in samples for text in one.texts],
            np.concatenate([one.weights for one in samples]),
            all(one.is_whole for one in samples),
        )
    )


def _within_share(sample: TextSample) -> TextSample:
    """Return, of each cluster, the texts of the smallest checksum, until its share of what is read is used up."""
    encoded = [text.encode("utf-8", "replace") for text in sample.texts]
    sizes = np.fromiter(map(len, encoded), np.int64, len(encoded))
    order = np.argsort(sample.labels, kind="stable")
    names, starts = np.unique(sample.labels[order], return_index=True)
    share = _BYTES // max(1, len(names))
    chosen: list[int] = []
    for rows in np.split(order, starts[1:]) if len(names) else []:
        members = rows.tolist()
        if sizes[rows].sum() > share:
            members.sort(key=lambda row: (zlib.crc32(encoded[row]), sample.texts[row], int(sample.positions[row])))
            read = np.cumsum(sizes[members])
            members = members[: int(np.searchsorted(read, share)) + 1]
        chosen.extend(members)
    if len(chosen) == len(encoded) and sample.is_whole:
        return replace(sample, **_taken(sample, chosen))
    return replace(sample, **_taken(sample, chosen), is_whole=False)


def _taken(sample: TextSample, rows: list[int]) -> dict[str, Any]:
    return {
        "positions": sample.positions[rows],
        "labels": sample.labels[rows],
        "texts": [sample.texts[row] for row in rows],
        "weights": sample.weights[rows],
    }
