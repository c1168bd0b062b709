"""The rows that samples are made of: the same in every version and wherever a table is cut."""

from __future__ import annotations

import dask
import numpy as np
import pandas as pd
import pytest
from tests.distributed.tables import cut

from mmembed.distributed.columns import side_by_side
from mmembed.distributed.samples import (
    draw,
    draw_by_class,
    draw_labelled,
    measure_extent,
    prepared_column,
    read_facts,
    sample_rows,
)
from mmembed.vectors import VectorArray

BOUNDS = {"two partitions": [100], "an empty one, single rows": [7, 7, 250, 399]}

EVENLY = {
    0: [22, 25, 90, 95, 118, 202, 218, 315, 346, 354, 378, 387],
    7: [44, 62, 74, 86, 101, 171, 200, 212, 230, 299, 337, 341],
}
BY_CLASS = {
    0: [0, 30, 90, 114, 129, 150, 160, 205, 240, 250, 259, 329, 350, 377, 380],
    7: [47, 62, 81, 100, 110, 119, 150, 172, 176, 200, 207, 300, 374, 388, 399],
}
BY_HASH = [145, 217, 316, 85, 119, 37, 114, 4, 214, 292, 220, 252]


@pytest.fixture(scope="module")
def df():
    """Return rows whose numbers are whole, so that every machine has the same; some have no vector or no label."""
    at = np.arange(400)
    matrix = np.stack([at // 2 % 13 + 1, at // 2 % 29, at % 7, at % 3], axis=1).astype(np.float32)
    side = np.where(at % 50 == 0, "rare", np.where(at % 2 == 0, "even", "odd")).astype(object)
    side[at % 11 == 5] = None
    return pd.DataFrame({"v": VectorArray.from_matrix(matrix, space="toy", mask=at % 10 == 3), "side": side})


@pytest.mark.parametrize("bounds", BOUNDS.values(), ids=BOUNDS)
@pytest.mark.parametrize("seed", [0, 7])
def test_rows_are_drawn_evenly_from_those_that_have_a_vector(df, bounds, seed):
    """The positions are those of before, and the rows are those at the positions."""
    columns = side_by_side(cut(df, bounds)["v"])
    with dask.config.set(scheduler="synchronous"):
        extent = measure_extent(columns)
        sample = draw(columns, extent, 12, seed=seed)
        whole = draw(columns, extent, 360, seed=seed)
    assert sample.positions.tolist() == EVENLY[seed]
    assert (sample.of, extent.with_vector, sum(extent.rows), sample.is_whole) == (360, 360, 400, False)
    assert sample.frame.index.tolist() == list(range(12))
    np.testing.assert_array_equal(sample.frame["vector"].array.matrix, df["v"].iloc[EVENLY[seed]].array.matrix)
    assert whole.is_whole
    assert whole.positions.tolist() == np.flatnonzero(df["v"].notna()).tolist()


@pytest.mark.parametrize("bounds", BOUNDS.values(), ids=BOUNDS)
@pytest.mark.parametrize("seed", [0, 7])
def test_labelled_rows_are_drawn_by_class(df, bounds, seed):
    """The positions are those of before; the center is of all rows that have a vector, labelled or not."""
    ddf = cut(df, bounds)
    with dask.config.set(scheduler="synchronous"):
        sample = draw_labelled(side_by_side(ddf["v"], target=ddf["side"]), 12, seed=seed)
    assert sample.positions.tolist() == BY_CLASS[seed]
    assert sample.of == 327
    assert sample.frame["target"].tolist() == df["side"].iloc[BY_CLASS[seed]].tolist()
    np.testing.assert_allclose(sample.center, [0.461893, 0.740701, 0.21348, 0.075322], atol=1e-6)


@pytest.mark.parametrize("bounds", BOUNDS.values(), ids=BOUNDS)
def test_different_rows_are_drawn_by_their_hash(df, bounds):
    """The positions and their order are those of before."""
    with dask.config.set(scheduler="synchronous"):
        ddf, column = prepared_column(cut(df, bounds)["v"], None)
        sample = sample_rows(ddf, column, read_facts(ddf, column, 12), 12).compute()
    assert sample.positions.tolist() == BY_HASH
    np.testing.assert_array_equal(sample.rows, df["v"].iloc[BY_HASH].array.matrix)


@pytest.mark.parametrize("named", ["vector", "kinds", "target"])
def test_columns_of_any_name_go_with_the_rows_of_a_class(df, named):
    """A user's column may be called as the columns of a fit are, and hold texts."""
    frame = df.assign(**{named: "a text"})
    with dask.config.set(scheduler="synchronous"):
        ddf = cut(frame, [100])
        sample = draw_by_class(ddf, lambda part: (np.flatnonzero(part["side"].fillna("") == "rare"), None), 3, seed=0)
    assert sample.frame["side"].tolist() == ["rare"] * 3
    assert sample.frame[named].tolist() == ["a text"] * 3
