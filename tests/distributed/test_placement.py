"""Exemplars and borderline rows of clusters over partitions: those of pandas, wherever the table is cut."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.distributed.tables import CUTS, clustered, cut

import mmembed
from mmembed.distributed import fit_clusters


@pytest.fixture(scope="module")
def df():
    return clustered()


@pytest.fixture(scope="module")
def whole(df):
    return mmembed.fit_clusters(df["v"], "kmeans", n_clusters=4, kinds=df["kind"], text=df["title"])


@pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS)
def test_a_table_that_fits_into_the_sample_answers_as_pandas(df, whole, cuts):
    """Exemplars, borderline rows, the summary and the audit are those of the fit of the same rows on pandas."""
    ddf = cut(df, cuts)
    found = fit_clusters(ddf["v"], "kmeans", n_clusters=4, kinds=ddf["kind"], text=ddf["title"])
    want = whole.exemplars(5)
    got = found.exemplars(5)
    assert {label: rows.tolist() for label, rows in got.items()} == {k: rows.tolist() for k, rows in want.items()}
    pd.testing.assert_frame_equal(found.borderline(20), whole.borderline(20), atol=1e-6)
    pd.testing.assert_frame_equal(found.summary(), whole.summary(), atol=1e-6)
    audited = found.rename({1: "mine"}).audit()
    assert audited["name"].tolist() == whole.rename({1: "mine"}).audit()["name"].tolist()
    assert audited["origin"].tolist() == whole.rename({1: "mine"}).audit()["origin"].tolist()


def test_all_rows_are_looked_at_beyond_the_sample(df):
    """With a fit on a sixth of the rows, exemplars are those of the highest score in the whole table."""
    ddf = cut(df, [100, 350])
    found = fit_clusters(ddf["v"], "leiden", sample_rows=100, assign_noise=True)
    table = found.add_to(ddf).compute().reset_index(drop=True)
    for label, rows in found.exemplars(4).items():
        inside = table[table["cluster"] == label].sort_values("cluster_score", ascending=False, kind="stable")
        assert rows.tolist() == inside.index[:4].tolist()
    edge = found.borderline(1000)
    assert len(edge) == int((table["cluster"] >= 0).sum())
    assert edge["margin"].is_monotonic_increasing
    assert (edge["cluster"] != edge["nearest"]).all()


def test_one_cluster_has_no_border_and_no_rows_are_refused(df):
    """Where there is no other cluster no row is borderline; errors are those of pandas."""
    ddf = cut(df, [300])
    found = fit_clusters(ddf["v"], "kmeans", n_clusters=1)
    whole = mmembed.fit_clusters(df["v"], "kmeans", n_clusters=1)
    pd.testing.assert_frame_equal(found.borderline(), whole.borderline())
    assert np.array_equal(found.exemplars(2)[0], whole.exemplars(2)[0])
    for name in ("exemplars", "borderline"):
        with pytest.raises(ValueError, match="Give an n of at least 1") as distributed:
            getattr(found, name)(0)
        with pytest.raises(ValueError, match="Give an n of at least 1") as local:
            getattr(whole, name)(0)
        assert str(distributed.value) == str(local.value)
