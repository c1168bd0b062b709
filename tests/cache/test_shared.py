"""A cache on storage that several machines write at once: in memory, in files, and by two processes together."""

from __future__ import annotations

import itertools
import pickle
import subprocess
import sys
import uuid

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("fsspec")

from mmembed import Embedder
from mmembed.cache import shared as module
from mmembed.cache.local import CacheWarning
from mmembed.cache.shared import Segment, SegmentIndex, SharedCache, pack_segment, runs_of
from mmembed.errors import VectorError


def keys(*numbers):
    return [f"{number:08}".encode()[::-1].ljust(32, b"k") for number in numbers]


def rows(*numbers, d=4):
    return np.array([[number + 0.5] * d for number in numbers], np.float32)


@pytest.fixture(params=["memory", "file"])
def address(request, tmp_path):
    """Return a new folder in memory and on disk."""
    return f"memory://{uuid.uuid4().hex}" if request.param == "memory" else (tmp_path / "shared").as_uri()


def test_what_one_writer_stored_the_others_find(address):
    """Also one that looked before there was anything; rows that are not finite and other lengths are not found."""
    one, other = (SharedCache(address, listing_seconds=0) for _ in range(2))
    assert not other.lookup(keys(1), 4)[1].any()
    matrix = rows(1, 2, 3)
    matrix[2, 0] = np.nan
    one.store(keys(1, 2, 3), matrix)
    other.store(keys(4), rows(4, d=8))
    for cache in (one, other):
        found_rows, found = cache.lookup(keys(4, 3, 2, 1), 4)
        assert found.tolist() == [False, False, True, True]
        np.testing.assert_array_equal(found_rows[found], rows(2, 1))
        assert np.isnan(found_rows[~found]).all()
    assert one.lookup(keys(4), 8)[1].all()
    assert one.lookup([], 4)[1].shape == (0,)
    with pytest.raises(VectorError, match="one row for each key"):
        one.store(keys(1), rows(1, 2))


def test_listing_is_bounded_and_can_be_asked_for(address):
    """What others stored shows after the listing's time, or at once after refresh()."""
    now = [0.0]
    one, other = SharedCache(address), SharedCache(address, listing_seconds=10, clock=lambda: now[0])
    other.lookup(keys(1), 4)
    one.store(keys(1), rows(1))
    assert not other.lookup(keys(1), 4)[1].any()
    now[0] = 10.0
    assert other.lookup(keys(1), 4)[1].all()
    one.store(keys(2), rows(2))
    other.refresh()
    assert other.lookup(keys(2), 4)[1].all()


def test_small_files_are_joined_and_readers_follow(address, monkeypatch):
    """After so many there is one file, and who knew the small ones reads the joined one."""
    monkeypatch.setattr(module, "_MOST_SMALL", 5)
    one, other = SharedCache(address), SharedCache(address, listing_seconds=1e9)
    for number in range(4):
        one.store(keys(number), rows(number))
    assert other.lookup(keys(0), 4)[1].all()
    one.store(keys(4, 5), rows(4, 5, d=8))
    assert sorted(one._files.ls(one._root, detail=False)) == sorted(one._files.glob(f"{one._root}/*x[48].vectors"))
    assert len(one._files.ls(one._root, detail=False)) == 2
    for cache in (one, other):
        matrix, found = cache.lookup(keys(0, 1, 2, 3), 4)
        assert found.all()
        np.testing.assert_array_equal(matrix, rows(0, 1, 2, 3))


@pytest.mark.parametrize("left", [5, 100, 16 + 3 * 32 + 2 * 20 + 3])
def test_what_was_cut_off_is_not_found(tmp_path, left):
    """A file that a dying machine left half written gives its whole records, and no wrong ones."""
    SharedCache(tmp_path.as_uri()).store(keys(1, 2, 3), rows(1, 2, 3))
    (file,) = (tmp_path / "vectors-1").iterdir()
    file.write_bytes(file.read_bytes()[:left])
    (tmp_path / "vectors-1" / "notes.txt").write_text("not ours")
    matrix, found = SharedCache(tmp_path.as_uri()).lookup(keys(1, 2, 3), 4)
    assert found.tolist() == ([True, True, False] if left > 120 else [False] * 3)
    np.testing.assert_array_equal(matrix[found], rows(1, 2, 3)[found])


@given(st.integers(0, 16 + 3 * 52 - 1), st.integers(1, 255))
def test_a_flipped_byte_never_gives_a_wrong_vector(place, flip):
    """Whatever byte is damaged, each vector found is the one that was stored."""
    address = f"memory://{uuid.uuid4().hex}"
    SharedCache(address).store(keys(1, 2, 3), rows(1, 2, 3))
    reader = SharedCache(address)
    (path,) = reader._files.ls(reader._root, detail=False)
    data = bytearray(reader._files.cat_file(path))
    data[place] ^= flip
    reader._files.pipe_file(path, bytes(data))
    matrix, found = reader.lookup(keys(1, 2, 3), 4)
    assert found.sum() >= (2 if place >= 16 else 0)
    np.testing.assert_array_equal(matrix[found], rows(1, 2, 3)[found])


