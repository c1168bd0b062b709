"""What the verbs' arguments mean: columns by name, modalities, settings, queries, languages and kinds of content."""

from __future__ import annotations

import locale
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.contents.content import Modality, check_modality, kind_of_cell
from mmembed.embedding.run import EmbeddingRun
from mmembed.errors import ContentError, MixedKindsWarning
from mmembed.frames import as_list, column_of, extended, is_empty
from mmembed.vectors import as_vector_array

Columns = str | Sequence[str] | Mapping[str, Modality]


def map_columns(name: str, dimensions: int) -> list[str]:
    """Return the names of the columns of a map."""
    return [f"{name}_{axis}" for axis in "xyz"[:dimensions]]


def modalities_of(df: Any, column: Columns, modality: Modality) -> dict[Any, Modality]:
    """Return the modality of each column to embed."""
    return dict(column) if isinstance(column, Mapping) else dict.fromkeys(as_list(df, column), modality)


def names_of(name: str | Mapping[str, str] | None, columns: list[str]) -> dict[str, str]:
    """Return the name of each new column.

    Raises
    ------
    ValueError
        If one name is given for several columns.
    """
    if name is None or isinstance(name, Mapping):
        names = {one: (name or {}).get(one, extended(one, SUFFIX)) for one in columns}
        if len(set(names.values())) < len(names):
            raise ValueError(f"name={name!r} gives one name to several columns. Give each a name of its own.")
        return names
    if len(columns) != 1:
        raise ValueError(f"name={name!r} cannot name {len(columns)} columns; give a dict {{column: name}}.")
    return {columns[0]: name}


def all_errors(runs: Mapping[str, EmbeddingRun]) -> pd.DataFrame:
    """Return the errors of several runs as one frame."""
    errors = [run.errors for run in runs.values() if len(run.errors)]
    return pd.concat(errors, ignore_index=True) if errors else next(iter(runs.values())).errors


def query_modality(query: Any, modality: Modality) -> Modality:
    """Return how a query is read: a string is a text, unless the caller says that it is a file or a URL."""
    texts = query if isinstance(query, list | tuple) else [query]
    return "text" if modality == "auto" and all(isinstance(one, str) for one in texts) else modality


Text = str | Sequence[str] | Literal[False] | None

NAME_SOURCES = ("auto", "text", "space")

SUFFIX = "_vector"

# Cells that may be no texts, for each that is one.
_FEW_OTHERS = 0.05


def texts_of(df: pd.DataFrame, text: str | Sequence[str] | None) -> pd.Series | None:
    """Return the texts of one column, or of several, one under the other in each cell."""
    if text is None:
        return None
    columns: list[pd.Series] = [column_of(df, one) for one in as_list(df, text)]
    if len(columns) == 1:
        return columns[0]
    rows = zip(*columns, strict=True)
    return pd.Series(["\n".join(cell for cell in row if isinstance(cell, str)) for row in rows], index=df.index)


def text_or_source(df: pd.DataFrame, column: str, text: Text) -> str | Sequence[str] | None:
    """Return the columns of texts to name by: those given, or ``x`` for the vectors ``x_vector`` where it holds texts.

    Parameters
    ----------
    df : pandas.DataFrame
    column : str
        Its vector column.
    text : str, list of str, False or None
        False is none at all.
    """
    if text is not None:
        return None if text is False else text
    source = source_of(df.columns, column)
    return source if source is not None and are_texts(*count_texts(df[source])) else None


def source_of(columns: Any, column: Any) -> Any:
    """Return the column that ``column`` was made from by its name, if there is one."""
    source: Any = str(column).removesuffix(SUFFIX)
    if isinstance(column, tuple) and column:
        source = (*column[:-1], str(column[-1]).removesuffix(SUFFIX))
    return source if source != column and list(columns).count(source) == 1 else None


