"""The pandas verbs that have no twin on Dask, each with its reason and the way out."""

from __future__ import annotations

__all__ = ["ABSENT", "ABSENT_OF_SERIES"]

_NOT_YET = "it is not there yet"

ABSENT: dict[str, str] = {
    "plot_neighbors": "it draws the few rows that a search found, which fit into this process: "
    "ddf.mmembed.search(…).compute().mmembed.plot_neighbors(…)",
    "plot_select": "a lasso names single rows, and the page would hold but a sample of them. Take one first: "
    "ddf.sample(frac=0.01).compute().mmembed.plot_select(…)",
}

ABSENT_OF_SERIES: dict[str, str] = {
    "to_arrow": "it would bring all vectors into this process. Write them with ddf.to_parquet, or "
    "compute the rows that you want first: series.compute().mmembed.to_arrow()",
    "to_matrix": "it would bring all vectors into this process. Compute the rows that you want first: "
    "series.compute().mmembed.to_matrix(), or work on each part with series.map_partitions",
    "vectors": "it would bring all vectors into this process. Compute the rows that you want first: "
    "series.compute().mmembed.vectors",
}
