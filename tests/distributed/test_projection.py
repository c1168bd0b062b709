"""Maps over partitions: the pandas map where the sample is the table, and a place for every row elsewhere."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.distributed.tables import CUTS, clustered, cut, untouchable

import mmembed
from mmembed.distributed import fit_projection


@pytest.fixture(scope="module")
def df():
    return clustered(rows=240)


@pytest.mark.parametrize("cuts", [CUTS["one partition"], [0, 90, 90, 240]], ids=["one partition", "empty partitions"])
def test_a_map_of_all_rows_is_that_of_pandas(df, cuts):
    """However the table is cut, coordinates are those of pandas."""
    want = df.mmembed.project("v", kinds="kind", dimensions=3, name="m")
    lazy = cut(df, cuts).mmembed.project("v", kinds="kind", dimensions=3, name="m")
    assert lazy.dtypes["m_z"] == np.float32
    pd.testing.assert_frame_equal(lazy.compute()[["m_x", "m_y", "m_z"]], want[["m_x", "m_y", "m_z"]])


def test_rows_that_are_not_in_the_sample_are_placed(df, cluster):
    """With a fit on a part, every row has the place that the fitted map gives it, next to rows of its group."""
    ddf = cut(df, [100, 150])
    with cluster.as_current():
        found = fit_projection(ddf["v"], sample_rows=120)
        table = found.add_to(ddf).persist().compute()
        places = found.transform(ddf["v"]).compute()
    np.testing.assert_allclose(table[["map_x", "map_y"]], found.fitted.transform(df["v"]), atol=1e-4)
    np.testing.assert_allclose(table[["map_x", "map_y"]], places, atol=1e-6)
    assert table["map_x"].isna().tolist() == df["v"].isna().tolist()
    known = table.dropna(subset="map_x")
    near = mmembed.neighbors(known[["map_x", "map_y"]].to_numpy(dtype="float32"), 1)
    assert len(near) == len(known)
    assert repr(found).startswith("DistributedProjection(umap, dimensions=2, fitted on 120 of 232 rows)")


def test_a_map_goes_on_as_on_pandas(df):
    """Of all rows, from the map, from its pandas twin or from the frame's columns, it is the map of pandas."""
    first = mmembed.fit_projection(df["v"])
    want = df.mmembed.project("v", like=first, name="m")[["m_x", "m_y"]]
    earlier = first.add_to(df, name="old")
    ddf = cut(earlier, [100])
    for like in ("old", first, fit_projection(ddf["v"])):
        found = ddf.mmembed.project("v", like=like, name="m").compute()[["m_x", "m_y"]]
        pd.testing.assert_frame_equal(found, want)


def test_a_map_of_a_sample_goes_on_from_that_of_another(df):
    """The rows of this week's sample start where last week's map places them, and most lie near it still."""
    ddf = cut(df, [100, 150])
    earlier = fit_projection(ddf["v"], sample_rows=150)
    later = fit_projection(ddf["v"], sample_rows=150, random_state=1, like=earlier)
    before, after = (one.add_to(ddf).compute()[["map_x", "map_y"]].dropna().to_numpy() for one in (earlier, later))
    assert ((after - before) ** 2).sum() < 0.1 * ((before - before.mean(axis=0)) ** 2).sum()
    with pytest.raises(TypeError, match="no earlier map"):
        fit_projection(ddf["v"], like=7)


@pytest.mark.xdist_group("umap-learn")  # one worker, so that umap-learn is compiled once
def test_options_are_those_of_pandas(df):
    """Neighbours, distances and a target give the coordinates of pandas."""
    options = {"n_neighbors": 8, "min_dist": 0.3, "target": "kind"}
    want = df.mmembed.project("v", **options)[["map_x", "map_y"]]
    pd.testing.assert_frame_equal(cut(df, [100]).mmembed.project("v", **options).compute()[["map_x", "map_y"]], want)


def test_methods_that_cannot_place_rows_need_the_whole_table(df):
    """An estimator without transform is refused where rows would have no place, not where the sample is the table."""
    from sklearn.manifold import SpectralEmbedding

    method = SpectralEmbedding(2, affinity="rbf", random_state=0)
    ddf = cut(df, [100])
    with pytest.raises(TypeError, match=r"SpectralEmbedding has no transform.*sample_rows=232"):
        fit_projection(ddf["v"], method, sample_rows=100)
    assert fit_projection(ddf["v"], method).add_to(ddf).compute()["map_y"].notna().sum() == 232


def test_what_is_no_map_is_refused_before_anything_is_computed(df):
    """Methods and dimensions are checked in the words of pandas."""
    for arguments in (
        {"method": "umpa"},
        {"dimensions": 5},
        {"n_neighbors": 1},
        {"method": "pca", "densmap": True},
        {"column": "w"},
    ):
        with pytest.raises((ValueError, KeyError)) as local:
            df.mmembed.project(**{"column": "v", **arguments})
        with pytest.raises((ValueError, KeyError)) as distributed:
            untouchable(df).mmembed.project(**{"column": "v", **arguments})
        assert str(distributed.value) == str(local.value)
    with pytest.raises(ValueError, match="the map was made of 2"):
        fit_projection(cut(df, [100])["v"], "pca").add_to(cut(df, []))
