"""The verbs on tables of Polars, Arrow and Hugging Face: a pandas frame over their memory, results as their like."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pandas as pd
import pyarrow as pa

from mmembed.errors import did_you_mean, listed
from mmembed.vectors.arrow_table import frame_from_table, table_from_frame


class Table(Protocol):
    """A table of Polars, Arrow or Hugging Face, for type checkers: what no frame or column of pandas is."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        ...

    def to_pandas(self, *args: Any, **options: Any) -> Any:
        """Return the rows as a pandas frame."""
        ...


@dataclass(frozen=True)
class TableKind:
    """A library's tables, and the one that a frame was made of.

    Attributes
    ----------
    name : str
        For messages.
    table : object
        The table as it was given.
    schema : pyarrow.Schema
        Of the table in Arrow; its fields and metadata go back to columns that stayed as they are.
    """

    name: str
    table: Any
    schema: pa.Schema

    def made_of(self, frame: pd.DataFrame) -> Any:
        """Return a frame that a verb returned as a table of the library.

        Labels of rows are left out unless they say something: a name, or anything but numbers. What was in the given
        table and was not written by the verb has the type that it had.
        """
        kept = b"pandas" in (self.schema.metadata or {})
        if not kept and (frame.index.nlevels > 1 or frame.index.name is not None or frame.index.dtype.kind not in "iu"):
            frame = frame.reset_index()
        table = self._restored(table_from_frame(frame, index=None if kept else False), frame)
        if self.name == "pyarrow":
            return table
        made = type(self.table)(table)  # Polars and Hugging Face make theirs of an Arrow table
        if self.name == "polars":
            return made.cast({one: self.table.schema[one] for one in made.columns if self._stayed(frame, one)})
        return made

    def _restored(self, table: pa.Table, frame: pd.DataFrame) -> pa.Table:
        """Return a table with the metadata of the given one."""
        fields = [
            self.schema.field(field.name)
            if self._stayed(frame, field.name) and self.schema.field(field.name).type == field.type
            else field
            for field in table.schema
        ]
        metadata = dict(self.schema.metadata or {})
        own = table.schema.metadata or {}
        if b"pandas" in metadata and b"pandas" in own:
            given, made = (json.loads(one[b"pandas"]) for one in (metadata, own))
            entries = {one.get("field_name"): one for one in given.get("columns", [])}
            made["columns"] = [
                entries.get(one["field_name"], one) if self._stayed(frame, one["field_name"]) else one
                for one in made["columns"]
            ]
            metadata[b"pandas"] = json.dumps(made).encode()
        return pa.Table.from_arrays(table.columns, schema=pa.schema(fields, metadata=metadata or None))

    def _stayed(self, frame: pd.DataFrame, name: str) -> bool:
        """Say whether a column is one of the given table that no verb has written anew."""
        if name not in self.schema.names or name not in frame.columns:
            return False
        dtype = frame[name].dtype
        return isinstance(dtype, pd.ArrowDtype) and dtype.pyarrow_dtype == self.schema.field(name).type


def opened_table(
    data: Any, space: str | Mapping[str, str | None] | None = None
) -> tuple[pd.DataFrame, TableKind] | None:
    """Return a table of another library as a pandas frame, and what it was; None if it is no such table.

    Raises
    ------
    TypeError
        If it is a table whose rows are not there yet; says how to have them.
    VectorError, ColumnNotFoundError
        If ``space`` names a column that is not there or holds no vectors.
    """
    library, kind = type(data).__module__.partition(".")[0], type(data).__name__
    if isinstance(data, pa.Table):
        name, table = "pyarrow", data
    elif library == "polars" and kind == "DataFrame":
        name, table = "polars", data.to_arrow()
    elif library == "polars" and kind == "LazyFrame":
        raise TypeError("A LazyFrame has no rows yet. Collect it first: mmembed.accessor(frame.collect()).")
    elif hasattr(data, "with_format") and isinstance(data, Mapping):
        raise TypeError(f"{kind} holds several tables. Take one: data[{next(iter(data), 'train')!r}].")
    elif hasattr(data, "with_format") and hasattr(data, "features"):
        if not hasattr(data, "__len__"):
            raise TypeError(f"{kind} has no rows yet. Take some: datasets.Dataset.from_list(list(data.take(1000))).")
        name, table = "datasets", data.with_format("arrow")[:]
        table = table.replace_schema_metadata(data.features.arrow_schema.metadata)
    else:
        return None
    table = _with_signed_codes(table)
    return frame_from_table(table, space), TableKind(name, data, table.schema)


def _with_signed_codes(table: pa.Table) -> pa.Table:
    """Return a table whose categories, which Polars counts without a sign, are counted as pandas can read them."""
    for position, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type) and pa.types.is_unsigned_integer(field.type.index_type):
            kind = pa.dictionary(pa.int32(), field.type.value_type, field.type.ordered)
            chunks = [
                pa.DictionaryArray.from_arrays(one.indices.cast(pa.int32()), one.dictionary, ordered=field.type.ordered)
                for one in table.column(position).chunks
            ]
            table = table.set_column(position, field.with_type(kind), pa.chunked_array(chunks, type=kind))
    return table


class TableAccessor:
    """The verbs of :class:`FrameAccessor` on a table of Polars, Arrow or Hugging Face.

    Each verb has the arguments and the words that it has on pandas. A frame that it returns becomes a table of the
    library that was given; plans, figures and reports are what they are on pandas. Where a verb takes another frame or
    a column, it also takes those of the library, and expressions of Polars in place of masks. Columns of the given
    table keep their types. Made by :func:`mmembed.accessor`.
    """

    def __init__(self, verbs: Any, kind: TableKind) -> None:
        self._verbs = verbs
        self._kind = kind

    def __repr__(self) -> str:
        return repr(self._verbs).replace("accessor of", f"accessor of a table of {self._kind.name},", 1)

    def __dir__(self) -> list[str]:
        return [*(name for name in dir(self._verbs) if not name.startswith("_")), "to_pandas"]

    def to_pandas(self) -> pd.DataFrame:
        """Return the pandas frame that the verbs are called on: vector columns know their space."""
        frame: pd.DataFrame = self._verbs._df  # noqa: SLF001  the frame that this accessor opened
        return frame

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        verb = getattr(self._verbs, name, None)
        if verb is None:
            raise AttributeError(
                f"The mmembed accessor has no verb {name!r}. There are: {listed(dir(self))}."
                f"{did_you_mean(name, dir(self))}"
            )

        @functools.wraps(verb)
        def call(*args: Any, **options: Any) -> Any:
            given = [self._as_pandas(one) for one in args]
            found = verb(*given, **{key: self._as_pandas(one) for key, one in options.items()})
            return self._kind.made_of(found) if isinstance(found, pd.DataFrame) else found

        return call

    def _as_pandas(self, value: Any) -> Any:
        """Return an argument as the verbs of pandas take it."""
        if isinstance(value, TableAccessor):
            return value.to_pandas()
        if (opened := opened_table(value)) is not None:
            return opened[0]
        if type(value).__module__.partition(".")[0] != "polars":
            return value
        if type(value).__name__ == "Expr":
            value = self._kind.table.select(value).to_series()
        if type(value).__name__ != "Series":
            return value
        column = pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array(value)), name=value.name)
        return column.set_axis(self.to_pandas().index) if len(column) == len(self.to_pandas()) else column
