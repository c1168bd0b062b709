"""Which column, model and dimension a label set is learned best from, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mmembed.contents.content import Modality
from mmembed.embedding.embedder import Embedder
from mmembed.errors import listed
from mmembed.frames import as_list, column_of
from mmembed.providers.models import MODELS
from mmembed.vectors import VectorDtype


class ComparisonVerbs:
    """Which column, model and dimension a label set is learned best from, and what it costs."""

    _df: pd.DataFrame

    def compare(
        self,
        columns: str | Sequence[str] | None = None,
        *,
        target: str,
        models: Sequence[Any] | None = None,
        dimensions: Sequence[int] | None = None,
        modality: Modality = "auto",
        groups: str | None = None,
        estimator: Any = None,
        random_state: int | None = None,
        max_cost: float | None = None,
        progress: bool | None = None,
        root: Path | str | None = None,
    ) -> pd.DataFrame:
        """Return one table of accuracy against column, model, dimension and price.

        Parameters
        ----------
        columns : str or list of str, optional
            Vector columns to compare; all of the frame if not given. With ``models``, one or more columns of contents,
            each embedded by every model.
        target : str
            The column of labels.
        models : list of str, ModelSpec or Embedder, optional
            Models to embed ``columns`` with. Each is asked once, for its vectors of default length, and the cache keeps
            them: shorter dimensions are cut here, as Matryoshka models allow.
        dimensions : list of int, optional
            Shorter lengths to try beside the whole vectors.
        modality : str
            How contents are read, as in :meth:`embed`.
        groups : str, optional
            A column of what is held out together.
        estimator, random_state
            As in :func:`mmembed.fit_classifier`.
        max_cost : float, optional
            The most that embedding may cost, in CNY, for each model.
        progress, root
            As in :meth:`embed`.

        Returns
        -------
        pandas.DataFrame
            One line a column, model and dimension: ``column``, ``model``, ``dimension``, ``rows``, ``accuracy`` with
            its interval ``low`` to ``high``, ``balanced_accuracy``, ``macro_f1``, ``log_loss``, ``bytes_a_row``,
            ``seconds``; ``text_price`` and ``media_price``, CNY for 1,000 tokens, missing for unknown models; with
            ``models``, ``cost``, CNY for embedding this column once without a cache.

        Raises
        ------
        ValueError
            If there is nothing to compare.
        """
        from mmembed.analysis.labels.column_choice import compare_vectors

        labels = column_of(self._df, target)
        names = compared_columns(self._df, columns, needs_vectors=models is None)
        vectors: dict[str, Any] = {}
        costs: dict[str, float] = {}
        origins: dict[str, str] = {}
        for name in names:
            if models is None:
                vectors[name], origins[name] = column_of(self._df, name), name
                continue
            for model in models:
                embedder = model if isinstance(model, Embedder) else Embedder(model=model, root=root)
                key = f"{name}, {embedder.spec.name}, {embedder.dimension}"
                run = embedder.embed(column_of(self._df, name), modality, max_cost=max_cost, progress=progress)
                vectors[key], origins[key] = run.checked("raise").vectors, name
                costs[key] = run.usage.cost_otherwise
        found = compare_vectors(
            vectors,
            labels,
            dimensions=dimensions,
            groups=None if groups is None else column_of(self._df, groups),
            estimator=estimator,
            random_state=random_state,
        )
        specs = [MODELS.get(model) for model in found["model"]]
        found["text_price"] = [np.nan if spec is None else spec.text_price for spec in specs]
        found["media_price"] = [np.nan if spec is None else spec.media_price for spec in specs]
        if models is not None:
            found["cost"] = found["column"].map(costs)
        found["column"] = found["column"].map(origins)
        return found


def compared_columns(df: Any, columns: str | Sequence[str] | None, *, needs_vectors: bool) -> list[str]:
    """Return the columns to compare: the given ones, or all vector columns of a frame.

    Raises
    ------
    ValueError
        If columns of contents are not named, or there is no vector column.
    """
    if columns is not None:
        return as_list(df, columns)
    if not needs_vectors:
        raise ValueError("models= embed columns of contents. Name the columns, such as compare('title', models=…).")
    found = [name for name, dtype in df.dtypes.items() if isinstance(dtype, VectorDtype)]
    if not found:
        raise ValueError(
            f"The frame has no vector column; its columns: {listed(df.columns)}. Embed one first, or give "
            "columns of contents with models=[…]."
        )
    return [str(name) for name in found]
