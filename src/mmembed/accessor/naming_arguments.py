"""What the verbs' arguments on names mean: texts, the vocabulary and what it may cost, the reader's language."""

from __future__ import annotations

import locale
import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pandas as pd

from mmembed.embedding.embedder import Embedder
from mmembed.embedding.queries import PhraseEmbedder, free_phrase_embedder, phrase_embedder
from mmembed.errors import did_you_mean, listed
from mmembed.frames import as_list, column_of
from mmembed.vectors import as_vector_array

NAME_SOURCES = ("auto", "text", "space")


def texts_of(df: pd.DataFrame, text: str | Sequence[str] | None) -> pd.Series | None:
    """Return the texts of one column, or of several, one under the other in each cell."""
    if text is None:
        return None
    columns = [column_of(df, one) for one in as_list(df, text)]
    if len(columns) == 1:
        return columns[0]
    rows = zip(*columns, strict=True)
    return pd.Series(["\n".join(cell for cell in row if isinstance(cell, str)) for row in rows], index=df.index)


def check_names_source(names: str, texts: pd.Series | None) -> str:
    """Return the source of names, or raise an error that says what is missing."""
    if names not in NAME_SOURCES:
        raise ValueError(
            f"names={names!r} is no source of names. Known: {listed(NAME_SOURCES)}.{did_you_mean(names, NAME_SOURCES)}"
        )
    if names == "text" and texts is None:
        raise ValueError("names='text' needs text=, a column of texts. Give one, or use names='space'.")
    return names


def naming_embedder(
    vectors: Any, source: str, *, buys: bool, embedder: Embedder | None = None, max_cost: float | None = None
) -> PhraseEmbedder | None:
    """Return what embeds the vocabulary, or None where it is not wanted, or would cost what nobody agreed to."""
    from mmembed.analysis.names.phrases import phrases_with, wordings

    array = as_vector_array(vectors)
    if buys:
        return phrase_embedder(array, embedder=embedder, max_cost=max_cost)
    if source == "text":
        return None
    return free_phrase_embedder(array, lambda: wordings(phrases_with(None)), embedder=embedder)


def reader_language(environment: Mapping[str, str] | None = None) -> Literal["zh", "en"]:
    """Return the language of the reader as the locale tells it: Chinese, or English for everybody else.

    Examples
    --------
    >>> reader_language({"LANG": "zh_CN.UTF-8"}), reader_language({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"})
    ('zh', 'en')
    """
    variables = os.environ if environment is None else environment
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := variables.get(name):
            return "zh" if value.casefold().startswith(("zh", "chinese")) else "en"
    # Windows and notebooks often set none of them.
    known = locale.getlocale()[0] or "" if environment is None else ""
    return "zh" if known.casefold().startswith(("zh", "chinese")) else "en"
