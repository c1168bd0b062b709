"""Interactive figures of a frame, and the explorer; they fit nothing and call no model."""

from mmembed.figures.clusters import plot_clusters, plot_dendrogram
from mmembed.figures.explorer import Explorer, explore, plot_select
from mmembed.figures.map import hover_pictures, plot
from mmembed.figures.neighbors import plot_neighbors
from mmembed.figures.similarity import plot_similarity

__all__ = [
    "Explorer",
    "explore",
    "hover_pictures",
    "plot",
    "plot_clusters",
    "plot_dendrogram",
    "plot_neighbors",
    "plot_select",
    "plot_similarity",
]
