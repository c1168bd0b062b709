"""Options that commands share: the table that is read, where the result goes, and completion in shells."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson
import pandas as pd
from click.shell_completion import CompletionItem

from mmembed.cli.tables import (
    FORMATS,
    KINDS,
    STREAM,
    TableError,
    TableFormat,
    check_parquet,
    check_target,
    column_names,
    encoded,
    format_of,
    open_table,
    write_table,
)
from mmembed.cli.terminal import say, show, text_table, visible
from mmembed.cli.text_tables import Origin
from mmembed.embedding.embedder import Embedder
from mmembed.frames import column_of
from mmembed.vectors import VectorDtype

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Source:
    """A table to read."""

    path: Path
    form: TableFormat | None
    encoding: str | None
    separator: str | None = None
    # What the table was read from, once it was read.
    origins: list[Origin | None] = field(default_factory=list, compare=False)

    @property
    def origin(self) -> Origin | None:
        """What is needed to write the cells of a text table as they were."""
        return self.origins[-1] if self.origins else None

    @property
    def folder(self) -> Path:
        """Where relative file names in cells start from: the table's folder."""
        return Path() if self.path == STREAM else self.path.parent

    def read(self) -> pd.DataFrame:
        """Return the table."""
        df, origin = open_table(self.path, self.form, encoding=self.encoding, separator=self.separator)
        self.origins.append(origin)
        return df

    def read_vectors(self, *columns: str, space: str | None = None, for_words: bool = False) -> pd.DataFrame:
        """Return the table with these columns as vectors, also where a CSV file holds them as text.

        Parameters
        ----------
        space : str, optional
            Name of the model that made them, for files that do not say.
        for_words : bool
            Whether words will be embedded with the columns' own model, which then has to be known.

        Raises
        ------
        TableError
            If a column holds text that is no list of numbers, or does not say which model made it where that counts.
        """
        df = self.read()
        named = None if space is None else Embedder(model=space).provider(for_plan=True).space
        for column in columns:
            given = cells = column_of(df, column)
            if not isinstance(cells.dtype, VectorDtype) and any(isinstance(cell, str) for cell in cells):
                cells = pd.Series([_numbers(cell, column) for cell in cells], index=df.index, dtype=object)
            dtype = cells.dtype
            if not isinstance(dtype, VectorDtype) or dtype.space is None:
                cells = cells.mmembed.as_vectors(space=named)
                df = df.assign(**{column: cells})
                if self.origin is not None:
                    self.origin.as_vectors[column] = given
            if for_words and cells.mmembed.space is None:
                raise TableError(
                    f"Column {column!r} does not say which model made its vectors, so words cannot be embedded alike. "
                    "Name the model with --space, or keep vectors in Parquet, which remembers it."
                )
        return df


@dataclass(frozen=True)
class Destination:
    """Where a result goes: a file, or the standard output as text for people or as data for programs."""

    path: Path | None
    form: str | None

    @property
    def is_text(self) -> bool:
        """Whether the result is a text table for people, which shows no vectors."""
        return self.path is None and self.form in (None, "text")

    def check(self) -> None:
        """Refuse a target that cannot be written, before anything is read or sent."""
        if self.path is not None:
            check_target(self.path, None if self.form == "text" else self.form)  # type: ignore[arg-type]

    def check_columns(self, df: pd.DataFrame) -> None:
        """Refuse columns that the format cannot hold, before anything is sent."""
        form = self.form
        if form in (None, "text") and self.path is not None and self.path != STREAM:
            form = format_of(self.path)
        if form == "parquet":
            check_parquet(df)

    def write(self, df: pd.DataFrame, *, of: Source | None = None) -> None:
        """Write a table and say where it went.

        Parameters
        ----------
        df : pandas.DataFrame
        of : Source, optional
            Where its rows are from: what did not change is written as it was.
        """
        origin = None if of is None else of.origin
        form: Any = None if self.form == "text" else self.form
        if self.path is not None and self.path != STREAM:
            done = "Replaced" if self.path.is_file() else "Written"
            write_table(df, self.path, form, origin=origin)
            say(f"{done}: {self.path} ({len(df)} rows)")
        elif self.is_text or form is None:
            show(text_table(df))
        elif not sys.stdout.isatty():
            write_table(df, STREAM, form, origin=origin)
        elif form == "parquet":
            raise TableError("Parquet is not for a terminal. Name a file with -o, or pipe the output into a program.")
        else:
            show(visible(encoded(df, form, origin).decode("utf-8", "replace"), keep="\r\n\t").rstrip("\n"))

    def refuse_text(self) -> None:
        """Refuse to print as text what only has a use with its vectors.

        Raises
        ------
        click.UsageError
            If neither a file nor a format is given.
        """
        if self.is_text:
            raise click.UsageError(
                "A text table shows no vectors. Give a file with -o, or a format to print with -f csv, tsv or jsonl."
            )


