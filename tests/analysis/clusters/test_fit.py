"""Clusters: real digits, laws of labels, and inputs with nothing to group."""

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from mmembed.analysis import fit_clusters
from mmembed.errors import DimensionMismatchError
from mmembed.vectors import VectorArray

METHODS = ["auto", "kmeans", "hdbscan", "leiden"]


@pytest.fixture(scope="module")
def digits():
    """Return 1,797 pictures of digits as vectors, and the digits."""
    pictures, digit = load_digits(return_X_y=True)
    return pictures.astype(np.float32), digit


def blobs(n_blobs, size, dimension=20, seed=0):
    """Return tight groups around random directions, and which group each row is of."""
    random = np.random.default_rng(seed)
    centers = random.normal(size=(n_blobs, dimension))
    group = np.repeat(np.arange(n_blobs), size)
    return (centers[group] + random.normal(scale=0.1, size=(len(group), dimension))).astype(np.float32), group


def values(labels):
    """Return labels as ints, -2 for missing."""
    return pd.Series(labels).fillna(-2).astype(int).to_numpy()


def test_k_means_finds_digits(digits):
    """With the number told, k-means recovers the digits as well as is known for raw pixels."""
    pictures, digit = digits
    found = fit_clusters(pictures, "kmeans", n_clusters=10)
    assert normalized_mutual_info_score(digit, values(found.labels)) > 0.7


@pytest.mark.ours
def test_auto_finds_about_the_number_of_digits(digits):
    """Nobody told the number: it is found to within a few, and the comparison is listed."""
    pictures, digit = digits
    found = fit_clusters(pictures)
    assert 8 <= len(found.centroids) <= 14
    assert normalized_mutual_info_score(digit, values(found.labels)) > 0.7
    assert found.candidates["note"].tolist().count("chosen") == 1
    assert set(found.candidates["method"]) == {"kmeans", "hdbscan", "leiden"}
    chosen = found.candidates.set_index("note").loc["chosen"]
    assert chosen["score"] >= 0.9 * found.candidates["score"].max()
    assert chosen["n_clusters"] == len(found.centroids)
    assert chosen["stability"] == found.stability > 0.8


@pytest.mark.ours
def test_auto_does_not_choose_one_giant_cluster():
    """A far-off handful beside six groups does not make auto answer with two clusters: the rest and the handful."""
    vectors, group = blobs(6, 30)
    handful = 40 * np.eye(20, dtype=np.float32)[[0] * 6] + np.random.default_rng(1).normal(size=(6, 20))
    # A common direction makes the six groups look alike beside the handful.
    together = np.concatenate([vectors + 4, handful.astype(np.float32)])
    found = fit_clusters(together)
    assert len(found.centroids) >= 6
    assert adjusted_rand_score(group, values(found.labels)[:180]) > 0.9


@pytest.mark.parametrize("method", METHODS)
def test_blobs_are_found(method):
    """Groups that anyone would see are found by each method."""
    vectors, group = blobs(6, 30)
    found = fit_clusters(vectors, method)
    assert adjusted_rand_score(group, values(found.labels)) > 0.95
    assert found.summary()["share"].sum() == pytest.approx(1)


@pytest.mark.ours
@pytest.mark.parametrize("method", METHODS)
def test_equal_vectors_share_a_label_and_a_score(method, digits):
    """Repeated rows are never parted, wherever they stand."""
    vectors = digits[0][:300]
    found = fit_clusters(np.concatenate([vectors, vectors[::-1], vectors[:50]]), method)
    labels = values(found.labels)
    assert np.array_equal(labels[:300], labels[300:600][::-1])
    assert np.array_equal(labels[:50], labels[600:])
    assert np.array_equal(found.scores[:300], found.scores[300:600][::-1], equal_nan=True)


@pytest.mark.ours
@pytest.mark.parametrize("method", METHODS)
def test_order_of_rows_does_not_matter(method, digits):
    """Permuted rows fall into the same groups, and the largest cluster stays number 0."""
    vectors = digits[0][:400]
    order = np.random.default_rng(3).permutation(400)
    plain, permuted = (values(fit_clusters(each, method).labels) for each in (vectors, vectors[order]))
    assert adjusted_rand_score(plain[order], permuted) == 1
    assert np.array_equal(plain[order] == -1, permuted == -1)
    sizes = np.bincount(permuted[permuted >= 0])
    assert np.array_equal(sizes, np.sort(sizes)[::-1])


@pytest.mark.ours
@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("method", METHODS)
def test_same_call_same_answer(method, digits):
    """Labels and scores repeat to the last bit; None is a seed, too."""
    first, second = (fit_clusters(digits[0][:300], method, random_state=seed) for seed in (None, 0))
    assert np.array_equal(values(first.labels), values(second.labels))
    assert np.array_equal(first.scores, second.scores, equal_nan=True)


