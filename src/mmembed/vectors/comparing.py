"""Equality, order and hashing of the rows of a vector array: what sorting, grouping and merging rest on."""

# ruff: noqa: SLF001  the rows of two arrays of one class are compared

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.extensions import ExtensionArray

from mmembed.arrays import BoolVector
from mmembed.vectors.codes import row_codes, row_hashes, row_ranks
from mmembed.vectors.scalar import Vector
from mmembed.vectors.space import check_comparable
from mmembed.vectors.storage import StoredRows

Comparison = Callable[[Any, Any], Any]


class ComparableRows(StoredRows):
    """The half of a vector array that tells rows apart; equality is exact, order is lexicographic."""

    __hash__: ClassVar[None]  # type: ignore[assignment]  # arrays that have == are not hashable

    def _compare(self, other: Any, compare: Comparison) -> Any:
        if isinstance(other, pd.Series | pd.Index | pd.DataFrame):
            return NotImplemented
        if isinstance(other, ComparableRows | Vector):
            check_comparable(self, other)
        if isinstance(other, ComparableRows):
            if len(self) != len(other):
                raise ValueError(f"Lengths differ: {len(self)} and {len(other)}.")
            result, missing = _compare_rows(self._matrix, other._matrix, compare), self._mask | other._mask
        elif isinstance(other, Vector):
            # Not rounded to float16: a row equals a vector exactly if its scalar does.
            result, missing = _compare_rows(self._matrix, np.asarray(other)[np.newaxis], compare), self._mask
        elif isinstance(other, list | tuple | np.ndarray | ExtensionArray) and len(other) == len(self):
            pairs = zip(cast("Any", self), cast("Sequence[Any]", other), strict=True)
            result = np.array([left is not pd.NA and compare(left, right) is True for left, right in pairs], dtype=bool)
            missing = self._mask
        elif compare in (operator.eq, operator.ne):
            result, missing = np.full(len(self), compare is operator.ne), self._mask
        else:
            return NotImplemented
        # A missing row equals nothing and comes before or after nothing.
        result[missing] = compare is operator.ne
        return result

    def __eq__(self, other: object) -> Any:
        """Compare row by row; a missing row equals nothing."""
        return self._compare(other, operator.eq)

    def __ne__(self, other: object) -> Any:
        """Compare row by row; a missing row differs from everything."""
        return self._compare(other, operator.ne)

    def __lt__(self, other: object) -> Any:
        return self._compare(other, operator.lt)

    def __le__(self, other: object) -> Any:
        return self._compare(other, operator.le)

    def __gt__(self, other: object) -> Any:
        return self._compare(other, operator.gt)

    def __ge__(self, other: object) -> Any:
        return self._compare(other, operator.ge)

    def equals(self, other: object) -> bool:
        """Return whether the other array has the same dtype, the same rows and the same missing rows."""
        if not isinstance(other, ComparableRows) or self._dtype != other._dtype or len(self) != len(other):
            return False
        return np.array_equal(self._mask, other._mask) and np.array_equal(self._matrix, other._matrix, equal_nan=True)

    def factorize(self, use_na_sentinel: bool = True) -> tuple[npt.NDArray[np.intp], Self]:  # noqa: FBT001, FBT002  pandas' signature
        """Return codes and the distinct rows in order of appearance."""
        codes, first = row_codes(self._matrix, self._mask)
        if not use_na_sentinel and self._mask.any():
            at = int(np.flatnonzero(self._mask)[0])
            code = int((first < at).sum())
            codes[codes >= code] += 1
            codes[self._mask] = code
            first = np.insert(first, code, at)
        return codes.astype(np.intp), self.take(first)

    def unique(self) -> Self:
        """Return the distinct rows in order of appearance."""
        return self.factorize(use_na_sentinel=False)[1]

    def duplicated(self, keep: Any = "first") -> BoolVector:
        """Return True where the same row stands elsewhere; missing rows equal each other here, as in pandas."""
        codes, _ = row_codes(self._matrix, self._mask)
        return pd.Series(codes).duplicated(keep=keep).to_numpy()

    def value_counts(self, dropna: bool = True) -> pd.Series[int]:  # noqa: FBT001, FBT002  pandas' signature
        """Return how often each row stands in the array."""
        codes, rows = self.factorize(use_na_sentinel=dropna)
        counts = np.bincount(codes[codes >= 0], minlength=len(rows))
        return pd.Series(counts, index=pd.Index(rows), name="count", dtype="Int64")

    def searchsorted(self, value: Any, side: Any = "left", sorter: Any = None) -> Any:
        """Return where rows belong in this sorted array."""
        wanted = self._from_sequence([value] if isinstance(value, Vector) else value, dtype=self._dtype)
        ranks = row_ranks(np.concatenate([self._matrix, wanted._matrix]))
        found = ranks[: len(self)].searchsorted(ranks[len(self) :], side=side, sorter=sorter)
        return found[0] if isinstance(value, Vector) else found

    def _hash_pandas_object(self, *, encoding: str, hash_key: str, categorize: bool) -> npt.NDArray[np.uint64]:  # noqa: ARG002  pandas' signature
        return row_hashes(self._matrix, self._mask, hash_key.encode(encoding))

    def _values_for_argsort(self) -> npt.NDArray[np.int64]:
        return row_ranks(self._matrix)


def _compare_rows(left: npt.NDArray[Any], right: npt.NDArray[Any], compare: Comparison) -> BoolVector:
    """Compare ``(n, d)`` with ``(n, d)`` or ``(1, d)`` row by row."""
    if compare is operator.eq:
        return np.asarray((left == right).all(axis=1))
    if compare is operator.ne:
        return np.asarray((left != right).any(axis=1))
    ranks = row_ranks(np.concatenate([left, right]))
    return np.asarray(compare(ranks[: len(left)], ranks[len(left) :]))