encoding_option = click.option(
    "--encoding", help="Encoding of CSV, TSV or JSON lines; UTF-8 and GBK are recognised, others are named."
)
separator_option = click.option(
    "--sep", "separator", metavar="SIGN", help="What parts the cells of CSV; recognised if not given."
)


def reads_table(command: Command) -> Command:
    """Add the argument TABLE and its options; the command gets ``table``, ``input_format`` and ``encoding``."""
    for add in (
        encoding_option,
        separator_option,
        click.option(
            "--input-format", type=click.Choice(FORMATS), help="What TABLE is, where its suffix does not say."
        ),
        click.argument("table", type=click.Path(path_type=Path, allow_dash=True)),
    ):
        command = add(command)
    return command


def writes_table(command: Command) -> Command:
    """Add the options for the result; the command gets ``output`` and ``output_format``."""
    for add in (
        click.option(
            "-f",
            "--format",
            "output_format",
            type=click.Choice(("text", *FORMATS)),
            help="What to write; told by FILE's suffix, or text for people if there is no FILE.",
        ),
        click.option(
            "-o",
            "--output",
            type=click.Path(path_type=Path, allow_dash=True),
            metavar="FILE",
            help=f"Table to write ({KINDS}); one that is there is replaced. The standard output without it.",
        ),
    ):
        command = add(command)
    return command


def column_option(
    name: str = "--column", *, text: str, required: bool = False, multiple: bool = False
) -> Callable[[Command], Command]:
    """Return an option whose value is a column of TABLE; shells complete it."""
    names = ["-c", name] if name == "--column" else [name]
    return click.option(
        *names, required=required, multiple=multiple, metavar="COLUMN", help=text, shell_complete=complete_columns
    )


def space_option(command: Command) -> Command:
    """Add ``--space`` for vectors that do not know which model made them."""
    add = click.option(
        "--space", metavar="MODEL", help="The model that made the vectors, for CSV and JSON lines, which do not say."
    )
    return add(command)


def source_of(options: dict[str, Any]) -> Source:
    """Take the options of :func:`reads_table` out of a command's options."""
    return Source(options.pop("table"), options.pop("input_format"), options.pop("encoding"), options.pop("separator"))


def destination_of(options: dict[str, Any]) -> Destination:
    """Take the options of :func:`writes_table` out of a command's options; refuses what cannot be written."""
    destination = Destination(options.pop("output"), options.pop("output_format"))
    destination.check()
    return destination


def _numbers(cell: Any, column: str) -> Any:
    if not isinstance(cell, str):
        return cell
    try:
        numbers = orjson.loads(cell)
    except orjson.JSONDecodeError:
        numbers = None
    if not isinstance(numbers, list):
        raise TableError(
            f"Column {column!r} holds the text {cell[:40]!r} where a vector was expected, such as [0.1, 0.2]. "
            "Name a vector column, or make one first: mmembed embed."
        )
    return numbers


SHELLS = ("bash", "zsh", "fish")

_VARIABLE = "_MMEMBED_COMPLETE"


def complete_columns(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the columns of the table that was typed; none where it cannot be read."""
    # click leaves the arguments unread where the last option has no value yet.
    table = ctx.params.get("table") or ctx.params.get("left") or next(iter(ctx.args), None)
    if table is None:
        return []
    try:
        names = column_names(Path(table))
    except (OSError, ValueError):  # a shell that completes has no place for messages
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def shell_model(given: str | None) -> Any:
    """Return the model that ``--model`` names: a name as it is, or the object that ``module:object`` stands for.

    The module is looked for where Python looks, and before that in the current folder.

    Raises
    ------
    click.UsageError
        If there is no such module or object, or it embeds nothing.
    """
    if given is None or ":" not in given:
        return given
    module, _, name = given.partition(":")
    from mmembed.providers.custom import own_model

    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise click.UsageError(
            f"--model {given!r} cannot be loaded: {error}. Give module:object, such as mymodels:clip for the object "
            "clip of mymodels.py in this folder."
        ) from error
    try:
        return own_model(found)
    except (TypeError, ValueError) as error:
        raise click.UsageError(f"--model {given!r} is no model: {error}") from error


def model_option(command: Command) -> Command:
    """Add ``--model`` for a model of one's own that made the vectors, which has to be loaded to be asked."""
    add = click.option(
        "--model",
        metavar="MODULE:OBJECT",
        callback=lambda _, __, given: shell_model(given),
        expose_value=False,
        help="The model of your own that made the vectors, to embed words with.",
    )
    return add(command)


def complete_models(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of known models."""
    from mmembed.providers.models import MODELS

    return [CompletionItem(name) for name in ("local", *MODELS) if name.startswith(incomplete)]
