"""Approximate graphs: close to the exact one, honest about how close, and chosen only where they pay."""

import os
import subprocess
import sys

import numpy as np
import pytest

from mmembed.analysis import neighbors
from mmembed.analysis.cosines import pair_cosines, unit_rows
from mmembed.analysis.graphs import graph as graph_methods
from mmembed.analysis.graphs.approximate import neighbors_in_cells
from mmembed.analysis.graphs.graph import compute_graph
from mmembed.analysis.graphs.nearest import largest_products
from mmembed.analysis.graphs.recall import Sample


@pytest.fixture(scope="module")
def structured():
    """Return rows that lie near a few dimensions, as embeddings do."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(3000, 16)) @ random.normal(size=(16, 256)) + random.normal(size=(3000, 256)) * 0.3
    return rows.astype(np.float32)


@pytest.fixture(scope="module")
def structureless():
    return np.random.default_rng(1).normal(size=(1500, 256)).astype(np.float32)


def test_the_projected_graph_is_close_to_the_exact_one(structured):
    """Its recall is what it says, its cosines are true ones in falling order, and no row is its own neighbour."""
    graph = compute_graph(structured, 15, "approximate")
    exact = compute_graph(structured, 15, "exact")
    assert (graph.method, exact.method, exact.recall) == ("projected", "exact", 1.0)
    found = np.mean([np.isin(true, near).mean() for true, near in zip(exact.indices, graph.indices, strict=True)])
    assert found > 0.97
    assert graph.recall == pytest.approx(found, abs=0.02)
    assert not (graph.indices == np.arange(3000)[:, np.newaxis]).any()
    assert (np.diff(graph.similarities, axis=1) <= 0).all()
    row = np.repeat(np.arange(3000), 15)
    cosines = pair_cosines(structured, structured, row, graph.indices.astype(np.int64).ravel())
    np.testing.assert_allclose(graph.similarities.ravel(), cosines, atol=1e-5)


@pytest.mark.usefixtures("two_threads")
def test_the_same_rows_give_the_same_graph(structured):
    """Nothing is left to chance."""
    one, other = (compute_graph(structured, 15, "approximate") for _ in range(2))
    assert np.array_equal(one.indices, other.indices)


def test_rows_without_structure_are_computed_exactly(structureless):
    """Where fewer dimensions do not hold the neighbours, or there are few dimensions, nothing is approximated."""
    assert compute_graph(structureless, 15, "approximate").method == "exact"
    assert compute_graph(structureless[:, :64].copy(), 15, "approximate").method == "exact"


def test_few_rows_are_computed_exactly(structured):
    """By default approximation begins with many rows."""
    assert compute_graph(structured, 15).method == "exact"
    assert compute_graph(structured[:100], 15, "approximate").method == "exact"


def test_a_low_recall_is_told(structured, monkeypatch):
    """A graph that misses many neighbours says so once, with what to do."""
    monkeypatch.setattr(
        graph_methods, "approximate_neighbors", lambda units, k, **_: (shuffled(units, k), units[:, :k])
    )
    with pytest.warns(UserWarning, match=r"projected .* of 3000 rows found \d% .* method='exact'"):
        assert compute_graph(structured, 15, "approximate").recall < 0.1


def shuffled(units, k):
    return np.random.default_rng(3).integers(0, len(units), (len(units), k)).astype(np.int32)


@pytest.mark.ours
@pytest.mark.parametrize("columns", [256, 8])
def test_the_graph_from_cells_is_close_to_the_exact_one(structured, columns):
    """In many columns and in few: k other rows each, nearest first, with their cosines, and nearly all of the true."""
    units = unit_rows(structured[:, :columns].copy())
    indices, similarities = neighbors_in_cells(units, 15)
    exact = compute_graph(units, 15, "exact")
    found = np.mean([np.isin(true, near).mean() for true, near in zip(exact.indices, indices, strict=True)])
    assert found > 0.96
    assert not (indices == np.arange(3000)[:, np.newaxis]).any()
    assert all(len(set(near)) == 15 for near in indices.tolist())
    assert (np.diff(similarities, axis=1) <= 0).all()
    row = np.repeat(np.arange(3000), 15)
    np.testing.assert_allclose(
        similarities.ravel(), pair_cosines(units, units, row, indices.astype(np.int64).ravel()), atol=1e-5
    )
    assert np.array_equal(neighbors_in_cells(units, 15)[0], indices)


def test_many_rows_are_looked_for_in_cells(structured, monkeypatch):
    """From 150,000 rows on, lowered here: the graph says so, with the recall that it has, and takes read-only rows."""
    monkeypatch.setattr(graph_methods, "_CELLS_FROM", 2000)
    monkeypatch.setattr(graph_methods, "_APPROXIMATE_FROM", 2000)
    units = unit_rows(structured)
    units.setflags(write=False)
    graph = compute_graph(units, 15)
    assert graph.method == "cells"
    assert graph.recall > 0.95


def test_a_sample_knows_its_true_neighbours(structured):
    """The exact graph has recall 1 on it, and a graph of nothing 0."""
    exact = compute_graph(structured, 9, "exact")
    sample = Sample.draw(structured, 9, seed=5)
    assert sample.recall(exact.indices[sample.positions]) == 1
    assert sample.recall(np.full((len(sample.positions), 9), -1)) == 0


def test_largest_products_misses_next_to_nothing(structured):
    """The guess of how good a row must be is low enough."""
    found = largest_products(structured[:, :64].copy(), 40)
    products = structured[:, :64] @ structured[:, :64].T
    np.fill_diagonal(products, -np.inf)
    true = np.argsort(-products, axis=1)[:, :40]
    assert np.mean([np.isin(one, other).mean() for one, other in zip(true, found, strict=True)]) > 0.995


def test_unknown_methods_are_refused():
    """The error names the nearest."""
    with pytest.raises(ValueError, match="Did you mean 'exact'"):
        neighbors(np.eye(3, dtype=np.float32), 1, method="exakt")


_KERNELS = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from mmembed.analysis.clusters import cluster_kernels, leiden_kernels
from mmembed.analysis.graphs import graph_kernels
barrier = Barrier(4)
def ask(_):
    barrier.wait()
    return cluster_kernels.compiled("move_rows")
with ThreadPoolExecutor(4) as pool:
    asked = list(pool.map(ask, range(4)))
made = [graph_kernels.compiled(name) for name in ("offer", "visit", "turn", "mark_new", "reach")]
made += [cluster_kernels.compiled("share_neighbors"), asked[0]]
made += leiden_kernels.compiled()
print(len(set(map(id, asked))), *(sum(one.stats.cache_hits.values()) for one in made))
"""


def test_loops_are_compiled_once_on_a_machine(tmp_path):
    """Four runs that begin together wait for one compilation, and other processes find what the first one compiled."""
    surroundings = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", _KERNELS]
    told = [
        subprocess.run(command, env=surroundings, check=True, capture_output=True, text=True).stdout.split()  # noqa: S603 - our own text
        for _ in range(2)
    ]
    assert told == [["1"] + ["0"] * 10, ["1"] + ["1"] * 10]
