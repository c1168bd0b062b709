"""Of a damaged cache file, every vector that is whole is kept, and nothing that is not."""

import shutil
import warnings

import numpy as np
import pytest

from mmembed.cache.local import CacheWarning, VectorCache

ROWS = 300


def keys_of(dimension):
    return [b"%032d" % (number * dimension) for number in range(ROWS)]


def vectors_of(dimension):
    return np.random.default_rng(dimension).standard_normal((ROWS, dimension), dtype=np.float32)


def filled(folder, dimension):
    """A folder with a cache of 300 vectors, stored twenty at a time."""
    with VectorCache(folder) as cache:
        for start in range(0, ROWS, 20):
            cache.store(keys_of(dimension)[start : start + 20], vectors_of(dimension)[start : start + 20])
    return folder


def found_in(folder, dimension):
    """Look up all, check what is found, and say which rows are and how often that warned."""
    with warnings.catch_warnings(record=True) as caught, VectorCache(folder) as cache:
        warnings.simplefilter("always")
        matrix, found = cache.lookup(keys_of(dimension), dimension)
    np.testing.assert_array_equal(matrix[found], vectors_of(dimension)[found])
    assert np.isnan(matrix[~found]).all()
    assert {one.category for one in caught} <= {CacheWarning}
    return found, [str(one.message) for one in caught]


def overwrite(folder, place, size, filling):
    path = VectorCache(folder).path
    with path.open("r+b") as file:
        file.seek(place)
        file.write((filling * size)[:size])


@pytest.fixture(scope="module", params=[64, 1024, 2560])
def intact(request, tmp_path_factory):
    """Vectors that share a page, that fill one, and that need several."""
    return filled(tmp_path_factory.mktemp("intact"), request.param), request.param


@pytest.mark.parametrize("filling", [b"\0", b"\xff", b"noise "])
def test_one_damaged_page_costs_only_what_was_on_it(intact, tmp_path, filling):
    """Whichever page it is: a page holds at most some 90 entries, and all others are found, with one warning."""
    whole, dimension = intact
    pages = VectorCache(whole).path.stat().st_size // 4096
    worst = ROWS
    for number in sorted({0, 1, 2, 3, 4, 5, 6, pages // 3, pages // 2, pages - 2, pages - 1}):
        folder = shutil.copytree(whole, tmp_path / f"page {number}")
        overwrite(folder, number * 4096, 4096, filling)
        found, messages = found_in(folder, dimension)
        worst = min(worst, int(found.sum()))
        assert len(messages) <= 1, number
        assert found_in(folder, dimension)[0].tolist() == found.tolist()
        shutil.rmtree(folder)
    assert worst >= ROWS - 100


def test_a_damaged_head_of_the_file_costs_nothing(intact, tmp_path):
    """The first page holds no entries: without it all 300 are found, and the warning says so."""
    whole, dimension = intact
    folder = shutil.copytree(whole, tmp_path / "cache")
    overwrite(folder, 0, 4096, b"x")
    found, (message,) = found_in(folder, dimension)
    assert found.all()
    assert "300 vectors that are whole" in message


def test_half_a_file_gives_its_half(intact, tmp_path):
    """Of a file that was cut, the vectors that are left are found where their entries are, too."""
    whole, dimension = intact
    folder = shutil.copytree(whole, tmp_path / "cache")
    path = VectorCache(folder).path
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    found, messages = found_in(folder, dimension)
    assert 60 < found.sum() < ROWS
    assert len(messages) == 1


def test_what_lies_in_the_log_alone_is_kept(tmp_path):
    """A killed process leaves its vectors in the write-ahead log: the damaged file beside it does not lose them."""
    with VectorCache(tmp_path / "alive") as cache:
        for start in range(0, ROWS, 20):
            cache.store(keys_of(64)[start : start + 20], vectors_of(64)[start : start + 20])
        left = shutil.copytree(tmp_path / "alive", tmp_path / "left")
    path = VectorCache(left).path
    assert path.with_name(path.name + "-wal").stat().st_size > 100_000
    overwrite(left, 0, path.stat().st_size, b"x")
    found, messages = found_in(left, 64)
    assert found.all() or not messages  # SQLite may take all pages from the log and see no damage
    assert found.sum() == ROWS


def test_a_vector_under_another_key_is_not_salvaged(tmp_path):
    """Exchanged bytes of two vectors do not pass: the checksum ties each to its key."""
    folder = filled(tmp_path / "cache", 64)
    path = VectorCache(folder).path
    data = path.read_bytes()
    one, other = vectors_of(64)[5].tobytes(), vectors_of(64)[6].tobytes()
    data = data.replace(one, b"?" * 256).replace(other, one).replace(b"?" * 256, other)
    path.write_bytes(b"x" * 100 + data[100:])
    found, messages = found_in(folder, 64)
    assert np.flatnonzero(~found).tolist() == [5, 6]
    assert "298 vectors" in messages[0]
