"""The pandas verbs that have no twin on Dask, each with its reason and the way out."""

from __future__ import annotations

__all__ = ["ABSENT"]

_NOT_YET = "it is not there yet"

ABSENT: dict[str, str] = {
    "classify": _NOT_YET,
    "cluster": _NOT_YET,
    "compare": _NOT_YET,
    "deduplicate": _NOT_YET,
    "duplicate_levels": _NOT_YET,
    "duplicates": _NOT_YET,
    "embed": _NOT_YET,
    "fuse": _NOT_YET,
    "join": _NOT_YET,
    "outliers": _NOT_YET,
    "plan": _NOT_YET,
    "plot": _NOT_YET,
    "plot_clusters": _NOT_YET,
    "plot_dendrogram": _NOT_YET,
    "plot_neighbors": _NOT_YET,
    "plot_select": _NOT_YET,
    "plot_similarity": _NOT_YET,
    "project": _NOT_YET,
    "report": _NOT_YET,
    "search": _NOT_YET,
}
