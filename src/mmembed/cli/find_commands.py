"""Commands that find rows: search, join, duplicates, deduplicate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pandas as pd

from mmembed.cli.options import (
    Source,
    column_option,
    destination_of,
    encoding_option,
    model_option,
    reads_table,
    separator_option,
    source_of,
    space_option,
    writes_table,
)
from mmembed.cli.tables import FORMATS
from mmembed.cli.terminal import say
from mmembed.cli.text_tables import with_numbers
from mmembed.contents.content import MODALITIES
from mmembed.frames import Written, column_of

if TYPE_CHECKING:
    from mmembed.accessor.copied_contents import Contents


class _Level(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on only
    """A cosine, or ``auto``."""

    name = "auto|COSINE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if value == "auto" else click.FLOAT.convert(value, param, ctx)


_level = click.option(
    "--threshold",
    type=_Level(),
    default="auto",
    show_default=True,
    help="Least cosine similarity; auto finds where the copies of this table end.",
)
_image = column_option("--image", text="Column of pictures that the vectors were made of: pixels tell their copies.")
_by_meaning = click.option(
    "--by-meaning", is_flag=True, help="Count what is alike to the model, and do not look at texts or pictures."
)
_kinds = column_option("--kinds", text="Column that says of which kind each row is; each kind's mean is removed.")
_name = click.option(
    "--name", metavar="NAME", help="First part of other names for the new columns: NAME_similarity and so on."
)


@click.command(
    epilog="""\b
Examples:
  mmembed search out.parquet --column photo_vector "a red dress"
  mmembed search out.parquet --column photo_vector -k 5 shoe.jpg --modality image
  mmembed search out.parquet --column title_vector --hybrid title --where "price < 200" "ZX81 manual"
  mmembed search out.parquet --column title_vector "dress" "shoe" -f csv > found.csv"""
)
@reads_table
@click.argument("query", nargs=-1, required=True)
@column_option(text="Column of vectors.", required=True)
@space_option
@model_option
@click.option("-k", type=int, default=10, show_default=True, help="How many rows.")
@click.option(
    "-m",
    "--modality",
    type=click.Choice(MODALITIES),
    default="auto",
    help="How QUERY is read: as a text, or with image or video as a file or URL.",
)
@click.option(
    "--where", metavar="CONDITION", help="Search these rows only: a pandas expression, such as 'price < 200'."
)
@click.option("--minus", metavar="TEXT", help="What the hits are not to be like.")
@click.option("--diverse", type=float, metavar="SHARE", help="From 0 to 1: hits that are unlike each other.")
@column_option("--hybrid", text="Column of texts: the query's words count, too.")
@column_option("--calibrate", text="Column of vectors of the query's kind, such as captions; adds percentiles.")
@click.option(
    "--rerank", metavar="MODEL", help="Model that reads QUERY and the first hits and orders them: qwen3-vl-rerank."
)
@click.option("--rerank-depth", type=int, default=40, show_default=True, help="How many hits --rerank reads.")
@column_option("--rerank-on", text="Column of contents that --rerank reads.  [default: x for x_vector]")
@click.option("--max-cost", type=float, metavar="CNY", help="The most that --rerank may cost.")
@_kinds
@click.option("--instruct", metavar="TEXT", help="What the query is for, in English, for models that take it.")
@_name
@writes_table
def search(*, query: tuple[str, ...], column: str, space: str | None, where: str | None, **options: Any) -> None:
    """Find the rows nearest to QUERY, best first.

    QUERY is a text, or a file with --modality image or video. Several queries give one table, with their ranks.
    """
    source, destination = source_of(options), destination_of(options)
    calibrate = options["calibrate"]
    df = source.read_vectors(*([column] if calibrate is None else [column, calibrate]), space=space, for_words=True)
    mask = None if where is None else _mask(df, where)
    asked: Any = query[0] if len(query) == 1 else list(query)
    destination.check_columns(df)
    if options["rerank"] is not None:
        from mmembed.embedding.reranker import Reranker

        options["rerank"] = Reranker(model=options["rerank"], root=source.folder)
    destination.write(df.mmembed.search(asked, column, where=mask, **options), of=source)


@click.command(
    epilog="""\b
Example:
  mmembed join ours.parquet theirs.parquet --left-on title_vector --right-on name_vector \\
      --threshold 0.6 --one-to-one -k 20 -o pairs.csv"""
)
@click.argument("left", type=click.Path(path_type=Path))
@click.argument("right", type=click.Path(path_type=Path))
@column_option("--left-on", text="Column of vectors of LEFT.", required=True)
@click.option("--right-on", metavar="COLUMN", help="Column of vectors of RIGHT.  [default: as of LEFT]")
@space_option
@click.option("-k", type=int, default=1, show_default=True, help="Partners of each row.")
@click.option("--threshold", type=float, help="Least cosine similarity of a pair.")
@click.option("--one-to-one", is_flag=True, help="Use no row of either table twice.")
@encoding_option
@separator_option
@click.option("--input-format", type=click.Choice(FORMATS), help="What both are, where suffixes do not say.")
@_name
@writes_table
def join(*, left: Path, right: Path, left_on: str, right_on: str | None, space: str | None, **options: Any) -> None:
    """Pair rows of two tables: each row of LEFT with the most similar rows of RIGHT."""
    destination, form = destination_of(options), options.pop("input_format")
    text = options.pop("encoding"), options.pop("separator")
    ours = Source(left, form, *text).read_vectors(left_on, space=space)
    theirs = Source(right, form, *text).read_vectors(right_on or left_on, space=space)
    destination.write(ours.mmembed.join(theirs, left_on, right_on, **options))


@click.command(
    epilog="""\b
