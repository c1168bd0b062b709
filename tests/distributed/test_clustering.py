"""Clusters over partitions: the pandas result where the sample is the table, exact figures of all rows elsewhere."""

from __future__ import annotations

from pathlib import Path

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_mutual_info_score
from tests.distributed.tables import CUTS, clustered, cut, untouchable

import mmembed
from mmembed.analysis import name_clusters
from mmembed.analysis.clusters.membership import nearest_centroids
from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.preparation import Preparation
from mmembed.distributed import fit_clusters
from mmembed.distributed.clustering import improve
from mmembed.distributed.columns import side_by_side
from mmembed.errors import ColumnNotFoundError, VectorError

DEMO = Path(__file__).parents[2] / "data" / "demo.csv"


def filled(labels):
    return np.asarray(pd.Series(labels).fillna(-2), dtype=np.int64)


def assert_same(got, want, *columns):
    """Compare labels and names exactly, scores to a millionth."""
    for name in columns:
        np.testing.assert_array_equal(filled(got[name]), filled(want[name]))
        assert got[f"{name}_name"].fillna("?").tolist() == want[f"{name}_name"].fillna("?").tolist()
        np.testing.assert_allclose(got[f"{name}_score"], want[f"{name}_score"], atol=1e-6)


@pytest.fixture(scope="module")
def df():
    return clustered()


def test_the_demo_table_is_clustered_as_on_pandas(cluster):
    """On two workers labels, names and scores are those of pandas, and other columns and the index stay."""
    demo = pd.read_csv(DEMO).mmembed.embed("text_en", "text", model="local")
    want = demo.mmembed.cluster("text_en_vector", text="text_en")
    with cluster.as_current():
        lazy = dd.from_pandas(demo, npartitions=3).mmembed.cluster("text_en_vector", text="text_en")
        got = lazy.compute()
    assert lazy.dtypes["cluster"] == "Int64"
    assert list(got.columns) == list(want.columns)
    assert got.index.tolist() == want.index.tolist()
    assert_same(got, want, "cluster")


@pytest.mark.parametrize("cuts", CUTS.values(), ids=CUTS)
def test_partitions_do_not_matter(df, cuts):
    """However a table is cut, with empty partitions and repeated index labels, it is grouped as on pandas."""
    want = df.mmembed.cluster(
        "v", "kmeans", n_clusters=4, text=["title", "group"], kinds="kind", names="text", name="c"
    )
    got = cut(df, cuts).mmembed.cluster(
        "v", "kmeans", n_clusters=4, text=["title", "group"], kinds="kind", names="text", name="c"
    )
    assert_same(got.compute(), want, "c")


def test_a_partition_without_vectors_gets_no_labels(df):
    """Where a whole partition lacks vectors its rows get none, and the others are what they are."""
    lacking = df.assign(v=df["v"].where(np.arange(len(df)) >= 100))
    got = cut(lacking, [100, 300]).mmembed.cluster("v", "leiden", text="title").compute()
    assert got["cluster"].iloc[:100].isna().all()
    assert_same(got, lacking.mmembed.cluster("v", "leiden", text="title"), "cluster")


def test_a_table_without_any_vector_has_no_cluster(df):
    """Nothing to group is no error, as on pandas."""
    nothing = df.iloc[:6].assign(v=df["v"].iloc[:6].where([False] * 6))
    found = fit_clusters(cut(nothing, [3])["v"])
    assert (len(found.sizes), found.missing) == (0, 6)
    assert found.add_to(cut(nothing, [3])).compute()["cluster"].isna().all()


