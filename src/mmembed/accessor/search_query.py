"""What the arguments of ``search`` mean: rows as queries, masks, keyword columns, calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.embedding.queries import is_many
from mmembed.errors import ModalityError, VectorError
from mmembed.frames import Written, beside, column_of
from mmembed.vectors import Vector, VectorArray

if TYPE_CHECKING:
    from mmembed.accessor.reranking import Reranking
    from mmembed.analysis.finding.bm25 import KeywordMatches, KeywordStatistics
    from mmembed.analysis.finding.calibration import Calibration


@dataclass(frozen=True)
class RowQuery:
    """A query, and of which row of a frame it is the vector.

    Attributes
    ----------
    query : Any
    label : Hashable
        The row's index label.
    is_row : bool
        Whether the query is a row at all.
    """

    query: Any
    label: Any = None
    is_row: bool = False

    def itself(self, df: pd.DataFrame, vectors: VectorArray) -> npt.NDArray[np.bool_] | None:
        """Return which rows are the row that asks, shape (n,), or None where none does.

        They have its label and its vector: a label alone may be that of other rows, too.
        """
        if not self.is_row:
            return None
        alike = np.flatnonzero(np.asarray(df.index == self.label))
        found = np.zeros(len(df), dtype=bool)
        found[alike] = vectors[alike] == Vector(np.asarray(self.query, dtype=np.float32), space=vectors.space)
        return found


def row_query(query: Any, df: pd.DataFrame, column: str) -> RowQuery:
    """Take the vector out of a query that is a row of a frame; return any other query as it is.

    Raises
    ------
    VectorError
        If the row has no vector.
    """
    if not isinstance(query, pd.Series) or column not in query.index or not query.index.equals(df.columns):
        return RowQuery(query)
    vector = query[column]
    if not isinstance(vector, Vector | np.ndarray | list | tuple):
        raise VectorError(
            f"The row {query.name!r} has no vector in {column!r}, so nothing is like it. Choose a row that has one."
        )
    return RowQuery(vector, label=query.name, is_row=True)


def allowed_rows(df: pd.DataFrame, where: Any, itself: npt.NDArray[np.bool_] | None) -> Any:
    """Return which rows may be found, shape (n,), or None for all.

    Raises
    ------
    TypeError
        If where is no mask.
    ValueError
        If it is a Series of other rows.
    """
    mask = where(df) if callable(where) else where
    if mask is not None:
        if isinstance(mask, pd.DataFrame | str) or (np.ndim(mask) != 1):
            raise TypeError(
                f"where={type(mask).__name__} is no mask. Give one bool a row, such as df['price'] < 100, "
                "or filter first: df[df['price'] < 100].mmembed.search(…)."
            )
        mask = beside(mask, df.index, argument="where")
        if len(mask) != len(df):
            raise ValueError(f"where has {len(mask)} values for {len(df)} rows. Give one bool for each row.")
        try:
            mask = pd.array(getattr(mask, "array", mask), dtype="boolean").to_numpy(dtype=bool, na_value=False)
        except (TypeError, ValueError) as error:
            raise TypeError(f"where holds values that are not True or False: {error}. Give one bool a row.") from error
    if itself is None:
        return mask
    return ~itself if mask is None else mask & ~itself


def keyword_table(
    df: pd.DataFrame, column: str, query: Any, statistics: KeywordStatistics | None = None
) -> KeywordMatches:
    """Return how well the words of each query match each row, shape (q, n).

    Parameters
    ----------
    df : pandas.DataFrame
    column : str
        A column of texts.
    query : str or list of str
    statistics : KeywordStatistics, optional
        Of the whole table, where this frame is a part of it.

    Raises
    ------
    ModalityError
        If a query is not a text.
    """
    from mmembed.analysis.finding.bm25 import KeywordMatches, keyword_matches

    texts, queries = column_of(df, column), keyword_queries(column, query)
    return KeywordMatches.stacked([keyword_matches(one, texts, statistics) for one in queries], len(df))


def keyword_queries(column: str, query: Any) -> list[str]:
    """Return the texts to look for in a column of texts.

    Raises
    ------
    ModalityError
        If a query is not a text.
    """
    queries = list(query) if is_many(query) else [query]
    for one in queries:
        if not isinstance(one, str):
            raise ModalityError(
                f"hybrid={column!r} looks for the words of a query, and this one is of type {type(one).__name__}. "
                "Ask with a text, or leave hybrid out."
            )
    return queries


def calibration_of(
    df: pd.DataFrame, calibrate: str | None, kinds: str | None, vectors: VectorArray
) -> Calibration | None:
    """Return the calibration of a column for queries of the kind of another, or None where none is asked for.

    Raises
    ------
    ValueError
        If kinds are given without calibrate.
    """
    if calibrate is None:
        if kinds is not None:
            raise ValueError(
                f"kinds={kinds!r} needs calibrate=, a vector column of contents of the query's kind: "
                "without it, the mean of the queries' kind is not known."
            )
        return None
    from mmembed.analysis.finding.calibration import fit_calibration

    groups = None if kinds is None else column_of(df, kinds)
    return fit_calibration(column_of(df, calibrate), vectors, kinds=groups)


def reranking_of(rerank: Any, *arguments: Any, **settings: Any) -> Reranking | None:
    """Return the second look that a search asks for, if it does; takes what :meth:`Reranking.of` takes."""
    if rerank is None:
        return None
    from mmembed.accessor.reranking import Reranking

    return Reranking.of(rerank, *arguments, **settings)


def check_alone(name: str, **others: Any) -> None:
    """Refuse an option that goes with no other one.

    Raises
    ------
    ValueError
        If another one is given; names it.
    """
    given = [other for other, value in others.items() if value is not None]
    if given:
        raise ValueError(f"{name}= cannot be combined with {given[0]}=. Leave one of them out.")


def check_search_columns(df: pd.DataFrame, name: str | None, *, many: bool, scored: bool, calibrated: bool) -> None:
    """Refuse a search whose columns would replace some of the user's; to be called before the query is embedded.

    Raises
    ------
    ColumnExistsError
        If a column that will be added is in the frame, and no search wrote it.
    """
    kinds = ["query", "rank"] * many + ["similarity"] + ["score"] * scored + ["percentile"] * calibrated
    Written.by("search", name).check(df, [kind if name is None else f"{name}_{kind}" for kind in kinds])
