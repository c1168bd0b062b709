"""Frames with vector columns from Parquet files, a group of rows at a time.

Arrow unpacks a column of lists in some three times its size, and one that lies in several groups of rows then has to be
put together. Here each group is unpacked on its own and written to its place in the matrix, so that reading takes the
matrix and one group.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pandas as pd

from mmembed.vectors.array import VectorArray
from mmembed.vectors.arrow import matrix_from_arrow
from mmembed.vectors.conversion import stored
from mmembed.vectors.dtype import VectorDtype

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    import pyarrow.parquet as pq

# Of a group of rows as ``mmembed`` writes them; of a larger one so many are unpacked at once.
_NUMBERS_A_GROUP, _NUMBERS_AT_ONCE = 1 << 23, 1 << 21


def read_parquet(source: Path | BinaryIO) -> pd.DataFrame:
    """Return what ``pandas.read_parquet`` does, in less memory where there are vector columns.

    Parameters
    ----------
    source : Path or binary file

    Raises
    ------
    pyarrow.ArrowInvalid
        If it is no Parquet file.
    VectorError
        If a vector column holds something else than vectors.
    """
    import pyarrow.parquet as pq

    with pq.ParquetFile(source) as file:
        names = file.schema_arrow.names
        vectors = _vector_columns(file)
        if not vectors or len(set(names)) < len(names):
            return _read_by_pandas(source, None)
        frame = _read_by_pandas(source, [name for name in names if name not in vectors])
        if len(frame) != file.metadata.num_rows:  # an older Arrow counts no rows where it reads no column
            frame = pd.DataFrame(index=_range_index(file), columns=frame.columns)
        if not frame.columns.isin(names).all():  # labels that are no texts
            return _read_by_pandas(source, None)
        for name, dtype in vectors.items():
            place = int(frame.columns.isin(names[: names.index(name)]).sum())
            frame.insert(place, name, pd.Series(_read_vectors(file, name, dtype), index=frame.index, copy=False))
    return frame


def _read_by_pandas(source: Path | BinaryIO, columns: list[str] | None) -> pd.DataFrame:
    if not isinstance(source, Path):
        source.seek(0)
    return pd.read_parquet(source, columns=columns)


def _range_index(file: pq.ParquetFile) -> pd.RangeIndex:
    """Return the index of a frame that pandas wrote with no column for it."""
    described = file.schema_arrow.pandas_metadata["index_columns"]
    if not described:  # it was written without its index
        return pd.RangeIndex(file.metadata.num_rows)
    index = described[0]
    return pd.RangeIndex(index["start"], index["stop"], index["step"], name=index["name"])


def _vector_columns(file: pq.ParquetFile) -> dict[str, VectorDtype]:
    """Return the columns that pandas wrote as vector columns."""
    found = {}
    for column in (file.schema_arrow.pandas_metadata or {}).get("columns", []):
        try:
            dtype = VectorDtype.construct_from_string(column["numpy_type"])
        except (KeyError, TypeError):
            continue
        if column.get("field_name") in file.schema_arrow.names:
            found[column["field_name"]] = dtype
    return found


def _read_vectors(file: pq.ParquetFile, name: str, dtype: VectorDtype) -> VectorArray:
    matrix = np.empty((file.metadata.num_rows, dtype.dimension), dtype=dtype.numpy_storage)
    mask = np.zeros(len(matrix), dtype=bool)
    start = 0
    for column in _parts(file, name, dtype.dimension):
        part = slice(start, start + len(column))
        numbers, mask[part] = matrix_from_arrow(column, dtype.dimension)
        matrix[part] = stored(numbers, dtype.numpy_storage)
        start = part.stop
    return VectorArray._simple_new(matrix, mask, dtype)  # noqa: SLF001 - the numbers have been checked


def _parts(file: pq.ParquetFile, name: str, dimension: int) -> Iterator[pa.Array | pa.ChunkedArray]:
    """Yield a column in parts: a group of rows, or some rows of a large one."""
    some = max(1, _NUMBERS_AT_ONCE // dimension)
    for group in range(file.num_row_groups):
        if file.metadata.row_group(group).num_rows * dimension <= _NUMBERS_A_GROUP:
            yield file.read_row_group(group, columns=[name], use_threads=False).column(0)
        else:
            for batch in file.iter_batches(some, row_groups=[group], columns=[name], use_threads=False):
                yield batch.column(0)
