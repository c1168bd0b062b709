"""Maps: real digits by UMAP, small tables, and what a map cannot be made of."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import MDS, trustworthiness
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import NearestNeighbors

from mmembed.analysis import fit_projection
from mmembed.vectors import VectorArray


@pytest.fixture(scope="module")
def digits():
    """Return 400 pictures of digits as vectors, every tenth missing."""
    pictures = load_digits().data[:400].astype(np.float32)
    return VectorArray.from_matrix(pictures, mask=np.arange(400) % 10 == 0)


@pytest.fixture(scope="module")
def digit_map(digits):
    """Return the UMAP of the digits; compiled once for all tests."""
    return fit_projection(digits)


def test_umap_keeps_neighbours(digits, digit_map):
    """Neighbours on the map are neighbours in truth, and more so than with principal components."""
    assert digit_map.trustworthiness() > 0.95
    assert digit_map.trustworthiness() > fit_projection(digits, "pca").trustworthiness()


def test_missing_rows_have_no_place(digits, digit_map):
    """Rows without a vector are NaN on each axis, and no other row is."""
    assert digit_map.coordinates.dtype == np.float32
    assert np.array_equal(np.isnan(digit_map.coordinates), np.column_stack([digits.isna()] * 2))


def test_same_seed_same_map(digits, digit_map):
    """The map repeats to the last bit; None is seed 0; another seed gives another map."""
    assert np.array_equal(fit_projection(digits, random_state=0).coordinates, digit_map.coordinates, equal_nan=True)
    assert not np.array_equal(fit_projection(digits, random_state=1).coordinates, digit_map.coordinates, equal_nan=True)


def test_fitted_vectors_keep_their_place(digits, digit_map):
    """Transform gives vectors of the fit where they lie, in any order."""
    assert np.array_equal(digit_map.transform(digits[::-1]), digit_map.coordinates[::-1], equal_nan=True)


def test_new_vectors_lie_among_their_neighbours(digits, digit_map):
    """Digits that the map has not seen land within it, near the most similar ones."""
    new = load_digits().data[400:450].astype(np.float32)
    placed = digit_map.transform(new)
    known = ~digits.isna()
    units = digits.matrix[known] / np.linalg.norm(digits.matrix[known], axis=1, keepdims=True)
    nearest = digit_map.coordinates[known][(new @ units.T).argmax(axis=1)]
    spread = np.nanstd(digit_map.coordinates, axis=0).max()
    assert np.median(np.linalg.norm(placed - nearest, axis=1)) < 0.5 * spread


@pytest.mark.parametrize("n", [4, 5, 8, 16, 17])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_small_tables_have_a_map(n, dimensions):
    """From four different vectors on, UMAP gives finite coordinates without a warning."""
    vectors = np.random.default_rng(n).normal(size=(n, 6)).astype(np.float32)
    found = fit_projection(vectors, dimensions=dimensions)
    assert found.method == "umap"
    assert found.coordinates.shape == (n, dimensions)
    assert np.isfinite(found.coordinates).all()


def test_the_order_of_the_rows_does_not_matter(digits, digit_map):
    """A shuffled table has the same map, to the last bit."""
    order = np.random.default_rng(0).permutation(len(digits))
    assert np.array_equal(fit_projection(digits[order]).coordinates, digit_map.coordinates[order], equal_nan=True)


def test_equal_vectors_share_a_place_and_change_nothing(digits, digit_map):
    """A hundred copies of one picture, some of them brighter, lie where it lies, and the others stay."""
    one = digits.matrix[1]
    copies = np.vstack([digits.matrix[~digits.isna()], np.tile(one, (50, 1)), np.tile(2 * one, (50, 1))])
    found = fit_projection(copies).coordinates
    known = digit_map.coordinates[~digits.isna()]
    assert len(np.unique(found[-100:], axis=0)) == 1
    assert np.array_equal(found[-1], found[0])
    np.testing.assert_array_equal(fit_projection(copies[:-50]).coordinates[: len(known)], known)


def test_where_a_new_vector_goes_depends_on_no_other(digit_map):
    """Placed alone or among others, in any order, it has the same place."""
    new = load_digits().data[400:440].astype(np.float32)
    together = digit_map.transform(new)
    assert np.array_equal(digit_map.transform(new[::-1]), together[::-1])
    assert np.array_equal(np.vstack([digit_map.transform(new[at : at + 1]) for at in range(5)]), together[:5])


def test_quality_is_what_scikit_learn_measures(digits, digit_map):
    """Trustworthiness agrees with scikit-learn's, continuity is the same with the two sides exchanged."""
    rows = digits.matrix[~digits.isna()]
    places = digit_map.coordinates[~digits.isna()]
    found = digit_map.quality(k=10)
    assert found.trustworthiness == pytest.approx(trustworthiness(rows, places, n_neighbors=10, metric="cosine"))
    apart = pairwise_distances(places)
    true = NearestNeighbors(n_neighbors=10, metric="cosine").fit(rows).kneighbors(return_distance=False)
    near = NearestNeighbors(n_neighbors=10).fit(places).kneighbors(return_distance=False)
    ranks = apart.argsort(axis=1).argsort(axis=1)
    torn = np.maximum(np.take_along_axis(ranks, true, axis=1) - 10, 0).sum()
    n = len(rows)
    assert found.continuity == pytest.approx(1 - 2 * torn / (n * 10 * (2 * n - 31)), abs=1e-6)
    assert found.neighbors_kept == pytest.approx(
        np.mean([len({*a} & {*b}) / 10 for a, b in zip(true, near, strict=True)])
    )
    assert found.n_rows == n