@pytest.mark.parametrize("method", [*METHODS, AgglomerativeClustering(4), DBSCAN(eps=0.2), KMeans(4, random_state=1)])
def test_predict_agrees_with_the_fit(method, digits):
    """Vectors of the fit get their label again, and missing ones none."""
    vectors = VectorArray.from_matrix(digits[0][:300], mask=np.arange(300) % 7 == 0)
    found = fit_clusters(vectors, method)
    assert np.array_equal(values(found.predict(vectors)), values(found.labels))
    assert np.array_equal(values(found.predict(vectors[::-1])), values(found.labels)[::-1])


def test_predict_places_new_vectors():
    """A vector next to a group belongs to it; with noise known, one far from all groups is noise."""
    vectors, group = blobs(4, 40)
    for method in ("kmeans", "hdbscan"):
        found = fit_clusters(vectors, method)
        near = found.predict(vectors * 2 + 0.001)
        assert (values(near) == values(found.labels)).mean() > 0.95
    outlier = -vectors[group == 0].mean(axis=0, keepdims=True)
    noisy = fit_clusters(np.concatenate([vectors, outlier]), "hdbscan")
    assert values(noisy.labels)[-1] == -1
    assert values(noisy.predict(outlier * 1.1 + 0.001)).tolist() == [-1]


def test_predict_refuses_other_dimensions():
    """New vectors must be comparable with those of the fit."""
    found = fit_clusters(blobs(2, 10)[0], "kmeans", n_clusters=2)
    with pytest.raises(DimensionMismatchError):
        found.predict(np.eye(3, dtype=np.float32))


def test_kinds_are_not_parted():
    """Texts and pictures of two topics lie far apart; told the kinds, clusters are the topics."""
    random = np.random.default_rng(0)
    topic, kind = np.repeat([0, 1], 40), np.tile(["text", "image"], 40)
    vectors = random.normal(scale=0.05, size=(80, 16))
    vectors[:, 0] += np.where(kind == "text", 3, -3)
    vectors[:, 1] += np.where(topic == 0, 1, -1)
    plain = fit_clusters(vectors.astype(np.float32), n_clusters=2)
    told = fit_clusters(vectors.astype(np.float32), n_clusters=2, kinds=kind)
    assert adjusted_rand_score(kind, values(plain.labels)) == 1
    assert adjusted_rand_score(topic, values(told.labels)) == 1
    assert np.array_equal(values(told.predict(vectors[:9].astype(np.float32), kinds=kind[:9])), values(told.labels)[:9])
    with pytest.raises(ValueError, match="Give kinds="):
        told.predict(vectors.astype(np.float32))
    with pytest.raises(ValueError, match="'video'"):
        told.predict(vectors[:1].astype(np.float32), kinds=["video"])
    with pytest.raises(ValueError, match="not to the fit"):
        plain.predict(vectors[:1].astype(np.float32), kinds=["text"])
    with pytest.raises(ValueError, match="2 values for 80 rows"):
        fit_clusters(vectors.astype(np.float32), kinds=["text", "image"])


def test_rows_without_a_vector_have_no_label():
    """Missing rows are <NA> with NaN score, and the others are grouped as if they were not there."""
    vectors, _ = blobs(3, 20)
    mask = np.zeros(80, dtype=bool)
    mask[::4] = True
    spread = np.zeros((80, 20), dtype=np.float32)
    spread[~mask] = vectors
    found = fit_clusters(VectorArray.from_matrix(spread, mask=mask), "kmeans", n_clusters=3)
    assert np.array_equal(pd.Series(found.labels).isna(), mask)
    assert np.array_equal(np.isnan(found.scores), mask)
    alone = fit_clusters(vectors, "kmeans", n_clusters=3)
    assert np.array_equal(values(found.labels)[~mask], values(alone.labels))
    assert found.labels.dtype == "Int64"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [0, 3])
def test_nothing_to_group(method, n):
    """No rows, or only missing ones, give no clusters and no error."""
    vectors = VectorArray.from_matrix(np.zeros((n, 4), dtype=np.float32), mask=np.ones(n, dtype=bool))
    found = fit_clusters(vectors, method)
    assert values(found.labels).tolist() == [-2] * n
    assert found.summary().empty
    assert found.exemplars() == {}
    assert values(found.predict(np.eye(4, dtype=np.float32))).tolist() == [-1] * 4


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("vector", [[1.0, 2.0], [0.0, 0.0]])
def test_one_repeated_vector_is_one_cluster(method, vector):
    """Equal rows, zero rows included, are one cluster by each method."""
    found = fit_clusters(np.array([vector] * 12, dtype=np.float32), method)
    assert values(found.labels).tolist() == [0] * 12
    assert found.scores.tolist() == pytest.approx([1.0 if any(vector) else 0.0] * 12)


