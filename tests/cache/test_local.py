"""The cache finds what was stored, under its key and length alone, and makes nothing before it must."""

import pickle
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mmembed.cache.local import VectorCache, default_folder
from mmembed.cache.store import VectorStore
from mmembed.errors import VectorError


def keys_of(*numbers):
    return [f"content {number:012d}".encode() for number in numbers]


def vectors_of(*numbers, dimension=8):
    return np.stack([np.random.default_rng(number).standard_normal(dimension, dtype=np.float32) for number in numbers])


def test_stored_vectors_come_back_bit_for_bit(tmp_path):
    """Hits have their row, in the order asked; the other rows are NaN and marked as not found."""
    with VectorCache(tmp_path) as cache:
        cache.store(keys_of(*range(2000)), vectors_of(*range(2000)))
        matrix, found = cache.lookup(keys_of(1999, 5000, 0, 7, 7), 8)
    assert found.tolist() == [True, False, True, True, True]
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix[found], vectors_of(1999, 0, 7, 7))
    assert np.isnan(matrix[~found]).all()


def test_the_next_process_finds_what_this_one_stored(tmp_path):
    """A new object on the same folder, or a copy sent to a worker, sees the same vectors."""
    cache = VectorCache(tmp_path)
    cache.store(keys_of(1), vectors_of(1))
    with pickle.loads(pickle.dumps(cache)) as copy, VectorCache(tmp_path) as another:
        assert copy.lookup(keys_of(1), 8)[1].all()
        assert another.lookup(keys_of(1), 8)[1].all()
    cache.close()
    assert cache.lookup(keys_of(1), 8)[1].all()  # opened again
    cache.close()


def test_a_vector_of_another_length_is_not_found(tmp_path):
    """A length that is not the asked one counts as not found and may be stored anew."""
    with VectorCache(tmp_path) as cache:
        cache.store(keys_of(1), vectors_of(1, dimension=8))
        assert not cache.lookup(keys_of(1), 16)[1].any()
        cache.store(keys_of(1), vectors_of(1, dimension=16))
        assert cache.lookup(keys_of(1), 16)[1].all()
        assert cache.info().entries == 1


def test_rows_that_are_not_finite_are_not_stored(tmp_path):
    """A NaN or infinite row is left out, the rows beside it are stored."""
    rows = vectors_of(1, 2, 3)
    rows[0, 3], rows[2, 0] = np.nan, np.inf
    with VectorCache(tmp_path) as cache:
        cache.store(keys_of(1, 2, 3), rows)
        assert cache.lookup(keys_of(1, 2, 3), 8)[1].tolist() == [False, True, False]


def test_rows_that_are_not_finite_are_not_found(tmp_path):
    """A NaN row that got into the file by another way counts as not found."""
    with VectorCache(tmp_path) as cache:
        cache.store(keys_of(1), vectors_of(1))
        store = VectorStore(cache.path)
        store.write(keys_of(2), np.full((1, 8), np.nan, dtype=np.float32))
        store.close()
        assert cache.lookup(keys_of(1, 2), 8)[1].tolist() == [True, False]


def test_a_matrix_of_the_wrong_shape_is_refused(tmp_path):
    """One row for each key, or an error that names both numbers."""
    with VectorCache(tmp_path) as cache, pytest.raises(VectorError, match=r"\(2, 8\) for 3 keys"):
        cache.store(keys_of(1, 2, 3), vectors_of(1, 2))
    with VectorCache(tmp_path) as cache, pytest.raises(VectorError, match=r"\(8,\) for 1 keys"):
        cache.store(keys_of(1), vectors_of(1)[0])


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.binary(min_size=20, max_size=32),
            hnp.arrays(np.float32, 3, elements=st.floats(width=32, allow_nan=False, allow_infinity=False)),
            min_size=1,
            max_size=6,
        ),
        max_size=4,
    )
)
def test_the_cache_behaves_like_a_dictionary(tmp_path_factory, batches):
    """After any sequence of batches each key has the vector that was stored last, bit for bit."""
    expected = {}
    with VectorCache(tmp_path_factory.mktemp("cache")) as cache:
        for batch in batches:
            cache.store(list(batch), np.stack(list(batch.values())))
            expected |= batch
        matrix, found = cache.lookup([*expected, b"never stored"], 3)
        assert cache.info().entries == len(expected)
        assert cache.clear() == len(expected)
        assert not cache.lookup(list(expected), 3)[1].any()
    assert found.tolist() == [True] * len(expected) + [False]
    for row, vector in zip(matrix, expected.values(), strict=False):
        assert row.tobytes() == vector.tobytes()


