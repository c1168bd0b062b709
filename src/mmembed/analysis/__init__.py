"""Search, neighbours, clusters, names, maps and labels on anyone's vectors.

Knows no provider and no content. Importing it is cheap: scikit-learn, scipy and numba are imported by the calls that
need them.
"""

from mmembed.analysis.finding.search_hits import SearchHits
from mmembed.analysis.finding.searching import search, similarity
from mmembed.analysis.graphs.neighbor_graph import NeighborGraph
from mmembed.analysis.graphs.neighbors import neighbors
from mmembed.analysis.groups.cluster_files import load_clusters
from mmembed.analysis.groups.clustering import fit_clusters
from mmembed.analysis.groups.clusters import Clusters
from mmembed.analysis.labels.classifier import Classifier
from mmembed.analysis.labels.classifying import fit_classifier
from mmembed.analysis.labels.comparing import compare_vectors
from mmembed.analysis.labels.label_sets import MultiLabelClassifier
from mmembed.analysis.labels.labelling import ZeroShot, zero_shot
from mmembed.analysis.maps.map_quality import MapQuality
from mmembed.analysis.maps.projecting import fit_projection
from mmembed.analysis.maps.projection import Projection
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
