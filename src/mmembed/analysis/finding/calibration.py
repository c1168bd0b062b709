"""Similarities that mean something across kinds of content: the gap between kinds, and percentiles of random pairs.

The vectors of texts and of pictures lie in two cones of one space (Liang et al., "Mind the Gap", NeurIPS 2022). So the
cosine of a text and the picture it describes may be below that of two unrelated texts, and no one threshold fits both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.cosines import pair_cosines
from mmembed.analysis.finding.search import SearchHits
from mmembed.analysis.preparation import Preparation
from mmembed.arrays import FloatMatrix, FloatVector, Positions
from mmembed.errors import VectorError
from mmembed.vectors import VectorArray, as_vector_array, check_comparable

_RANDOM_PAIRS = 20_000


@dataclass(frozen=True, eq=False)
class ModalityGap:
    """How far apart two kinds of content lie in one space.

    Attributes
    ----------
    distance : float
        Between the mean unit vectors of the two kinds; 0 is no gap.
    pairs : pandas.DataFrame
        Cosines of random pairs: ``pair`` (``"left-left"``, ``"right-right"``, ``"left-right"``), ``similarity``, and
        ``centred``, the similarity after each kind's mean was removed.
    """

    distance: float
    pairs: pd.DataFrame = field(repr=False)

    def summary(self) -> pd.DataFrame:
        """Return quantiles of the random pairs' cosines by kind of pair, as they are and centred."""
        rows = {
            (pair, name): np.quantile(part[name], [0.05, 0.5, 0.95])
            for pair, part in self.pairs.groupby("pair", sort=False)
            for name in ("similarity", "centred")
        }
        table = pd.DataFrame.from_dict(rows, orient="index", columns=["5 %", "median", "95 %"])
        table.index = pd.MultiIndex.from_tuples(rows, names=["pair", "cosine"])
        return table

    def __repr__(self) -> str:
        middle = self.pairs.groupby("pair")["similarity"].median()
        shown = ", ".join(f"{pair} {value:.2f}" for pair, value in middle.items())
        return f"ModalityGap(distance={self.distance:.3f}, median cosines of random pairs: {shown}); see .summary()"


@dataclass(frozen=True, eq=False)
class Calibration:
    """What is removed from queries and rows before they are compared, and how similar random pairs then are.

    Attributes
    ----------
    rows : VectorArray
        The searched vectors without the mean of their kind.
    background : numpy.ndarray, shape (p,)
        Cosines of random pairs of the queries' kind and the rows, in rising order.
    """

    rows: VectorArray
    background: FloatVector = field(repr=False)
    _queries: Preparation = field(repr=False)

    def prepare(self, queries: Any) -> VectorArray:
        """Return queries without the mean of their kind."""
        array = as_vector_array(queries)
        return prepared(array, self._queries, ["query"] * len(array))

    def percentiles(self, similarities: FloatMatrix) -> npt.NDArray[np.float64]:
        """Return which share of random pairs is less similar, from 0 to 100; NaN for NaN."""
        below = np.searchsorted(self.background, np.nan_to_num(similarities, nan=-2), side="left")
        return np.where(np.isnan(similarities), np.nan, 100 * below / len(self.background))

    def add_to_hits(self, hits: SearchHits) -> SearchHits:
        """Return the hits with their ``percentile``."""
        scores = {**hits.scores, "percentile": self.percentiles(hits.similarities)}
        return SearchHits(hits.positions, hits.similarities, hits.n_rows, hits.single, scores, hits.index)

    def __repr__(self) -> str:
        low, middle, high = np.quantile(self.background, [0.05, 0.5, 0.95])
        return (
            f"Calibration(rows={len(self.rows)}, cosines of random pairs: {low:.2f} to {high:.2f}, "
            f"median {middle:.2f}); see .prepare(queries), .percentiles(similarities)"
        )


