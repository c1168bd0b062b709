"""The layout beside umap-learn, the reference: the same weights, maps as good, and compiled code that is kept."""

import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

import mmembed
from mmembed.analysis import fit_projection
from mmembed.analysis.cosines import distinct_rows, unit_rows
from mmembed.analysis.graphs.graph import shared_graph
from mmembed.analysis.maps.curve import fit_curve
from mmembed.analysis.maps.projection import measure_map
from mmembed.analysis.maps.start import principal_start
from mmembed.analysis.maps.umap import fuzzy_set, memberships
from mmembed.analysis.maps.umap_kernel import force_table

PACKAGE = Path(mmembed.__file__).parent


@pytest.fixture(scope="module")
def rows():
    """Return 900 digits as unit rows, with some that are nearly equal."""
    pictures = load_digits().data[:900].astype(np.float32)
    pictures[:5] = pictures[5] + np.arange(5)[:, np.newaxis] * np.float32(1e-4)
    return distinct_rows(unit_rows(pictures)).rows


@pytest.fixture(scope="module")
def knn(rows):
    """Return the neighbours as umap-learn wants them: each row first, at distance 0."""
    graph = shared_graph(rows, 14)
    itself = np.arange(len(rows), dtype=np.int32)[:, np.newaxis]
    distances = np.maximum(1 - graph.similarities, 0)
    return np.hstack([itself, graph.indices]), np.hstack([np.zeros((len(rows), 1), np.float32), distances])


@pytest.fixture(scope="module")
def umap():
    """Return umap-learn, without what it says about packages that it would like to have."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImportWarning)
        import umap
    return umap


@pytest.mark.xdist_group("umap-learn")
def test_the_weights_are_those_of_umap_learn(rows, knn, umap):
    """Every weight of the fuzzy set agrees to 1e-5, and no pair is missing."""
    reference, _, _ = umap.umap_.fuzzy_simplicial_set(
        rows, 15, np.random.RandomState(0), "cosine", knn_indices=knn[0], knn_dists=knn[1]
    )
    ours = fuzzy_set(shared_graph(rows, 14))
    assert np.abs(ours.toarray() - reference.toarray()).max() < 1e-5
    assert ours.nnz == reference.nnz


@pytest.mark.xdist_group("umap-learn")
def test_the_curve_is_the_one_that_umap_learn_fits(umap):
    """For the defaults and others; of wide spreads, which its solver does not find, the curve only grows wide."""
    for min_dist, spread in ((0.1, 1.0), (0.0, 1.0), (0.5, 0.5), (0.99, 1.0), (0.2, 2.0)):
        curve = fit_curve(min_dist, spread)
        np.testing.assert_allclose((curve.a, curve.b), umap.umap_.find_ab_params(spread, min_dist), rtol=1e-4)
    narrow, wide = fit_curve(0.1, 1.0), fit_curve(1.0, 10.0)
    np.testing.assert_allclose((wide.a * 10 ** (2 * wide.b), wide.b), (narrow.a, narrow.b), rtol=1e-4)


@pytest.mark.xdist_group("umap-learn")
def test_maps_are_as_good_as_those_of_umap_learn(rows, knn, umap):
    """From the same neighbours and the same kind of start, quality over seeds is at least equal, less what seeds do."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"precomputed_knn\[2\]")
        theirs = [
            measure_map(rows, umap.UMAP(init="pca", metric="cosine", precomputed_knn=knn, random_state=seed, n_jobs=1)
                        .fit_transform(rows)) for seed in range(2)
        ]  # fmt: skip
    ours = [fit_projection(rows, random_state=seed).quality() for seed in range(2)]
    for measure, slack in (("trustworthiness", 0.004), ("continuity", 0.004), ("neighbors_kept", 0.02)):
        mine, other = (np.mean([getattr(one, measure) for one in found]) for found in (ours, theirs))
        assert mine > other - slack, (measure, mine, other)


def test_memberships_sum_to_the_logarithm_of_the_neighbours(rows):
    """With a sure nearest neighbour or without, each row's memberships sum to log2(k + 1)."""
    distances = np.maximum(1 - shared_graph(rows, 14).similarities, 0)
    distances = distances[distances[:, 0] > 1e-5]  # of equal rows, each is a sure neighbour
    for sure in (True, False):
        np.testing.assert_allclose(memberships(distances, nearest_is_sure=sure).sum(axis=1), np.log2(15), atol=1e-3)


