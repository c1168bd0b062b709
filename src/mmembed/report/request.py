"""What a report is asked for: the columns it reads and the choices of the caller."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.tallies.totals import WholeTable
from mmembed.contents.content import file_name
from mmembed.frames import is_missing, one_line

_FILE_LENGTH = 60


@dataclass(frozen=True)
class Columns:
    """The columns of the frame that the report reads, found and checked."""

    cluster: pd.Series
    x: pd.Series
    y: pd.Series
    texts: tuple[pd.Series, ...] = ()
    names: pd.Series | None = None
    scores: pd.Series | None = None
    image: pd.Series | None = None
    video: pd.Series | None = None
    vector: pd.Series | None = None
    source: pd.Series | None = None
    breakdown: pd.Series | None = None
    date: pd.Series | None = None
    # Columns that colour and filter the map, and which of them do which.
    choices: pd.DataFrame = field(default_factory=pd.DataFrame)
    color: tuple[Hashable, ...] = ()
    filter: tuple[Hashable, ...] = ()
    # Where the frame is a sample: figures of the whole table, and where the rows stand in it.
    whole: WholeTable | None = None
    positions: npt.NDArray[np.int64] | None = None
    # Smaller groups within the clusters, and what they are called.
    parts: pd.Series | None = None
    part_names: pd.Series | None = None
    # Of the whole table, without those that verbs wrote.
    n_columns: int = 0

    def position(self, row: int) -> int:
        """Return where a row stands in the whole table."""
        return row if self.positions is None else int(self.positions[row])

    def picture(self, row: int) -> tuple[object, str]:
        """Return the cell to draw for a row and its modality; a picture goes before a clip."""
        if self.image is not None:
            cell = self.image.iloc[row]
            if not is_missing(cell) or self.video is None:
                return cell, "image"
        return (None, "image") if self.video is None else (self.video.iloc[row], "video")

    def file(self, row: int) -> str:
        """Return the name of the file of a row's picture or clip; nothing where its cell names none."""
        return one_line(file_name(self.picture(row)[0]), _FILE_LENGTH) if self.has_pictures else ""

    @property
    def has_pictures(self) -> bool:
        """Whether there is anything to make thumbnails of."""
        return self.image is not None or self.video is not None


@dataclass(frozen=True, slots=True)
class Call:
    """How the page was asked for, for the code that makes it again.

    Attributes
    ----------
    given : mapping of str to object
        Arguments besides columns, title, language and limits, as the caller gave them; None is one that was left out.
    has_groups : bool
        Whether the table came with its clusters, or they were made for the page.
    """

    given: Mapping[str, object]
    has_groups: bool = True


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller of the report chose besides columns."""

    title: str | None
    language: Literal["auto", "zh", "en"]
    notes: tuple[str, ...]
    parameters: Mapping[str, object]
    budget_bytes: int
    max_points: int
    root: Path
    created: datetime
    call: Call
