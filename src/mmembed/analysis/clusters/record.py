"""How labels were made, remembered in this process: what a column of labels cannot say, for a report on it.

No state lies on a frame. A record is found by the labels themselves, so that it never tells of others.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from threading import Lock
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

_MOST_RECORDS = 64


class Measured(Protocol):
    """What a record takes from a result of clustering."""

    @property
    def method(self) -> str:
        """What made the labels."""

    @property
    def stability(self) -> float:
        """Of the whole."""

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """The label of each cluster."""

    @property
    def stabilities(self) -> npt.NDArray[np.float32]:
        """Of each cluster."""

    @property
    def candidates(self) -> pd.DataFrame:
        """What was compared, one row each."""


@dataclass(frozen=True)
class FitRecord:
    """How clusters were made.

    Attributes
    ----------
    method : str
        As of the result.
    stability : float
        Of the whole; NaN where it was not measured.
    stabilities : mapping of int to float
        By label.
    compared : int
        Groupings that were compared; 0 where there was no choice.
    settings : mapping of str to object
        What the caller asked for otherwise than by default.
    """

    method: str
    stability: float = float("nan")
    stabilities: Mapping[int, float] = field(default_factory=dict)
    compared: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, clusters: Measured) -> FitRecord:
        """Return the record of a result."""
        by_label = dict(zip(clusters.numbers.tolist(), clusters.stabilities.tolist(), strict=True))
        return cls(clusters.method, float(clusters.stability), by_label, len(clusters.candidates))


class _Records:
    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, FitRecord] = OrderedDict()
        self._lock = Lock()

    def keep(self, key: bytes, record: FitRecord) -> None:
        with self._lock:
            self._kept[key] = record
            self._kept.move_to_end(key)
            while len(self._kept) > _MOST_RECORDS:
                self._kept.popitem(last=False)

    def find(self, key: bytes) -> FitRecord | None:
        with self._lock:
            return self._kept.get(key)


_RECORDS = _Records()


def remember_fit(labels: Any, record: FitRecord) -> None:
    """Keep how labels were made; the last 64 are kept."""
    _RECORDS.keep(_key(labels), record)


def remember_clusters(df: pd.DataFrame, column: str, clusters: Measured) -> pd.DataFrame:
    """Keep how a column of labels was made, and return its frame."""
    remember_fit(df[column], FitRecord.of(clusters))
    return df


def remember_settings(labels: Any, settings: Mapping[str, Any]) -> None:
    """Add what the caller asked for to the record of labels, if there is one."""
    record = recall_fit(labels)
    if record is not None:
        remember_fit(labels, replace(record, settings=dict(settings)))


def recall_fit(labels: Any) -> FitRecord | None:
    """Return how labels were made; None where this process did not make them, or made others since.

    Parameters
    ----------
    labels : Series or array of whole numbers, shape (n,)
        All labels, in the order of the rows; missing ones are rows without a vector.

    Examples
    --------
    >>> remember_fit([0, 1, None], FitRecord("kmeans"))
    >>> recall_fit(pd.array([0, 1, None], dtype="Int64")).method
    'kmeans'
    >>> recall_fit([0, 1]) is None
    True
    """
    try:
        return _RECORDS.find(_key(labels))
    except (TypeError, ValueError):
        return None  # labels that are no whole numbers were made elsewhere


def _key(labels: Any) -> bytes:
    values = pd.Series(labels).astype("Int64")
    whole = values.fillna(-2).to_numpy(dtype=np.int64)
    return blake2b(whole.tobytes(), digest_size=20).digest()
