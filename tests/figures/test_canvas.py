"""What the canvas gets: neighbours, columns that colour and filter, and numbers as few bytes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mmembed.figures.canvas import as_base64, choice_data, neighbor_data
from mmembed.vectors import VectorArray


@pytest.fixture
def vectors():
    """Return 40 vectors of three numbers; row 7 is missing."""
    matrix = np.random.default_rng(1).normal(size=(40, 3)).astype(np.float32)
    return pd.Series(VectorArray.from_matrix(matrix, mask=np.arange(40) == 7))


def neighbors_of(data, kind="<u2"):
    return np.frombuffer(data["points"], dtype=kind).reshape(-1, data["k"])


def test_the_neighbours_are_those_by_cosine(vectors):
    """Nearest first, as 16-bit numbers; a row without a vector has none."""
    data = neighbor_data(vectors, np.arange(40), most_bytes=10_000)
    near = neighbors_of(data)
    assert near.shape == (40, 15)
    similarity = vectors.mmembed.similarity(vectors.iloc[3]).fillna(-2).to_numpy().copy()
    similarity[3] = -2
    assert near[3].tolist() == np.argsort(-similarity)[:15].tolist()
    assert set(near[7].tolist()) == {65535}


def test_neighbours_that_are_not_on_the_map_leave_no_gap(vectors):
    """Of a part of the rows, neighbours are numbers of points, and the rest moves up."""
    points = np.arange(0, 40, 2)
    near = neighbors_of(neighbor_data(vectors, points, most_bytes=10_000))
    whole = neighbors_of(neighbor_data(vectors, np.arange(40), most_bytes=10_000))
    kept = [row // 2 for row in whole[4].tolist() if row % 2 == 0]
    assert near[2][: len(kept)].tolist() == kept
    assert set(near[2][len(kept) :].tolist()) == {65535}


@pytest.mark.parametrize(("room", "k"), [(40 * 2 * 5, 5), (40 * 2 * 2, None), (0, None)])
def test_where_room_is_scarce_fewer_neighbours_are_kept(vectors, room, k):
    """At least three, or none at all."""
    data = neighbor_data(vectors, np.arange(40), most_bytes=room)
    assert (data and data["k"]) == k


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_hardly_any_rows_are_no_error(vectors, rows):
    """One row has no neighbour, two have each other."""
    data = neighbor_data(vectors.iloc[:rows], np.arange(rows), most_bytes=10_000)
    assert data is None if rows < 2 else neighbors_of(data).tolist() == [[1], [0]]


def test_columns_become_codes_and_steps():
    """Categories by frequency, numbers and times between their ends; what is missing has the last number."""
    df = pd.DataFrame(
        {
            "shop": ["north", None, "south", "south"],
            "price": [1.0, np.nan, 3.0, 2.0],
            "when": pd.to_datetime(["2024-01-01", None, "2024-01-03", "2024-01-02"]),
        }
    )
    shop, price, when = choice_data(df, np.arange(4), color=["shop", "price"], keep=["price", "when"], other="{count}")
    assert (shop["kind"], shop["values"], shop["color"], shop["filter"]) == (
        "category",
        ["south", "north"],
        True,
        False,
    )
    assert np.frombuffer(shop["codes"], "<u2").tolist() == [1, 65535, 0, 0]
    assert (price["low"], price["high"]) == (1.0, 3.0)
    assert np.frombuffer(price["codes"], "<u2").tolist() == [0, 65535, 65534, 32767]
    assert when["low"] == pd.Timestamp("2024-01-01").timestamp() * 1000
    assert np.frombuffer(when["codes"], "<u2").tolist() == [0, 65535, 65534, 32767]


def test_many_values_are_forty_and_the_others():
    """A long tail is one entry, and colours stay few."""
    df = pd.DataFrame({"brand": [f"b{row % 60:02}" for row in range(600)]})
    (brand,) = choice_data(df, np.arange(600), color=["brand"], keep=[], other="{count} others")
    assert len(brand["values"]) == len(brand["tones"]) == 41
    assert brand["values"][-1] == "20 others"


@pytest.mark.parametrize(
    "cells", [[[1], [2]], [np.nan, np.nan], ["\ud800", "a"], [True, False], [pd.NaT, pd.NaT], [1e308, -1e308]]
)
def test_odd_columns_are_no_error(cells):
    """Lists, nothing at all, broken characters and huge numbers are categories or steps."""
    df = pd.DataFrame({"odd": pd.Series(cells, dtype=object if isinstance(cells[0], list | str) else None)})
    (odd,) = choice_data(df, np.arange(2), color=["odd"], keep=["odd"], other="{count}")
    assert len(odd["codes"]) == 4


def test_bytes_become_text_and_the_rest_stays():
    """Only bytes are encoded, at any depth."""
    data = {"a": b"\x00\x01", "b": [{"c": b"\xff"}, 1], "texts": [["x"]], "d": None}
    assert as_base64(data) == {"a": "AAE=", "b": [{"c": "/w=="}, 1], "texts": [["x"]], "d": None}