def test_a_key_that_a_damaged_one_resembles_is_found():
    """A flipped bit makes the second key begin as the third: the third is looked for on, where it really lies."""
    address = f"memory://{uuid.uuid4().hex}"
    SharedCache(address).store(keys(1, 2, 3), rows(1, 2, 3))
    reader = SharedCache(address)
    (path,) = reader._files.ls(reader._root, detail=False)
    data = bytearray(reader._files.cat_file(path))
    data[16 + 32 : 16 + 32 + 8] = keys(3)[0][:8]
    reader._files.pipe_file(path, bytes(data))
    assert reader.lookup(keys(1, 2, 3), 4)[1].tolist() == [True, False, True]


def test_storage_that_fails_costs_one_warning(tmp_path):
    """The run goes on without it."""
    (tmp_path / "shared").write_text("a file, no folder")
    cache = SharedCache((tmp_path / "shared").as_uri())
    with pytest.warns(CacheWarning, match="cannot be written"):
        cache.store(keys(1), rows(1))
    cache.store(keys(1), rows(1))
    with pytest.warns(CacheWarning, match="cannot be read"):
        assert not cache.lookup(keys(1), 4)[1].any()
    assert not cache.lookup(keys(1), 4)[1].any()


def test_options_travel_and_show_nowhere():
    """Credentials of the storage are in no repr; a copy in the same process is one object."""
    address = f"memory://{uuid.uuid4().hex}"
    cache = SharedCache(address, storage_options={"skip_instance_cache": "secret-0123"})
    assert "secret" not in repr(cache) + repr(Embedder(cache=cache))
    again, once_more = pickle.loads(pickle.dumps(cache)), pickle.loads(pickle.dumps(cache))
    assert again is once_more
    assert again._options == {"skip_instance_cache": "secret-0123"}
    assert Embedder(cache=address).open_cache() is again


WRITER = """
import sys, numpy as np
from mmembed.cache.shared import SharedCache
cache, me = SharedCache(sys.argv[1], listing_seconds=0), int(sys.argv[2])
sys.stdin.readline()
for number in range(me, 600, 2):
    cache.store([f"{number:08}".encode()[::-1].ljust(32, b"k")], np.full((1, 4), number + 0.5, np.float32))
assert cache.lookup([f"{me:08}".encode()[::-1].ljust(32, b"k")], 4)[1].all()
"""


def test_two_processes_write_at_once(tmp_path):
    """Neither loses a row of the other, while both join their files and a third reads along."""
    address = tmp_path.as_uri()
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, address, str(me)], stdin=subprocess.PIPE, text=True)  # noqa: S603 - our own script
        for me in range(2)
    ]
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()
    reader, everything = SharedCache(address, listing_seconds=0), keys(*range(600))
    while any(writer.poll() is None for writer in writers):
        matrix, found = reader.lookup(everything, 4)
        np.testing.assert_array_equal(matrix[found], rows(*np.flatnonzero(found)) if found.any() else matrix[found])
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    matrix, found = reader.lookup(everything, 4)
    assert found.all()
    np.testing.assert_array_equal(matrix, rows(*range(600)))
    assert len(list((tmp_path / "vectors-1").iterdir())) < 100


def test_an_index_finds_each_key_in_the_segments_that_are_left():
    """Of a key that lies in two segments, one is enough; dropped segments are passed over."""
    index = SegmentIndex()
    one, two = Segment.make("a" * 32, 0, 3, 4), Segment.make("b" * 32, 0, 2, 4)
    index.add(one, one.prefixes(pack_segment(keys(1, 2, 3), rows(1, 2, 3))))
    index.add(two, two.prefixes(pack_segment(keys(3, 4), rows(3, 4))))
    assert index.find(keys(2, 4, 9)) == {one: [(1, 0)], two: [(1, 1)]}
    index.keep({two.name})
    assert index.find(keys(2, 3, 4)) == {two: [(0, 1), (1, 2)]}
    assert one.name not in index
    assert two.name in index


def test_an_index_that_grows_segment_by_segment_stays_in_few_parts():
    """Two thousand segments, some dropped on the way: each key of those left is found, in a handful of sorted parts."""
    index, segments = SegmentIndex(), []
    for number in range(2000):
        segment = Segment.make("a" * 32, number, 2, 4)
        index.add(segment, segment.prefixes(pack_segment(keys(2 * number, 2 * number + 1), rows(0, 0))))
        segments.append(segment)
        if number % 100 == 99:
            index.find(keys(0))
            index.drop([segment.name])
    assert len(index._tiers) < 15
    found = index.find(keys(*range(4000)))
    assert found == {
        segment: [(0, 2 * number), (1, 2 * number + 1)] for number, segment in enumerate(segments) if number % 100 != 99
    }


@given(st.sets(st.integers(0, 300)), st.integers(1, 20))
def test_runs_cover_the_rows_and_little_more(wanted, gap):
    """Each row is in one run, runs begin and end with a row, and lie further apart than the gap."""
    runs = runs_of(sorted(wanted), gap)
    assert wanted <= {row for first, last in runs for row in range(first, last + 1)}
    assert all(first in wanted and last in wanted for first, last in runs)
    assert all(later[0] - earlier[1] > gap for earlier, later in itertools.pairwise(runs))
