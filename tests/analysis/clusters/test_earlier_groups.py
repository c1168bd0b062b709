"""Clusters that go on from last week's: what was a group stays one, news are new groups, and nothing else changes."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from mmembed.analysis import fit_clusters, load_clusters
from mmembed.analysis.clusters.earlier_groups import find_news
from mmembed.analysis.clusters.membership import LabelledRows
from mmembed.analysis.cosines import distinct_directions
from mmembed.errors import SpaceMismatchError
from mmembed.vectors import VectorArray

WORDS = ("dress", "boots", "lamp", "radio", "tent")


def week(sizes, seed, *, space="toy"):
    """Return vectors of groups that lie where they always lie, their group, and a text of each row."""
    centers = np.random.default_rng(0).normal(size=(5, 16))
    group = np.repeat(np.arange(len(sizes)), sizes)
    rows = centers[group] + np.random.default_rng(seed).normal(scale=0.45, size=(len(group), 16))
    texts = [f"{WORDS[one]} {WORDS[one]} of last year" for one in group]
    return VectorArray.from_matrix(rows.astype(np.float32), space=space), group, texts


def values(labels):
    """Return labels as ints, -2 for missing."""
    return pd.Series(labels).fillna(-2).astype(int).to_numpy()


@pytest.fixture(scope="module")
def last():
    """Return last week: four groups, named, which rows are of which, and the clusters."""
    vectors, group, texts = week((90, 70, 60, 50), 1)
    return vectors, group, fit_clusters(vectors, text=texts)


def label_of(last, group):
    """Return the label that most rows of a group had last week."""
    return pd.Series(values(last[2].labels)[last[1] == group]).mode()[0]


def test_other_rows_of_the_same_groups_are_in_the_same_groups(last):
    """Rows that nobody has seen, of groups as they were: no group is new, none is gone, and each row is in its own."""
    vectors, group, texts = week((90, 70, 60, 50), 2)
    found = fit_clusters(vectors, text=texts, like=last[2])
    assert found.numbers.tolist() == [0, 1, 2, 3]
    assert not found.vanished
    assert dict(found.names) == dict(last[2].names)
    expected = np.array([label_of(last, one) for one in range(4)])[group]
    assert (values(found.labels) == expected).mean() > 0.97


def test_a_lost_group_is_said_and_the_others_stay(last):
    """Without a group its number is in ``vanished`` under its name, and no other group changes."""
    vectors, _, texts = week((90, 0, 60, 50), 3)
    gone = label_of(last, 1)
    found = fit_clusters(vectors, text=texts, like=last[2])
    assert dict(found.vanished) == {gone: last[2].names[gone]}
    assert "1 vanished" in found.note
    assert found.numbers.tolist() == [one for one in range(4) if one != gone]
    assert found.summary()["cluster"].tolist() == found.numbers.tolist()


def test_news_are_a_new_group(last):
    """A topic that was not there gets the next number and a name of its own; known rows keep what they had."""
    old, fresh = last[0], week((0, 0, 0, 0, 40), 4)
    both = VectorArray.from_matrix(np.concatenate([old.matrix, fresh[0].matrix]), space="toy")
    found = fit_clusters(both, text=[*week((90, 70, 60, 50), 1)[2], *fresh[2]], like=last[2])
    labels = values(found.labels)
    assert np.array_equal(labels[: len(old)], values(last[2].labels))
    assert (labels[len(old) :] == 4).mean() > 0.9
    assert "tent" in found.names[4]
    assert [found.names[one] for one in range(4)] == [last[2].names[one] for one in range(4)]


def test_what_was_measured_on_the_last_table_is_not_shown_for_this_one(last):
    """Nothing was run again on this table, so that neither the summary nor the whole has a stability."""
    assert np.isfinite(last[2].stabilities).all()
    found = fit_clusters(week((90, 70, 60, 50), 9)[0], like=last[2])
    assert np.isnan(found.stability)
    assert found.summary()["stability"].isna().all()
    assert "stability" not in repr(found)


def test_a_group_that_grows_is_the_same_group(last):
    """Three times as many rows of one group are that group, not news."""
    vectors, group, texts = week((90, 70, 60, 150), 5)
    found = fit_clusters(vectors, text=texts, like=last[2])
    assert len(found.numbers) == 4
    assert (values(found.labels)[group == 3] == label_of(last, 3)).mean() > 0.95


def test_a_few_strangers_are_no_group(last):
    """Fewer rows than a group must have are none, whatever they are like; ``min_cluster_size`` says how many."""
    vectors, _, texts = week((90, 70, 60, 50, 12), 6)
    assert len(fit_clusters(vectors, text=texts, like=last[2], min_cluster_size=15).numbers) == 4
    assert len(fit_clusters(vectors, text=texts, like=last[2], min_cluster_size=5).numbers) == 5


def test_clusters_from_a_file_are_gone_on_from_as_those_at_hand(last, tmp_path):
    """The saved result gives the labels and names that the result gives, and so does the file of what went on."""
    vectors, _, texts = week((90, 0, 60, 50, 40), 7)
    path = last[2].save(tmp_path / "last.npz")
    here, there = (fit_clusters(vectors, text=texts, like=one) for one in (last[2], load_clusters(path)))
    assert np.array_equal(values(here.labels), values(there.labels))
    assert dict(here.names) == dict(there.names)
    again = load_clusters(here.save(tmp_path / "this.npz"))
    assert dict(again.vanished) == dict(here.vanished)
    assert again.numbers.tolist() == here.numbers.tolist()
    assert fit_clusters(vectors, like=again).labels.tolist() == here.labels.tolist()


def test_a_number_that_is_gone_is_not_given_to_another_group(last):
    """The number of a group that vanished last week names no new one this week."""
    gone = label_of(last, 3)
    without = fit_clusters(week((90, 70, 60), 8)[0], like=last[2])
    assert gone in without.vanished
    assert max(fit_clusters(week((90, 70, 60, 0, 40), 9)[0], like=without).numbers) == 4


def test_names_stay_when_they_are_made_again_and_can_be_given(last):
    """Naming again leaves known names alone; ``rename`` changes them."""
    vectors, _, texts = week((90, 70, 60, 50), 10)
    found = fit_clusters(vectors, like=last[2])
    assert dict(found.named(texts).names) == dict(last[2].names)
    assert found.rename({0: "Dresses"}).names[0] == "Dresses"


def test_rows_that_were_noise_stay_noise_in_the_same_share():
    """Where some rows are of no group, other rows are noise about as often, not all of them and not none."""
    centers, tables = np.random.default_rng(0).normal(size=(4, 64)), []
    for seed in (1, 2):
        random = np.random.default_rng(seed)
        group = np.repeat(np.arange(4), (120, 100, 90, 80))
        rows = centers[group] + random.normal(scale=0.7, size=(len(group), 64))
        between = centers[random.integers(4, size=(30, 2))].mean(axis=1) + random.normal(scale=0.8, size=(30, 64))
        tables.append(np.concatenate([rows, between]).astype(np.float32))
    before = fit_clusters(tables[0])
    after = fit_clusters(tables[1], like=before)
    noise = [int((values(one.labels) < 0).sum()) for one in (before, after)]
    assert noise[0] > 1
    assert 0 < noise[1] <= 3 * noise[0]


def test_empty_tables_and_missing_vectors(last):
    """No rows are no clusters, all of which have vanished; a row without a vector has no label."""
    found = fit_clusters(last[0][:0], like=last[2])
    assert len(found.vanished) == 4
    assert not len(found.numbers)
    some = last[0][:20].copy()
    some[3] = pd.NA
    assert fit_clusters(some, like=last[2]).labels.isna().tolist() == (np.arange(20) == 3).tolist()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"method": "kmeans"}, ValueError, "would change nothing"),
        ({"n_clusters": 3}, ValueError, "would change nothing"),
        ({"kinds": ["a"] * 270}, ValueError, "not to the fit"),
        ({"like": "last.npz"}, TypeError, "load_clusters"),
    ],
)
def test_what_cannot_be_meant_is_refused(last, options, error, message):
    """A method or a number beside ``like`` would change nothing; kinds must be those of the earlier fit."""
    with pytest.raises(error, match=message):
        fit_clusters(last[0], **{"like": last[2], **options})


def test_vectors_of_another_model_are_refused(last):
    """Groups of one space say nothing of another."""
    with pytest.raises(SpaceMismatchError):
        fit_clusters(week((40, 40), 1, space="other")[0], like=last[2])


def test_a_new_digit_is_a_new_group_though_others_are_beside_it():
    """Forty drawings of a digit that the earlier table lacks are told, others of known digits are not."""
    pixels, digit = load_digits(return_X_y=True)
    rows = (pixels / np.linalg.norm(pixels, axis=1, keepdims=True)).astype(np.float32)
    order = np.random.default_rng(0).permutation(len(rows))

    def news(old, new):
        distinct = distinct_directions(rows[old])
        earlier = LabelledRows.of(distinct, np.zeros(len(distinct), dtype=np.int64))
        zeros, ones = np.zeros(len(new), dtype=np.int64), np.ones(len(new), dtype=np.int64)
        return find_news(rows[new], zeros, earlier, counts=ones, fewest=None, seed=0).groups

    told = 0
    for one in range(10):
        others, own = order[digit[order] != one], order[digit[order] == one][:40]
        new = np.concatenate([others[800:], own])
        groups = news(others[:800], new)
        assert groups.max() <= 0
        told += (groups >= 0).sum() > 20 and (digit[new[groups >= 0]] == one).mean() > 0.9
    assert told >= 7
    assert news(order[:900], order[900:]).max() == -1
    # Three times as many of a digit as before are no news.
    others, own = order[digit[order] != 8], order[digit[order] == 8]
    assert news(np.concatenate([others[:800], own[:43]]), np.concatenate([others[800:], own[43:]])).max() == -1
