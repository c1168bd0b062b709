"""Columns of a frame: found by name, known again where a verb wrote them, written back without replacing others.

Cells become what a picture of the frame needs: one line of text, coordinates.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

import numpy as np
import pandas as pd

from mmembed.arrays import Positions
from mmembed.errors import ColumnExistsError, ColumnNotFoundError, did_you_mean, listed


def column_of(df: Any, column: Hashable, *, argument: str | None = None, remedy: str = "") -> Any:
    """Return one column, or raise an error that names the nearest.

    Parameters
    ----------
    df : DataFrame of pandas or Dask
        Where to look.
    column : hashable
        Its name.
    argument : str, optional
        The argument that named it, for the message.
    remedy : str
        The call that makes the column, for the message; empty if no call does.

    Raises
    ------
    ColumnNotFoundError
        If the frame has no such column, or has it twice.
    """
    named = repr(column) if argument is None else f"{column!r} ({argument}=)"
    if column not in df.columns:
        make = f" Make it with {remedy}." if remedy else "" if argument is None else " Name a column that is there."
        raise ColumnNotFoundError(
            f"Column {named} is not in the frame. Available: {listed(df.columns)}."
            f"{did_you_mean(column, df.columns)}{make}"
        )
    found = df[column]
    if found.ndim != 1:
        raise ColumnNotFoundError(
            f"The frame has {found.shape[1]} columns named {named}; one was expected. Rename all but one."
        )
    return found


def extended(name: Hashable, ending: str) -> Any:
    """Return a column's name with an ending; of a label of MultiIndex columns, the last part gets it.

    Examples
    --------
    >>> extended("title", "_vector"), extended(("de", "title"), "_vector")
    ('title_vector', ('de', 'title_vector'))
    """
    if isinstance(name, tuple) and name:
        return (*name[:-1], extended(name[-1], ending))
    return f"{name}{ending}"


def with_endings(df: pd.DataFrame, names: Iterable[Hashable], ending: str) -> pd.DataFrame:
    """Return a frame with an ending added to some of its columns' names."""
    changed = set(names)
    labels: list[Any] = [extended(name, ending) if name in changed else name for name in df.columns]
    if isinstance(df.columns, pd.MultiIndex):
        return df.set_axis(pd.MultiIndex.from_tuples(labels, names=df.columns.names), axis=1)
    return df.set_axis(pd.Index(labels, name=df.columns.name, tupleize_cols=False), axis=1)


def is_missing(cell: object) -> bool:
    """Return whether a cell is one of the ways to write that nothing is there."""
    return (
        cell is None
        or cell is pd.NA
        or cell is pd.NaT
        or (isinstance(cell, float | np.floating) and bool(np.isnan(cell)))
    )


def is_empty(cell: Any) -> bool:
    """Return whether a cell has no content: it is missing, a blank text, an empty list, or a file cell with neither."""
    if isinstance(cell, str):
        return not cell.strip()
    if isinstance(cell, Mapping):
        return is_file_cell(cell) and all(is_empty(cell.get(key)) for key in ("bytes", "path"))
    if isinstance(cell, np.ndarray):
        return cell.ndim == 1 and not cell.size
    return (isinstance(cell, list | tuple) and not cell) or is_missing(cell)


def is_file_cell(cell: Mapping[Any, Any]) -> bool:
    """Return whether it is a picture or a clip as data sets of Hugging Face and Daft hold it: bytes, a path or both."""
    return "bytes" in cell or "path" in cell


def as_list(df: Any, columns: Hashable | Sequence[Hashable] | None) -> list[Any]:
    """Return the columns that an argument names: none, one, or several in a list or tuple.

    Parameters
    ----------
    df : DataFrame of pandas or Dask
        Tells whether a tuple is several columns, or one label of MultiIndex columns.
    columns : label, sequence of labels or None
        A label is anything that a column may be called: a str, a number, a date.
    """
    if columns is None:
        return []
    if isinstance(columns, str) or not isinstance(columns, Sequence):
        return [columns]
    return [columns] if isinstance(columns, tuple) and columns in df.columns else list(columns)