def test_nothing_is_made_before_the_first_store(tmp_path):
    """Looking up, asking for sizes, clearing and storing nothing leave the disk as it is."""
    folder = tmp_path / "deep" / "cache"
    with VectorCache(folder) as cache:
        assert not cache.lookup(keys_of(1, 2), 8)[1].any()
        assert cache.lookup([], 8)[0].shape == (0, 8)
        assert (cache.info().entries, cache.info().bytes, cache.clear()) == (0, 0, 0)
        cache.store([], np.empty((0, 8), np.float32))
        cache.store(keys_of(1), np.full((1, 8), np.nan))
        assert list(tmp_path.iterdir()) == []
        cache.store(keys_of(1), vectors_of(1))
        assert cache.info().bytes > 8 * 4


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no permission bits; the profile folder is private")
def test_the_folder_is_private(tmp_path):
    """Nobody but the owner may list what was embedded."""
    with VectorCache(tmp_path / "cache") as cache:
        cache.store(keys_of(1), vectors_of(1))
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700


def test_the_folder_is_read_from_the_environment_when_used(tmp_path, monkeypatch):
    """MMEMBED_CACHE_DIR decides at each use, also for an object that exists already."""
    with VectorCache() as cache:
        for name in ("one", "two"):
            monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path / name))
            assert not cache.lookup(keys_of(1), 8)[1].any()
            cache.store(keys_of(1), vectors_of(1))
            assert cache.path.parent == tmp_path / name
            assert cache.path.exists()


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/xdg"}, "/xdg/mmembed"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "/home/me/.cache/mmembed"),
        ("linux", {}, "/home/me/.cache/mmembed"),
        ("darwin", {"XDG_CACHE_HOME": "/xdg"}, "/home/me/Library/Caches/mmembed"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/mmembed/Cache"),
        ("win32", {}, "/home/me/AppData/Local/mmembed/Cache"),
        ("linux", {"MMEMBED_CACHE_DIR": "~/mine", "XDG_CACHE_HOME": "/xdg"}, "/home/me/mine"),
        ("win32", {"MMEMBED_CACHE_DIR": "/mine", "LOCALAPPDATA": "/local"}, "/mine"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="the paths of the table are POSIX paths")
def test_the_default_folder_follows_the_platform(platform, variables, expected):
    """Each platform has its place for caches, and our variable goes before it."""
    assert default_folder({"HOME": "/home/me"} | variables, platform=platform, home=Path("/home/me")) == Path(expected)


def test_threads_share_one_cache(tmp_path):
    """Eight threads that store and look up at once lose nothing and mix nothing up."""

    def work(start):
        numbers = range(start, start + 60, 6)
        for number in numbers:
            own = range(number, number + 6)
            cache.store(keys_of(*own), vectors_of(*own))
            matrix, found = cache.lookup(keys_of(*own), 8)
            assert found.all()
            np.testing.assert_array_equal(matrix, vectors_of(*own))

    with VectorCache(tmp_path) as cache, ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(0, 480, 60)))
        matrix, found = cache.lookup(keys_of(*range(480)), 8)
    assert found.all()
    np.testing.assert_array_equal(matrix, vectors_of(*range(480)))


def test_a_folder_deleted_under_the_cache_is_made_again(tmp_path):
    """Vectors stored after somebody emptied the folder are in the new file, not in the deleted one."""
    with VectorCache(tmp_path) as cache:
        cache.store(keys_of(1), vectors_of(1))
        for path in tmp_path.iterdir():
            path.unlink()
        assert not cache.lookup(keys_of(1), 8)[1].any()
        cache.store(keys_of(2), vectors_of(2))
    with VectorCache(tmp_path) as cache:
        assert cache.lookup(keys_of(1, 2), 8)[1].tolist() == [False, True]


def test_clearing_gives_the_disk_back(tmp_path):
    """After clear the files are small, and the cache goes on working."""
    with VectorCache(tmp_path) as cache:
        cache.store(keys_of(*range(1000)), vectors_of(*range(1000), dimension=512))
        assert cache.info().bytes > 2_000_000
        assert cache.clear() == 1000
        assert cache.info().bytes < 200_000
        cache.store(keys_of(1), vectors_of(1))
        assert cache.info().entries == 1
