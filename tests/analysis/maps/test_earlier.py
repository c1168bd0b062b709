"""Maps that go on from an earlier one: old rows stay, new rows find their place, what cannot be meant is refused."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

import mmembed
from mmembed.analysis import fit_projection
from mmembed.errors import SpaceMismatchError
from mmembed.vectors import VectorArray

OLD, ALL = 800, 840


@pytest.fixture(scope="module")
def digits():
    return load_digits().data[:ALL].astype(np.float32)


@pytest.fixture(scope="module")
def earlier(digits):
    return fit_projection(digits[:OLD])


@pytest.fixture(scope="module")
def later(digits, earlier):
    return fit_projection(digits, like=earlier)


def changed(before, after):
    """Return the squared moves of points as a share of the squares about their mean, without turning anything."""
    return ((after - before) ** 2).sum() / ((before - before.mean(axis=0)) ** 2).sum()


def neighbours_kept(rows, places, of, k=15):
    """Return the share of the true neighbours of some rows that are their neighbours on the map."""
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    far, apart = 1 - units[of] @ units.T, np.linalg.norm(places[of][:, np.newaxis] - places, axis=2)
    true, near = (np.argsort(one, axis=1)[:, 1 : k + 1] for one in (far, apart))
    return np.mean([len({*a} & {*b}) / k for a, b in zip(true, near, strict=True)])


def test_old_rows_stay_and_new_rows_lie_as_well_as_in_a_fit_of_their_own(digits, earlier, later):
    """With 5 % more rows the old ones move by at most .03; a fit from nothing is another map."""
    own = fit_projection(digits)
    assert changed(earlier.coordinates, later.coordinates[:OLD]) < 0.03
    assert changed(earlier.coordinates, own.coordinates[:OLD]) > 0.03
    new = np.arange(OLD, ALL)
    assert neighbours_kept(digits, later.coordinates, new) > neighbours_kept(digits, own.coordinates, new) - 0.05
    assert later.quality().trustworthiness > own.quality().trustworthiness - 0.005


def test_a_group_that_is_new_becomes_one(digits):
    """All pictures of a seven are new: they lie together and apart, and the others stay."""
    labels = load_digits().target[:ALL]
    before = fit_projection(digits[labels != 7])
    after = fit_projection(digits, like=before).coordinates
    assert changed(before.coordinates, after[labels != 7]) < 0.03
    nearest = np.linalg.norm(after[labels == 7][:, np.newaxis] - after, axis=2).argsort(axis=1)[:, 1:11]
    assert (labels[nearest] == 7).mean() > 0.9


def test_rows_are_found_again_in_any_order_and_length(digits, earlier, later):
    """Shuffled and scaled rows, with others gone, are the rows of before; the order changes nothing."""
    order = np.random.default_rng(0).permutation(ALL)
    shuffled = fit_projection(digits[order], like=earlier).coordinates
    np.testing.assert_array_equal(shuffled, later.coordinates[order])
    brighter = fit_projection(3 * digits, like=earlier).coordinates
    assert changed(earlier.coordinates, brighter[:OLD]) < 0.03
    fewer = fit_projection(digits[200:], like=earlier).coordinates
    assert changed(earlier.coordinates[200:], fewer[: OLD - 200]) < 0.03


def test_coordinates_do_as_well_as_the_map(digits, earlier, later):
    """Places as numbers, NaN for new rows, give the map of the Projection; copies share what one of them has."""
    places = np.vstack([earlier.coordinates, np.full((ALL - OLD, 2), np.nan)])
    np.testing.assert_array_equal(fit_projection(digits, like=places).coordinates, later.coordinates)
    copies = np.vstack([digits[:5], digits])
    found = fit_projection(copies, like=np.vstack([np.full((5, 2), np.nan), places])).coordinates
    np.testing.assert_array_equal(found[5:], later.coordinates)
    np.testing.assert_array_equal(found[:5], later.coordinates[:5])


def test_missing_rows_and_kinds(digits):
    """Rows without a vector stay without a place; with kinds, rows are found again by the vectors they came with."""
    kinds = np.where(np.arange(ALL) % 2, "text", "image")
    missing = np.arange(ALL) % 10 == 0
    array = VectorArray.from_matrix(digits, mask=missing)
    before = fit_projection(array[:OLD], kinds=kinds[:OLD])
    after = fit_projection(array, kinds=kinds, like=before).coordinates
    assert np.array_equal(np.isnan(after[:, 0]), missing)
    there = ~missing[:OLD]
    assert changed(before.coordinates[there], after[:OLD][there]) < 0.03


def test_other_rows_of_the_space_start_where_the_map_would_place_them(digits, earlier):
    """Without a row in common, the new map lies as the old one: the same directions are at the same sides."""
    places = fit_projection(digits[OLD:], like=earlier).coordinates
    guess = earlier.transform(digits[OLD:])
    assert np.corrcoef(places[:, 0], guess[:, 0])[0, 1] > 0.8
    assert np.corrcoef(places[:, 1], guess[:, 1])[0, 1] > 0.8


def test_three_dimensions_and_no_new_rows(digits):
    """A map of three axes goes on, too; of the same rows it is nearly the same map."""
    before = fit_projection(digits[:300], dimensions=3)
    after = fit_projection(digits[:300], dimensions=3, like=before)
    assert changed(before.coordinates, after.coordinates) < 0.03


def test_a_frame_goes_on_from_its_own_columns(digits, earlier, later):
    """``like="map"`` takes map_x and map_y, in which the appended rows have nothing yet."""
    df = pd.DataFrame({"v": VectorArray.from_matrix(digits[:OLD])})
    df = df.mmembed.project("v")
    table = pd.concat([df, pd.DataFrame({"v": VectorArray.from_matrix(digits[OLD:])})], ignore_index=True)
    found = table.mmembed.project("v", like="map", name="now")
    np.testing.assert_array_equal(found[["now_x", "now_y"]], later.coordinates)
    np.testing.assert_array_equal(table.mmembed.project("v", like=earlier)[["map_x", "map_y"]], later.coordinates)
    with pytest.raises(mmembed.errors.ColumnNotFoundError, match="'mop_x'"):
        table.mmembed.project("v", like="mop")


def test_what_cannot_be_gone_on_from_is_refused(digits, earlier):
    """Other spaces, other dimensions, maps of other methods and places of no row are errors that say what to do."""
    some = digits[:50]
    for options, error, message in (
        ({"dimensions": 3}, ValueError, "2 dimensions and the new map 3"),
        ({"method": "pca"}, ValueError, "'like' would change nothing"),
        ({"densmap": True}, ValueError, "densmap=True cannot"),
        ({"like": fit_projection(some, "pca")}, ValueError, "a map by pca"),
        ({"like": "map"}, TypeError, "names columns of a frame"),
        ({"like": np.zeros((7, 2))}, ValueError, r"shape \(7, 2\)"),
        ({"like": np.full((50, 2), np.nan)}, ValueError, "none of the rows"),
    ):
        with pytest.raises(error, match=message):
            fit_projection(some, **{"like": earlier, **options})
    with pytest.raises(ValueError, match="4 different"):
        fit_projection(some[:3], like=earlier)
    of_one, of_other = (VectorArray.from_matrix(some, space=space) for space in "ab")
    with pytest.raises(SpaceMismatchError):
        fit_projection(of_other, like=fit_projection(of_one))
