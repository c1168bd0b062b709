"""What one can do with clusters: other levels, borderline rows, assigned noise, files, and last week's numbers."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans

from mmembed.analysis import fit_clusters, load_clusters
from mmembed.analysis.clusters.matching import ClusterRecord, match
from mmembed.errors import DimensionMismatchError, SpaceMismatchError
from mmembed.vectors import VectorArray


def table(sizes=(60, 50, 40, 30), seed=0, scale=0.2):
    """Return groups of rows and which group each is of."""
    random = np.random.default_rng(0)
    centers = random.normal(size=(len(sizes), 12))
    group = np.repeat(np.arange(len(sizes)), sizes)
    noise = np.random.default_rng(seed).normal(scale=scale, size=(len(group), 12))
    return (centers[group] + noise).astype(np.float32), group


def values(labels):
    """Return labels as ints, -2 for missing."""
    return pd.Series(labels).fillna(-2).astype(int).to_numpy()


@pytest.fixture(scope="module")
def with_outlier():
    """Return rows of four groups and one row opposite to the first, clustered."""
    vectors, _ = table()
    rows = np.concatenate([vectors, -vectors[:60].mean(axis=0, keepdims=True)])
    return rows, fit_clusters(rows, text=["a text"] * len(rows))


def test_levels_are_nested_and_the_fit_is_one_of_them():
    """Fewer clusters are unions of more, and the cut at the number of the fit is the fit."""
    found = fit_clusters(table()[0])
    assert np.array_equal(values(found.cut(4)), values(found.labels))
    levels = [values(found.cut(number)) for number in (1, 2, 4, 9)]
    assert [level.max() + 1 for level in levels] == [1, 2, 4, 9]
    for coarse, fine in pairwise(levels):
        for label in range(fine.max() + 1):
            assert len(set(coarse[fine == label])) == 1
    sizes = np.bincount(levels[-1])
    assert np.array_equal(sizes, np.sort(sizes)[::-1])
    with pytest.raises(ValueError, match="Give 1 to"):
        found.cut(999)


def test_an_outlier_is_noise_and_can_be_assigned(with_outlier):
    """A row far from everything is noise; assigned by wish it is marked, and nothing else changes."""
    rows, found = with_outlier
    assert values(found.labels)[-1] == -1
    assert np.isnan(found.scores[-1])
    assert found.summary()["cluster"].tolist() == [0, 1, 2, 3, -1]
    assigned = fit_clusters(rows, assign_noise=True)
    assert values(assigned.labels)[-1] >= 0
    assert assigned.scores[-1] == 0
    assert np.flatnonzero(assigned.assigned).tolist() == [len(rows) - 1]
    assert np.array_equal(values(assigned.labels)[:-1], values(found.labels)[:-1])
    assert np.array_equal(assigned.centroids, found.centroids)


def test_borderline_rows_are_between_two_clusters():
    """A row halfway between two centroids comes first, with both of their labels."""
    vectors, group = table()
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    first, second = (units[group == each].mean(axis=0) for each in (0, 1))
    halfway = first / np.linalg.norm(first) + second / np.linalg.norm(second)
    found = fit_clusters(np.concatenate([vectors, halfway[None]]), "kmeans", n_clusters=4)
    line = found.borderline(5).iloc[0]
    assert line["row"] == len(vectors)
    assert {line["cluster"], line["nearest"]} == {0, 1}
    assert line["margin"] < 0.1
    assert found.borderline(5)["margin"].is_monotonic_increasing
    with pytest.raises(ValueError, match="at least 1"):
        found.borderline(0)


@pytest.mark.parametrize("method", ["auto", "kmeans", "hdbscan"])
def test_a_file_keeps_the_result(method, tmp_path):
    """Labels, names, levels, and where known and new vectors belong are the same after a round trip."""
    vectors, _ = table()
    kinds = np.tile(["text", "image"], 90)
    column = VectorArray.from_matrix(vectors, space="some-space", mask=np.arange(180) % 11 == 0)
    found = fit_clusters(column, method, kinds=kinds).rename({0: "最大的"})
    path = found.save(tmp_path / "week")
    assert path.name == "week.npz"
    again = load_clusters(path)
    assert dict(again.names) == dict(found.names)
    assert again.names[0] == "最大的"
    assert np.array_equal(values(again.labels), values(found.labels))
    assert np.array_equal(again.scores, found.scores, equal_nan=True)
    assert np.array_equal(values(again.cut(2)), values(found.cut(2)))
    pd.testing.assert_frame_equal(again.summary(), found.summary())
    new = VectorArray.from_matrix(table(seed=5)[0], space="some-space")
    for each in (column, new):
        assert np.array_equal(values(again.predict(each, kinds=kinds)), values(found.predict(each, kinds=kinds)))
    with pytest.raises(SpaceMismatchError):
        again.predict(VectorArray.from_matrix(vectors, space="another"), kinds=kinds)
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_keeps_the_levels_and_one_of_version_0_1_has_that_of_the_fit(tmp_path):
    """Levels are the same after a round trip; a file that knows none, and other columns of candidates, is read."""
    found = fit_clusters(table()[0], "leiden")
    path = found.save(tmp_path / "now.npz")
    assert load_clusters(path).levels == found.levels
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    about = json.loads(arrays["about"].tobytes().decode())
    del about["levels"]
    about["candidates"] = [{"method": "leiden", "n_clusters": 4, "agreement": 0.9, "note": "chosen"}]
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    np.savez(tmp_path / "old.npz", **arrays)
    old = load_clusters(tmp_path / "old.npz")
    assert old.levels == [len(found.centroids)]
    assert np.array_equal(values(old.cut(2)), values(found.cut(2)))
    assert np.isnan(old.candidates["width"].iloc[0])
    with pytest.raises(ValueError, match="no vectors to make another level"):
        old.at(2)


def test_a_file_and_a_match_keep_what_names_rest_on(tmp_path):
    """The audit is the same after a round trip; matched names show what speaks for them now, or did last week."""
    vectors, group = table()
    words = np.array(["red dress", "running shoe", "oak table", "brass lamp"])
    found = fit_clusters(vectors, text=words[group])
    audit = found.audit()
    assert audit["inside"].notna().all()
    loaded = load_clusters(found.save(tmp_path / "week"))
    pd.testing.assert_frame_equal(loaded.audit(), audit)
    silent = fit_clusters(vectors).match(loaded)
    pd.testing.assert_frame_equal(
        silent.audit().drop(columns=["examples"]), audit.drop(columns=["examples"]), check_dtype=False
    )
    assert all(examples == [] for examples in silent.audit()["examples"])
    again = fit_clusters(vectors[:150], text=words[group[:150]]).match(loaded.rename({0: "mine"})).audit()
    assert again.loc[again["cluster"] == 0, ["name", "origin"]].to_numpy().tolist()[0] == ["mine", "given"]
    assert again.groupby("cluster")["inside"].first().sum() == 150


def test_a_file_of_before_has_names_without_evidence(tmp_path):
    """Files that were written before names kept their evidence are read, with names as given."""
    path = fit_clusters(table()[0]).save(tmp_path / "week")
    with np.load(path) as archive:
        arrays = dict(archive)
    about = json.loads(arrays["about"].tobytes().decode())
    del about["origins"], about["evidence"]
    np.savez(path, **arrays | {"about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)})
    assert set(load_clusters(path).audit()["origin"]) == {"given"}


def test_files_that_are_none_are_refused(tmp_path):
    """Neither other files nor pickled objects nor newer versions are read."""
    with pytest.raises(FileNotFoundError):
        load_clusters(tmp_path / "missing.npz")
    text, pickled, newer = (tmp_path / name for name in ("text.npz", "pickled.npz", "newer.npz"))
    text.write_text("not an archive")
    np.savez(pickled, about=np.array([{"format": 1}], dtype=object))
    np.savez(newer, about=np.frombuffer(json.dumps({"format": "mmembed clusters 9"}).encode(), dtype=np.uint8))
    for path, message in ((text, "no file of clusters"), (pickled, "no file of clusters"), (newer, "clusters 9")):
        with pytest.raises(ValueError, match=message):
            load_clusters(path)


def test_kinds_that_no_file_keeps_are_refused(tmp_path):
    """Kinds of other types are named, and no half file is left."""
    vectors, _ = table((20, 20))
    found = fit_clusters(vectors, kinds=[("a", 1)] * 40)
    with pytest.raises(TypeError, match=r"Kind .* is a tuple"):
        found.save(tmp_path / "week.npz")
    assert list(tmp_path.iterdir()) == []


def test_the_next_week_keeps_numbers_and_names():
    """Most rows stay, the sizes change places, a group is new: old ones keep number and name, the new one is new."""
    vectors, _ = table((60, 50, 40, 30))
    last = fit_clusters(vectors).rename({0: "six", 1: "five", 2: "four", 3: "three"})
    fresh, group = table((60, 90, 40, 30, 45), seed=3)
    fresh[:60] = vectors[:60]
    fresh[150:220] = vectors[110:180]
    raw = fit_clusters(fresh)
    now = raw.match(last)
    of = {group_: values(now.labels)[group == group_] for group_ in range(5)}
    assert [set(of[group_]) for group_ in range(5)] == [{0}, {1}, {2}, {3}, {4}]
    assert [now.names[label] for label in range(4)] == ["six", "five", "four", "three"]
    assert raw.names[values(raw.labels)[-1]] == "cluster 2"
    assert now.names[4] == "cluster 4"
    assert now.summary()["size"].tolist() == [60, 90, 40, 30, 45]
    assert np.array_equal(values(now.predict(fresh)), values(now.labels))
    assert np.array_equal(values(now.predict(fresh + 1e-4)), values(now.labels))
    assert set(now.exemplars(1)) == {0, 1, 2, 3, 4}


def test_clusters_without_shared_rows_match_by_direction():
    """Two samples of the same groups share no vector and still get the same numbers; a high threshold forbids it."""
    last = fit_clusters(table((60, 50, 40, 30))[0])
    other, group = table((30, 40, 50, 60), seed=9)
    found = fit_clusters(other)
    now = found.match(last)
    assert [set(values(now.labels)[group == each]) for each in range(4)] == [{0}, {1}, {2}, {3}]
    strict = found.match(last, threshold=1.0)
    assert set(values(strict.labels)) == {4, 5, 6, 7}
    assert len(set(strict.names.values())) == 4
    with pytest.raises(ValueError, match="from 0 to 1"):
        found.match(last, threshold=2)
    with pytest.raises(DimensionMismatchError):
        found.match(fit_clusters(np.eye(5, dtype=np.float32)))


def test_a_cluster_whose_rows_are_in_others_now_is_not_a_new_one_in_its_direction():
    """What lies near a former cluster is new where the rows of that one went elsewhere."""
    directions = np.eye(4)
    odd = 0.8 * directions[3] + 0.6 * directions[0]
    then = [
        ClusterRecord("", 20, set(range(20)), directions[0]),
        ClusterRecord("", 20, set(range(20, 40)), directions[1]),
        ClusterRecord("", 5, set(range(40, 45)), odd),
    ]
    now = [
        ClusterRecord("", 25, {*range(20), *range(40, 45)}, directions[0]),
        ClusterRecord("", 20, set(range(20, 40)), directions[1]),
        ClusterRecord("", 30, set(range(100, 130)), directions[3]),
    ]
    assert match(now, then) == {0: 0, 1: 1}
    assert match(now[1:], [*then[:2], replace(then[2], keys={*range(200, 205)})])[1] == 2


def test_an_estimator_that_predicts_keeps_its_numbers_through_a_match():
    """Labels of a given estimator are renumbered for new rows, too."""
    vectors, _ = table()
    last = fit_clusters(vectors)
    now = fit_clusters(vectors, KMeans(4, random_state=3, n_init=5)).match(last)
    assert np.array_equal(values(now.predict(vectors + 1e-4)), values(last.labels))


def test_steps_are_told():
    """Whoever asks is told what is in work."""
    told = []
    fit_clusters(table()[0], on_step=told.append)
    assert told[:2] == ["different rows", "structure"]
    assert {"communities", "k-means", "HDBSCAN", "names"} <= set(told)
