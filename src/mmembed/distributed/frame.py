"""``ddf.mmembed``: the verbs on a Dask DataFrame."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from dask.dataframe.extensions import register_dataframe_accessor

from mmembed.distributed.absent import ABSENT
from mmembed.distributed.drawing_verbs import DrawingVerbs
from mmembed.distributed.duplicate_verbs import DuplicateVerbs
from mmembed.distributed.embedding_verbs import EmbeddingVerbs
from mmembed.distributed.group_verbs import GroupVerbs
from mmembed.distributed.label_verbs import LabelVerbs
from mmembed.distributed.report_verbs import ReportVerbs
from mmembed.distributed.searching_verbs import SearchingVerbs
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