Examples:
  mmembed duplicates out.parquet --column photo_vector --levels
  mmembed duplicates out.parquet --column photo_vector --threshold 0.97 -o twins.csv
  mmembed duplicates out.parquet --column title_vector --across split"""
)
@reads_table
@column_option(text="Column of vectors.", required=True)
@space_option
@_level
@click.option("--levels", is_flag=True, help="Show pairs at several thresholds, to choose one.")
@column_option("--across", text="Column that names the parts of a split: what one part has from another.")
@_image
@_by_meaning
@_kinds
@_name
@writes_table
def duplicates(
    *, column: str, space: str | None, levels: bool, threshold: Any, name: str | None, **options: Any
) -> None:
    """List the rows that have near duplicates, group by group."""
    source, destination = source_of(options), destination_of(options)
    across, kinds = options["across"], options["kinds"]
    if levels and across is not None:
        raise click.UsageError("--levels shows pairs of the whole table. Leave --across out, or --levels.")
    df = source.read_vectors(column, space=space)
    if levels:
        contents = _contents(options["image"], by_meaning=options["by_meaning"])
        destination.write(df.mmembed.duplicate_levels(column, kinds=kinds, contents=contents, root=source.folder))
        return
    written = Written.by("duplicates", name)
    written.check(df)
    from mmembed.accessor.copied_contents import alike_by_contents
    from mmembed.analysis.finding.duplicate_threshold import DuplicateThreshold
    from mmembed.analysis.finding.duplicates import find_duplicates
    from mmembed.analysis.finding.leaks import find_leaks

    groups = None if kinds is None else column_of(df, kinds)
    contents = _contents(options["image"], by_meaning=options["by_meaning"])
    alike = alike_by_contents(df, column, contents, threshold, root=source.folder)
    found: Any
    if across is None:
        found = find_duplicates(df[column], threshold, kinds=groups, alike=alike)
    else:
        found = find_leaks(df[column], column_of(df, across), threshold, kinds=groups, alike=alike)
    listed = found.rows_of(df, name=name)
    destination.write(listed, of=source)
    used = DuplicateThreshold(found.threshold, found.threshold_source)
    n_groups = listed[next(iter(written.sets[0]))].nunique()
    say(f"{n_groups} groups of near duplicates, {len(listed)} rows of {len(df)}.")
    say(f"Threshold: {used}.")


@click.command(
    epilog="""\b
Example:
  mmembed deduplicate out.parquet --column photo_vector --threshold 0.97 --keep price -o unique.parquet"""
)
@reads_table
@column_option(text="Column of vectors.", required=True)
@space_option
@_level
@click.option(
    "--keep",
    metavar="first|last|COLUMN",
    default="first",
    show_default=True,
    help="Which row of a group stays: the first, the last, or the one with the greatest value in a column.",
)
@_image
@_by_meaning
@_kinds
@writes_table
def deduplicate(
    *,
    column: str,
    space: str | None,
    threshold: Any,
    keep: str,
    kinds: str | None,
    image: str | None,
    by_meaning: bool,
    **options: Any,
) -> None:
    """Drop near duplicates; of each group one row stays."""
    source, destination = source_of(options), destination_of(options)
    df = source.read_vectors(column, space=space)
    from mmembed.accessor.copied_contents import alike_by_contents
    from mmembed.accessor.find_verbs import duplicates_to_drop
    from mmembed.analysis.finding.duplicate_threshold import DuplicateThreshold
    from mmembed.analysis.finding.duplicates import tell_many_dropped

    contents = _contents(image, by_meaning=by_meaning)
    alike = alike_by_contents(df, column, contents, threshold, root=source.folder)
    found = duplicates_to_drop(with_numbers(df), column, threshold, keep=keep, kinds=kinds, alike=alike)
    tell_many_dropped(found, len(df), stacklevel=2)
    kept = found.drop_from(df)
    destination.write(kept, of=source)
    say(f"{len(df) - len(kept)} of {len(df)} rows dropped.")
    say(f"Threshold: {DuplicateThreshold(found.threshold, found.threshold_source)}.")


def _contents(image: str | None, *, by_meaning: bool) -> Contents:
    if image is not None and by_meaning:
        raise click.UsageError("--by-meaning looks at no pictures. Leave --image out, or --by-meaning.")
    return False if by_meaning else None if image is None else {image: "image"}


def _mask(df: pd.DataFrame, where: str) -> Any:
    try:
        mask = with_numbers(df).eval(where)
    except Exception as error:  # pandas raises many kinds for what cannot be parsed
        raise click.UsageError(
            f"--where {where!r} cannot be computed: {error}. Give a condition on columns, such as 'price < 200'."
        ) from error
    if not isinstance(mask, pd.Series):
        raise click.UsageError(f"--where {where!r} is no condition on the rows. Give one such as 'price < 200'.")
    return mask
