"""Where keys lie in the segments of a shared cache: 16 bytes a key, found by bisection."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from mmembed.embedding.segments import KEY_BYTES, Segment, key_prefixes

__all__ = ["SegmentIndex"]


class SegmentIndex:
    """The keys of all known segments.

    Only the first eight bytes of a key are kept: a record's checksum covers the whole key, so that one of the same
    beginning is not taken for it. Sorted tiers are merged when they grow alike, so that a key is moved only a few times
    however many segments are added one by one.
    """

    def __init__(self) -> None:
        self._segments: list[Segment | None] = []
        self._numbers: dict[str, int] = {}
        self._tiers: list[tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32]]] = []  # prefixes; segments and rows
        self._new: list[tuple[int, npt.NDArray[np.uint64]]] = []

    def __contains__(self, name: str) -> bool:
        return name in self._numbers

    def __len__(self) -> int:
        return sum(len(prefixes) for prefixes, _ in self._tiers) + sum(len(prefixes) for _, prefixes in self._new)

    def add(self, segment: Segment, prefixes: npt.NDArray[np.uint64]) -> None:
        """Add the keys of a segment."""
        number = self._numbers[segment.name] = len(self._segments)
        self._segments.append(segment)
        self._new.append((number, prefixes.copy()))

    def drop(self, names: Collection[str]) -> None:
        """Forget segments; their keys are passed over from then on."""
        for name in names:
            number = self._numbers.pop(name, None)
            if number is not None:
                self._segments[number] = None

    def keep(self, names: Collection[str]) -> None:
        """Forget all other segments."""
        self.drop([name for name in self._numbers if name not in names])

    def find(
        self, keys: Sequence[bytes], refused: Collection[tuple[Segment, int]] = ()
    ) -> dict[Segment, list[tuple[int, int]]]:
        """Return where keys may lie: for each segment the rows, each with the number of its key.

        Rows that are refused, since another key or nothing whole was found there, are passed over.
        """
        self._sort_in()
        asked = key_prefixes(np.frombuffer(b"".join(keys), np.uint8).reshape(len(keys), KEY_BYTES))
        found: dict[Segment, list[tuple[int, int]]] = {}
        left = np.arange(len(keys))
        for prefixes, places in reversed(self._tiers):  # what was stored last is asked for most
            first = np.searchsorted(prefixes, asked[left], side="left").tolist()
            last = np.searchsorted(prefixes, asked[left], side="right").tolist()
            passed = []
            for number, start, end in zip(left.tolist(), first, last, strict=True):
                for segment_number, row in places[start:end].tolist():
                    segment = self._segments[segment_number]
                    if segment is not None and (segment, row) not in refused:
                        found.setdefault(segment, []).append((row, number))
                        break
                else:
                    passed.append(number)
            left = np.array(passed, dtype=np.int64)
        return found

    def _sort_in(self) -> None:
        if not self._new:
            return
        numbers = np.concatenate([np.full(len(prefixes), number, np.uint32) for number, prefixes in self._new])
        rows = np.concatenate([np.arange(len(prefixes), dtype=np.uint32) for _, prefixes in self._new])
        prefixes, places = np.concatenate([one for _, one in self._new]), np.stack([numbers, rows], axis=1)
        while self._tiers and len(self._tiers[-1][0]) <= 2 * len(prefixes):
            before = self._tiers.pop()
            prefixes, places = np.concatenate([before[0], prefixes]), np.concatenate([before[1], places])
        held, which = np.unique(places[:, 0], return_inverse=True)
        is_live = np.array([self._segments[number] is not None for number in held.tolist()], dtype=bool)[which]
        order = np.argsort(prefixes[is_live], kind="stable")  # of sorted runs: the kind that makes use of it
        self._tiers.append((prefixes[is_live][order], places[is_live][order]))
        self._new = []
