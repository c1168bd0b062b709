"""Runs at once on one cache buy each content once, and a run that vanished holds up nobody."""

import concurrent.futures
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


def test_a_claim_ends_with_its_lease(tmp_path):
    """A run that hangs holds up another one for a minute at most."""
    now = [1000.0]
    one, other = (Claims(tmp_path, lease_seconds=60, clock=lambda: now[0]) for _ in range(2))
    one.take(KEYS)
    now[0] += 59
    assert other.take(KEYS) == [False] * 3
    now[0] += 2
    assert other.take(KEYS) == [True] * 3


@pytest.mark.skipif(sys.platform == "win32", reason="there a process that is gone is not told from one that is not")
def test_a_claim_ends_with_its_process(tmp_path):
    """What a killed process was buying can be bought at once."""
    script = (
        "import os, sys, pathlib; from mmembed.cache.claims import Claims\n"
        "Claims(pathlib.Path(sys.argv[1])).take([b'a', b'b', b'c']); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path], check=False)  # noqa: S603 - our own script
    assert (tmp_path / "claims-1.sqlite3").exists()
    assert Claims(tmp_path).take(KEYS) == [True] * 3


def test_a_damaged_file_of_claims_costs_nothing(tmp_path):
    """It is begun anew, and meanwhile everything may be bought."""
    (tmp_path / "claims-1.sqlite3").write_bytes(b"no database" * 500)
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
        done = running.result(timeout=10)
    assert provider.asked == [read[1].digest, read[0].digest]
    assert np.isfinite(done.matrices[0]).all()
