"""Names over partitions: terms of a part of the texts, counted in all of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.distributed.tables import clustered, cut

from mmembed.analysis.names.keywords import sample_texts
from mmembed.distributed import fit_clusters
from mmembed.distributed.columns import side_by_side
from mmembed.distributed.naming import ReadTexts, rank_partitions


def test_terms_of_a_part_are_counted_in_all_texts():
    """Where not all texts are read, what stands behind a name is still the count of all rows."""
    df = clustered()
    ddf = cut(df, [100, 400])
    found = fit_clusters(ddf["v"], "kmeans", n_clusters=4)
    labels = np.asarray(found.labels.compute().fillna(-2), dtype=np.int64)
    half = np.where(np.arange(len(df)) % 2 == 0, labels, -2)
    sample = sample_texts(half, df["title"].tolist(), np.ones(len(df)))
    read = ReadTexts(
        type(sample)(sample.positions, sample.labels, sample.texts, sample.weights, is_whole=False), {}, 0, 0, 0
    )
    columns = side_by_side(ddf["v"], text=ddf["title"])
    ranked = rank_partitions(read, columns, found.placed, found.labeller, None)
    assert sorted(ranked) == [0, 1, 2, 3]
    for label, evidence in ranked.items():
        for one in evidence:
            has_it = df["title"].str.contains(one.term.replace(" ", ".*"), regex=True).to_numpy()
            assert one.inside == (has_it & (labels == label)).sum()
            assert one.outside == (has_it & (labels != label) & (labels >= 0)).sum()
            assert one.inside_share == pytest.approx(one.inside / (labels == label).sum())


@pytest.mark.parametrize("kinds", [None, "kind"])
def test_the_vocabulary_names_by_the_means_of_all_partitions(kinds, cluster):
    """Without texts the phrases, their scores and who speaks for them are those of pandas, with a fit on the sample."""
    df = clustered(groups=3)
    ddf = cut(df, [250, 250])
    seeds = {}

    def embed(phrases):
        vectors = np.random.default_rng(0).normal(size=(len(phrases), 24)).astype("float32")
        seeds[len(phrases)] = vectors
        return vectors

    columns = {} if kinds is None else {"kinds": ddf[kinds]}
    with cluster.as_current():
        found = fit_clusters(ddf["v"], "kmeans", n_clusters=3, sample_rows=200, **columns).named(embed=embed)
        labels = found.labels.compute()
    from mmembed.analysis import name_clusters

    want = name_clusters(labels.array, vectors=df["v"], kinds=None if kinds is None else df[kinds], embed=embed)
    assert dict(found.names) == dict(want)
    pd.testing.assert_frame_equal(found.audit(), want.audit(), atol=1e-5)
