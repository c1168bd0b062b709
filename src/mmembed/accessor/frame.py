"""``df.mmembed``: all verbs on a frame."""

from __future__ import annotations

import pandas as pd

from mmembed.accessor.analysis_verbs import AnalysisVerbs
from mmembed.accessor.classification_verbs import ClassificationVerbs
from mmembed.accessor.comparison_verbs import ComparisonVerbs
from mmembed.accessor.drawing_verbs import DrawingVerbs
from mmembed.accessor.duplicate_verbs import DuplicateVerbs
from mmembed.accessor.embedding_verbs import EmbeddingVerbs
from mmembed.accessor.reporting_verbs import ReportingVerbs
from mmembed.accessor.searching_verbs import SearchingVerbs
from mmembed.errors import listed
from mmembed.vectors import VectorDtype


@pd.api.extensions.register_dataframe_accessor("mmembed")
class FrameAccessor(
    EmbeddingVerbs,
    AnalysisVerbs,
    ClassificationVerbs,
    ComparisonVerbs,
    SearchingVerbs,
    DuplicateVerbs,
    DrawingVerbs,
    ReportingVerbs,
):
    """Embed, search, cluster, name, map and report on a frame; every verb returns a new frame.

    Examples
    --------
    >>> import mmembed
    >>> df = pd.DataFrame({"title": ["a dog", "一只狗", "a train"]})
    >>> df = df.mmembed.embed("title", "text", model="local")
    >>> df.mmembed.search("puppy", "title_vector", k=1)["title"].tolist()
    ['a dog']
    """

    def __init__(self, df: pd.DataFrame) -> None:
        self._df = df

    def __repr__(self) -> str:
        vectors = [name for name, dtype in self._df.dtypes.items() if isinstance(dtype, VectorDtype)]
        return f"<mmembed accessor of {len(self._df)} rows; vector columns: {listed(vectors)}>"
