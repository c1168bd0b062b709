"""What other packages take for the same work as a verb: beside the verbs of ``scale.py``, in the same run.

Every function returns what is measured and what says how good the answer is, like a verb. A package that is not
installed is told as such. Graphs have 15 neighbours, as the verb ``graph`` has; classifiers are fitted six times, as
the experiment of ``fit_classifier`` is: on all rows, and without each of five parts.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Measured = tuple[Callable[[], Any], Callable[[Any], str]]

_K = 15
_SAMPLE = 300


def recall(matrix: np.ndarray, found: np.ndarray) -> str:
    """Return which share of the true neighbours of some rows was found, the row itself aside."""
    sample = np.random.default_rng(2).choice(len(matrix), min(_SAMPLE, len(matrix)), replace=False)
    cosines = matrix[sample] @ matrix.T
    cosines[np.arange(len(sample)), sample] = -np.inf
    true = np.argpartition(-cosines, _K, axis=1)[:, :_K]
    return f"recall {np.mean([np.isin(one, other).mean() for one, other in zip(true, found[sample], strict=True)]):.4f}"


def _graph(vectors: pd.Series, run: Callable[[np.ndarray], np.ndarray]) -> Measured:
    matrix = vectors.mmembed.to_matrix()
    return lambda: run(matrix), lambda found: recall(matrix, found)


def faiss_exact(vectors: pd.Series, _: Path) -> Measured:
    """Find the neighbours of all rows by faiss, exactly."""
    import faiss

    def run(matrix: np.ndarray) -> np.ndarray:
        index = faiss.IndexFlatIP(matrix.shape[1])
        index.add(matrix)
        return index.search(matrix, _K + 1)[1]

    return _graph(vectors, run)


def faiss_cells(vectors: pd.Series, _: Path) -> Measured:
    """Find them in an inverted file of faiss, with four times the square root of the rows as cells and 16 probes."""
    import faiss

    def run(matrix: np.ndarray) -> np.ndarray:
        cells = int(4 * len(matrix) ** 0.5)
        flat = faiss.IndexFlatIP(matrix.shape[1])
        index = faiss.IndexIVFFlat(flat, matrix.shape[1], cells, faiss.METRIC_INNER_PRODUCT)
        index.train(matrix[np.random.default_rng(0).choice(len(matrix), min(len(matrix), 40 * cells), replace=False)])
        index.add(matrix)
        index.nprobe = 16
        return index.search(matrix, _K + 1)[1]

    return _graph(vectors, run)


def pynndescent(vectors: pd.Series, _: Path) -> Measured:
    """Find them by pynndescent with its defaults; its compilation counts, as in every process."""
    from pynndescent import NNDescent

    return _graph(
        vectors,
        lambda matrix: NNDescent(matrix, metric="cosine", n_neighbors=_K + 1, random_state=0).neighbor_graph[0],
    )


def usearch(vectors: pd.Series, _: Path) -> Measured:
    """Find them in an index of usearch with its defaults."""
    from usearch.index import Index

    def run(matrix: np.ndarray) -> np.ndarray:
        index = Index(ndim=matrix.shape[1], metric="cos", dtype="f32")
        index.add(np.arange(len(matrix)), matrix)
        return index.search(matrix, _K + 1).keys.astype(np.int64)

    return _graph(vectors, run)


def evoc(vectors: pd.Series, _: Path) -> Measured:
    """Cluster by EVoC, its own graph included."""
    from evoc import EVoC

    matrix = vectors.mmembed.to_matrix()
    return (
        lambda: EVoC(random_state=0).fit_predict(matrix),
        lambda found: f"{found.max() + 1} clusters, {np.mean(found < 0):.3f} noise",
    )


def umap_learn(vectors: pd.Series, _: Path) -> Measured:
    """Make a map by umap-learn, its own graph and compilation included."""
    from scale import kept_neighbors
    from umap import UMAP

    matrix = vectors.mmembed.to_matrix()
    return (
        lambda: UMAP(n_neighbors=_K, metric="cosine", random_state=42, n_jobs=1).fit_transform(matrix),
        lambda found: f"{kept_neighbors(matrix, found):.3f}",
    )


def logistic_regression(vectors: pd.Series, _: Path) -> Measured:
    """Learn labels of all rows by scikit-learn's logistic regression, with five folds."""
    from scale import communities_of
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score

    matrix = vectors.mmembed.to_matrix()
    target = communities_of(matrix, 20)

    def run() -> float:
        model = LogisticRegression(C=10, tol=1e-3)
        score = float(cross_val_score(model, matrix, target, cv=5).mean())
        model.fit(matrix, target)
        return score

    return run, lambda found: f"{found:.4f}"


PEERS: dict[str, Callable[[pd.Series, Path], Measured]] = {
    "faiss_exact": faiss_exact,
    "faiss_cells": faiss_cells,
    "pynndescent": pynndescent,
    "usearch": usearch,
    "evoc": evoc,
    "umap_learn": umap_learn,
    "logistic_regression": logistic_regression,
}
