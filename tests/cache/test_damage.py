"""Whatever happens to the cache's file costs one warning: never an exception, never a wrong vector."""

import shutil
import sqlite3
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest

from mmembed.cache.local import CacheWarning, VectorCache
from mmembed.cache.store import file_identity, set_aside

KEYS = [f"content {number:012d}".encode() for number in range(60)]
VECTORS = np.random.default_rng(0).standard_normal((60, 48), dtype=np.float32)
NEW_KEYS = [b"new content 1", b"new content 2"]
NEW_VECTORS = np.ones((2, 48), dtype=np.float32)


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    """A folder whose cache holds 60 vectors of 48, closed as it should be."""
    folder = tmp_path_factory.mktemp("intact")
    with VectorCache(folder) as cache:
        for start in range(0, 60, 20):
            cache.store(KEYS[start : start + 20], VECTORS[start : start + 20])
    return folder


def use(folder):
    """Look up and store as a run does; check every vector that is found and return how many, with the warnings.

    Returns how many of the old vectors were found before the missing ones were stored, how many of the new ones after.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with VectorCache(folder) as cache:
            matrix, found = cache.lookup(KEYS, 48)
            cache.store(NEW_KEYS, NEW_VECTORS)
            cache.store([KEYS[position] for position in np.flatnonzero(~found)], VECTORS[~found])
            new_matrix, new_found = cache.lookup(NEW_KEYS, 48)
            cache.info()
    np.testing.assert_array_equal(matrix[found], VECTORS[found])
    np.testing.assert_array_equal(new_matrix[new_found], NEW_VECTORS[new_found])
    assert {one.category for one in caught} <= {CacheWarning}
    return int(found.sum()), int(new_found.sum()), [str(one.message) for one in caught]


def copy_of(intact, folder):
    shutil.rmtree(folder, ignore_errors=True)
    return shutil.copytree(intact, folder)


def test_a_file_that_is_no_database_is_set_aside_with_one_warning(tmp_path):
    """Garbage under the cache's name is renamed, said so once, and a new file is begun."""
    path = VectorCache(tmp_path).path
    path.write_bytes(b"this is not a database, whatever its name says " * 100)
    found, new_found, messages = use(tmp_path)
    assert (found, new_found) == (0, 2)
    (message,) = messages
    assert "damaged" in message
    (aside,) = tmp_path.glob("*.damaged-*")
    assert aside.name in message
    assert aside.read_bytes().startswith(b"this is not a database")
    assert use(tmp_path)[1:] == (2, [])


def test_a_damaged_file_does_not_lose_what_is_being_stored(tmp_path):
    """When a store is the first to meet the damage, the paid vectors go into the new file."""
    VectorCache(tmp_path).path.write_bytes(b"x" * 10_000)
    with VectorCache(tmp_path) as cache:
        with pytest.warns(CacheWarning, match="damaged"):
            cache.store(KEYS, VECTORS)
        assert cache.lookup(KEYS, 48)[1].all()


@pytest.mark.parametrize("name", ["vectors", "entries"])
def test_a_file_without_our_tables_is_set_aside(intact, tmp_path, name):
    """A database that lost a table is damaged too."""
    folder = copy_of(intact, tmp_path / "cache")
    connection = sqlite3.connect(VectorCache(folder).path)
    connection.execute(f"DROP TABLE {name}")
    connection.close()
    found, new_found, messages = use(folder)
    assert (found, new_found, len(messages)) == (0, 2, 1)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
def test_a_truncated_file_never_gives_a_wrong_vector(intact, tmp_path, share):
    """A file cut at any place gives right vectors or none, with at most one warning for each kind of damage."""
    folder = copy_of(intact, tmp_path / "cache")
    path = VectorCache(folder).path
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * share))
    found, new_found, messages = use(folder)
    assert new_found == 2
    assert found < len(KEYS)
    assert len(messages) <= 2
    use(folder)
    assert use(folder) == (60, 2, [])