@pytest.mark.ours
def test_a_map_holds_less_than_three_matrices():
    """Beside the column, the different rows with and without their lengths are the only large things; also going on."""
    rows = np.random.default_rng(0).normal(size=(11_000, 1024)).astype(np.float32)
    array = VectorArray.from_matrix(rows)
    earlier = fit_projection(array)  # its graph is kept, and not counted
    for like in (None, earlier):
        tracemalloc.start()
        try:
            fit_projection(array, like=like)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak / rows.nbytes < 3, like


def test_repeated_vectors_have_a_map():
    """Many copies of a few vectors, zero vectors and vectors of one number are no obstacle."""
    few = np.concatenate([np.eye(4), np.zeros((1, 4))]).astype(np.float32)
    assert np.isfinite(fit_projection(np.repeat(few, 12, axis=0)).coordinates).all()
    line = np.array([[1.0], [2.0], [-1.0], [0.0]] * 5, dtype=np.float32)
    assert np.isfinite(fit_projection(line, "pca").coordinates).all()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_too_few_vectors_for_umap_warn(n):
    """Where UMAP cannot run, principal components stand in, and both a warning and the result say so."""
    with pytest.warns(UserWarning, match="made by PCA instead"):
        found = fit_projection(np.eye(3, dtype=np.float32)[:n])
    assert found.method == "pca"
    assert np.isfinite(found.coordinates).all()
    assert np.isfinite(found.transform(np.ones((1, 3), dtype=np.float32))).all()


def test_no_vectors_give_an_empty_map():
    """No rows, or only missing ones, give no coordinates; nothing can then be placed."""
    missing = VectorArray.from_matrix(np.zeros((3, 4), dtype=np.float32), mask=np.ones(3, dtype=bool))
    found = fit_projection(missing)
    assert np.isnan(found.coordinates).all()
    assert np.isnan(found.trustworthiness())
    assert fit_projection(missing[:0]).coordinates.shape == (0, 2)
    with pytest.raises(ValueError, match="no point"):
        found.transform(np.eye(4, dtype=np.float32))


def test_principal_components_place_new_vectors(digits):
    """PCA maps new vectors linearly: the same vector, scaled, has the same place."""
    found = fit_projection(digits, "pca")
    assert np.array_equal(found.transform(digits), found.coordinates, equal_nan=True)
    np.testing.assert_allclose(found.transform(digits.matrix[1:5] * 3), found.coordinates[1:5], atol=1e-5)


def test_given_estimators():
    """An estimator is cloned; one without transform says that it cannot place new vectors."""
    vectors = np.random.default_rng(0).normal(size=(20, 5)).astype(np.float32)
    given = PCA(2)
    found = fit_projection(vectors, given)
    assert not hasattr(given, "components_")
    assert found.transform(vectors + 1).shape == (20, 2)
    start = {"init": "random"} if "init" in MDS().get_params() else {}  # scikit-learn before 1.8 has no other
    scaled = fit_projection(vectors, MDS(2, n_init=1, random_state=0, **start))
    assert scaled.method == "MDS"
    with pytest.raises(TypeError, match="no transform"):
        scaled.transform(vectors + 1)
    with pytest.raises(ValueError, match="shape"):
        fit_projection(vectors, PCA(3))


def test_kinds_lie_together():
    """Told the kinds, the map's first axis is the topic and not the kind."""
    random = np.random.default_rng(0)
    topic, kind = np.repeat([0, 1], 40), np.tile(["text", "image"], 40)
    vectors = random.normal(scale=0.05, size=(80, 16)).astype(np.float32)
    vectors[:, 0] += np.where(kind == "text", 3, -3)
    vectors[:, 1] += np.where(topic == 0, 1, -1)
    axis = fit_projection(vectors, "pca", kinds=kind).coordinates[:, 0]
    assert abs(np.corrcoef(axis, topic)[0, 1]) > 0.9


def test_coordinates_in_a_frame(digits):
    """The frame gets map_x and map_y, and map_z on three dimensions; the names can be changed."""
    df = pd.DataFrame({"id": range(400)}, index=[0] * 400)
    flat = fit_projection(digits, "pca").add_to(df)
    assert list(flat) == ["id", "map_x", "map_y"]
    assert list(fit_projection(digits, "pca", dimensions=3).add_to(df, name="at")) == ["id", "at_x", "at_y", "at_z"]
    assert list(df) == ["id"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"dimensions": 4}, ValueError, "2 or 3"),
        ({"method": "tsne"}, ValueError, "Expected one of 'umap', 'umap-learn', 'pca'"),
        ({"method": 7}, TypeError, "fit_transform"),
    ],
)
def test_wrong_options_are_explained(options, error, message):
    """An option that cannot be meant is refused with what to do."""
    with pytest.raises(error, match=message):
        fit_projection(np.eye(6, dtype=np.float32), **options)
    with pytest.raises(ValueError, match="at least 1"):
        fit_projection(np.eye(6, dtype=np.float32), "pca").trustworthiness(0)
