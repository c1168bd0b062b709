"""Texts, pictures and videos in a pandas table: embed, search, cluster, name, map and report.

Importing registers ``df.mmembed`` and ``series.mmembed`` and does nothing else; what is heavy is imported when used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mmembed import errors
from mmembed.accessor.opening import accessor  # importing it registers df.mmembed and series.mmembed
from mmembed.embedding.embedder import Embedder
from mmembed.embedding.run import EmbeddingRun
from mmembed.vectors import Vector, VectorArray, VectorDtype

if TYPE_CHECKING:
    from mmembed.analysis.finding.calibrating import fit_calibration, measure_gap
    from mmembed.analysis.finding.duplicate_levels import duplicate_levels
    from mmembed.analysis.finding.duplicates import find_duplicates
    from mmembed.analysis.finding.indexing import VectorIndex, build_index
    from mmembed.analysis.finding.joining import join
    from mmembed.analysis.finding.leaks import find_leaks
    from mmembed.analysis.finding.outliers import find_outliers
    from mmembed.analysis.finding.searching import search
    from mmembed.analysis.graphs.neighbors import neighbors
    from mmembed.analysis.groups.cluster_files import load_clusters
    from mmembed.analysis.groups.clustering import fit_clusters
    from mmembed.analysis.labels.classifying import fit_classifier
    from mmembed.analysis.labels.labelling import zero_shot
    from mmembed.analysis.maps.projecting import fit_projection
    from mmembed.analysis.rows.vector_matrix import VectorMatrix
    from mmembed.embedding.models import ModelSpec, models
    from mmembed.embedding.planning import EmbedPlan
    from mmembed.embedding.transforming import EmbeddingTransformer
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
    "EmbeddingTransformer": "mmembed.embedding.transforming",
    "ModelSpec": "mmembed.embedding.models",
    "VectorIndex": "mmembed.analysis.finding.indexing",
    "VectorMatrix": "mmembed.analysis.rows.vector_matrix",
    "build_index": "mmembed.analysis.finding.indexing",
    "duplicate_levels": "mmembed.analysis.finding.duplicate_levels",
    "find_duplicates": "mmembed.analysis.finding.duplicates",
    "find_leaks": "mmembed.analysis.finding.leaks",
    "find_outliers": "mmembed.analysis.finding.outliers",
    "fit_calibration": "mmembed.analysis.finding.calibrating",
    "fit_classifier": "mmembed.analysis.labels.classifying",
    "fit_clusters": "mmembed.analysis.groups.clustering",
    "fit_projection": "mmembed.analysis.maps.projecting",
    "join": "mmembed.analysis.finding.joining",
    "load_clusters": "mmembed.analysis.groups.cluster_files",
    "measure_gap": "mmembed.analysis.finding.calibrating",
    "models": "mmembed.embedding.models",
    "neighbors": "mmembed.analysis.graphs.neighbors",
    "plot": "mmembed.reporting.plotting",
    "plot_calibration": "mmembed.reporting.experiments",
    "plot_clusters": "mmembed.reporting.cluster_chart",
    "plot_dendrogram": "mmembed.reporting.dendrogram",
    "plot_neighbors": "mmembed.reporting.gallery",
    "plot_select": "mmembed.reporting.lassoing",
    "plot_similarity": "mmembed.reporting.heat_map",
    "plot_confusion": "mmembed.reporting.experiments",
    "plot_learning_curve": "mmembed.reporting.experiments",
    "search": "mmembed.analysis.finding.searching",
    "zero_shot": "mmembed.analysis.labels.labelling",
}

__all__ = [
    "EmbedPlan",
    "Embedder",
    "EmbeddingRun",
    "EmbeddingTransformer",
    "ModelSpec",
    "Vector",
    "VectorArray",
    "VectorDtype",
    "VectorIndex",
    "VectorMatrix",
    "accessor",
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


if not TYPE_CHECKING:  # a checker knows the names from the imports above, and would take any other for one

    def __getattr__(name: str) -> Any:
        """Import a public function when it is first asked for."""
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
