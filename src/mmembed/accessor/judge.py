"""What ``judge=`` of ``classify`` means: rows drawn at random, what the judge is given, and what it may answer."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mmembed.accessor.arguments import contents_column
from mmembed.contents.content import Content, Modality, read_contents
from mmembed.errors import ContentError, EmbeddingWarning, ModelError, listed
from mmembed.frames import column_of
from mmembed.providers.chat import ChatModel, chat_model_of, chat_names
from mmembed.vectors import VectorArray

Judge = Callable[[list[Any], list[Any]], Sequence[Any]]

_MOST_AT_ONCE = 20


def judged_answers(
    df: pd.DataFrame,
    column: str,
    array: VectorArray,
    labels: Sequence[Any],
    judge: Judge | ChatModel | str,
    *,
    rows: int,
    on: str | Mapping[str, Modality] | None,
    random_state: int | None,
    root: Path | str | None,
) -> pd.Series:
    """Return what the judge says of rows drawn at random: a label, or missing, for each row of the frame.

    Parameters
    ----------
    df : pandas.DataFrame
    column : str
        Its vector column.
    array : VectorArray
        The vectors.
    labels : sequence
        What the judge may answer.
    judge : callable
        ``judge(contents, labels)`` returns one of the labels, or None, for each content of a list.
    rows : int
        How many rows it is asked about.
    on : str or {column: modality}, optional
        The column of contents; ``x`` for the vectors ``x_vector`` if not given.

    Raises
    ------
    ModelError
        If it does not answer for each content, or seldom with one of the labels.

    Warns
    -----
    EmbeddingWarning
        If rows could not be read, or got an answer that is none of the labels.
    """
    source, how = contents_column(df.columns, column, on, reader="judge", read="rows")
    cells = column_of(df, source)
    chat = chat_model_of(judge)
    if chat is None and not callable(judge):
        raise TypeError(
            f"judge is of type {type(judge).__name__}; expected a callable, judge(contents, labels), a ChatModel, or "
            f"one of {chat_names()}."
        )
    if rows < 1:
        raise ValueError(f"judge_rows={rows} asks about no row. Give some 200.")
    present = np.flatnonzero(~array.isna())
    chance = np.random.default_rng(0 if random_state is None else random_state)
    drawn = np.sort(chance.choice(present, min(rows, len(present)), replace=False))
    folder = None if root is None else Path(root)
    read = read_contents(cells.iloc[drawn].tolist(), how, root=folder)
    places, contents, unread = _open_all(drawn.tolist(), read)
    given = _ask(judge, contents, list(labels)) if chat is None else chat.judge(contents, list(labels))
    known = {label: label for label in labels} | {str(label).strip().casefold(): label for label in labels}
    found = pd.Series(pd.NA, index=range(len(df)), dtype=object)
    strange = []
    for place, answer in zip(places, given, strict=True):
        label = _label_of(answer, known)
        if label is not None:
            found.iloc[place] = label
        elif not (answer is None or pd.isna(answer)):
            strange.append(answer)
    if 2 * len(strange) > len(given):
        raise ModelError(
            f"judge answered {len(strange)} of {len(given)} rows with none of the labels, such as {strange[0]!r}. "
            f"Expected one of {listed(labels)}, or None."
        )
    if strange or unread:
        warnings.warn(
            f"Of {len(drawn)} rows, {len(unread)} could not be read for the judge and {len(strange)} got none of the "
            f"labels{f', such as {strange[0]!r}' if strange else f': {unread[0]}'}. They are left out.",
            EmbeddingWarning,
            stacklevel=3,
        )
    return found.rename("label")


def _ask(judge: Any, contents: list[Any], labels: list[Any]) -> list[Any]:
    """Return an answer for each content, asked for some at a time."""
    given: list[Any] = []
    for start in range(0, len(contents), _MOST_AT_ONCE):
        part = contents[start : start + _MOST_AT_ONCE]
        answers = judge(part, labels)
        if isinstance(answers, str) or not hasattr(answers, "__len__") or len(answers) != len(part):
            raise ModelError(
                f"judge returned {answers if isinstance(answers, str) else type(answers).__name__!r} for {len(part)} "
                "contents; expected a list with one label, or None, for each."
            )
        given += list(answers)
    return given


def _label_of(answer: Any, known: Mapping[Any, Any]) -> Any:
    try:
        if answer in known:
            return known[answer]
    except TypeError:
        return None
    return known.get(answer.strip().casefold()) if isinstance(answer, str) else None


def _open_all(
    places: Sequence[int], read: Sequence[Content | ContentError | None]
) -> tuple[list[int], list[Any], list[ContentError]]:
    """Return the contents that can be opened with their rows, and why others cannot."""
    from mmembed.embedding.reranker import opened_content

    kept, contents, unread = [], [], []
    for place, content in zip(places, read, strict=True):
        try:
            if isinstance(content, ContentError):
                raise content
            if content is not None:
                contents.append(opened_content(content))
                kept.append(place)
        except ContentError as error:
            unread.append(error)
    return kept, contents, unread
