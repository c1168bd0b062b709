"""What is read when pointing at a row: chosen columns, as texts that a figure carries once and a template joins."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.frames import one_line, require_column
from mmembed.reporting.theming import plain

_CELL_LENGTH = 90
_HEAD_LENGTH = 40
_BLANK = "–"


@dataclass(frozen=True, slots=True)
class Hover:
    """Texts of the chosen columns, by row; the heads stand in the template, once and not in every row."""

    heads: tuple[str, ...]
    texts: tuple[npt.NDArray[np.object_], ...]

    def options(self, rows: npt.NDArray[np.intp], label: str) -> dict[str, Any]:
        """Return the options of a trace that shows its label and the cells of its rows."""
        first = f"<b>{plain(label)}</b>"
        if not self.heads:
            return {"hovertemplate": f"{first}<extra></extra>"}
        if len(self.heads) == 1:
            # ``text`` is shorter in JSON than ``customdata`` of one column.
            return {
                "text": self.texts[0][rows].tolist(),
                "hovertemplate": f"{first}<br><b>{self.heads[0]}</b>: %{{text}}<extra></extra>",
            }
        lines = "".join(f"<br><b>{head}</b>: %{{customdata[{at}]}}" for at, head in enumerate(self.heads))
        return {
            "customdata": np.column_stack([column[rows] for column in self.texts]),
            "hovertemplate": f"{first}{lines}<extra></extra>",
        }

    def with_column(self, head: str, texts: npt.NDArray[np.object_]) -> Hover:
        """Return a hover with one more column."""
        return Hover((*self.heads, plain(head)), (*self.texts, texts))


def hover_of(df: pd.DataFrame, columns: Sequence[Hashable]) -> Hover:
    """Return the hover of some columns of a frame; markup in a cell is shown as it is written."""
    heads, texts = [], []
    for column in columns:
        heads.append(plain(one_line(column, _HEAD_LENGTH)))
        texts.append(_texts(require_column(df, column, argument="hover")))
    return Hover(tuple(heads), tuple(texts))


def _texts(values: pd.Series) -> npt.NDArray[np.object_]:
    texts = np.empty(len(values), dtype=object)
    if pd.api.types.is_float_dtype(values.dtype):
        texts[:] = [_BLANK if pd.isna(one) else f"{one:.4g}" for one in values]
    elif pd.api.types.is_datetime64_any_dtype(values.dtype):
        texts[:] = [_BLANK if pd.isna(one) else str(one).removesuffix(" 00:00:00") for one in values]
    else:
        texts[:] = [plain(one_line(cell, _CELL_LENGTH)) or _BLANK for cell in values]
    return texts
