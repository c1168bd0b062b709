"""Whether and how short phrases that name clusters are embedded in the space of a column.

Names are a by-product: they are made without asking only where that costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from mmembed.embedding.embedder import Embedder
from mmembed.embedding.querying import embedder_for
from mmembed.errors import (
    MissingCredentialsError,
    MissingExtraError,
    SpaceMismatchError,
    UnknownModelError,
    VectorError,
)
from mmembed.vectors import VectorArray

PhraseEmbedder = Callable[[list[str]], VectorArray]


def phrase_embedder(
    column: VectorArray, *, embedder: Embedder | None = None, max_cost: float | None = None
) -> PhraseEmbedder:
    """Return a function that embeds phrases with the model of a column, and pays for those that no cache has.

    Parameters
    ----------
    column : VectorArray
        The vectors whose space is meant.
    embedder : Embedder, optional
        Settings; its model must be the column's.
    max_cost : float, optional
        The most that it may cost, in CNY.

    Raises
    ------
    VectorError
        If the column does not know its space.
    SpaceMismatchError
        If the embedder is of another space.
    """
    used = embedder_for(column, embedder)

    def embed(phrases: list[str]) -> VectorArray:
        run = used.embed(_cells(phrases), "text", max_cost=max_cost, progress=False).checked("raise")
        vectors: VectorArray = run.vectors.array
        return vectors

    return embed


def free_phrase_embedder(
    column: VectorArray, phrases: Callable[[], list[str]], *, embedder: Embedder | None = None
) -> PhraseEmbedder | None:
    """Return the same where it costs nothing, or None.

    It costs nothing with the local model, and with a model of the service if the cache has all phrases.

    Parameters
    ----------
    column, embedder
        As for :func:`phrase_embedder`.
    phrases : callable
        Returns what will be embedded; called only if the answer depends on it.
    """
    try:
        used = embedder_for(column, embedder)
        if used.spec.provider != "local" and used.plan_many({"phrase": _cells(phrases())}, {"phrase": "text"}).requests:
            return None
    except (VectorError, SpaceMismatchError, UnknownModelError, MissingCredentialsError, MissingExtraError):
        # Whatever keeps phrases from being embedded, nobody asked for it.
        return None
    return phrase_embedder(column, embedder=embedder)


def _cells(phrases: list[str]) -> Any:
    return pd.Series(phrases, dtype=object, name="phrase")
