"""Labels over partitions learned from a judge: rows are drawn from the whole table, judged here, and learned from."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from dask.base import compute

from mmembed.accessor.arguments import contents_column
from mmembed.accessor.judge import judged_answers
from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.labels.judged import JudgedModel
from mmembed.arrays import Positions
from mmembed.distributed.columns import no_vectors, side_by_side, vector_dtype, vectors_in
from mmembed.distributed.labels import labelled_lazily
from mmembed.distributed.partitions import by_partition, each
from mmembed.frames import column_of
from mmembed.vectors import VectorDtype


def add_judged(
    ddf: Any,
    column: str,
    labels: Sequence[Any],
    judge: Any,
    *,
    descriptions: Mapping[Any, Any],
    rows: int,
    on: str | Mapping[str, Any] | None,
    random_state: int | None,
    root: Path | str | None,
    threshold: float | None,
    name: str,
) -> Any:
    """Return the frame with labels and scores, lazily; computes twice to draw the rows that the judge is asked about.

    They are the rows that pandas draws, and the labels are those of pandas.
    """
    dtype = vector_dtype(column_of(ddf, column))
    source, _ = contents_column(ddf.columns, column, on, reader="judge", read="rows")
    used = ddf[list(dict.fromkeys([column, column_of(ddf, source).name]))]
    sums = compute(*each(_count, used[[column]], column=column, dtype=dtype))
    counts = [int(count) for count, _ in sums]
    total = reduce(operator.add, [of_part for _, of_part in sums])
    chance = np.random.default_rng(0 if random_state is None else random_state)
    drawn = np.sort(chance.choice(sum(counts), min(rows, sum(counts)), replace=False)) if rows > 0 else np.zeros(0, int)
    picked = compute(*each(_pick, used, own=by_partition(drawn, counts), column=column, dtype=dtype))
    sample = pd.concat(picked, ignore_index=True)
    array = vectors_in(sample[column], dtype)
    answers = judged_answers(
        sample, column, array, labels, judge, rows=rows, on=on, random_state=random_state, root=root
    )
    model = JudgedModel.learn(
        array,
        answers,
        descriptions=descriptions,
        random_state=random_state,
        center=np.asarray(total / max(1, sum(counts)), np.float32),
    )
    nothing = no_vectors(model.classifier.vectors.dtype)
    slim = replace(model.classifier, vectors=nothing, learned=np.empty(0, dtype=np.intp))
    vectors = side_by_side(column_of(ddf, column))
    return labelled_lazily(ddf, vectors, replace(model, classifier=slim), name, threshold)


def _count(part: pd.DataFrame, *, column: str, dtype: VectorDtype) -> tuple[int, npt.NDArray[np.float64]]:
    """Return the number of vectors of a partition, and the sum of their directions."""
    array = vectors_in(part[column], dtype)
    present = array.matrix[~array.isna()]
    return len(present), unit_rows(present).sum(axis=0, dtype=np.float64)


def _pick(part: pd.DataFrame, places: Positions, *, column: str, dtype: VectorDtype) -> pd.DataFrame:
    """Return the rows at these places among those that have a vector."""
    present = np.flatnonzero(~vectors_in(part[column], dtype).isna())
    return part.iloc[present[places]]
