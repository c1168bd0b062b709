"""Cells that Dask turned into texts: a picture that became its ``repr`` must not be embedded as one."""

from __future__ import annotations

import re

import pandas as pd

from mmembed.contents.content import Modality
from mmembed.errors import ModalityError

__all__ = ["refuse_flattened"]

# What str() makes of pictures, bytes, arrays and lists of them.
_FLATTENED = re.compile(r"<PIL\.|<[\w.]+ object at 0x|b'|b\"|\[\s*[\[\d'\"<]")
_WAY_OUT = (
    "Dask makes texts of objects unless told otherwise: call dask.config.set({'dataframe.convert-string': False}) "
    "before the frame is made, or give paths or URLs."
)


def refuse_flattened(cells: pd.Series, modality: Modality) -> None:
    """Refuse a column of texts in which there were once pictures, bytes or lists.

    Raises
    ------
    ModalityError
        Says how to make the frame so that they stay.
    """
    if modality == "text" or not isinstance(cells.dtype, pd.StringDtype):
        return
    if modality == "multi_images":
        raise ModalityError(f"Column {cells.name!r} holds texts; 'multi_images' needs lists of pictures. {_WAY_OUT}")
    for cell in cells.dropna():
        if _FLATTENED.match(cell) and (modality != "auto" or cell.startswith(("<PIL.", "b'\\x", 'b"\\x'))):
            raise ModalityError(f"Column {cells.name!r} holds the text {cell[:40]!r}, once an object. {_WAY_OUT}")
