"""Search, neighbours, clusters, names, maps and labels on anyone's vectors.

Knows no provider and no content. Importing it is cheap: a name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmembed._lazy import find_when_used

if TYPE_CHECKING:
    from mmembed.analysis.clusters.fit import fit_clusters
    from mmembed.analysis.clusters.result import Clusters, load_clusters
    from mmembed.analysis.finding.calibration import Calibration, ModalityGap
    from mmembed.analysis.finding.duplicates import DuplicateLevels, Duplicates
    from mmembed.analysis.finding.index import IndexFacts
    from mmembed.analysis.finding.join import JoinedPairs
    from mmembed.analysis.finding.leaks import Leaks
    from mmembed.analysis.finding.outliers import Outliers
    from mmembed.analysis.finding.search import SearchHits, search, similarity
    from mmembed.analysis.graphs.graph import NeighborGraph, neighbors
    from mmembed.analysis.labels.classifier import Classifier
    from mmembed.analysis.labels.column_choice import compare_vectors
    from mmembed.analysis.labels.fit import fit_classifier
    from mmembed.analysis.labels.kernel_classifier import KernelClassifier
    from mmembed.analysis.labels.multi_label import MultiLabelClassifier
    from mmembed.analysis.labels.prototypes import DescribedClassifier, ShrunkenPrototypes
    from mmembed.analysis.labels.zero_shot import ZeroShot, zero_shot
    from mmembed.analysis.maps.fit import fit_projection
    from mmembed.analysis.maps.projection import MapQuality, Projection
    from mmembed.analysis.names.names import ClusterDraft, Naming
    from mmembed.analysis.names.naming import name_clusters

_WHERE = {
    "Calibration": "finding.calibration",
    "Classifier": "labels.classifier",
    "ClusterDraft": "names.names",
    "Clusters": "clusters.result",
    "DescribedClassifier": "labels.prototypes",
    "DuplicateLevels": "finding.duplicates",
    "Duplicates": "finding.duplicates",
    "IndexFacts": "finding.index",
    "JoinedPairs": "finding.join",
    "KernelClassifier": "labels.kernel_classifier",
    "Leaks": "finding.leaks",
    "MapQuality": "maps.projection",
    "ModalityGap": "finding.calibration",
    "MultiLabelClassifier": "labels.multi_label",
    "Naming": "names.names",
    "NeighborGraph": "graphs.graph",
    "Outliers": "finding.outliers",
    "Projection": "maps.projection",
    "SearchHits": "finding.search",
    "ShrunkenPrototypes": "labels.prototypes",
    "ZeroShot": "labels.zero_shot",
    "compare_vectors": "labels.column_choice",
    "fit_classifier": "labels.fit",
    "fit_clusters": "clusters.fit",
    "fit_projection": "maps.fit",
    "load_clusters": "clusters.result",
    "name_clusters": "names.naming",
    "neighbors": "graphs.graph",
    "search": "finding.search",
    "similarity": "finding.search",
    "zero_shot": "labels.zero_shot",
}

__all__ = [
    "Calibration",
    "Classifier",
    "ClusterDraft",
    "Clusters",
    "DescribedClassifier",
    "DuplicateLevels",
    "Duplicates",
    "IndexFacts",
    "JoinedPairs",
    "KernelClassifier",
    "Leaks",
    "MapQuality",
    "ModalityGap",
    "MultiLabelClassifier",
    "Naming",
    "NeighborGraph",
    "Outliers",
    "Projection",
    "SearchHits",
    "ShrunkenPrototypes",
    "ZeroShot",
    "compare_vectors",
    "fit_classifier",
    "fit_clusters",
    "fit_projection",
    "load_clusters",
    "name_clusters",
    "neighbors",
    "search",
    "similarity",
    "zero_shot",
]


if not TYPE_CHECKING:  # a checker knows the names from the imports above, and would take any other for one
    __getattr__ = find_when_used(__name__, {name: f"{__name__}.{module}" for name, module in _WHERE.items()})


def __dir__() -> list[str]:
    return sorted(__all__)
