"""Search, neighbours, clusters, names, maps and labels on anyone's vectors.

Knows no provider and no content. Importing it is cheap: scikit-learn, scipy and numba are imported by the calls that
need them.
"""

from mmembed.analysis.classifier import Classifier
from mmembed.analysis.classifying import fit_classifier
from mmembed.analysis.cluster_files import load_clusters
from mmembed.analysis.clustering import fit_clusters
from mmembed.analysis.clusters import Clusters
from mmembed.analysis.comparing import compare_vectors
from mmembed.analysis.label_sets import MultiLabelClassifier
from mmembed.analysis.labelling import ZeroShot, zero_shot
from mmembed.analysis.map_quality import MapQuality
from mmembed.analysis.naming import name_clusters
from mmembed.analysis.neighbor_graph import NeighborGraph
from mmembed.analysis.neighbors import neighbors
from mmembed.analysis.projecting import fit_projection
from mmembed.analysis.projection import Projection
from mmembed.analysis.search_hits import SearchHits
from mmembed.analysis.searching import search, similarity

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
