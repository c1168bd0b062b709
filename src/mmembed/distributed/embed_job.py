"""What is to be embedded, as one object that travels to the workers.

Cells that Dask turned into texts are refused: a picture that became its ``repr`` must not be embedded as one.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from mmembed.cache.local import VectorCache
from mmembed.contents.content import Modality
from mmembed.embedding.embedder import Embedder
from mmembed.embedding.pipeline import Sharing
from mmembed.embedding.plan import Survey
from mmembed.embedding.run import EmbeddingRun, Errors
from mmembed.errors import ModalityError
from mmembed.frames import column_of
from mmembed.vectors import VectorArray, VectorDtype

__all__ = ["Deduplicate", "EmbedJob", "refuse_flattened"]


@dataclass(frozen=True)
class Allowance:
    """What the partitions of one run may cost together, and what each will likely cost, in CNY."""

    run: str
    max_cost: float
    likely: list[float] = field(repr=False)

    def part(self, partition: int) -> float:
        """Return a partition's part of the whole: all parts make the whole."""
        total = sum(self.likely)
        return self.max_cost * (self.likely[partition] / total if total else 1 / len(self.likely))


Deduplicate = Literal["global", "partition"]

_salt = os.urandom(16)  # what is kept of a key is worth nothing outside this process

_key_numbers: dict[bytes, int] = {}

_caches: dict[Path, VectorCache] = {}


@dataclass(frozen=True)
class EmbedJob:
    """Columns to embed, how, and what becomes of failures.

    Attributes
    ----------
    embedder : Embedder
        The settings. A key that they hold stays in this process: it is in no task that goes to a worker, and in no
        token, name or text.
    columns : mapping of str to modality
        What is embedded; of a fused job, the columns of one row's parts.
    names : mapping of str to str
        The new column of each; of a fused job, all have the same.
    is_fused : bool
        Whether the columns make one vector a row.
    errors : {"raise", "coerce"}
        Whether failed cells fail the table.
    max_cost : float, optional
        The most that the whole table may cost, in CNY.
    deduplicate : {"global", "partition"}
        Whether equal contents of different partitions are paid for once.
    """

    embedder: Embedder
    columns: Mapping[str, Modality]
    names: Mapping[str, str]
    is_fused: bool = False
    errors: Errors = "raise"
    max_cost: float | None = None
    deduplicate: Deduplicate = "global"

    def __repr__(self) -> str:
        return f"<EmbedJob of {', '.join(map(repr, self.columns))}>"

    def __dask_tokenize__(self) -> object:
        settings = {one.name: getattr(self.embedder, one.name) for one in fields(self.embedder)}
        # Another key makes another task, since the one before may have been refused; its number tells nothing of it.
        settings["api_key"] = _number_of(settings["api_key"])
        settings["cache"] = repr(settings["cache"])
        if hasattr(settings["model"], "__dask_tokenize__"):
            settings["model"] = repr(settings["model"].__dask_tokenize__())
        elif is_dataclass(settings["model"]) and not isinstance(settings["model"], type):
            settings["model"] = asdict(settings["model"])
        described = {name: _to_plain(value) for name, value in sorted(settings.items())}
        rest = [dict(self.columns), dict(self.names), self.is_fused, self.errors, self.max_cost, self.deduplicate]
        return ["mmembed.EmbedJob", described, rest]

    @property
    def new_columns(self) -> dict[str, VectorDtype]:
        """The columns that are added, with their types; known without a key and without a request."""
        provider = self.embedder.provider(for_plan=True)
        dtype = VectorDtype(provider.dimension, provider.space)
        return dict.fromkeys(self.names.values(), dtype)

    def add_empty(self, df: pd.DataFrame) -> pd.DataFrame:
        """Return a frame of no rows with the new columns.

        Raises
        ------
        ColumnNotFoundError, ModalityError
            If a column is not there, or cannot hold what it is said to hold.
        """
        empty = {name: VectorArray._from_sequence([], dtype=dtype) for name, dtype in self.new_columns.items()}  # noqa: SLF001  pandas' own interface
        self._cells(df)
        return df.iloc[:0].assign(**empty)

    def survey(self, df: pd.DataFrame) -> Survey:
        """Return what the plan must know of one partition."""
        embedder = _with_open_cache(self.embedder)
        if self.is_fused:
            return embedder.survey_fused(self._parts(df))
        return embedder.survey_many(self._cells(df), self.columns)

    def run(self, df: pd.DataFrame, sharing: Sharing, *, max_cost: float | None) -> dict[str, EmbeddingRun]:
        """Embed one partition; the runs by the names of the new columns."""
        embedder = _with_open_cache(self.embedder)
        if self.is_fused:
            name = next(iter(self.names.values()))
            fused = embedder.fuse(self._parts(df), name, max_cost=max_cost, progress=False, sharing=sharing)
            return {name: fused}
        runs = embedder.embed_many(self._cells(df), self.columns, max_cost=max_cost, progress=False, sharing=sharing)
        return {self.names[column]: run for column, run in runs.items()}

    def _cells(self, df: pd.DataFrame) -> dict[str, pd.Series]:
        cells = {column: column_of(df, column) for column in self.columns}
        for column, one in cells.items():
            refuse_flattened(one, self.columns[column])
        return cells

    def _parts(self, df: pd.DataFrame) -> dict[Modality, pd.Series]:
        return {self.columns[column]: one for column, one in self._cells(df).items()}


def _with_open_cache(embedder: Embedder) -> Embedder:
    """Return the embedder with the cache that this process keeps open for all partitions.

    Where each partition opened and closed the file, one process's last closing, which removes the write-ahead log,
    could meet another one's opening: SQLite then speaks of a disk error.
    """
    cache = embedder.open_cache()
    if not isinstance(cache, VectorCache):
        return embedder
    return replace(embedder, cache=_caches.setdefault(cache.path, cache))


def _number_of(api_key: str | None) -> int:
    """Return which of the keys that this process has seen it is; 0 for none."""
    if api_key is None:
        return 0
    digest = hashlib.blake2b(api_key.encode(), key=_salt, digest_size=16).digest()
    return _key_numbers.setdefault(digest, len(_key_numbers) + 1)


def _to_plain(value: Any) -> object:
    """Return a setting as Dask can tokenize it."""
    return value if isinstance(value, str | int | float | bool | dict | type(None)) else repr(value)


# What str() makes of pictures, bytes, arrays and lists of them.
_FLATTENED = re.compile(r"<PIL\.|<[\w.]+ object at 0x|b'|b\"|\[\s*[\[\d'\"<]|\{'(bytes|path)': ")

# Of these, what nobody writes as a text.
_NO_TEXT = ("<PIL.", "<_io.BytesIO object at 0x", "b'\\x", 'b"\\x', "{'bytes': b", "{'bytes': None, 'path': ")

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
        if _FLATTENED.match(cell) and (modality != "auto" or cell.startswith(_NO_TEXT)):
            raise ModalityError(f"Column {cells.name!r} holds the text {cell[:40]!r}, once an object. {_WAY_OUT}")
