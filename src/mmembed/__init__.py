"""Texts, pictures and videos in a pandas table: embed, search, cluster, name, map and report.

Importing registers ``df.mmembed`` and ``series.mmembed`` and does nothing else; what is heavy is imported when used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmembed import _interrupts as _interrupts  # before anything heavy
from mmembed import errors
from mmembed._lazy import find_when_used
from mmembed._renamed import find_former_names
from mmembed.accessor.frame import accessor  # importing it registers df.mmembed and series.mmembed
from mmembed.embedding.embedder import Embedder
from mmembed.embedding.run import EmbeddingRun
from mmembed.vectors import Vector, VectorArray, VectorDtype

if TYPE_CHECKING:
    from mmembed.accessor.compared_duplicates import duplicate_levels, find_duplicates, find_leaks
    from mmembed.accessor.named_clusters import fit_clusters
    from mmembed.analysis.clusters.result import load_clusters
    from mmembed.analysis.finding.calibration import fit_calibration, measure_gap
    from mmembed.analysis.finding.index import VectorIndex, build_index
    from mmembed.analysis.finding.join import join
    from mmembed.analysis.finding.outliers import find_outliers
    from mmembed.analysis.finding.search import search
    from mmembed.analysis.graphs.graph import neighbors
    from mmembed.analysis.labels.fit import fit_classifier
    from mmembed.analysis.labels.zero_shot import zero_shot
    from mmembed.analysis.maps.fit import fit_projection
    from mmembed.embedding.plan import EmbedPlan
    from mmembed.embedding.reranker import Reranker
    from mmembed.figures.clusters import plot_clusters, plot_dendrogram
    from mmembed.figures.experiments import plot_calibration, plot_confusion, plot_learning_curve
    from mmembed.figures.explorer import explore, plot_select
    from mmembed.figures.map import plot
    from mmembed.figures.neighbors import plot_neighbors
    from mmembed.figures.similarity import plot_similarity
    from mmembed.providers.chat import ChatModel
    from mmembed.providers.custom import CustomModel, register_model
    from mmembed.providers.models import ModelSpec, models
    from mmembed.transformers import EmbeddingTransformer, VectorMatrix

__version__ = "0.2.0"

find_former_names()

_LAZY = {
    "ChatModel": "mmembed.providers.chat",
    "CustomModel": "mmembed.providers.custom",
    "EmbedPlan": "mmembed.embedding.plan",
    "EmbeddingTransformer": "mmembed.transformers",
    "ModelSpec": "mmembed.providers.models",
    "Reranker": "mmembed.embedding.reranker",
    "VectorIndex": "mmembed.analysis.finding.index",
    "VectorMatrix": "mmembed.transformers",
    "build_index": "mmembed.analysis.finding.index",
    "duplicate_levels": "mmembed.accessor.compared_duplicates",
    "explore": "mmembed.figures.explorer",
    "find_duplicates": "mmembed.accessor.compared_duplicates",
    "find_leaks": "mmembed.accessor.compared_duplicates",
    "find_outliers": "mmembed.analysis.finding.outliers",
    "fit_calibration": "mmembed.analysis.finding.calibration",
    "fit_classifier": "mmembed.analysis.labels.fit",
    "fit_clusters": "mmembed.accessor.named_clusters",
    "fit_projection": "mmembed.analysis.maps.fit",
    "join": "mmembed.analysis.finding.join",
    "load_clusters": "mmembed.analysis.clusters.result",
    "measure_gap": "mmembed.analysis.finding.calibration",
    "models": "mmembed.providers.models",
    "neighbors": "mmembed.analysis.graphs.graph",
    "plot": "mmembed.figures.map",
    "plot_calibration": "mmembed.figures.experiments",
    "plot_clusters": "mmembed.figures.clusters",
    "plot_dendrogram": "mmembed.figures.clusters",
    "plot_neighbors": "mmembed.figures.neighbors",
    "plot_select": "mmembed.figures.explorer",
    "plot_similarity": "mmembed.figures.similarity",
    "plot_confusion": "mmembed.figures.experiments",
    "plot_learning_curve": "mmembed.figures.experiments",
    "register_model": "mmembed.providers.custom",
    "search": "mmembed.analysis.finding.search",
    "zero_shot": "mmembed.analysis.labels.zero_shot",
}

__all__ = [
    "ChatModel",
    "CustomModel",
    "EmbedPlan",
    "Embedder",
    "EmbeddingRun",
    "EmbeddingTransformer",
    "ModelSpec",
    "Reranker",
    "Vector",
    "VectorArray",
    "VectorDtype",
    "VectorIndex",
    "VectorMatrix",
    "accessor",
    "build_index",
    "duplicate_levels",
    "errors",
    "explore",
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
    "register_model",
    "search",
    "zero_shot",
]


if not TYPE_CHECKING:  # a checker knows the names from the imports above, and would take any other for one
    __getattr__ = find_when_used(__name__, _LAZY)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
