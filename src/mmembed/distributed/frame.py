"""``ddf.mmembed``: the verbs on a Dask DataFrame, and the pandas verbs without a twin, each with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from dask.dataframe.extensions import register_dataframe_accessor

from mmembed.distributed.embed_verbs import EmbeddingVerbs
from mmembed.distributed.find_verbs import DuplicateVerbs, SearchingVerbs
from mmembed.distributed.group_verbs import GroupVerbs, LabelVerbs
from mmembed.distributed.show_verbs import DrawingVerbs, ReportVerbs
from mmembed.errors import did_you_mean, listed
from mmembed.vectors import VectorDtype

if TYPE_CHECKING:
    import dask.dataframe as dd


@register_dataframe_accessor("mmembed")
class DaskFrameAccessor(
    DrawingVerbs, DuplicateVerbs, EmbeddingVerbs, GroupVerbs, LabelVerbs, ReportVerbs, SearchingVerbs
):
    """The verbs of ``df.mmembed`` on a Dask DataFrame, with the same arguments and column names.

    Examples
    --------
    >>> import pandas as pd, dask.dataframe as dd
    >>> import mmembed.distributed
    >>> dd.from_pandas(pd.DataFrame({"title": ["a dog", "一只狗"]}), npartitions=2).mmembed
    <mmembed accessor of 2 partitions; vector columns: none>
    """

    def __init__(self, ddf: dd.DataFrame) -> None:
        self._ddf = ddf

    def __repr__(self) -> str:
        vectors = [name for name, dtype in self._ddf.dtypes.items() if isinstance(dtype, VectorDtype)]
        return f"<mmembed accessor of {self._ddf.npartitions} partitions; vector columns: {listed(vectors)}>"

    def __getattr__(self, name: str) -> NoReturn:
        if name in ABSENT:
            raise AttributeError(f"{name!r} does not work on a Dask DataFrame: {ABSENT[name]}.")
        verbs = [verb for verb in dir(type(self)) if not verb.startswith("_")]
        raise AttributeError(
            f"The mmembed accessor has no verb {name!r}. There are: {listed(verbs)}.{did_you_mean(name, verbs)}"
        )


_NOT_YET = "it is not there yet"

ABSENT: dict[str, str] = {
    "to_arrow": "it would bring the whole table into this process. Write it with ddf.to_parquet, or compute the rows "
    "that you want first: ddf.head(1000).mmembed.to_arrow()",
    "plot_neighbors": "it draws the few rows that a search found, which fit into this process: "
    "ddf.mmembed.search(…).compute().mmembed.plot_neighbors(…)",
    "explore": "it points at single rows, and shows those that fit into a page. Take a sample first: "
    "ddf.sample(frac=0.01).compute().mmembed.explore(…)",
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
