"""The one rule by which clusters get names, behind the verbs, the functions and the report.

Names come from texts, from a vocabulary and what it may cost, or from a language model that was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from mmembed.accessor.arguments import NAME_SOURCES, reader_language
from mmembed.embedding.embedder import Embedder
from mmembed.embedding.queries import PhraseEmbedder, free_phrase_embedder, free_term_embedder, phrase_embedder
from mmembed.errors import one_of
from mmembed.vectors import as_vector_array

if TYPE_CHECKING:
    from mmembed.analysis.clusters.named_groups import NamedClusters

_Named = TypeVar("_Named", bound="NamedClusters")


def check_names_source(names: Any, texts: pd.Series | None) -> str:
    """Return the source of names, or raise an error that says what is missing."""
    if names not in NAME_SOURCES:
        from mmembed.providers.chat import chat_model_of

        if chat_model_of(names) is not None:
            return "auto"
    one_of("names", names, NAME_SOURCES)
    if names == "text" and texts is None:
        raise ValueError("names='text' needs text=, a column of texts. Give one, or use names='space'.")
    return str(names)


def naming_embedder(
    vectors: Any, source: str, *, pays: bool, embedder: Embedder | None = None, max_cost: float | None = None
) -> PhraseEmbedder | None:
    """Return what embeds the vocabulary, or None where it is not wanted, or would cost what nobody agreed to."""
    from mmembed.analysis.names.vocabulary import phrases_with, wordings

    array = as_vector_array(vectors)
    if pays:
        return phrase_embedder(array, embedder=embedder, max_cost=max_cost)
    if source == "text":
        return None
    return free_phrase_embedder(array, lambda: wordings(phrases_with(None)), embedder=embedder)


def named_by_rule(
    fitted: _Named,
    vectors: Any,
    texts: Any,
    *,
    names: Any = "auto",
    vocabulary: Sequence[str] | None = None,
    language: str = "auto",
    rename: Mapping[int, str] | None = None,
    rewrite: Callable[[Mapping[int, Any]], Mapping[int, str]] | None = None,
    embedder: Embedder | None = None,
    max_cost: float | None = None,
    pictures: Callable[[Any], Any] | None = None,
    within: Mapping[int, str] | None = None,
) -> _Named:
    """Return clusters with names: the one rule behind the verbs, the functions and the report.

    Parameters
    ----------
    fitted : Clusters or DistributedClusters
    vectors : vector column
        What was clustered, or an empty array of its kind.
    texts : column of texts, or None
    names, vocabulary, language, rename, rewrite, embedder, max_cost
        As for the verb ``cluster``.
    pictures : callable, optional
        Returns pictures of each cluster, for a model that sees.
    within : mapping of int to str, optional
        The name of the cluster that each one is a part of, for a model.
    """
    source = check_names_source(names, texts)
    if names not in NAME_SOURCES:
        from mmembed.accessor.chat_names import name_writer
        from mmembed.providers.chat import chat_model_of

        if rewrite is not None:
            raise ValueError("Both names= and rewrite= would write the names. Leave one of them out.")
        chat = chat_model_of(names)
        assert chat is not None  # noqa: S101 - checked above
        shown = None if pictures is None else pictures(fitted)
        rewrite = name_writer(chat, language=language, pictures=shown, within=within, max_cost=max_cost)
    used = None if source == "space" else texts
    pays = source == "space" or vocabulary is not None
    return fitted.named(
        used,
        embed=naming_embedder(vectors, source, pays=pays, embedder=embedder, max_cost=max_cost),
        embed_terms=None if used is None else free_term_embedder(as_vector_array(vectors), embedder=embedder),
        vocabulary=vocabulary,
        language=language if language != "auto" or texts is not None else reader_language(),
        rename=rename,
        rewrite=rewrite,
    )
