"""Pictures of a frame for people: interactive Plotly figures, and one self-contained HTML report.

Works on any frame that already has map and cluster columns; it fits nothing and calls no model.
"""

from mmembed.figures.clusters import plot_clusters, plot_dendrogram
from mmembed.figures.map import plot
from mmembed.figures.neighbors import plot_neighbors
from mmembed.figures.selection import MapSelection, plot_select
from mmembed.figures.similarity import plot_similarity
from mmembed.report.build import build_report
from mmembed.report.report import Report

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
