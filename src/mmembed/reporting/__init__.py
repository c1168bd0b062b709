"""Pictures of a frame for people: interactive Plotly figures, and one self-contained HTML report.

Works on any frame that already has map and cluster columns; it fits nothing and calls no model.
"""

from mmembed.reporting.building import build_report
from mmembed.reporting.cluster_chart import plot_clusters
from mmembed.reporting.dendrogram import plot_dendrogram
from mmembed.reporting.gallery import plot_neighbors
from mmembed.reporting.heat_map import plot_similarity
from mmembed.reporting.lassoing import MapSelection, plot_select
from mmembed.reporting.plotting import plot
from mmembed.reporting.report import Report

__all__ = [
    "MapSelection",
    "Report",
    "build_report",
    "plot",
    "plot_clusters",
    "plot_dendrogram",
    "plot_neighbors",
    "plot_select",
    "plot_similarity",
]
