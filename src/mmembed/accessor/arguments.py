"""What the verbs' arguments mean: columns by name, modalities, settings, queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from mmembed.contents.content import Modality
from mmembed.embedding.embedder import Embedder
from mmembed.embedding.run import EmbeddingRun
from mmembed.errors import listed

Columns = str | Sequence[str] | Mapping[str, Modality]


def modalities_of(column: Columns, modality: Modality) -> dict[str, Modality]:
    """Return the modality of each column to embed."""
    if isinstance(column, Mapping):
        return dict(column)
    return dict.fromkeys([column] if isinstance(column, str) or not isinstance(column, Sequence) else column, modality)


def names_of(name: str | Mapping[str, str] | None, columns: list[str]) -> dict[str, str]:
    """Return the name of each new column.

    Raises
    ------
    ValueError
        If one name is given for several columns.
    """
    if name is None or isinstance(name, Mapping):
        return {one: (name or {}).get(one, f"{one}_vector") for one in columns}
    if len(columns) != 1:
        raise ValueError(f"name={name!r} cannot name {len(columns)} columns; give a dict {{column: name}}.")
    return {columns[0]: name}


def embedder_of(embedder: Embedder | None, *, root: Path | str | None, **settings: Any) -> Embedder:
    """Return the given embedder, or one of single settings; both at once would leave in doubt which counts."""
    given = {key: value for key, value in settings.items() if value is not None}
    if embedder is None:
        return Embedder(**given, root=root)
    if given:
        raise ValueError(
            f"Give either embedder= or {listed(given)}, not both; dataclasses.replace changes an Embedder."
        )
    return embedder if root is None else replace(embedder, root=root)


def all_errors(runs: Mapping[str, EmbeddingRun]) -> pd.DataFrame:
    """Return the errors of several runs as one frame."""
    errors = [run.errors for run in runs.values() if len(run.errors)]
    return pd.concat(errors, ignore_index=True) if errors else next(iter(runs.values())).errors


def query_modality(query: Any, modality: Modality) -> Modality:
    """Return how a query is read: a string is a text, unless the caller says that it is a file or a URL."""
    texts = query if isinstance(query, list | tuple) else [query]
    return "text" if modality == "auto" and all(isinstance(one, str) for one in texts) else modality