def test_neighbours_that_are_not_there_have_no_weight():
    """A place of -1 in the graph is no pair."""
    found = fuzzy_set(shared_graph(np.eye(4, dtype=np.float32), 6)).toarray()
    assert found.shape == (4, 4)
    assert (np.diag(found) == 0).all()
    assert (found + np.eye(4) > 0).all()


def test_the_start_is_the_principal_components():
    """Tall and wide tables have the scores that a full singular value decomposition gives, whatever the signs."""
    for shape in ((60, 8), (8, 60), (600, 300)):
        random = np.random.default_rng(1)
        given = (random.normal(size=shape) * np.geomspace(9, 0.01, shape[1]) + 3).astype(np.float32)
        left, sizes, _ = np.linalg.svd(given - given.mean(axis=0), full_matrices=False)
        np.testing.assert_allclose(np.abs(principal_start(given, 2)), np.abs(left * sizes)[:, :2], atol=2e-3)
    assert not principal_start(np.arange(5, dtype=np.float32)[:, np.newaxis], 3)[:, 1:].any()


def test_forces_are_tabulated_to_five_digits():
    """Between the entries of the table, a line is within 1e-4 of the force over the whole range."""
    squares = np.geomspace(2.0**-23, 2.0**15, 5000).astype(np.float32)
    table = force_table(lambda square: 1 / (0.001 + square**0.9))
    bits = squares.view(np.int32) - ((127 - 24) << 23)
    share = (bits & 0xFFFF) / 65536
    found = table[bits >> 16] * (1 - share) + table[(bits >> 16) + 1] * share
    np.testing.assert_allclose(found, 1 / (0.001 + squares.astype(float) ** 0.9), rtol=1e-4)


_MAP = """
import logging, os, sys
logging.basicConfig(level="INFO", stream=sys.stderr)
import numpy as np, mmembed
found = mmembed.fit_projection(np.random.default_rng(0).normal(size=(40, 6)).astype("float32"))
from mmembed.analysis.maps.umap_kernel import layout_kernel
stats = layout_kernel(2).stats
print(found.coordinates.tobytes().hex())
print(sorted({"umap", "pynndescent", "sklearn", "plotly"} & set(sys.modules)))
print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
print(os.path.dirname(mmembed.__file__))
"""


@pytest.mark.parametrize("kept", ["package", "home", "NUMBA_CACHE_DIR"])
def test_the_compiled_layout_is_found_again_wherever_it_can_be_kept(kept, tmp_path):
    """Beside the package, where that can be written; else in the home folder, or where the user says.

    A second process finds the code that the first one compiled and makes the same map; neither imports umap-learn or
    scikit-learn.
    """
    package = _copy_of_the_package(tmp_path, writable=kept == "package")
    folders = {"HOME": os.devnull, "XDG_CACHE_HOME": os.devnull}
    if kept == "home":
        folders = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    elif kept == "NUMBA_CACHE_DIR":
        folders[kept] = str(tmp_path / "kept")
    first, second = (_run(folders, package=package) for _ in range(2))
    assert first[:2] == second[:2]
    assert first[1] == "[]"
    assert [found[2:] for found in (first, second)] == [
        ["0 1", str(package / "mmembed")],
        ["1 0", str(package / "mmembed")],
    ]
    if kept == "NUMBA_CACHE_DIR":
        assert list((tmp_path / "kept").rglob("*.nbc"))


@pytest.mark.parametrize("folders", [{}, {"NUMBA_CACHE_DIR": os.devnull}], ids=["no folder", "a folder that is none"])
def test_without_a_folder_that_can_be_written_each_process_compiles(folders, tmp_path):
    """In a package folder and with a home that cannot be written the map is made all the same, and the log says how."""
    package = _copy_of_the_package(tmp_path, writable=False)
    without = {"HOME": os.devnull, "XDG_CACHE_HOME": os.devnull, **folders}
    found = _run(without, package=package, log="is not kept")
    assert found[2:] == ["0 1", str(package / "mmembed")]


def _copy_of_the_package(folder, *, writable):
    """Return a folder with mmembed in it; a file in the place of numba's folder is in the way of root, too."""
    shutil.copytree(PACKAGE, folder / "copy" / "mmembed", ignore=shutil.ignore_patterns("__pycache__"))
    if not writable:
        (folder / "copy/mmembed/analysis/maps/__pycache__").touch()
    return folder / "copy"


def _run(environment, *, package=PACKAGE.parent, log=""):
    """Return what the script prints in a process of its own; what it logs must contain ``log``."""
    given = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", _MAP],
        capture_output=True,
        text=True,
        check=True,
        env={**given, "PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1", **environment},
        cwd=Path(__file__).parent,
    )
    assert log in done.stderr
    return done.stdout.splitlines()