def contents_column(
    columns: Iterable[Any], vector_column: Any, on: str | Mapping[str, Modality] | None, *, reader: str, read: str
) -> tuple[Any, Modality]:
    """Return the column of contents beside a vector column, and how its cells are read.

    Parameters
    ----------
    columns : iterable
        Names of the columns that are there.
    vector_column : str
        The column of vectors; its contents are in ``x`` for ``x_vector``.
    on : str or {column: modality}, optional
        What the caller says.
    reader, read : str
        The verb's argument that reads contents, such as ``"judge"``, and of what: ``"rows"`` or ``"hits"``.

    Raises
    ------
    ValueError
        If the caller says nothing, and no column is called so.
    """
    column, how = next(iter(on.items())) if isinstance(on, Mapping) else (on, "auto")
    if column is None:
        column = source_of(columns, vector_column)
    if column is None:
        raise ValueError(
            f"{reader} reads the contents of {read}, and {vector_column!r} does not tell by its name which column "
            f"holds them. Name it: {reader}_on='title', or {reader}_on={{'photo': 'image'}}."
        )
    return column, check_modality(how)


def count_texts(cells: Any) -> tuple[int, int]:
    """Return how many cells are texts, and how many are something else: no string, or the name of a file."""
    values = [cell for cell in cells if not is_empty(cell)]
    texts = sum(isinstance(cell, str) and _is_text(cell) for cell in values)
    return texts, len(values) - texts


def are_texts(texts: int, others: int) -> bool:
    """Return whether cells are texts; a few may look like the name of a file."""
    return texts > 0 and others <= _FEW_OTHERS * texts


def _is_text(cell: str) -> bool:
    try:
        return kind_of_cell(cell) == "text"
    except ContentError:
        return False


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


Kinds = str | Literal[False] | None

_FEWEST = 10  # rows of a kind; the mean of fewer is mostly those rows themselves


def kinds_of_rows(df: pd.DataFrame, column: str, kinds: Kinds) -> pd.Series | None:
    """Return of which kind each row of a vector column is, or None where all are of one kind or nobody knows.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame.
    column : str
        Its vector column.
    kinds : str, False or None
        The column that says it; False to treat all rows alike; None to look at the cells of ``x`` for ``x_vector``.

    Warns
    -----
    MixedKindsWarning
        If the cells are of several kinds: what is done about it, and how to have it otherwise.
    """
    if kinds is False:
        return None
    if kinds is not None:
        said: pd.Series = column_of(df, kinds)
        return said
    source = str(column).removesuffix(SUFFIX)
    has_vector = ~as_vector_array(column_of(df, column)).isna()
    found = _kinds_of_source(df, source, has_vector) if source != column else []
    counts = pd.Series(found, dtype=object).value_counts()
    if len(counts) < 2:
        return None
    held = " and ".join(f"{count} of kind {kind}" for kind, count in counts.items())
    if is_enough := counts.min() >= _FEWEST:
        done = "The mean of each kind was removed, so that rows group by meaning. kinds=False leaves the means"
    else:
        done = (
            f"Kinds lie apart in the space, and {counts.min()} rows are too few for the mean of a kind: rows may group "
            "by kind. kinds=False says that this is meant"
        )
    warnings.warn(
        f"Column {source!r} holds {held}. {done}, kinds= names a column of kinds.", MixedKindsWarning, stacklevel=3
    )
    if not is_enough:
        return None
    rows = np.full(len(df), "none", dtype=object)
    rows[has_vector] = found
    return pd.Series(rows, index=df.index)


def _kinds_of_source(df: pd.DataFrame, source: str, has_vector: npt.NDArray[np.bool_]) -> list[str]:
    """Return the kinds of the cells that have a vector; none where all are strings, or their kinds uncertain."""
    if (df.columns == source).sum() != 1 or df[source].dtype != object:
        return []
    cells = df[source][has_vector]
    return [] if pd.api.types.infer_dtype(cells, skipna=False) == "string" else _kinds_of_cells(cells)


def _kinds_of_cells(cells: Iterable[Any]) -> list[str]:
    """Return the kinds; none if a text could also be the name or the address of a picture or video."""
    found = []
    for cell in cells:
        if is_empty(cell):
            return []  # the vectors were not made from these cells
        try:
            kind = kind_of_cell(cell)
        except ContentError:
            return []
        if isinstance(cell, str) and kind != "text":
            return []
        found.append(str(kind))
    return found