@pytest.mark.parametrize("method", ["kmeans", "leiden", "hdbscan"])
def test_figures_are_of_all_rows(df, method):
    """With a fit on a third of the rows, sizes, centroids, cohesion and names are still those of all labelled rows."""
    ddf = cut(df, [250, 250, 500])
    found = fit_clusters(ddf["v"], method, text=ddf["title"], sample_rows=200, random_state=3)
    table = found.add_to(ddf).compute()
    labels = filled(table["cluster"])
    summary = found.summary().set_index("cluster")
    counts = pd.Series(labels[labels >= -1]).value_counts()
    assert summary["size"].to_dict() == counts.to_dict()
    assert found.sizes.tolist() == sorted(found.sizes.tolist(), reverse=True)
    assert (found.rows, found.missing, found.sample_rows) == (len(df), df["v"].isna().sum(), 200)
    units = unit_rows(df["v"].mmembed.to_matrix())
    for label, centroid in enumerate(found.centroids):
        np.testing.assert_allclose(centroid, unit_rows(units[labels == label].mean(axis=0)[None])[0], atol=1e-6)
        assert summary["cohesion"][label] == pytest.approx(table["cluster_score"][labels == label].mean(), abs=1e-4)
    expected = name_clusters(table["cluster"], df["title"], scores=table["cluster_score"])
    assert dict(found.names) == dict(expected)
    pd.testing.assert_frame_equal(found.audit(), expected.audit())
    assert filled(found.labels.compute()).tolist() == labels.tolist()


def test_a_fit_on_a_sample_agrees_with_the_fit_on_all_rows(df):
    """Labels of a fit on a third of the rows are those of the whole fit, but for a few; equal vectors agree."""
    ddf = cut(df, [300])
    whole = filled(mmembed.fit_clusters(df["v"], "leiden").labels)
    found = filled(fit_clusters(ddf["v"], "leiden", sample_rows=200).labels.compute())
    assert adjusted_mutual_info_score(whole, found) > 0.95
    keys = [hash(vector) if vector is not pd.NA else 0 for vector in df["v"]]
    assert pd.Series(found).groupby(keys).nunique().max() == 1


def test_the_sample_does_not_depend_on_the_partitions(df):
    """A fit on a sample gives one result however the rows are cut."""
    results = [
        fit_clusters(cut(df, cuts)["v"], "kmeans", n_clusters=4, sample_rows=150) for cuts in ([], [10, 20, 500])
    ]
    one, other = (filled(found.labels.compute()) for found in results)
    assert one.tolist() == other.tolist()
    np.testing.assert_allclose(results[0].centroids, results[1].centroids, atol=1e-6)


def test_partial_sums_are_lloyds_algorithm(df, cluster):
    """From one start, rounds over partitions on two workers end where rounds over the whole matrix end."""
    rows = unit_rows(df["v"].array.matrix[~df["v"].isna()])
    start = rows[:5]
    kept = start
    for _ in range(30):
        labels = nearest_centroids(rows, kept)
        moved = unit_rows(
            np.stack([rows[labels == one].sum(axis=0, dtype=np.float64) for one in range(5)]).astype("f4")
        )
        if np.allclose(moved, kept, atol=1e-7):
            break
        kept = moved
    with cluster.as_current():
        found = improve(side_by_side(cut(df, [123, 456])["v"]), start, Preparation())
    assert (nearest_centroids(rows, found) == nearest_centroids(rows, kept)).mean() > 0.995


