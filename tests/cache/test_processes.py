"""Processes that share a cache, are killed, or fork, lose nothing that was stored and find nothing wrong."""

import os
import subprocess
import sys

import numpy as np
import pytest

from mmembed.cache.local import VectorCache

PRELUDE = """
import os, sys, threading
from pathlib import Path
import numpy as np
from mmembed.cache.local import VectorCache

def key(number):
    return b"content %020d" % number

def vectors(numbers):
    return np.stack([np.random.default_rng(number).standard_normal(256, dtype=np.float32) for number in numbers])

def check(cache, numbers):
    matrix, found = cache.lookup([key(number) for number in numbers], 256)
    assert found.all(), np.flatnonzero(~found)
    np.testing.assert_array_equal(matrix, vectors(numbers))

cache = VectorCache(Path(sys.argv[1]))
"""

ENDLESS = """
number = int(sys.argv[2])
while True:
    own = range(number, number + 20)
    cache.store([key(one) for one in own], vectors(own))
    print(number, flush=True)
    number += 20
"""

THREE = """
start = int(sys.argv[2])
for number in range(start, start + 400, 20):
    own = range(number, number + 20)
    cache.store([key(one) for one in own], vectors(own))
    check(cache, own)
cache.close()
"""

ONE = """
number = int(sys.argv[2])
cache.store([key(number)], vectors([number]))
cache.close()
"""

FORKING = """
stop = threading.Event()
stored = []

def store_on():
    number = 1_000_000
    while not stop.is_set():
        own = range(number, number + 5)
        cache.store([key(one) for one in own], vectors(own))
        stored.extend(own)
        number += 5

thread = threading.Thread(target=store_on)
thread.start()
children = []
cache.store([key(0)], vectors([0]))
for child in range(1, 9):
    process = os.fork()
    if process == 0:
        try:
            check(cache, [0])
            for number in range(child * 100, child * 100 + 30):
                cache.store([key(number)], vectors([number]))
            check(cache, range(child * 100, child * 100 + 30))
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    children.append(process)
codes = [os.waitpid(process, 0)[1] for process in children]
stop.set()
thread.join()
assert codes == [0] * 8, codes
check(cache, [0, *(number for child in range(1, 9) for number in range(child * 100, child * 100 + 30))])
check(cache, stored)
assert len(stored) > 0
cache.close()
"""


def start(script, *arguments):
    # Warnings of this package are errors there too; Python's own about forks with threads is what the test is about.
    return subprocess.Popen(  # noqa: S603 - our own scripts
        [sys.executable, "-W", "error::UserWarning", "-c", PRELUDE + script, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors


def expected(numbers):
    return np.stack([np.random.default_rng(number).standard_normal(256, dtype=np.float32) for number in numbers])


def keys_of(numbers):
    return [b"content %020d" % number for number in numbers]


def test_a_killed_process_loses_nothing_that_it_stored(tmp_path):
    """Killed again and again amid its stores, a process leaves every finished store readable, and no warning."""
    acknowledged = []
    for number, answers in enumerate([1, 7, 2, 23, 11]):
        process = start(ENDLESS, tmp_path, number * 1_000_000)
        with process:
            acknowledged += [int(process.stdout.readline()) for _ in range(answers)]
            process.kill()  # while it goes on storing
        with VectorCache(tmp_path) as cache:
            stored = [one for first in acknowledged for one in range(first, first + 20)]
            matrix, found = cache.lookup(keys_of(stored), 256)
            assert found.all()
            np.testing.assert_array_equal(matrix, expected(stored))
            assert cache.info().entries % 20 == 0  # a transaction is there as a whole or not at all
    assert list(tmp_path.glob("*.damaged-*")) == []


def test_three_processes_share_one_folder(tmp_path):
    """Three processes that begin the same new cache and store overlapping contents at once see no error and no loss."""
    folder = tmp_path / "cache"
    processes = [start(THREE, folder, first) for first in (0, 200, 0)]
    for process in processes:
        finish(process)
    with VectorCache(folder) as cache:
        matrix, found = cache.lookup(keys_of(range(600)), 256)
        assert found.all()
        np.testing.assert_array_equal(matrix, expected(range(600)))
        assert cache.info().entries == 600


def test_two_caches_of_one_process_keep_their_locks(tmp_path):
    """What is stored after a second cache was opened here, and another process has come and gone, is found by others.

    If the second one took back the locks of the first, the other process would take itself for the last and delete the
    log that the first goes on writing to.
    """
    with VectorCache(tmp_path) as first, VectorCache(tmp_path) as second:
        first.store(keys_of([0]), expected([0]))
        assert second.lookup(keys_of([0]), 256)[1].all()
        finish(start(ONE, tmp_path, 1))
        first.store(keys_of([2]), expected([2]))
        finish(start("check(cache, [0, 1, 2])", tmp_path))
        second.store(keys_of([3]), expected([3]))
    finish(start("check(cache, [0, 1, 2, 3])", tmp_path))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform cannot fork")
def test_a_fork_shares_nothing_but_the_folder(tmp_path):
    """Children forked amid a thread's stores use the cache as the parent does; nobody waits for ever or loses a row."""
    process = start(FORKING, tmp_path)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