@dataclass(frozen=True)
class Cells:
    """What the cells of a column that a verb writes are like; missing cells are always allowed.

    Attributes
    ----------
    kind : str
        ``"number"``: float32, as verbs write scores. ``"float"``: any float. ``"whole"``: whole numbers. ``"text"``:
        texts. ``"vector"``: vectors that say which model made them. ``"any"``: anything but vectors.
    least, most : float
        Bounds of numbers.
    """

    kind: Literal["number", "float", "whole", "text", "vector", "any"]
    least: float = -np.inf
    most: float = np.inf

    def describe(self, column: Any) -> bool:
        """Return whether a column of a frame could hold these."""
        if not isinstance(column, pd.Series):
            return False  # several columns of one name
        if self.kind == "vector" or hasattr(column.dtype, "space"):
            return self.kind == "vector" and getattr(column.dtype, "space", None) is not None
        if self.kind in ("any", "text"):
            return self.kind == "any" or _holds_texts(column)
        return self._describe_numbers(column, _numbers_of(column))

    def _describe_numbers(self, column: pd.Series, numbers: Any) -> bool:
        if numbers is None or (len(numbers) and not (self.least <= numbers.min() and numbers.max() <= self.most)):
            return False
        if self.kind == "whole":
            return bool((numbers == np.round(numbers)).all()) and (len(column) > 0 or column.dtype.kind in "iu")
        if self.kind == "float":
            return bool(column.dtype.kind == "f" or len(numbers))
        return str(column.dtype).casefold() in _SINGLE or _reads_as_single(numbers)


_COSINE = Cells("number", -1.001, 1.001)
_PROBABILITY = Cells("number", -0.001, 1.001)
_PLACE = Cells("number")
_WRITTEN: Mapping[str, tuple[Mapping[str, Cells], ...]] = {
    "embed": ({"": Cells("vector")},),
    "fuse": ({"": Cells("vector")},),
    "search": (
        {"_similarity": _COSINE},
        {"_similarity": _COSINE, "_score": Cells("float")},
        {"_similarity": _COSINE, "_percentile": Cells("float")},
        {"_similarity": _COSINE, "_query": Cells("any"), "_rank": Cells("whole", 1)},
    ),
    "join": ({"_similarity": _COSINE},),
    "duplicates": ({"_group": Cells("whole", 0), "_similarity": _COSINE},),
    "leaks": ({"_part": Cells("any"), "_similarity": _COSINE},),
    "outliers": ({"": Cells("number", 0)},),
    "cluster": ({"": Cells("whole", -1), "_score": _COSINE, "_name": Cells("text")},),
    "exemplars": ({"": Cells("whole", -1), "_name": Cells("text")}, {"_rank": Cells("whole", 1)}),
    "classify": ({"_predicted": Cells("any"), "_score": _PROBABILITY},),
    "classify by words": ({"": Cells("any"), "_score": _PROBABILITY},),
    "project": ({"_x": _PLACE, "_y": _PLACE}, {"_x": _PLACE, "_y": _PLACE, "_z": _PLACE}),
}


@dataclass(frozen=True)
class Written:
    """The columns that a verb writes under one name, and how they are known again.

    No state lies on a frame, so a column says itself who wrote it: it is ours if it stands in a set that the verb
    writes together, all of the set is in the frame, and each column of it has the type and the content that the verb
    gives it. ``docs/decisions.md`` has the reasons.

    Attributes
    ----------
    verb : str
        For messages.
    sets : tuple of mapping of str to Cells
        Names of columns that are written together, with what their cells are like.
    """

    verb: str
    sets: tuple[Mapping[str, Cells], ...]

    @classmethod
    def by(cls, verb: str, name: str | None = None) -> Written:
        """Return the columns of a verb whose name, or the first part of whose names, is ``name``."""

        def named(ending: str) -> Any:
            return ending.removeprefix("_") if name is None else extended(name, ending)

        return cls(verb, tuple({named(ending): cells for ending, cells in one.items()} for one in _WRITTEN[verb]))

    def check(self, df: pd.DataFrame, names: Iterable[str] | None = None) -> None:
        """Refuse to replace columns that the verb did not write; to be called before anything is computed or sent.

        Parameters
        ----------
        df : pandas.DataFrame
            The frame to write to; of a Dask frame its empty ``_meta``, whose types decide.
        names : iterable of str, optional
            The columns that will be written; all that the verb may write if not given.

        Raises
        ------
        ColumnExistsError
            If one of the columns is in the frame and is not known as the verb's own.
        """
        wanted = dict.fromkeys(name for one in self.sets for name in one) if names is None else names
        if not (there := [name for name in wanted if name in df.columns]):
            return
        own = {
            name
            for one in self.sets
            if all(column in df.columns and cells.describe(df[column]) for column, cells in one.items())
            for name in one
        }
        if foreign := [name for name in there if name not in own]:
            one = len(foreign) == 1
            raise ColumnExistsError(
                f"{self.verb.split()[0]} would replace {'column' if one else 'columns'} {listed(foreign)} of the "
                f"frame, and did not write {'it' if one else 'them'}. Choose other names with name=, or rename or drop "
                f"{'the column' if one else 'the columns'} first.",
                foreign,
            )


