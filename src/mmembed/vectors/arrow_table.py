"""Frames with vector columns as plain Arrow tables, and back.

In a table a vector column is a column of lists like any other. Its space stands in the metadata of its field, where no
reader has to know it, and where Parquet, Feather and Lance keep it; and in the metadata of pandas, as a text that gives
the vector column back where mmembed was imported, and lists where it was not.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa

from mmembed.errors import VectorError
from mmembed.frames import column_of
from mmembed.vectors.array import as_vector_array
from mmembed.vectors.dtype import VectorDtype

SPACE_KEY = b"mmembed.space"  # in the metadata of a field; empty where the space is unknown


def table_from_frame(df: pd.DataFrame, *, index: bool | None = None, widen: bool = False) -> pa.Table:
    """Return a frame as an Arrow table that every reader of Arrow understands.

    Parameters
    ----------
    df : pandas.DataFrame
        Numbers and vectors are not copied; neither are texts that pandas keeps in Arrow.
    index : bool, optional
        Whether the index becomes columns. By default it does unless it is 0, 1, 2, …, as in ``DataFrame.to_parquet``.
    widen : bool
        Write float32 also where a column keeps float16, which DuckDB does not read. It comes back as float16.

    Raises
    ------
    VectorError
        If a column holds what Arrow cannot, such as pictures of Pillow; names it.
    """
    try:
        table = pa.Table.from_pandas(df, preserve_index=index)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise VectorError(
            f"The frame cannot become an Arrow table: {error} Convert that column, or leave it out."
        ) from error
    notes = json.loads(table.schema.metadata[b"pandas"])
    for position, dtype in enumerate(df.dtypes):
        if not isinstance(dtype, VectorDtype):
            if not _is_read_back(dtype):
                notes["columns"][position]["numpy_type"] = "object"
            continue
        lists = table.column(position) if widen else df.iloc[:, position].array.to_arrow()
        space = {SPACE_KEY: (dtype.space or "").encode()}
        field = pa.field(table.schema.field(position).name, lists.type, metadata=space)
        table = table.set_column(position, field, lists)
        notes["columns"][position]["numpy_type"] = dtype.text_for_numpy
    return table.replace_schema_metadata({**table.schema.metadata, b"pandas": json.dumps(notes).encode()})


def frame_from_table(table: pa.Table, space: str | Mapping[str, str | None] | None = None) -> pd.DataFrame:
    """Return an Arrow table as a frame: vectors in their spaces, all else as pandas' Arrow columns; without a copy.

    Parameters
    ----------
    table : pyarrow.Table
        Columns that a field's metadata or pandas' own says to be vectors become vector columns.
    space : str or dict of str to str, optional
        The model that made the vectors: of each column named, or of every column of fixed-size lists of floats
        that does not know its own.

    Raises
    ------
    VectorError
        If a column that is named holds no vectors, or is known to be of another space.
    ColumnNotFoundError
        If it is not in the table.
    """
    known = _vectors_in(table.schema)
    named: dict[str, str | None]
    if isinstance(space, str):
        named = {field.name: space for field in table.schema if _holds_vectors(field.type)}
    else:
        named = dict(space or {})
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    if isinstance(frame.index.dtype, pd.ArrowDtype):  # labels are compared with others'
        frame.index = pd.Index(pa.array(frame.index.array).to_pandas(), name=frame.index.name)
    for name in [*(one for one in known if one not in named), *named]:
        given = named.get(name)
        own = known[name].space if name in known else None
        if given is not None and own not in (None, given):
            if not isinstance(space, str):
                raise VectorError(
                    f"space={{{name!r}: {given!r}}} contradicts the table: its vectors were made by {own!r}. "
                    "Leave it out."
                )
            given = own  # one space for all is for the columns that do not know theirs
        vectors = as_vector_array(column_of(frame, name), space=given or own)
        if name in known and known[name].is_half:
            vectors = vectors.astype("float16", copy=False)
        frame = frame.assign(**{name: pd.Series(vectors, index=frame.index, copy=False)})
    return frame


def _is_read_back(dtype: Any) -> bool:
    """Say whether pandas reads a type of Arrow from the text that it writes for it: not those of lists and structs."""
    if isinstance(dtype, pd.ArrowDtype):
        try:
            pd.api.types.pandas_dtype(str(dtype))
        except (TypeError, ValueError, NotImplementedError):
            return False
    return True


class _Vectors(NamedTuple):
    """What a table says of a column of vectors."""

    space: str | None
    is_half: bool  # kept in float16


def _vectors_in(schema: pa.Schema) -> dict[str, _Vectors]:
    """Return the columns that are known as vectors; the metadata is others' and may say anything."""
    found: dict[str, _Vectors] = {}
    lists = {field.name: field for field in schema if hasattr(field.type, "value_type")}
    for column in json.loads((schema.metadata or {}).get(b"pandas", b"{}")).get("columns", []):
        try:
            dtype = VectorDtype.construct_from_string(column["numpy_type"])
        except (KeyError, TypeError):
            continue  # of another type
        if column["field_name"] in lists:
            found[column["field_name"]] = _Vectors(dtype.space, dtype.storage == "float16")
    for name, field in lists.items():
        if name not in found and SPACE_KEY in (field.metadata or {}) and pa.types.is_floating(field.type.value_type):
            is_half = field.type.value_type == pa.float16()
            found[name] = _Vectors(None, is_half)
            with contextlib.suppress(ValueError):  # a name that no space can have: the space is unknown
                space = field.metadata[SPACE_KEY].decode() or None
                found[name] = _Vectors(VectorDtype(1, space).space, is_half)
    return found


def _holds_vectors(kind: Any) -> bool:
    return bool(pa.types.is_fixed_size_list(kind) and pa.types.is_floating(kind.value_type))
