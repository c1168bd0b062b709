"""From what people search with to vectors in the column's own space.

Phrases that may name clusters are embedded here, too: without being asked only where that costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from mmembed.contents.content import Modality
from mmembed.embedding.embedder import Embedder
from mmembed.errors import (
    MissingCredentialsError,
    MissingExtraError,
    SpaceMismatchError,
    UnknownModelError,
    VectorError,
)
from mmembed.vectors import Vector, VectorArray, as_vector_array, check_comparable


def is_many(query: Any) -> bool:
    """Return whether a query is a list of queries: a list, tuple, Series, vector array or float matrix."""
    if isinstance(query, list | tuple):
        return not _are_numbers(query)
    if isinstance(query, np.ndarray):
        return bool(query.ndim == 2 and query.dtype.kind == "f") or query.dtype == object
    return isinstance(query, pd.Series | pd.Index | VectorArray)


def embed_queries(
    query: Any,
    column: VectorArray,
    *,
    modality: Modality = "auto",
    instruct: str | None = None,
    embedder: Embedder | None = None,
) -> VectorArray:
    """Return queries as vectors ``(q, d)`` of the column's space; one query gives one row.

    Parameters
    ----------
    query : str, path, bytes, picture, Vector, ndarray, or a list of these
        Vectors are taken as they are; anything else is embedded with the column's own model.
    column : VectorArray
        The vectors that will be searched.
    modality : str
        How contents are read, as in ``embed``.
    instruct : str, optional
        What the query is for, in English, for models that take it; the column keeps its own.
    embedder : Embedder, optional
        Settings; its model must be the column's.

    Raises
    ------
    VectorError
        If contents are given but the column does not know its space.
    SpaceMismatchError
        If the embedder, or a Vector, is of another space.
    """
    queries = list(query) if is_many(query) else [query]
    given = [_as_vector(one) for one in queries]
    contents = [position for position, vector in enumerate(given) if vector is None]
    if contents:
        used = for_queries(embedder_for(column, embedder))
        if instruct is not None:
            used = replace(used, instruct=instruct)
        cells = pd.Series([queries[position] for position in contents], dtype=object, name="query")
        run = used.embed(cells, modality, progress=False).checked("raise")
        for position, vector in zip(contents, run.vectors, strict=True):
            if vector is pd.NA:
                raise VectorError(f"Query {queries[position]!r} is empty; expected a text, a picture or a video.")
            given[position] = vector
    for vector in given:
        check_comparable(column, vector)  # type: ignore[arg-type]  # every place is filled above
    return as_vector_array(given)


def embedder_for(column: VectorArray, embedder: Embedder | None) -> Embedder:
    """Return the given embedder, or one of the column's own model, with the column's dimension.

    Raises
    ------
    VectorError
        If there is none and the column does not know its space.
    SpaceMismatchError
        If the embedder is of another space.
    """
    if embedder is None:
        if column.space is None:
            raise VectorError(
                "The column does not know which model made its vectors, so the query cannot be embedded alike. "
                "Search with a vector, give embedder=, or name the model: series.mmembed.as_vectors(space=…), and on a "
                "table of Polars or Arrow mmembed.accessor(table, space=…)."
            )
        embedder = Embedder(model=column.space)
    provider = embedder.provider()
    if column.space is not None and provider.space != column.space:
        raise SpaceMismatchError(
            f"The column holds vectors of {column.space!r}; the embedder makes vectors of {provider.space!r}. "
            "Leave embedder out to use the column's own model."
        )
    if provider.dimension != column.dimension:
        embedder = replace(embedder, dimension=column.dimension)
    return embedder


def _as_vector(query: Any) -> Vector | None:
    if isinstance(query, Vector):
        return query
    if isinstance(query, np.ndarray) and query.ndim == 1:
        return Vector(query)
    if isinstance(query, list | tuple) and _are_numbers(query):
        return Vector(query)
    return None


def _are_numbers(values: list[Any] | tuple[Any, ...]) -> bool:
    return bool(values) and all(isinstance(value, int | float | np.number) for value in values)


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
    used = for_queries(embedder_for(column, embedder))

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
        if not _is_free(used) and used.plan_many({"phrase": _cells(phrases())}, {"phrase": "text"}).requests:
            return None
    except (VectorError, SpaceMismatchError, UnknownModelError, MissingCredentialsError, MissingExtraError):
        # Whatever keeps phrases from being embedded, nobody asked for it.
        return None
    return phrase_embedder(column, embedder=embedder)


def free_term_embedder(column: VectorArray, *, embedder: Embedder | None = None) -> PhraseEmbedder | None:
    """Return the same for phrases that nobody can know before, or None where a model charges for them.

    Parameters
    ----------
    column, embedder
        As for :func:`phrase_embedder`.
    """
    try:
        used = embedder_for(column, embedder)
    except (VectorError, SpaceMismatchError, UnknownModelError, MissingCredentialsError, MissingExtraError):
        return None
    return phrase_embedder(column, embedder=embedder) if _is_free(used) else None


def _is_free(embedder: Embedder) -> bool:
    """Return whether embedding a text costs nothing: it is computed here, or by a model whose price is 0."""
    spec = embedder.spec
    if spec.provider != "own":
        return spec.provider == "local"
    return bool(model_of(embedder).is_free)


def model_of(embedder: Embedder) -> Any:
    """Return the model of one's own that an embedder names or holds."""
    from mmembed.providers.custom import find_own

    return embedder.model if hasattr(embedder.model, "is_free") else find_own(embedder.spec.name)


def for_queries(embedder: Embedder) -> Embedder:
    """Return the embedder for texts that are searched with; the same, unless its model tells them from documents."""
    if embedder.spec.is_text_model and "text_type" not in embedder.extra:
        return replace(embedder, extra={**embedder.extra, "text_type": "query"})
    if embedder.spec.provider != "own":
        return embedder
    model = model_of(embedder)
    asking = model.for_queries()
    return embedder if asking is model else replace(embedder, model=asking)


def _cells(phrases: list[str]) -> Any:
    return pd.Series(phrases, dtype=object, name="phrase")
