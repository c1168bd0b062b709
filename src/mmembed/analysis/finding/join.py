"""Pairs of similar rows of two vector columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from mmembed.analysis.graphs.near_rows import check_threshold
from mmembed.analysis.graphs.nearest import nearest_rows
from mmembed.arrays import FloatVector, Positions
from mmembed.errors import at_least_one
from mmembed.frames import Written, assigned, index_of, rows_in_order, with_endings
from mmembed.vectors import as_vector_array, check_comparable


@dataclass(frozen=True, eq=False)
class JoinedPairs:
    """Pairs of a row of the left frame and a row of the right one.

    Attributes
    ----------
    left, right : numpy.ndarray of int, shape (p,)
        Positions; in order of the left rows, and for each from near to far.
    similarities : numpy.ndarray, shape (p,), float32
        Cosines.
    n_left, n_right : int
        How many rows the frames have.
    """

    left: Positions = field(repr=False)
    right: Positions = field(repr=False)
    similarities: FloatVector = field(repr=False)
    n_left: int
    n_right: int
    # Labels of the rows of both frames, where the vectors were Series.
    left_index: pd.Index | None = field(default=None, repr=False)
    right_index: pd.Index | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.left)

    def add_to(
        self,
        df: pd.DataFrame,
        other: pd.DataFrame,
        *,
        suffixes: tuple[str, str] = ("", "_right"),
        name: str | None = None,
    ) -> pd.DataFrame:
        """Return one row for each pair: the columns of both rows, and ``similarity``.

        Parameters
        ----------
        df, other : pandas.DataFrame
            The frames whose vectors were joined; left alone.
        suffixes : pair of str
            Added to the names that both frames have.
        name : str, optional
            First part of another name for ``similarity``: ``<name>_similarity``.

        Returns
        -------
        pandas.DataFrame
            Labelled by the left frame's index.
        """
        df = rows_in_order(df, self.n_left, self.left_index)
        other = rows_in_order(other, self.n_right, self.right_index)
        both = set(df.columns) & set(other.columns)
        if both and suffixes[0] == suffixes[1]:
            raise ValueError(f"Both frames have {sorted(map(str, both))}, and suffixes={suffixes!r} do not differ.")
        left = with_endings(df.iloc[self.left], both, suffixes[0])
        right = with_endings(other.iloc[self.right], both, suffixes[1])
        right.index = left.index
        joined = pd.concat([left, right], axis=1)
        repeated = joined.columns[joined.columns.duplicated()]
        if len(repeated):
            raise ValueError(f"The joined frame would have two columns {repeated[0]!r}. Rename one, or give suffixes=.")
        owner = Written.by("join", name)
        owner.check(joined)
        return assigned(joined, dict.fromkeys(owner.sets[0], self.similarities))

    def __repr__(self) -> str:
        return f"JoinedPairs(pairs={len(self)}, left={self.n_left}, right={self.n_right}); see .add_to(df, other)"


def join(left: Any, right: Any, k: int = 1, *, threshold: float | None = None, one_to_one: bool = False) -> JoinedPairs:
    """Find the k most similar rows of another column for each row, exactly.

    Parameters
    ----------
    left, right : vector column, shape (n, d) and (m, d)
        Of one space. Rows without a vector have no partner.
    k : int
        Partners of each left row, at least 1.
    threshold : float, optional
        Least cosine, from -1 to 1.
    one_to_one : bool
        Use no row of either side twice. Of all ways to pair rows with one of their k most similar ones (within the
        threshold), take one that pairs the most rows, and among those one with the greatest sum of similarities
        (a sparse assignment: Jonker and Volgenant 1987, in scipy). A greater k allows more rows to be paired; with
        k at least the number of right rows it is the best matching of all.

    Returns
    -------
    JoinedPairs

    Raises
    ------
    SpaceMismatchError, DimensionMismatchError
        If the columns cannot be compared.
    ValueError
        If k is below 1 or the threshold is no cosine.

    Examples
    --------
    >>> import numpy as np
    >>> left = np.array([[1, 0], [1, 0.1]], dtype="float32")
    >>> right = np.array([[1, 0.05], [0, 1]], dtype="float32")
    >>> join(left, right).right.tolist(), join(left, right, k=2, one_to_one=True).right.tolist()
    ([0, 0], [0, 1])
    """
    k = at_least_one("k", k, "asks for no partner")
    if threshold is not None:
        check_threshold(threshold)
    one, other = as_vector_array(left), as_vector_array(right)
    check_comparable(one, other)
    # More partners than there are rows would only fill memory.
    wanted = min(k, max(len(other), 1))
    positions, cosines = nearest_rows(
        one.matrix, other.matrix, wanted, queries_missing=one.isna(), missing=other.isna()
    )
    fits = positions >= 0
    if threshold is not None:
        fits &= np.nan_to_num(cosines, nan=-2) >= np.float32(threshold)
    rows, rank = np.nonzero(fits)
    partners, similarities = positions[rows, rank], cosines[rows, rank]
    if one_to_one:
        chosen = best_matching(rows, partners, similarities)
        rows, partners, similarities = rows[chosen], partners[chosen], similarities[chosen]
    return JoinedPairs(rows, partners, similarities, len(one), len(other), index_of(left), index_of(right))


def best_matching(left: Positions, right: Positions, similarities: FloatVector) -> Positions:
    """Return which of the pairs make a matching with the most pairs and, among those, the greatest sum of cosines."""
    if not len(left):
        return np.empty(0, dtype=np.int64)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    left_names, rows = np.unique(left, return_inverse=True)
    right_names, columns = np.unique(right, return_inverse=True)
    n_left, n_right = len(left_names), len(right_names)
    # A partner of its own that stands for "none" lets every left row be matched. It costs more than all the
    # similarities of a matching can be worth, so it is taken only where nothing else can be.
    none = 4.0 * (min(n_left, n_right) + 1)
    everyone = np.arange(n_left)
    costs = np.concatenate([2.0 - similarities.astype(np.float64), np.full(n_left, none)])
    graph = coo_array(
        (
            costs,
            # scipy before 1.15 matches with indices of 32 bits only.
            (
                np.concatenate([rows, everyone]).astype(np.int32),
                np.concatenate([columns, n_right + everyone]).astype(np.int32),
            ),
        ),
        shape=(n_left, n_right + n_left),
    )
    matched, partner = min_weight_full_bipartite_matching(graph.tocsr())
    real = partner < n_right
    keys = rows * n_right + columns
    order = np.argsort(keys)
    wanted = matched[real] * n_right + partner[real]
    return np.sort(order[np.searchsorted(keys, wanted, sorter=order)])