def fit_calibration(queries: Any, vectors: Any, *, kinds: Any = None) -> Calibration:
    """Learn what makes queries of one kind comparable with the rows of another.

    Parameters
    ----------
    queries : vector column, shape (m, d)
        Contents of the queries' kind, such as captions for text queries; some dozens are enough for their mean.
    vectors : vector column, shape (n, d)
        What will be searched.
    kinds : array-like, shape (n,), optional
        The kind of each row, where kinds are mixed; without it the rows are one kind.

    Raises
    ------
    VectorError
        If either has fewer than two vectors.
    """
    asked, array = as_vector_array(queries), as_vector_array(vectors)
    check_comparable(asked, array)
    check_enough(int((~asked.isna()).sum()), int((~array.isna()).sum()))
    of_queries = Preparation.learn(asked, ["query"] * len(asked))
    given = ["row"] * len(array) if kinds is None else kinds
    rows = prepared(array, Preparation.learn(array, given), given)
    centred = prepared(asked, of_queries, ["query"] * len(asked))
    background = np.sort(_random_cosines(centred, rows, seed=0))
    return Calibration(rows, background, of_queries)


def check_enough(n_queries: int, n_rows: int) -> None:
    """Refuse columns that have no mean and no random pairs.

    Raises
    ------
    VectorError
        If either has fewer than two vectors.
    """
    for what, count in (("The column of the queries' kind", n_queries), ("The searched column", n_rows)):
        if count < 2:
            raise VectorError(f"{what} has fewer than two vectors; a mean and random pairs need more.")


def measure_gap(left: Any, right: Any) -> ModalityGap:
    """Measure how far apart two vector columns of one space lie, such as captions and photographs.

    Parameters
    ----------
    left, right : vector column, shape (n, d) and (m, d)

    Examples
    --------
    >>> import numpy as np
    >>> random = np.random.default_rng(0)
    >>> texts, pictures = random.normal(size=(2, 50, 8)).astype("float32")
    >>> texts[:, 0] += 5
    >>> measure_gap(texts, pictures).distance > 0.5
    True
    """
    arrays = as_vector_array(left), as_vector_array(right)
    check_comparable(*arrays)
    if any((~array.isna()).sum() < 2 for array in arrays):
        raise VectorError("A gap is measured between two columns with at least two vectors each.")
    learned = [Preparation.learn(array, ["it"] * len(array)) for array in arrays]
    plain = [prepared(array, Preparation(), None) for array in arrays]
    centred = [prepared(array, one, ["it"] * len(array)) for array, one in zip(arrays, learned, strict=True)]
    frames = [
        pd.DataFrame(
            {
                "pair": name,
                "similarity": _random_cosines(plain[i], plain[j], seed=seed, same=i == j),
                "centred": _random_cosines(centred[i], centred[j], seed=seed, same=i == j),
            }
        )
        for seed, (name, i, j) in enumerate((("left-left", 0, 0), ("right-right", 1, 1), ("left-right", 0, 1)))
    ]
    means = [next(iter((one.means or {}).values())) for one in learned]
    return ModalityGap(float(np.linalg.norm(means[0] - means[1])), pd.concat(frames, ignore_index=True))


def prepared(array: VectorArray, preparation: Preparation, kinds: Any) -> VectorArray:
    """Return the vectors as a preparation leaves them, missing rows included."""
    matrix = np.full((len(array), array.dimension), np.nan, dtype=np.float32)
    matrix[~array.isna()] = preparation.rows(array, kinds)
    return VectorArray.from_matrix(matrix, space=array.space, mask=array.isna())


def _random_cosines(left: VectorArray, right: VectorArray, *, seed: int, same: bool = False) -> FloatVector:
    lefts, rights = np.flatnonzero(~left.isna()), np.flatnonzero(~right.isna())
    one, other = random_pairs(len(lefts), len(rights), seed=seed)
    one, other = lefts[one], rights[other]
    if same:
        one, other = one[one != other], other[one != other]
    return pair_cosines(left.matrix, right.matrix, one, other)


def random_pairs(n_left: int, n_right: int, *, seed: int) -> tuple[Positions, Positions]:
    """Return which of the rows that have a vector make the random pairs, by their number among them."""
    random = np.random.default_rng(seed)
    return random.choice(n_left, _RANDOM_PAIRS), random.choice(n_right, _RANDOM_PAIRS)
