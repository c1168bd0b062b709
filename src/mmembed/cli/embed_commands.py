"""The commands that embed, or say what embedding would take: plan, embed, models, cache."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import click
import orjson

from mmembed.accessor.arguments import all_errors, names_of
from mmembed.cli.options import (
    column_option,
    complete_models,
    destination_of,
    reads_table,
    shell_model,
    source_of,
    writes_table,
)
from mmembed.cli.tables import check_target, write_table
from mmembed.cli.terminal import say, show
from mmembed.contents.content import MODALITIES, Modality
from mmembed.embedding.embedder import Embedder
from mmembed.embedding.run import Errors, check_errors
from mmembed.frames import Written, column_of
from mmembed.providers.costs import amount
from mmembed.providers.models import DEFAULT_MODELS

Command = TypeVar("Command", bound=Callable[..., Any])
_SETTINGS = (
    "model",
    "dimension",
    "instruct",
    "fps",
    "region",
    "workers",
    "timeout_seconds",
    "truncate",
    "video_frames",
    "upload",
)
SOME_CELLS_FAILED = 3


def _embeds(command: Command) -> Command:
    """Add the columns to embed and the settings of an :class:`Embedder`."""
    for add in (
        click.option("--no-cache", is_flag=True, help="Neither read nor write the cache of vectors."),
        click.option("--video-frames", type=int, metavar="N", help="Embed video files by N of their frames (up to 8)."),
        click.option(
            "--upload",
            type=click.Choice(("temporary",)),
            help="Put local video files into the service's temporary storage (48 hours).  [default: upload nothing]",
        ),
        click.option("--truncate", is_flag=True, help="Cut texts that are too long instead of refusing them."),
        click.option("--timeout-seconds", type=float, default=120.0, show_default=True, help="Time of one attempt."),
        click.option("--workers", type=int, metavar="N", help="Requests (or local threads) at once."),
        click.option(
            "--region",
            type=click.Choice(tuple(DEFAULT_MODELS)),
            default="beijing",
            show_default=True,
            help="Where the service is called; a key belongs to one region.",
        ),
        click.option("--fps", type=float, help="Share of a video's frames to look at, 0 to 1."),
        click.option("--instruct", metavar="TEXT", help="What the vectors are for, in English."),
        click.option("--dimension", type=int, metavar="D", help="Length of the vectors, where the model has several."),
        click.option(
            "--model",
            metavar="NAME",
            callback=lambda _, __, given: shell_model(given),
            help="'local', a model of the service ('mmembed models' lists them), or your own as module:object.",
            shell_complete=complete_models,
        ),
        click.option(
            "-m",
            "--modality",
            type=click.Choice(MODALITIES),
            multiple=True,
            help="How cells are read: once for all columns, or once for each in their order.  [default: auto]",
        ),
        column_option(
            text="Column of contents; may be given again: the columns share one plan.", required=True, multiple=True
        ),
    ):
        command = add(command)
    return command


@click.command(
    epilog="""\b
Examples:
  mmembed plan catalogue.csv --column title --modality text --model qwen3-vl-embedding
  mmembed plan catalogue.csv --column title --modality text --column photo --modality image --json"""
)
@reads_table
@_embeds
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def plan(*, as_json: bool, **options: Any) -> None:
    """Say what embedding would send and cost, without a request or a key."""
    source = source_of(options)
    embedder, modalities = _embedder(options, source.folder), _modalities(options)
    df = source.read()
    found = df.mmembed.plan(modalities, embedder=embedder)
    if as_json:
        show(orjson.dumps(dataclasses.asdict(found), option=orjson.OPT_INDENT_2).decode())
        return
    uploads = f"{found.uploads_in_words}. " if found.uploads else ""
    low, high = map(amount, found.cost_range)
    show(
        f"{found.model}: {found.rows} rows, {found.cells} cells, {found.unique} distinct, {found.cached} cached, "
        f"{found.invalid} invalid.\n"
        f"{found.requests} requests, about {found.tokens} tokens ({found.tokens_range[0]} to {found.tokens_range[1]}), "
        f"about {amount(found.cost)} {found.currency} ({low} to {high}), "
        f"about {found.seconds:.0f} s. {uploads}Nothing was sent."
    )


@click.command(
    epilog="""\b
