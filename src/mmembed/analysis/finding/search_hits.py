"""What a search found, and how it is written as a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd


@dataclass(frozen=True, eq=False)
class SearchHits:
    """The k best rows of each query.

    Attributes
    ----------
    positions : numpy.ndarray, shape (q, k), int64
        Positions of the rows, best first, ties in row order; -1 where there are fewer than k rows with a vector, and
        in the whole of a query without a vector.
    similarities : numpy.ndarray, shape (q, k), float32
        Their cosines with the query; NaN where the position is -1.
    n_rows : int
        How many rows were searched, those without a vector included.
    single : bool
        Whether one query was asked rather than a column of queries.
    scores : mapping of str to numpy.ndarray, shape (q, k)
        Further numbers of each hit by name: ``score`` where the order is not that of the similarities, ``percentile``
        where the search was calibrated.
    """

    positions: npt.NDArray[np.int64] = field(repr=False)
    similarities: npt.NDArray[np.float32] = field(repr=False)
    n_rows: int
    single: bool
    scores: Mapping[str, npt.NDArray[Any]] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    def add_to(self, df: pd.DataFrame, *, queries: Sequence[Any] | None = None) -> pd.DataFrame:
        """Return the rows that were found, best first.

        Parameters
        ----------
        df : pandas.DataFrame
            The frame whose vectors were searched; left alone.
        queries : sequence, optional
            What to call each query in the column ``query``; without it, its position. For many queries only.

        Returns
        -------
        pandas.DataFrame
            For one query its rows and ``similarity``. For many, the rows of the first query, then of the second, …,
            with ``query``, ``rank`` (from 1) and ``similarity``. The index labels are those of the rows.
        """
        if len(df) != self.n_rows:
            raise ValueError(
                f"The frame has {len(df)} rows, but {self.n_rows} were searched. "
                "Give the frame whose vectors were used."
            )
        if queries is not None and len(queries) != len(self.positions):
            raise ValueError(f"{len(queries)} names were given for {len(self.positions)} queries. Give one for each.")
        query, rank = np.nonzero(self.positions >= 0)
        rows = df.iloc[self.positions[query, rank]]
        numbers = {"similarity": self.similarities[query, rank]}
        numbers |= {name: values[query, rank] for name, values in self.scores.items()}
        if self.single:
            return rows.assign(**numbers)
        names = pd.Series(range(len(self.positions)) if queries is None else queries)
        return rows.assign(query=names.array.take(query), rank=rank + 1, **numbers)

    def __repr__(self) -> str:
        n_queries, k = self.positions.shape
        return f"SearchHits(queries={n_queries}, k={k}, rows={self.n_rows}); see .add_to(df)"
