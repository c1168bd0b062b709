"""Search, neighbours, clusters, names, maps and labels on anyone's vectors.

Knows no provider and no content. Importing it is cheap: scikit-learn, scipy and numba are imported by the calls that
need them.
"""

from mmembed.analysis.clusters.fit import fit_clusters
from mmembed.analysis.clusters.result import Clusters, load_clusters
from mmembed.analysis.finding.search import SearchHits, search, similarity
from mmembed.analysis.graphs.graph import NeighborGraph, neighbors
from mmembed.analysis.labels.classifier import Classifier
from mmembed.analysis.labels.column_choice import compare_vectors
from mmembed.analysis.labels.fit import fit_classifier
from mmembed.analysis.labels.multi_label import MultiLabelClassifier
from mmembed.analysis.labels.zero_shot import ZeroShot, zero_shot
from mmembed.analysis.maps.fit import fit_projection
from mmembed.analysis.maps.projection import MapQuality, Projection
from mmembed.analysis.names.naming import name_clusters

__all__ = [
    "Classifier",
    "Clusters",
    "MapQuality",
    "MultiLabelClassifier",
    "NeighborGraph",
    "Projection",
    "SearchHits",
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