def flipped_positions(size):
    return [*range(100), *range(100, size, size // 150)]


def test_a_flipped_byte_never_gives_a_wrong_vector(intact, tmp_path):
    """Any single byte turned over, in the header or beyond: right vectors or none, and the cache works on."""
    size = VectorCache(intact).path.stat().st_size
    fewer = 0
    for position in flipped_positions(size):
        folder = copy_of(intact, tmp_path / "cache")
        with VectorCache(folder).path.open("r+b") as file:
            file.seek(position)
            (byte,) = file.read(1)
            file.seek(position)
            file.write(bytes([byte ^ 0xFF]))
        found, _, messages = use(folder)
        assert len(messages) <= 2, position
        use(folder)
        assert use(folder) == (60, 2, []), position
        fewer += found < len(KEYS)
        if messages and "renamed" not in messages[0]:
            assert found < len(KEYS), position
    assert fewer > 50  # the damage was real


def test_a_flipped_byte_in_the_log_never_gives_a_wrong_vector(tmp_path):
    """The same for the write-ahead log that a killed process leaves behind."""
    left = tmp_path / "left by a kill"
    with VectorCache(tmp_path / "alive") as cache:
        for start in range(0, 60, 20):
            cache.store(KEYS[start : start + 20], VECTORS[start : start + 20])
        shutil.copytree(tmp_path / "alive", left)
    log_name = VectorCache(left).path.name + "-wal"
    assert use(copy_of(left, tmp_path / "cache")) == (60, 2, [])
    for position in flipped_positions((left / log_name).stat().st_size)[::4]:
        folder = copy_of(left, tmp_path / "cache")
        with (folder / log_name).open("r+b") as file:
            file.seek(position)
            (byte,) = file.read(1)
            file.seek(position)
            file.write(bytes([byte ^ 0xFF]))
        _, new_found, messages = use(folder)
        assert new_found == 2, position
        assert len(messages) <= 1, position


def test_a_damaged_entry_is_told_and_replaced(intact, tmp_path):
    """A vector whose bytes changed is not found, said so once, and right again after it was stored anew."""
    folder = copy_of(intact, tmp_path / "cache")
    with VectorCache(folder) as cache:
        data = cache.path.read_bytes()
        place = data.index(VECTORS[7].tobytes()[:64])
        cache.path.write_bytes(data[:place] + b"\x00" * 8 + data[place + 8 :])
        with pytest.warns(CacheWarning, match="1 of 60 entries") as caught:
            found = cache.lookup(KEYS, 48)[1]
        assert len(caught) == 1
        assert np.flatnonzero(~found).tolist() == [7]
        assert not cache.lookup(KEYS[7:8], 48)[1].any()  # no second warning: it would be an error here
        cache.store(KEYS[7:8], VECTORS[7:8])
        matrix, found = cache.lookup(KEYS, 48)
        assert found.all()
        np.testing.assert_array_equal(matrix, VECTORS)


def test_an_index_that_points_to_another_vector_finds_nothing(intact, tmp_path):
    """A vector is tied to its key: two entries that were exchanged are damaged, not each other's answer."""
    folder = copy_of(intact, tmp_path / "cache")
    with VectorCache(folder) as cache:
        connection = sqlite3.connect(cache.path)
        connection.execute("UPDATE entries SET place = 3 - place WHERE place IN (1, 2)")
        connection.commit()
        connection.close()
        with pytest.warns(CacheWarning, match="2 of 60 entries"):
            assert np.flatnonzero(~cache.lookup(KEYS, 48)[1]).tolist() == [0, 1]


def test_a_file_that_another_process_replaced_is_left_alone(tmp_path):
    """Who meets damage in a file that was set aside in the meantime does not rename the new one."""
    with VectorCache(tmp_path) as cache:
        cache.path.write_bytes(b"x" * 10_000)
        damaged = file_identity(cache.path)
        with pytest.warns(CacheWarning, match="renamed"):
            cache.store(KEYS, VECTORS)
        assert set_aside(cache.path, damaged) is None
        assert cache.lookup(KEYS, 48)[1].all()
    assert len(list(tmp_path.glob("*.damaged-*"))) == 1


def test_a_folder_that_cannot_be_made_costs_one_warning(tmp_path):
    """The run goes on without a cache, and says once what to do."""
    (tmp_path / "file").write_text("in the way")
    with VectorCache(tmp_path / "file" / "cache") as cache:
        with pytest.warns(CacheWarning, match="MMEMBED_CACHE_DIR") as caught:
            cache.store(KEYS, VECTORS)
        assert len(caught) == 1
        cache.store(KEYS, VECTORS)  # a second warning would be an error here
        assert not cache.lookup(KEYS, 48)[1].any()


def test_a_file_that_cannot_be_written_is_still_read(intact, tmp_path):
    """Where SQLite cannot make its log, what is in the file is found; storing warns once."""
    folder = copy_of(intact, tmp_path / "cache")
    (folder / (VectorCache(folder).path.name + "-wal")).mkdir()  # as good as a read-only disk, also for root
    with VectorCache(folder) as cache:
        assert cache.lookup(KEYS, 48)[1].all()
        with pytest.warns(CacheWarning, match="cannot be written") as caught:
            cache.store(NEW_KEYS, NEW_VECTORS)
        assert len(caught) == 1
        cache.store(NEW_KEYS, NEW_VECTORS)  # a second warning would be an error here
        matrix, found = cache.lookup(KEYS, 48)
        assert found.all()
        np.testing.assert_array_equal(matrix, VECTORS)


def test_a_file_that_stays_locked_costs_one_warning(intact, tmp_path):
    """Another process that never lets go of the file does not stop the run, and the file is not called damaged."""
    folder = copy_of(intact, tmp_path / "cache")
    with VectorCache(folder, busy_seconds=0.001) as cache:
        other = sqlite3.connect(cache.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.warns(CacheWarning, match="locked") as caught:
            cache.store(NEW_KEYS, NEW_VECTORS)
        assert len(caught) == 1
        assert cache.lookup(KEYS, 48)[1].all()
        other.close()
    assert list(folder.glob("*.damaged-*")) == []


FULL_DISK = """
import resource, sys, warnings
from pathlib import Path
import numpy as np
from mmembed.cache.local import CacheWarning, VectorCache

resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
rows = np.ones((20, 512), np.float32)
with warnings.catch_warnings(record=True) as caught, VectorCache(Path(sys.argv[1])) as cache:
    warnings.simplefilter("always")
    stored = 0
    for start in range(0, 400, 20):
        keys = [b"content %d" % number for number in range(start, start + 20)]
        cache.store(keys, rows)
    found = sum(cache.lookup([b"content %d" % number], 512)[1].sum() for number in range(400))
assert [one.category for one in caught] == [CacheWarning], caught
assert "cannot be written" in str(caught[0].message), caught[0].message
assert 20 <= found < 400, found
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on file sizes to stand for a full disk")
def test_a_full_disk_costs_one_warning(tmp_path):
    """What was stored before the disk was full is found, the rest is not, and the run goes on."""
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], check=False, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr


def test_damage_met_by_several_threads_is_told_once(tmp_path):
    """Threads that all meet the damaged file share one warning, one rename and one new file."""
    VectorCache(tmp_path).path.write_bytes(b"x" * 10_000)
    with warnings.catch_warnings(record=True) as caught, VectorCache(tmp_path) as cache:
        warnings.simplefilter("always")
        threads = [
            threading.Thread(target=cache.store, args=(KEYS[start : start + 10], VECTORS[start : start + 10]))
            for start in range(0, 60, 10)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert cache.lookup(KEYS, 48)[1].all()
    assert len(caught) == 1
    assert len(list(tmp_path.glob("*.damaged-*"))) == 1
