"""The pandas verbs that have no twin on Dask, each with its reason and the way out."""

from __future__ import annotations

__all__ = ["ABSENT", "ABSENT_OF_SERIES"]

_NOT_YET = "it is not there yet"

ABSENT: dict[str, str] = {
    "plot": _NOT_YET,
    "plot_clusters": _NOT_YET,
    "plot_dendrogram": _NOT_YET,
    "plot_neighbors": _NOT_YET,
    "plot_select": _NOT_YET,
    "plot_similarity": _NOT_YET,
    "report": _NOT_YET,
}

ABSENT_OF_SERIES: dict[str, str] = {
    "to_arrow": "it would bring all vectors into this process. Write them with ddf.to_parquet, or "
    "compute the rows that you want first: series.compute().mmembed.to_arrow()",
    "to_matrix": "it would bring all vectors into this process. Compute the rows that you want first: "
    "series.compute().mmembed.to_matrix(), or work on each part with series.map_partitions",
    "vectors": "it would bring all vectors into this process. Compute the rows that you want first: "
    "series.compute().mmembed.vectors",
}
