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
    beginning is not taken for it.
    """

    def __init__(self) -> None:
        self._segments: list[Segment | None] = []
        self._numbers: dict[str, int] = {}
        self._prefixes = np.empty(0, np.uint64)
        self._places = np.empty((0, 2), np.uint32)  # segment and row
        self._new: list[tuple[int, npt.NDArray[np.uint64]]] = []

    def __contains__(self, name: str) -> bool:
        return name in self._numbers

    def __len__(self) -> int:
        return len(self._prefixes) + sum(len(prefixes) for _, prefixes in self._new)

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

    def find(self, keys: Sequence[bytes]) -> dict[Segment, list[tuple[int, int]]]:
        """Return where keys may lie: for each segment the rows, each with the number of its key."""
        self._sort_in()
        asked = key_prefixes(np.frombuffer(b"".join(keys), np.uint8).reshape(len(keys), KEY_BYTES))
        first = np.searchsorted(self._prefixes, asked, side="left").tolist()
        last = np.searchsorted(self._prefixes, asked, side="right").tolist()
        found: dict[Segment, list[tuple[int, int]]] = {}
        for number, (start, end) in enumerate(zip(first, last, strict=True)):
            for segment_number, row in self._places[start:end].tolist():
                segment = self._segments[segment_number]
                if segment is not None:
                    found.setdefault(segment, []).append((row, number))
                    break
        return found

    def _sort_in(self) -> None:
        if not self._new:
            return
        numbers = np.concatenate([np.full(len(prefixes), number, np.uint32) for number, prefixes in self._new])
        rows = np.concatenate([np.arange(len(prefixes), dtype=np.uint32) for _, prefixes in self._new])
        prefixes = np.concatenate([self._prefixes, *(prefixes for _, prefixes in self._new)])
        places = np.concatenate([self._places, np.stack([numbers, rows], axis=1)])
        is_live = np.array([one is not None for one in self._segments], dtype=bool)[places[:, 0]]
        order = np.argsort(prefixes[is_live], kind="stable")  # nearly sorted: the kind that makes use of it
        self._prefixes, self._places = prefixes[is_live][order], places[is_live][order]
        self._new = []