def test_noise_stays_noise_and_is_assigned_on_request():
    """Rows like the noise of the sample are noise; with assign_noise they are in a cluster with a score of 0."""
    random = np.random.default_rng(1)
    tight = np.repeat(np.eye(6)[:3], 150, axis=0) + 0.03 * random.normal(size=(450, 6))
    loose = random.normal(size=(90, 6))
    vectors = np.concatenate([tight, loose])[random.permutation(540)].astype("float32")
    ddf = cut(pd.DataFrame({"v": pd.Series(list(vectors)).mmembed.as_vectors("toy")}), [200, 400])
    found = fit_clusters(ddf["v"], "hdbscan", sample_rows=300)
    labels = filled(found.labels.compute())
    assert (labels == -1).sum() == found.noise > 20
    given = fit_clusters(ddf["v"], "hdbscan", sample_rows=300, assign_noise=True)
    table = given.add_to(ddf).compute()
    assert (given.noise, given.assigned) == (0, found.noise)
    before, after = (part["cluster_score"].to_numpy() for part in (found.add_to(ddf).compute(), table))
    np.testing.assert_array_equal(after[labels == -1], 0)
    np.testing.assert_array_equal(after[labels >= 0], before[labels >= 0])
    whole = mmembed.fit_clusters(pd.Series(list(vectors)), "hdbscan", assign_noise=True)
    everything = fit_clusters(ddf["v"], "hdbscan", assign_noise=True)
    assert_same(everything.add_to(ddf).compute(), whole.add_to(ddf.compute()), "cluster")


def test_an_estimator_is_fitted_on_the_sample_and_predicts(df):
    """A given estimator is cloned, fitted on the sample, and its predictions are numbered by exact size."""
    from sklearn.cluster import MiniBatchKMeans

    ddf = cut(df, [300])
    found = fit_clusters(ddf["v"], MiniBatchKMeans(4, random_state=0, n_init=3), sample_rows=200)
    assert found.method == "MiniBatchKMeans"
    assert found.sizes.sum() == df["v"].notna().sum()
    assert np.bincount(filled(found.labels.compute())[df["v"].notna().to_numpy()]).tolist() == found.sizes.tolist()


def test_new_vectors_are_placed(df):
    """Vectors of the fit get their label again, in pandas at once and in Dask lazily."""
    ddf = cut(df, [300])
    found = fit_clusters(ddf["v"], "leiden", sample_rows=250)
    labels = filled(found.labels.compute())
    assert filled(found.predict(df["v"])).tolist() == labels.tolist()
    assert filled(found.predict(ddf["v"]).compute()).tolist() == labels.tolist()


def test_names_can_be_given_and_rewritten(df):
    """Rename and rewrite reach the lazy column; the writer of names sees typical texts of all partitions."""
    ddf = cut(df, [200, 400])
    seen = {}

    def write(drafts):
        seen.update(drafts)
        return {label: f"{draft.terms[0]}!" for label, draft in drafts.items()}

    got = ddf.mmembed.cluster("v", "kmeans", n_clusters=4, text="title", rename={1: "mine"}, rewrite=write).compute()
    want = df.mmembed.cluster("v", "kmeans", n_clusters=4, text="title", rename={1: "mine"}, rewrite=write)
    assert got["cluster_name"].dropna().unique().tolist() == want["cluster_name"].dropna().unique().tolist()
    assert all(len(draft.texts) == 5 for draft in seen.values())


WRONG = {
    "no such column": (ColumnNotFoundError, {"column": "w"}),
    "no such text": (ColumnNotFoundError, {"column": "v", "text": "titel"}),
    "no such method": (ValueError, {"column": "v", "method": "kmean"}),
    "a number for HDBSCAN": (ValueError, {"column": "v", "method": "hdbscan", "n_clusters": 3}),
    "no source of names": (ValueError, {"column": "v", "names": "texts"}),
    "names of nothing": (ValueError, {"column": "v", "names": "text"}),
}


@pytest.mark.parametrize(("error", "arguments"), WRONG.values(), ids=WRONG)
def test_errors_are_those_of_pandas_before_anything_is_computed(df, error, arguments):
    """What pandas refuses is refused in the same words, without touching a partition."""
    with pytest.raises(error) as local:
        df.mmembed.cluster(**arguments)
    with pytest.raises(error) as distributed:
        untouchable(df).mmembed.cluster(**arguments)
    assert str(distributed.value) == str(local.value)


