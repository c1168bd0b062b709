"""What a run of the embedding line gives back: vectors, usage and errors, ready to be added to a frame."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from mmembed.errors import EmbeddingError, EmbeddingWarning, one_of
from mmembed.frames import Written, with_columns
from mmembed.providers.costs import amount

if TYPE_CHECKING:
    from mmembed.embedding.pipeline import Bill, Failure

Errors = Literal["raise", "coerce"]
_ERROR_COLUMNS = ["position", "index", "column", "code", "message", "request_id", "retryable"]


@dataclass(frozen=True)
class EmbeddingRun:
    """The outcome of embedding one column.

    Attributes
    ----------
    vectors : pandas.Series
        A vector column aligned with the cells; missing where a cell is missing or failed.
    usage : Bill
        Rows, distinct contents, cached, requests, tokens, cost in CNY beside what it would likely have been without
        cache and deduplication, seconds; of the whole plan if several columns shared it.
    errors : pandas.DataFrame
        One row a failed cell: position, index, column, code, message, request_id, retryable.
    """

    vectors: pd.Series
    usage: Bill
    errors: pd.DataFrame

    def __repr__(self) -> str:
        made = int(self.vectors.notna().sum())
        cost, otherwise = amount(self.usage.cost), amount(self.usage.cost_otherwise)
        paid = f"{cost} of {otherwise} CNY, " if self.usage.cost_otherwise else ""
        return (
            f"<EmbeddingRun {self.vectors.dtype}: {made} vectors, {len(self.errors)} failed, "
            f"{self.usage.cached} cached, {paid}{self.usage.seconds:.1f} s; .add_to(df) adds the column>"
        )

    def add_to(self, df: pd.DataFrame, name: Any = None) -> pd.DataFrame:
        """Return the frame with the vectors as a new column.

        Parameters
        ----------
        df : pandas.DataFrame
            The frame whose cells were embedded, its rows in any order where no index label occurs twice; it is not
            changed.
        name : str, optional
            Name of the column; the name of the vectors if not given.

        Raises
        ------
        ValueError
            If the frame has other rows.
        """
        name = self.vectors.name if name is None else name
        return with_columns(
            df, {name: self.vectors}, len(self.vectors), owner=Written.by("embed", name), index=self.vectors.index
        )

    def checked(self, errors: Errors) -> EmbeddingRun:
        """Return the run itself, after raising or warning about failed rows as asked.

        Raises
        ------
        EmbeddingError
            If rows failed and ``errors="raise"``; carries the errors frame.
        """
        check_errors(self.errors, len(self.vectors), errors)
        return self


def error_frame(failures: list[Failure], index: pd.Index, names: list[str]) -> pd.DataFrame:
    """Return failures as a frame, one row each; ``names`` are the columns that were embedded."""
    records = [
        {
            "position": failure.position,
            "index": index[failure.position],
            "column": names[failure.column],
            "code": failure.error.code,
            "message": str(failure.error),
            "request_id": failure.request_id,
            "retryable": failure.error.retryable,
        }
        for failure in failures
    ]
    return pd.DataFrame(records, columns=_ERROR_COLUMNS)


def check_errors_choice(how: str) -> None:
    """Refuse a word for ``errors=`` that is none; to be called before anything is sent.

    Raises
    ------
    ValueError
        If it is neither ``"raise"`` nor ``"coerce"``.
    """
    one_of("errors", how, ("raise", "coerce"))


def check_errors(errors: pd.DataFrame, rows: int, how: Errors) -> None:
    """Raise or warn, once, if there are failed rows.

    Raises
    ------
    EmbeddingError
        If there are any and ``how`` is ``"raise"``.
    ValueError
        If ``how`` is neither ``"raise"`` nor ``"coerce"``.
    """
    check_errors_choice(how)
    if errors.empty:
        return
    summary = describe_errors(errors, rows)
    if how == "coerce":
        warnings.warn(f"{summary}\nThey have no vector.", EmbeddingWarning, stacklevel=_outside())
        return
    raise EmbeddingError(
        f"{summary}\nAll other rows are embedded, and in the cache where there is one: mend or drop these rows and run "
        "again, which continues; errors='coerce' leaves them without a vector. The whole list is in the "
        ".errors frame of this exception.",
        errors,
    )


def describe_errors(errors: pd.DataFrame, rows: int) -> str:
    """Return how many of so many cells failed, and why the first five did."""
    shown = "\n".join(
        f"  row {row.position} (index {row.index!r}), column {row.column!r}: {row.code}: {row.message}"
        for row in errors.head(5).drop(columns="index").assign(index=errors["index"].head(5)).itertuples(index=False)
    )
    more = f"\n  … and {len(errors) - 5} more" if len(errors) > 5 else ""
    return f"{len(errors)} of {rows} cells could not be embedded:\n{shown}{more}"


def _outside() -> int:
    """Return the stack level of the first caller outside this package, where a warning belongs."""
    import sys
    from pathlib import Path

    package = str(Path(__file__).parents[1])
    frame, level = sys._getframe(1), 1  # noqa: SLF001  the documented way to look at the caller
    while frame.f_back is not None and frame.f_code.co_filename.startswith(package):
        frame, level = frame.f_back, level + 1
    return level
