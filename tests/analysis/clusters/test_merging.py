"""Merging: communities that are alike as a whole are one where k-means agrees, and what is apart stays apart."""

import numpy as np
import pytest

from mmembed.analysis import fit_clusters
from mmembed.analysis.clusters.choice import agreed, merged_communities
from mmembed.analysis.clusters.points import Table
from mmembed.analysis.clusters.quality import Candidate, adjusted_rand, measure
from mmembed.analysis.cosines import distinct_directions


def level(n_clusters, agreement):
    """Return a candidate of so many clusters and such an agreement with k-means."""
    return Candidate("leiden", np.arange(n_clusters), 0.1, 1.0, 0.5, agreement=agreement)


@pytest.fixture(scope="module")
def topics():
    """Return 800 rows: four round topics, one of which has two halves that share no neighbours; topic and half."""
    random = np.random.default_rng(0)
    topic = np.repeat(np.arange(4), 200)
    half = np.where(topic == 3, 3 + np.arange(800) % 2, topic)
    rows = 3 * np.eye(4, 40)[topic] + random.normal(scale=0.35, size=(800, 40))
    rows[half == 3, 39] += 1.2
    rows[half == 4, 39] -= 1.2
    return rows.astype(np.float32), topic, half


def test_communities_that_are_one_as_a_whole_are_merged(topics):
    """Halves of a topic, which no neighbour ties, are merged before anything else, and the level is measured."""
    rows, topic, half = topics
    table = Table(distinct_directions(rows), 0)
    groups = table.distinct.groups
    labels = np.empty(len(table), dtype=np.int64)
    labels[groups] = half
    found = measure(table, "leiden", labels, stability=1.0, again=[(np.arange(800), labels)], is_compared=True)
    levels = merged_communities(table, found)
    assert [one.n_clusters for one in levels][:2] == [5, 4]
    assert adjusted_rand(levels[1].labels[groups], topic) == 1
    assert levels[1].stability == 1
    assert levels[1].modularity < levels[0].modularity
    assert levels[0].agreement > 0.9
    assert all(one.score >= 0.9 * found.score for one in levels)


def test_k_means_has_the_casting_vote_only_where_it_is_clear():
    """A level is taken if k-means agrees with it by more than its own runs differ; else nothing is merged."""
    assert agreed([level(7, 0.7), level(6, 0.8), level(5, 0.9)]).n_clusters == 5
    assert agreed([level(7, 0.9), level(6, 0.92)]).n_clusters == 7
    assert agreed([level(7, 0.5), level(6, 0.7)]).n_clusters == 7
    assert agreed([level(2, float("nan"))]).n_clusters == 2


def test_levels_are_listed_with_what_was_chosen(topics):
    """What was merged and not taken stands in the candidates, with its agreement."""
    rows, _, _ = topics
    candidates = fit_clusters(rows).candidates
    asked = candidates[candidates["agreement"].notna()]
    assert len(asked) >= 2
    assert asked["agreement"].between(0, 1).all()
    parting = candidates["modularity"] * candidates["beyond"] ** (1 / 3)
    assert candidates["score"].to_numpy() == pytest.approx(candidates["stability"] * parting)