def test_what_is_not_a_vector_column_is_refused(df):
    """Columns of texts and pandas columns are refused with the way to what is expected."""
    with pytest.raises(VectorError, match="holds no vectors"):
        untouchable(df).mmembed.cluster("title")
    with pytest.raises(TypeError, match="column of a Dask DataFrame"):
        fit_clusters(df["v"])


def test_sizes_that_cannot_work_are_refused_or_warned_of(df):
    """A sample without rows, fewer rows than clusters, clusters too small to be in the sample: each says what to do."""
    ddf = cut(df, [300])
    with pytest.raises(ValueError, match="draws no row"):
        fit_clusters(ddf["v"], sample_rows=0)
    with pytest.raises(ValueError, match="sample_rows=1,000"):
        fit_clusters(ddf["v"], "kmeans", n_clusters=50, sample_rows=40)
    with pytest.warns(UserWarning, match="such small clusters are not found. Give sample_rows=435"):
        fit_clusters(ddf["v"], "leiden", min_cluster_size=4, sample_rows=100)
    found = fit_clusters(ddf["v"], "kmeans", n_clusters=2)
    with pytest.raises(ValueError, match="The frame has 3 partitions, but the result was computed for 2"):
        found.add_to(cut(df, [100, 200]))
    with pytest.raises(ValueError, match="00 rows, but the result was computed for 300"):
        found.add_to(cut(df, [500])).compute()


def test_a_column_of_lists_is_a_vector_column(df):
    """Cells that are lists are vectors on Dask, too, where Dask has left them alone."""
    import dask

    lists = df.assign(v=[None if vector is pd.NA else np.asarray(vector).tolist() for vector in df["v"]])
    with dask.config.set({"dataframe.convert-string": False}):
        got = cut(lists, [300]).mmembed.cluster("v", "kmeans", n_clusters=3).compute()
    np.testing.assert_array_equal(
        filled(got["cluster"]), filled(mmembed.fit_clusters(df["v"], "kmeans", n_clusters=3).labels)
    )


def test_small_parquet_files_that_dask_reads_together_stay_apart(df, tmp_path):
    """Dask joins small files where few columns are wanted; labels are still those of their rows, whole or alone."""
    for number in range(9):
        df.iloc[number * 67 : (number + 1) * 67].reset_index(drop=True).to_parquet(tmp_path / f"{number}.parquet")
    ddf = dd.read_parquet(tmp_path)
    lazy = ddf.mmembed.cluster("v", "kmeans", n_clusters=4, text="title", kinds="kind", sample_rows=200)
    whole, alone = lazy.compute(), lazy[["cluster"]].compute()
    assert filled(whole["cluster"]).tolist() == filled(alone["cluster"]).tolist()
    true = filled(mmembed.fit_clusters(df["v"], "kmeans", n_clusters=4, kinds=df["kind"]).labels)
    assert adjusted_mutual_info_score(filled(whole["cluster"]), true) > 0.99
    shown = ddf.mmembed.report("v", text="title", sample_rows=100)
    assert "600" in [tile.value for tile in shown.tiles]


@pytest.mark.parametrize("known", [True, False], ids=["known divisions", "unknown divisions"])
def test_labels_stand_beside_the_rows_that_they_are_of(df, known):
    """The lazy labels have the index of the frame, whatever it is, and go into the frame as a column."""
    table = df.set_index(np.arange(len(df)) * 3 + 100)
    lazy = dd.from_pandas(table, npartitions=3)
    if not known:
        lazy = lazy.clear_divisions()
    found = fit_clusters(lazy["v"])
    got = found.labels.compute()
    assert got.index.tolist() == table.index.tolist()
    np.testing.assert_array_equal(filled(got), filled(mmembed.fit_clusters(table["v"]).labels))
    beside = lazy.assign(group=found.labels).compute()
    # Without divisions Dask finds rows by their index and keeps no order.
    assert known is False or beside.index.tolist() == table.index.tolist()
    np.testing.assert_array_equal(filled(beside["group"].loc[table.index]), filled(got))
