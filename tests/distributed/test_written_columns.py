"""On Dask, too, a verb replaces what it wrote itself and nothing else; it is decided before anything is computed."""

from __future__ import annotations

import pytest
from tests.distributed.tables import clustered, cut

import mmembed.distributed  # noqa: F401  registers ddf.mmembed
from mmembed.errors import ColumnExistsError

VERBS = {
    "search": (["similarity"], lambda one, **name: one.mmembed.search(one["v"].head(1)[0], "v", **name)),
    "duplicates": (["group", "similarity"], lambda one, **name: one.mmembed.duplicates("v", 0.999, **name)),
    "outliers": (["outlier_score"], lambda one, **name: one.mmembed.outliers("v", **name)),
    "cluster": (
        ["cluster", "cluster_score", "cluster_name"],
        lambda one, **name: one.mmembed.cluster("v", "kmeans", n_clusters=3, **name),
    ),
    "classify": (
        ["kind_predicted", "kind_score"],
        lambda one, **name: one.mmembed.classify("v", target="kind", **name),
    ),
    "project": (["map_x", "map_y"], lambda one, **name: one.mmembed.project("v", "pca", **name)),
}


@pytest.fixture(scope="module")
def df():
    return clustered(rows=120).drop(columns="group")


@pytest.mark.parametrize("verb", VERBS)
def test_columns_of_the_users_are_refused_and_own_ones_replaced(df, verb):
    """Texts and float64 numbers are the user's; a second call works; ``name=`` leaves the user's column alone."""
    columns, call = VERBS[verb]
    for mine in ("mine", 0.5):
        with pytest.raises(ColumnExistsError, match=rf"'{columns[-1]}'.*name="):
            call(cut(df.assign(**{columns[-1]: mine}), [60]))
    again = call(call(cut(df, [60])))
    assert set(columns) <= set(again.compute().columns)
    other = call(cut(df.assign(**dict.fromkeys(columns, "mine")), [60]), name="other").compute()
    assert (other[columns] == "mine").all(axis=None)
    assert [name for name in other.columns if name.startswith("other")]


def test_join_and_embed(df):
    """Joining refuses a similarity of the user's; embedding a vector column of lists; the plan refuses nothing."""
    ddf = cut(df.assign(similarity="mine"), [60])
    with pytest.raises(ColumnExistsError, match="'similarity'"):
        ddf.mmembed.join(df[["v"]], "v")
    assert "pair_similarity" in ddf.mmembed.join(df[["v"]], "v", name="pair").columns
    own = cut(df.assign(kind_vector=1.0), [60])
    with pytest.raises(ColumnExistsError, match="'kind_vector'"):
        own.mmembed.embed("kind", "text", model="local")
    assert own.mmembed.plan("kind", "text", model="local").rows == len(df)
    assert "w" in own.mmembed.embed("kind", "text", model="local", name="w").columns
