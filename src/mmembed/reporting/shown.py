"""A row as the page shows it in a list: its texts, its place on the map, and whether a picture belongs to it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmembed.frames import one_line
from mmembed.reporting.request import Columns

_TEXT_LENGTH = 150
_LABEL_LENGTH = 40


@dataclass(frozen=True, slots=True)
class ShownRow:
    """One row in a card or a list.

    Attributes
    ----------
    row : int
        Position in the frame.
    label : str
        Its index label.
    point : int or None
        Its place in the map's data; None if it is not on the map.
    texts : tuple of str
        One a text column, each one line.
    is_video : bool
        Whether its picture is a frame of a clip.
    note : str
        What the list says of it, e.g. a score.
    """

    row: int
    label: str
    point: int | None
    texts: tuple[str, ...]
    is_video: bool
    note: str = ""


class RowTeller:
    """Makes rows ready to be shown.

    Parameters
    ----------
    columns : Columns
        Where texts and pictures are.
    points : numpy.ndarray of int
        Positions of the rows on the map, in the order of its data.
    """

    def __init__(self, columns: Columns, points: npt.NDArray[np.intp]) -> None:
        self._columns = columns
        self._place = {row: point for point, row in enumerate(points.tolist())}

    def tell(self, row: int, note: str = "") -> ShownRow:
        """Return one row of the frame as the page shows it."""
        columns = self._columns
        return ShownRow(
            row=row,
            label=one_line(columns.cluster.index[row], _LABEL_LENGTH),
            point=self._place.get(row),
            texts=tuple(one_line(column.iloc[row], _TEXT_LENGTH) for column in columns.texts),
            is_video=columns.has_pictures and columns.picture(row)[1] == "video",
            note=note,
        )


def looks(columns: Columns, row: int) -> Hashable:
    """Return what a reader would see of a row: rows with equal looks are repeats of each other."""
    texts = tuple(one_line(column.iloc[row], _TEXT_LENGTH) for column in columns.texts)
    if not columns.has_pictures:
        return texts or (row,)
    cell, _ = columns.picture(row)
    return (*texts, cell if isinstance(cell, str) else row)
