"""Runs at once on one cache buy each content once, and a run that vanished holds up nobody."""

import concurrent.futures
import contextlib
import gc
import os
import subprocess
import sys

import numpy as np
import pytest

from embedding.counting import CountingProvider, vector_of
from mmembed.cache.claims import Claims
from mmembed.cache.keys import content_keys
from mmembed.cache.local import VectorCache
from mmembed.contents.content import read_contents
from mmembed.embedding.pipeline import embed_columns

KEYS = [b"a", b"b", b"c"]


def test_a_key_belongs_to_one_run_until_it_is_given_back(tmp_path):
    """The second run gets what the first has not; what was given back may be had; a run keeps its own."""
    one, other = Claims(tmp_path), Claims(tmp_path)
    assert one.take(KEYS[:2]) == [True, True]
    assert one.take(KEYS[:2]) == [True, True]
    assert other.take(KEYS) == [False, False, True]
    one.give_back(KEYS[:1])
    assert other.take(KEYS) == [True, False, True]
    one.give_back(KEYS)  # only what is its own
    assert one.take(KEYS) == [False, True, False]


HOLDING = """
import pathlib, sys
from mmembed.cache.claims import Claims
claims = Claims(pathlib.Path(sys.argv[1]))
claims.take([b"a", b"b", b"c"])
print("held", flush=True)
sys.stdin.readline()
"""


@contextlib.contextmanager
def holder_in_another_process(folder):
    """A living process that has claimed all keys and waits."""
    with subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-c", HOLDING, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def age(folder):
    """Make all that lies in a folder, and what its claims say, as old as can be."""
    for path in folder.rglob("*"):
        os.utime(path, (0, 0))


def test_a_claim_of_a_living_process_holds_however_long_it_takes(tmp_path):
    """No clock ends it: files of 1970 are as good as new ones, and nobody else gets the keys."""
    with holder_in_another_process(tmp_path):
        age(tmp_path)
        assert Claims(tmp_path).take(KEYS) == [False] * 3
        assert Claims(tmp_path).take([*KEYS, b"d"]) == [False, False, False, True]


@pytest.mark.parametrize("end", ["killed", "ended"])
def test_a_claim_ends_with_its_process(tmp_path, end):
    """What a process was buying can be bought as soon as it is gone, however it went; its file goes, too."""
    with holder_in_another_process(tmp_path) as process:
        if end == "ended":
            process.stdin.write("\n")
            process.stdin.flush()
        else:
            process.kill()
        process.wait()
        one = Claims(tmp_path)
        assert one.take(KEYS) == [True] * 3
        assert len(list(tmp_path.glob("run-*"))) == 1  # its own
        assert Claims(tmp_path).take(KEYS) == [False] * 3


def test_a_claim_ends_with_its_object(tmp_path):
    """A run of this process that was dropped without giving back holds nobody up, and leaves no file."""
    one, other = Claims(tmp_path), Claims(tmp_path)
    one.take(KEYS)
    assert other.take(KEYS) == [False] * 3
    del one
    gc.collect()
    assert other.take(KEYS) == [True] * 3
    del other
    gc.collect()
    assert list(tmp_path.glob("run-*")) == []


CHILD_OUTLIVES = """
import os, pathlib, sys
from mmembed.cache.claims import Claims
claims = Claims(pathlib.Path(sys.argv[1]))
claims.take([b"a", b"b", b"c"])
ready, say = os.pipe()
if os.fork():
    os.read(ready, 1)
    os._exit(0)
os.write(say, b"r")
os.read(0, 1)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_forked_child_is_another_run(tmp_path):
    """The child does not get what the parent claims, and its end leaves the parent's claims alone."""
    claims = Claims(tmp_path)
    claims.take(KEYS)
    child = os.fork()
    if not child:
        os._exit(int(claims.take(KEYS) != [False] * 3))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert Claims(tmp_path).take(KEYS) == [False] * 3
    assert claims.take(KEYS) == [True] * 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_forked_child_does_not_keep_the_claims_of_a_parent_that_is_gone(tmp_path):
    """The copy of the lock that a fork makes ends at once: the dead parent's claims are free while the child lives."""
    command = [sys.executable, "-c", CHILD_OUTLIVES, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as parent:  # noqa: S603 - our own script
        parent.wait()  # its child still reads from the same standard input
        try:
            assert Claims(tmp_path).take(KEYS) == [True] * 3
        finally:
            parent.stdin.close()


def test_a_damaged_file_of_claims_costs_nothing(tmp_path):
    """It is begun anew, and meanwhile everything may be bought."""
    (tmp_path / "claims-2.sqlite3").write_bytes(b"no database" * 500)
    one, other = Claims(tmp_path), Claims(tmp_path)
    assert one.take(KEYS) == [True] * 3
    assert one.take(KEYS) == [True] * 3
    assert other.take(KEYS) == [False] * 3


def test_a_folder_that_cannot_be_made_costs_nothing(tmp_path):
    """Where there is no place for claims, everything may be bought."""
    (tmp_path / "file").write_text("")
    claims = Claims(tmp_path / "file" / "folder")
    assert claims.take(KEYS) == [True] * 3
    claims.give_back(KEYS)


def test_runs_at_once_ask_for_each_content_once(tmp_path):
    """Four threads embed the same 300 texts over one cache: 300 are asked for, and each run has all its vectors."""
    read = read_contents([f"text {number}" for number in range(300)], "text")
    providers = [CountingProvider(batch=7, workers=3) for _ in range(4)]
    with VectorCache(tmp_path) as cache, concurrent.futures.ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda one: embed_columns([read], one, cache, progress=False), providers))
    asked = [digest for provider in providers for digest in provider.asked]
    assert sorted(asked) == sorted(content.digest for content in read)
    wanted = np.array([vector_of(content.digest, 4) for content in read])
    for run, provider in zip(runs, providers, strict=True):
        np.testing.assert_array_equal(run.matrices[0], wanted)
        assert run.bill.cached + len(provider.asked) == 300


def test_what_another_run_gave_up_is_bought_after_all(tmp_path):
    """A content that another run claims is waited for; when the claim ends without a vector, this run asks for it."""
    read = read_contents(["a", "b"], "text")
    provider = CountingProvider()
    other = Claims(tmp_path)
    claimed = content_keys([read[0].digest], space=provider.space, options=provider.options)
    other.take(claimed)
    with VectorCache(tmp_path) as cache, concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(embed_columns, [read], provider, cache, progress=False)
        while len(provider.asked) < 1:
            assert not running.done()
        assert provider.asked == [read[1].digest]
        other.give_back(claimed)
        done = running.result(timeout=60)
    assert provider.asked == [read[1].digest, read[0].digest]
    assert np.isfinite(done.matrices[0]).all()
