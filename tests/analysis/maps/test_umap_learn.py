"""Maps by umap-learn: of the column's own neighbours, supervised ones, and what the fast layout shares with them."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from mmembed.analysis import fit_projection

pytestmark = pytest.mark.xdist_group("umap-learn")  # one worker, so that umap-learn is compiled once


@pytest.fixture(scope="module")
def digits():
    return load_digits().data[:500].astype(np.float32)


@pytest.fixture(scope="module")
def original(digits):
    return fit_projection(digits, "umap-learn", n_neighbors=10, min_dist=0.05)


def spread_within(places, labels):
    """Return the variance within labels as a share of the whole."""
    means = pd.DataFrame(places).groupby(labels).transform("mean").to_numpy()
    return ((places - means) ** 2).sum() / ((places - places.mean(axis=0)) ** 2).sum()


def test_the_original_and_the_fast_layout_agree(digits, original):
    """With the same options, trustworthiness, continuity and neighbours kept agree."""
    assert original.method == "umap-learn"
    ours = fit_projection(digits, n_neighbors=10, min_dist=0.05)
    assert ours.method == "umap"
    for measure, tolerance in (("trustworthiness", 0.006), ("continuity", 0.01), ("neighbors_kept", 0.04)):
        mine, other = (getattr(one.quality(), measure) for one in (ours, original))
        assert mine == pytest.approx(other, abs=tolerance), measure


def test_the_graph_is_that_of_the_column(original):
    """umap-learn gets the neighbours that clusters and duplicates use, and the options of the call."""
    estimator = original.estimator.umap
    graph = original.estimator.graph
    np.testing.assert_array_equal(estimator.knn_indices[:, 1:], graph.indices)
    assert not graph.indices.flags.owndata  # a view of what the store keeps
    assert (estimator.n_neighbors, estimator.min_dist, estimator.n_components) == (10, 0.05, 2)


def test_new_rows_are_placed_and_the_seed_holds(digits, original):
    """The same call gives the same map, and rows that it has not seen land among their like."""
    again = fit_projection(digits, "umap-learn", n_neighbors=10, min_dist=0.05)
    np.testing.assert_array_equal(again.coordinates, original.coordinates)
    new, labels = load_digits().data[500:560].astype(np.float32), load_digits().target
    placed = original.transform(new)
    nearest = np.linalg.norm(placed[:, np.newaxis] - original.coordinates, axis=2).argmin(axis=1)
    assert (labels[nearest] == labels[500:560]).mean() > 0.8


@pytest.mark.parametrize(
    "given",
    [
        lambda labels: pd.Series(labels, index=range(9, 509)),
        lambda labels: pd.Series(labels).astype("string").where(np.arange(500) % 4 > 0),
        lambda labels: pd.Series(labels).where(np.arange(500) % 4 > 0),  # whole numbers with gaps are floats
        pd.Categorical,
    ],
    ids=["integers", "texts with gaps", "floats with gaps", "categories"],
)
def test_a_target_parts_labels(digits, given):
    """A supervised map has less spread within labels than one without, and says who made it."""
    labels = load_digits().target[:500]
    found = fit_projection(digits, target=given(labels))
    assert found.method == "umap-learn"
    assert spread_within(found.coordinates, labels) < 0.7 * spread_within(fit_projection(digits).coordinates, labels)


def test_numbers_are_a_target_too(digits):
    """Fractions arrange the map by value; of equal vectors the mean counts, and gaps are refused."""
    darkness = digits.sum(axis=1) + 0.5
    found = fit_projection(np.vstack([digits, digits[:3]]), target=np.r_[darkness, darkness[:3]])
    assert found.estimator.umap.target_metric == "l2"
    np.testing.assert_array_equal(found.coordinates[:3], found.coordinates[500:])
    with pytest.raises(ValueError, match="1 missing numbers"):
        fit_projection(digits, target=np.r_[np.nan, darkness[1:]])
    with pytest.raises(ValueError, match="7 values for 500 rows"):
        fit_projection(digits, target=range(7))


def test_density_is_kept_on_request(digits):
    """A density-preserving map draws what is dense smaller; the map is umap-learn's."""
    rows = np.vstack([digits[:150], digits[150:300] * 0 + digits[150] + np.arange(150)[:, np.newaxis] * 1e-3])
    found = fit_projection(rows.astype(np.float32), densmap=True)
    assert found.method == "umap-learn"
    assert found.estimator.umap.densmap
    assert np.isfinite(found.coordinates).all()


def test_a_supervised_map_goes_on_from_an_earlier_one(digits):
    """With target and like, labels are parted and old rows stay."""
    labels = load_digits().target[:500]
    before = fit_projection(digits[:480], target=labels[:480])
    after = fit_projection(digits, target=labels, like=before).coordinates
    old, new = before.coordinates, after[:480]
    assert ((old - new) ** 2).sum() / ((old - old.mean(axis=0)) ** 2).sum() < 0.03


@pytest.mark.parametrize("n", [4, 5, 8, 17])
def test_small_tables_have_a_map(n):
    """From four different vectors on, umap-learn gives finite coordinates without a warning."""
    vectors = np.random.default_rng(n).normal(size=(n, 6)).astype(np.float32)
    assert np.isfinite(fit_projection(vectors, "umap-learn").coordinates).all()
    with pytest.warns(UserWarning, match="PCA instead"):
        assert fit_projection(vectors[:3], "umap-learn").method == "pca"


def test_options_change_the_fast_map(digits):
    """More neighbours, a wider plateau and a wider spread each give another map, and are what umap-learn would do."""
    usual = fit_projection(digits)
    packed, loose = fit_projection(digits, min_dist=0.0), fit_projection(digits, min_dist=0.9)

    def nearest(found):
        apart = np.linalg.norm(found.coordinates[:, np.newaxis] - found.coordinates, axis=2)
        return np.median(np.sort(apart, axis=1)[:, 1] / apart.max())

    assert nearest(packed) < nearest(usual) < nearest(loose)
    assert fit_projection(digits, n_neighbors=40).estimator.graph.k == 39
    assert np.ptp(fit_projection(digits, spread=3.0).coordinates) > np.ptp(usual.coordinates)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_neighbors": 1}, "at least 2"),
        ({"min_dist": -0.1}, "from 0 to spread"),
        ({"min_dist": 2}, "from 0 to spread"),
        ({"spread": 0}, "above 0"),
        ({"method": "pca", "min_dist": 0.2}, "'min_dist' would change nothing with method 'pca'"),
        ({"method": "pca", "target": [1] * 500, "densmap": True}, "'target', 'densmap' would change nothing"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(digits, options, message):
    """What would do nothing or makes no map is an error before anything is computed."""
    with pytest.raises(ValueError, match=message):
        fit_projection(digits, **options)


def test_the_estimator_of_umap_learn_stands_in_as_before(digits):
    """Another metric is umap-learn's own estimator, which gets the unit rows and none of our options."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from umap import UMAP
    found = fit_projection(digits[:120], UMAP(metric="manhattan", random_state=0, n_jobs=1, n_neighbors=8))
    assert found.method == "UMAP"
    with pytest.raises(ValueError, match="'n_neighbors' would change nothing with method UMAP"):
        fit_projection(digits, UMAP(), n_neighbors=8)