def test_very_few_rows():
    """One row and two different rows are one cluster for auto, and noise for HDBSCAN, which needs five."""
    for n in (1, 2):
        vectors = np.eye(2, dtype=np.float32)[:n]
        assert values(fit_clusters(vectors).labels).tolist() == [0] * n
        assert values(fit_clusters(vectors, "hdbscan").labels).tolist() == [-1] * n
    assert values(fit_clusters(np.eye(2, dtype=np.float32), n_clusters=2).labels).tolist() == [0, 1]


def test_zero_vectors_among_others():
    """Zero rows get a label like any row, without NaN or warning."""
    vectors, _ = blobs(3, 20)
    vectors[[0, 30]] = 0
    found = fit_clusters(vectors, "kmeans", n_clusters=3)
    assert np.isfinite(found.scores).all()


def test_results_in_a_frame():
    """The frame gets three columns by position, whatever its index, and the input is left alone."""
    df = pd.DataFrame({"caption": ["red dress"] * 5 + ["black shoe"] * 4 + [None]}, index=[3] * 10)
    vectors = pd.Series([[1.0, 0.1]] * 5 + [[0.1, 1.0]] * 4 + [None], index=df.index)
    found = fit_clusters(vectors, n_clusters=2, text=df["caption"]).add_to(df)
    assert list(df) == ["caption"]
    assert found["cluster"].tolist() == [0] * 5 + [1] * 4 + [pd.NA]
    assert found["cluster_name"].tolist()[:9] == ["red dress"] * 5 + ["black shoe"] * 4
    assert pd.isna(found["cluster_name"].iloc[9])
    assert found["cluster_score"].iloc[:9].tolist() == pytest.approx([1] * 9)
    renamed = fit_clusters(vectors, n_clusters=2).add_to(df, name="group")
    assert list(renamed) == ["caption", "group", "group_score", "group_name"]
    with pytest.raises(ValueError, match="same rows"):
        fit_clusters(vectors, n_clusters=2).add_to(df.head(3))


def test_summary_and_exemplars():
    """Sizes and shares add up, noise is last, and exemplars are the rows with the best scores."""
    vectors, _ = blobs(3, 60)
    found = fit_clusters(np.concatenate([vectors, -vectors[:1]]), "hdbscan")
    summary = found.summary()
    assert summary["cluster"].tolist() == [0, 1, 2, -1]
    assert summary["size"].tolist() == [60, 60, 60, 1]
    assert summary["nearest"].tolist()[3] is pd.NA
    assert all(row["nearest"] != row["cluster"] for _, row in summary.iloc[:3].iterrows())
    labels = values(found.labels)
    for label, positions in found.exemplars(2).items():
        assert (labels[positions] == label).all()
        assert found.scores[positions[0]] == found.scores[labels == label].max()
    with pytest.raises(ValueError, match="at least 1"):
        found.exemplars(0)


def test_given_estimator_is_cloned(digits):
    """The estimator that was passed in stays unfitted; the result keeps the fitted clone."""
    given = AgglomerativeClustering(4)
    found = fit_clusters(digits[0][:100], given)
    assert not hasattr(given, "labels_")
    assert hasattr(found.estimator, "labels_")
    assert found.method == "AgglomerativeClustering"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "kmean"}, "Did you mean 'kmeans'"),
        ({"n_clusters": 0}, "at least 1"),
        ({"n_clusters": 99}, "only 6 different vectors"),
        ({"method": "hdbscan", "n_clusters": 2}, "Leave n_clusters out"),
        ({"method": "kmeans", "min_cluster_size": 3}, "method='hdbscan'"),
        ({"n_clusters": 2, "min_cluster_size": 3}, "Give one of them"),
        ({"method": "hdbscan", "min_cluster_size": 1}, "at least 2"),
        ({"method": KMeans(2), "n_clusters": 2}, "Set them on the estimator"),
        ({"text": ["one"]}, "text has 1 values for 6 rows"),
    ],
)
def test_wrong_options_are_explained(options, message):
    """An option that cannot be meant is refused with what to do."""
    with pytest.raises(ValueError, match=message):
        fit_clusters(np.eye(6, dtype=np.float32), **options)


@pytest.mark.parametrize("method", [3, load_digits])
def test_what_is_no_method_is_refused(method):
    """Anything but a name or an estimator is a TypeError."""
    with pytest.raises(TypeError, match="estimator with fit"):
        fit_clusters(np.eye(6, dtype=np.float32), method)
