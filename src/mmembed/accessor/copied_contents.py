"""What says besides the vectors which rows are copies: the contents that they were made of, where they are at hand.

No file is opened and no address is read that a caller has not declared as pictures.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from mmembed.accessor.arguments import are_texts, count_texts, source_of
from mmembed.contents.content import Modality, kind_of_cell, picture_of, unreadable_cell, unwrapped
from mmembed.errors import ContentError, EmbeddingWarning
from mmembed.frames import beside, column_of, index_of, is_empty
from mmembed.vectors import as_vector_array

if TYPE_CHECKING:
    from PIL.Image import Image

    from mmembed.analysis.finding.copied_pairs import Alike
    from mmembed.arrays import BoolVector, Positions

Contents = str | Mapping[Any, Modality] | Literal[False] | None

_PIXELS = 128  # twice those of what is compared


def alike_by_contents(
    df: pd.DataFrame, column: Any, contents: Contents, threshold: Any = "auto", *, root: Path | str | None = None
) -> Alike | None:
    """Return what says which rows are copies by their contents; None where there is nothing to compare.

    Parameters
    ----------
    df : pandas.DataFrame
    column : str
        Its vector column.
    contents : str, {column: modality}, False or None
        The column of texts, or of pictures where names of files are declared as ``{"photo": "image"}``. None takes
        ``x`` for ``x_vector`` where its cells are texts, or pictures in memory; False takes nothing.
    threshold : float or "auto"
        With a number there is nothing to find.
    root : path, optional
        Folder that relative file names start from.

    Raises
    ------
    ValueError
        If contents are named beside a threshold, are not one column, or their cells are neither texts nor pictures that
        may be opened.
    """
    if contents is None or contents is False:
        source = None if contents is False or threshold != "auto" else source_of(df.columns, column)
        how = None if source is None else kind_at_hand(df[source])
        return None if source is None or how is None else _comparison(df[source], how, root)
    if threshold != "auto":
        raise ValueError(
            f"contents={contents!r} finds the level of near duplicates, and threshold={threshold!r} is one. Give one "
            "of the two."
        )
    name, modality = named_contents(contents)
    cells = column_of(df, name, argument="contents")
    kind: Modality | None = kind_at_hand(cells) if modality == "auto" else modality  # type: ignore[assignment]
    if kind is None or kind not in ("text", "image"):
        wanted = (
            f"contents={{{name!r}: {modality!r}}} cannot be compared; texts and pictures can."
            if isinstance(contents, Mapping)
            else f"The cells of {name!r} are neither texts nor pictures in memory."
        )
        raise ValueError(f"{wanted} Names of files are opened as pictures with contents={{{name!r}: 'image'}}.")
    return _comparison(cells, kind, root)


def named_contents(contents: str | Mapping[Any, Modality]) -> tuple[Any, str]:
    """Return the one column of contents that is named, and its modality."""
    if not isinstance(contents, Mapping):
        return contents, "auto"
    if len(contents) != 1:
        raise ValueError(
            f"contents={dict(contents)!r} names {len(contents)} columns; rows are compared by one. Give the one that "
            "the vectors were made of."
        )
    return next(iter(contents.items()))


def alike_by_cells(
    vectors: Any,
    contents: Any,
    modality: str,
    threshold: Any,
    alike: Alike | None,
    *,
    root: str | os.PathLike[str] | None,
) -> Alike | None:
    """Return what says which rows are copies by cells that stand beside the vectors; ``alike`` where there are none.

    Raises
    ------
    ValueError
        If cells are given beside a threshold or ``alike``, are not as many as the vectors, or are neither texts nor
        pictures that may be opened.
    """
    if contents is None:
        return alike
    if alike is not None or threshold != "auto":
        other = "alike= says" if alike is not None else f"threshold={threshold!r} says"
        raise ValueError(f"contents= says which rows are copies, and {other} it, too. Give one of the two.")
    index = index_of(vectors)
    cells = _as_cells(beside(contents, index, argument="contents"))
    n_rows = len(as_vector_array(vectors))
    if len(cells) != n_rows:
        raise ValueError(f"contents has {len(cells)} cells for {n_rows} rows. Give one for each row.")
    kind = kind_at_hand(cells) if modality == "auto" else modality
    if kind not in ("text", "image"):
        raise ValueError(
            "The cells of contents are neither texts nor pictures in memory. Names of files are opened as pictures "
            "with modality='image'."
            if kind is None
            else f"modality={modality!r} cannot be compared. Give 'text' or 'image'."
        )
    return _comparison(cells, kind, root)


def _as_cells(contents: Any) -> pd.Series:
    """Return a column or sequence of anyone's as one of pandas: texts, pictures in memory, or names."""
    if isinstance(contents, pd.Series):
        return contents
    return pd.Series([unwrapped(cell) for cell in contents], dtype=object)


def kind_at_hand(cells: pd.Series) -> Modality | None:
    """Return whether cells are texts, or pictures without a file to open; None where they are neither."""
    texts, others = count_texts(cells)
    if are_texts(texts, others):
        return "text"
    given = [unwrapped(cell) for cell in cells if not is_empty(cell)]
    return "image" if given and all(map(_is_picture, given)) else None


def _is_picture(cell: Any) -> bool:
    if isinstance(cell, str | os.PathLike):
        return False
    try:
        return kind_of_cell(cell) == "image"
    except ContentError:
        return False


def _comparison(cells: pd.Series, kind: str, root: str | os.PathLike[str] | None) -> Alike:
    if kind == "text":
        from mmembed.contents.copied_texts import compare_texts

        return compare_texts([cell if isinstance(cell, str) else None for cell in cells])
    return _Pictures(cells, None if root is None else Path(root))


class _Pictures:
    """Compares the pictures of rows; those that cannot be opened are told once, and are copies of none."""

    def __init__(self, cells: pd.Series, root: Path | None) -> None:
        from mmembed.contents.copied_pictures import PictureComparison

        self._cells, self._root = cells, root
        self._failures: list[ContentError] = []
        self._opened = 0
        self._comparison = PictureComparison(self._open)

    def __call__(self, left: Positions, right: Positions) -> BoolVector:
        """Return which pairs are copies.

        Raises
        ------
        ContentError
            If no picture can be opened.
        """
        before = len(self._failures)
        found = self._comparison(left, right)
        if self._failures and not self._opened:
            raise self._failures[0]
        if len(self._failures) > before:
            warnings.warn(
                f"{len(self._failures) - before} of {len(np.union1d(left, right))} pictures cannot be opened, and are "
                f"compared with none; the first: {self._failures[before]}",
                EmbeddingWarning,
                stacklevel=2,
            )
        return found

    def _open(self, row: int) -> Image | None:
        cell = unwrapped(self._cells.iloc[row])
        if is_empty(cell):
            return None
        try:
            picture = _open_picture(cell, self._root)
        except ContentError as error:
            self._failures.append(error)
            return None
        self._opened += 1
        return picture


def _open_picture(cell: Any, root: Path | None) -> Image:
    """Return a picture as models see it: transparent parts are white, as where it was saved without them."""
    from mmembed.contents.pictures import damage

    try:
        return picture_of(cell, root, at_least=_PIXELS)
    except ContentError:
        raise
    except damage() as error:
        raise unreadable_cell(cell, "image", error) from error