Examples:
  mmembed embed catalogue.csv --column title --modality text --model local -o out.parquet
  mmembed embed catalogue.csv --column title --modality text --column photo --modality image \\
      --max-cost 5 --errors coerce --failed failed.csv -o out.parquet

\b
Parquet keeps vectors as vectors, with their model. CSV, TSV and JSON lines hold them as
lists of numbers, and the commands that read them need --space. Exit code 3: written, but
some cells have no vector."""
)
@reads_table
@_embeds
@click.option("--name", metavar="NAME", help="Name of the new column, for one column.  [default: <column>_vector]")
@click.option("--max-cost", type=float, metavar="CNY", help="The most that it may cost.")
@click.option(
    "--errors",
    type=click.Choice(get_args(Errors)),
    default="raise",
    show_default=True,
    help="Bad cells: write nothing and say which (all good ones are in the cache), or leave them without a vector.",
)
@click.option(
    "--failed",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Table to write of the cells that failed, with the reasons.",
)
@click.option("--progress/--no-progress", default=None, help="Show a bar.  [default: in terminals]")
@writes_table
def embed(
    *, name: str | None, max_cost: float | None, errors: Any, failed: Path | None, progress: bool | None, **options: Any
) -> int:
    """Add a column of vectors for each column of texts, pictures or videos."""
    source, destination = source_of(options), destination_of(options)
    destination.refuse_text()
    if failed is not None:
        check_target(failed)
    embedder, modalities = _embedder(options, source.folder), _modalities(options)
    names = names_of(name, list(modalities))
    df = source.read()
    columns = {column: column_of(df, column) for column in modalities}
    for one in names.values():
        Written.by("embed", one).check(df)
    destination.check_columns(df)
    runs = embedder.embed_many(columns, modalities, max_cost=max_cost, progress=progress)
    bad = all_errors(runs)
    if failed is not None:
        write_table(bad, failed)
    check_errors(bad, len(df) * len(columns), errors)
    destination.write(df.assign(**{names[column]: run.vectors for column, run in runs.items()}), of=source)
    for column, run in runs.items():
        made = int(run.vectors.notna().sum())
        say(f"{made} of {len(df)} rows have a vector in {names[column]!r} ({run.vectors.dtype}).")
    usage = next(iter(runs.values())).usage
    say(
        f"{usage.cached} of {usage.unique} distinct contents came from the cache; {usage.requests} requests, "
        f"{amount(usage.cost)} CNY, {usage.seconds:.1f} s."
    )
    return SOME_CELLS_FAILED if len(bad) else 0


@click.command(
    epilog="""\b
Examples:
  mmembed models
  mmembed models -f csv"""
)
@writes_table
def models(**options: Any) -> None:
    """List the models with their dimensions, regions and prices (CNY for 1,000 tokens)."""
    from mmembed.providers.models import models as table

    destination = destination_of(options)
    found = table().reset_index()
    shown = ["name", "kinds", "default_dimension", "dimensions", "regions", "text_price", "media_price"]
    destination.write(found[shown] if destination.is_text else found)


@click.command(
    epilog="""\b
Examples:
  mmembed cache info
  mmembed cache clear

\b
The cache lies in the folder that MMEMBED_CACHE_DIR names, or in the platform's cache folder."""
)
@click.argument("action", type=click.Choice(("info", "clear")))
def cache(*, action: str) -> None:
    """Look at the cache of vectors, or empty it."""
    from mmembed.cache.local import VectorCache

    with VectorCache() as opened:
        if action == "clear":
            show(f"{opened.clear()} vectors removed from {opened.path}.")
        else:
            info = opened.info()
            show(f"{info.entries} vectors, {info.bytes / 1e6:.1f} MB: {info.path}")


def _embedder(options: Mapping[str, Any], root: Path) -> Embedder:
    settings = {name: options[name] for name in _SETTINGS}
    return Embedder(**settings, cache=None if options["no_cache"] else "auto", root=root)


def _modalities(options: Mapping[str, Any]) -> dict[str, Modality]:
    columns: Sequence[str] = options["column"]
    given: Sequence[Modality] = options["modality"] or ("auto",)
    if len(given) not in (1, len(columns)):
        raise click.UsageError(
            f"--modality is given {len(given)} times for {len(columns)} columns. Give it once, or once for each column."
        )
    return {column: given[min(number, len(given) - 1)] for number, column in enumerate(columns)}