_SINGLE = ("float32", "float[pyarrow]", "float32[pyarrow]")
_DIGITS = 6  # that most float32 numbers have when they are written out; those that people type have fewer
_LOOKED_AT = 1000


def _holds_texts(column: pd.Series) -> bool:
    if column.dtype == object:
        return all(isinstance(cell, str) or is_missing(cell) for cell in column)
    return isinstance(column.dtype, pd.StringDtype) or str(column.dtype).startswith(("string", "large_string"))


def _numbers_of(column: pd.Series) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
    """Return the numbers of a column, also where a file kept them as texts; None where a cell is something else."""
    if column.dtype.kind == "b" or isinstance(column.dtype, pd.CategoricalDtype) or column.dtype.kind in "mMc":
        return None
    cells = column.dropna()
    if cells.dtype.kind not in "iuf":
        if not len(column):
            return None
        cells = cells[cells != ""]
        if not all(isinstance(cell, str) for cell in cells):
            return None
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return None if np.isnan(numbers).any() else numbers


def _reads_as_single(numbers: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bool:
    """Return whether numbers are float32 ones that went through a file of text, which keeps no types."""
    some = numbers[:: len(numbers) // _LOOKED_AT + 1]
    with np.errstate(over="ignore"):
        written = [str(one) for one in some.astype(np.float32)]
    exact = [
        float(text) == one
        or float(np.float32(one)) == one
        or abs(float(np.float32(one)) - one) <= 1e-14 * max(1.0, abs(one))
        for text, one in zip(written, some.tolist(), strict=True)
    ]
    long = [len(text.split("e")[0].strip("-0.").replace(".", "")) >= _DIGITS for text in written]
    return bool(written) and all(exact) and 2 * sum(long) >= len(long)


def with_columns(
    df: pd.DataFrame, columns: Mapping[str, Any], n_rows: int, *, owner: Written | None, index: pd.Index | None = None
) -> pd.DataFrame:
    """Return a copy of the frame with the columns, each value going to the row that it was computed for.

    Parameters
    ----------
    df : pandas.DataFrame
        Left alone.
    columns : mapping of str to array
        Values in row order.
    n_rows : int
        How many rows the result was computed for.
    owner : Written or None
        What the verb writes: a column that is there and that it did not write is not replaced. None for a partition
        of a Dask frame, whose columns were checked as a whole.
    index : pandas.Index, optional
        The labels of the rows that the result was computed for; without it, rows are found by position.

    Raises
    ------
    ValueError
        If the frame has other rows.
    ColumnExistsError
        If a column of the user's would be replaced.
    """
    order = check_rows(df, n_rows, index)
    if owner is not None:
        owner.check(df, columns)
    plain = {name: getattr(values, "array", values) for name, values in columns.items()}
    if order is not None:
        plain = {name: pd.Series(values).array.take(order) for name, values in plain.items()}
    # A Series on the frame's own index is not copied at all.
    return assigned(df, {name: pd.Series(values, index=df.index, copy=False) for name, values in plain.items()})


def assigned(df: pd.DataFrame, columns: Mapping[Any, Any]) -> pd.DataFrame:
    """Return a copy of the frame with new columns, as ``DataFrame.assign`` does; also where labels have several parts.

    Examples
    --------
    >>> wide = pd.DataFrame({("de", "title"): ["rot"]})
    >>> assigned(wide, {"cluster": [0], ("de", "length"): [3]}).columns.tolist()
    [('de', 'title'), ('cluster', ''), ('de', 'length')]
    """
    made = df.assign()  # which copies as lazily as the installed pandas can
    for name, values in columns.items():
        parts = name if isinstance(name, tuple) else (name,)
        made[(*parts, *[""] * (df.columns.nlevels - len(parts))) if df.columns.nlevels > 1 else name] = values
    return made


def shown_without_vectors(df: pd.DataFrame) -> pd.DataFrame:
    """Return the same frame, which a notebook shows without its vector columns: nobody reads their numbers.

    It stays a plain frame with all of its columns; a copy or a part of it is shown as pandas does.
    """
    found = weakref.ref(df)

    def html() -> str | None:
        frame = found()
        if frame is None:
            return None
        hidden = [hasattr(dtype, "space") for dtype in frame.dtypes]
        kept: Any = frame.loc[:, [not one for one in hidden]]
        told: str | None = kept._repr_html_()
        if told is None or not any(hidden):
            return told
        names = listed(frame.columns[hidden])
        return f"{told}<p>Not shown: {escape(names)}</p>"

    # Past pandas, which takes what is set on a frame for a column.
    df.__dict__["_repr_html_"] = html
    return df


def check_rows(df: pd.DataFrame, n_rows: int, index: pd.Index | None = None) -> Positions | None:
    """Return which row of a result each row of a frame is; None where both are in one order.

    Parameters
    ----------
    df : pandas.DataFrame
    n_rows : int
        How many rows the result was computed for.
    index : pandas.Index, optional
        Their labels. Rows in another order are found by them where no label occurs twice.

    Raises
    ------
    ValueError
        If the frame has other rows.
    """
    if len(df) != n_rows:
        raise ValueError(
            f"The frame has {len(df)} rows, but the result was computed for {n_rows}. "
            "Give the frame whose vectors were used, with the same rows."
        )
    order, is_known = _order_of(df.index, index)
    if not is_known:
        raise ValueError(
            "The frame has other index labels than the rows that the result was computed for, or labels that occur "
            "twice in another order. Give the frame whose vectors were used; a result that is computed from an array, "
            "df[column].array, goes by position."
        )
    return order


def rows_in_order(df: pd.DataFrame, n_rows: int, index: pd.Index | None) -> pd.DataFrame:
    """Return a frame with its rows in the order of a result; see :func:`check_rows`."""
    order = check_rows(df, n_rows, index)
    return df if order is None else df.take(np.argsort(order))


def index_of(values: Any) -> pd.Index | None:
    """Return the labels of a Series; None for arrays and lists, whose rows have a position only."""
    return values.index if isinstance(values, pd.Series) else None


def beside(values: Any, index: pd.Index | None, *, argument: str) -> Any:
    """Return values in the order of the rows with these labels: a Series by its index, all else by position.

    Parameters
    ----------
    values : Series, array, list or None
    index : pandas.Index or None
        Labels of the vectors, where they are a Series.
    argument : str
        The argument that gave the values, for the message.

    Raises
    ------
    ValueError
        If both have labels, and these are not the same ones, or occur twice in another order.
    """
    if not isinstance(values, pd.Series) or index is None or len(values) != len(index):
        return values  # another length is refused where its meaning is known
    order, is_known = _order_of(index, values.index)
    if not is_known:
        raise ValueError(
            f"{argument}= has other index labels than the vectors, or labels that occur twice in another order. Give "
            "a column of the same frame; values without labels, such as series.array, go by position."
        )
    return values if order is None else values.take(order)


def _order_of(wanted: pd.Index, given: pd.Index | None) -> tuple[Positions | None, bool]:
    """Return where each wanted label is among the given ones, None where it is at its own place; and if all are."""
    if given is None or given is wanted or given.equals(wanted):
        return None, True
    if not (given.is_unique and wanted.is_unique):
        return None, False
    order = given.get_indexer(wanted)
    return order, bool((order >= 0).all())


# Control characters that are no white space, and halves of surrogate pairs.
_UNSHOWABLE = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")


def one_line(cell: object, most: int) -> str:
    """Return a cell as one line of at most ``most`` characters, safe to encode as UTF-8.

    White space runs become one space; control characters and lone surrogates, which no browser can show, are dropped.

    Examples
    --------
    >>> one_line("  red   dress", 20)
    'red dress'
    >>> one_line("summer dress", 7)
    'summer…'
    """
    if is_missing(cell) or isinstance(cell, bytes | bytearray | memoryview):
        return ""
    # A novel in a cell costs no more than what is shown: four times the length leaves room for dropped characters.
    start = _UNSHOWABLE.sub("", str(cell)[: 4 * most + 64])
    return cut(" ".join(start.split()), most)


def cut(line: str, most: int) -> str:
    """Return a line of at most ``most`` characters, with a sign where it was cut."""
    if len(line) <= most:
        return line
    return line[: most - 1].rstrip() + "…" if most > 0 else ""


def coordinates(values: pd.Series) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return a map column as float64, shape (n,); missing and infinite values are NaN."""
    numbers = pd.to_numeric(values).to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(numbers), numbers, np.nan)
