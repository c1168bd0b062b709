"""Texts, pictures and videos in a pandas table: embed, search, cluster, name, map and report.

Importing registers ``df.mmembed`` and ``series.mmembed`` and does nothing else; what is heavy is imported when used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mmembed import accessor as _accessor  # registers the accessors
from mmembed import errors
from mmembed.embedding.embedder import Embedder
from mmembed.embedding.run import EmbeddingRun
from mmembed.vectors import Vector, VectorArray, VectorDtype

if TYPE_CHECKING:
    from mmembed.analysis.calibrating import fit_calibration, measure_gap
    from mmembed.analysis.classifying import fit_classifier
    from mmembed.analysis.cluster_files import load_clusters
    from mmembed.analysis.clustering import fit_clusters
    from mmembed.analysis.duplicate_levels import duplicate_levels
    from mmembed.analysis.duplicates import find_duplicates
    from mmembed.analysis.indexing import VectorIndex, build_index
    from mmembed.analysis.joining import join
    from mmembed.analysis.labelling import zero_shot
    from mmembed.analysis.leaks import find_leaks
    from mmembed.analysis.neighbors import neighbors
    from mmembed.analysis.outliers import find_outliers
    from mmembed.analysis.projecting import fit_projection
    from mmembed.analysis.searching import search
    from mmembed.embedding.models import ModelSpec, models
    from mmembed.embedding.planning import EmbedPlan
    from mmembed.reporting.cluster_chart import plot_clusters
    from mmembed.reporting.dendrogram import plot_dendrogram
    from mmembed.reporting.experiments import plot_calibration, plot_confusion, plot_learning_curve
    from mmembed.reporting.gallery import plot_neighbors
    from mmembed.reporting.heat_map import plot_similarity
    from mmembed.reporting.lassoing import plot_select
    from mmembed.reporting.plotting import plot

__version__ = "0.1.0"

_LAZY = {
    "EmbedPlan": "mmembed.embedding.planning",
    "ModelSpec": "mmembed.embedding.models",
    "VectorIndex": "mmembed.analysis.indexing",
    "build_index": "mmembed.analysis.indexing",
    "duplicate_levels": "mmembed.analysis.duplicate_levels",
    "find_duplicates": "mmembed.analysis.duplicates",
    "find_leaks": "mmembed.analysis.leaks",
    "find_outliers": "mmembed.analysis.outliers",
    "fit_calibration": "mmembed.analysis.calibrating",
    "fit_classifier": "mmembed.analysis.classifying",
    "fit_clusters": "mmembed.analysis.clustering",
    "fit_projection": "mmembed.analysis.projecting",
    "join": "mmembed.analysis.joining",
    "load_clusters": "mmembed.analysis.cluster_files",
    "measure_gap": "mmembed.analysis.calibrating",
    "models": "mmembed.embedding.models",
    "neighbors": "mmembed.analysis.neighbors",
    "plot": "mmembed.reporting.plotting",
    "plot_calibration": "mmembed.reporting.experiments",
    "plot_clusters": "mmembed.reporting.cluster_chart",
    "plot_dendrogram": "mmembed.reporting.dendrogram",
    "plot_neighbors": "mmembed.reporting.gallery",
    "plot_select": "mmembed.reporting.lassoing",
    "plot_similarity": "mmembed.reporting.heat_map",
    "plot_confusion": "mmembed.reporting.experiments",
    "plot_learning_curve": "mmembed.reporting.experiments",
    "search": "mmembed.analysis.searching",
    "zero_shot": "mmembed.analysis.labelling",
}

__all__ = [
    "EmbedPlan",
    "Embedder",
    "EmbeddingRun",
    "ModelSpec",
    "Vector",
    "VectorArray",
    "VectorDtype",
    "VectorIndex",
    "build_index",
    "duplicate_levels",
    "errors",
    "find_duplicates",
    "find_leaks",
    "find_outliers",
    "fit_calibration",
    "fit_classifier",
    "fit_clusters",
    "fit_projection",
    "join",
    "load_clusters",
    "measure_gap",
    "models",
    "neighbors",
    "plot",
    "plot_calibration",
    "plot_clusters",
    "plot_confusion",
    "plot_dendrogram",
    "plot_learning_curve",
    "plot_neighbors",
    "plot_select",
    "plot_similarity",
    "search",
    "zero_shot",
]


def __getattr__(name: str) -> Any:
    """Import a public function when it is first asked for."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


del _accessor
