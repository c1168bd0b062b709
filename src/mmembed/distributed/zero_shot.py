"""Labels from words over partitions: what all rows together must tell is learned first, then labels are lazy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import dask.dataframe as dd
import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.labels.zero_shot import ZeroShotModel, warn_of_judges
from mmembed.distributed.aligning import check_partitions, side_by_side, vector_dtype, vectors_of
from mmembed.distributed.columns import no_vectors
from mmembed.distributed.folding import folded, inline, on_partitions
from mmembed.distributed.sampling import measure_extent


@dataclass(frozen=True, eq=False)
class DistributedZeroShot:
    """The best of the given labels for each row of a Dask DataFrame.

    Attributes
    ----------
    names : pandas.api.extensions.ExtensionArray
        The labels, in the order given.
    agreement : float or None
        As of :class:`mmembed.analysis.ZeroShot`, of all rows: where each label has several descriptions, for which
        share of the rows the first ones alone choose the same label as the others alone.
    """

    names: pd.api.extensions.ExtensionArray
    agreement: float | None
    model: ZeroShotModel = field(repr=False)
    columns: Any = field(repr=False)

    def __repr__(self) -> str:
        agreement = "" if self.agreement is None else f", agreement={self.agreement:.2f}"
        return f"DistributedZeroShot(labels={len(self.names)}{agreement}); see .add_to(ddf)"

    def add_to(self, ddf: Any, *, name: str = "label") -> Any:
        """Return the frame with ``label`` and ``label_score``, lazily; ``name`` renames both.

        Raises
        ------
        ValueError
            If the frame has other partitions than the vectors that were given.
        """
        check_partitions(ddf, self.columns, what="the vectors had")
        metas = (ddf._meta, self.columns._meta)  # noqa: SLF001 - Dask's own word
        meta = _label_part(*metas, model=self.model, name=name)
        return dd.map_partitions(_label_part, ddf, self.columns, model=inline(self.model), name=name, meta=meta)


def zero_shot(
    vectors: Any, label_vectors: Any, labels: Sequence[Any], *, kinds: Any = None, threshold: float | None = None
) -> DistributedZeroShot:
    """Give each row the label whose vector is nearest; the twin of :func:`mmembed.zero_shot`.

    It computes: one pass learns what cosines of all rows with the labels differ by, after one for the means of kinds;
    where each label has several descriptions, one more asks how often they agree. Labels are lazy.

    Parameters
    ----------
    vectors : vector column of a Dask DataFrame
    label_vectors, labels, threshold
        As on pandas.
    kinds : column of the same frame, optional
        As on pandas.

    Returns
    -------
    DistributedZeroShot
        Labels and scores are those of pandas, scores to a millionth.

    Raises
    ------
    ValueError
        As on pandas.

    Warns
    -----
    UserWarning
        As on pandas, if several descriptions of the labels agree so seldom that the scores must be too high.
    """
    like = no_vectors(vector_dtype(vectors))
    model = ZeroShotModel.of(like, label_vectors, labels, is_centered=kinds is not None, threshold=threshold)
    columns = side_by_side(vectors, kinds=kinds)
    if kinds is not None:
        model = replace(model, preparation=measure_extent(columns).preparation)
    model = model.spread_to(folded(on_partitions(_deviations, columns, model=inline(model)), _summed))
    agreement = None
    if model.judges is not None:
        verdicts = folded(on_partitions(_verdicts, columns, model=inline(model)), _summed)
        agreement = model.agreement(verdicts)
        warn_of_judges(agreement, verdicts, len(model.names), stacklevel=2)
    return DistributedZeroShot(model.names, agreement, model, columns)


def _deviations(part: pd.DataFrame, *, model: ZeroShotModel) -> npt.NDArray[np.float64]:
    return model.deviations(vectors_of(part), part.get("kinds"))


def _verdicts(part: pd.DataFrame, *, model: ZeroShotModel) -> npt.NDArray[np.float64]:
    array, kinds = vectors_of(part), part.get("kinds")
    return model.verdicts(array, model.label(array, kinds).scores, kinds)


def _summed(parts: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    return np.asarray(np.sum(parts, axis=0))


def _label_part(df: pd.DataFrame, part: pd.DataFrame, *, model: ZeroShotModel, name: str) -> pd.DataFrame:
    return model.label(vectors_of(part), part.get("kinds")).add_to(df, name=name)
