"""The commands that write a page: demo and report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import click

from mmembed.analysis.names.terms import LANGUAGES
from mmembed.cli.demo import run_demo
from mmembed.cli.options import column_option, reads_table, source_of, space_option
from mmembed.cli.tables import check_folder
from mmembed.cli.terminal import say, show
from mmembed.cli.text_tables import with_numbers


@click.command(
    epilog="""\b
Examples:
  mmembed report out.parquet --column photo_vector --image photo --text title -o report.html
  mmembed report out.parquet --column title_vector --text title --date added --breakdown brand \\
      --compare last.json -o this.html -o this.json -o this.md"""
)
@reads_table
@column_option(text="Column of vectors.", required=True)
@space_option
@column_option("--text", text="Column of texts to show; may be given again.", multiple=True)
@column_option("--image", text="Column of pictures to show.")
@column_option("--video", text="Column of clips to show.")
@click.option("--title", metavar="TEXT", help="Title of the page.")
@click.option("--language", type=click.Choice(LANGUAGES), default="auto", help="Language of the page.")
@column_option("--breakdown", text="Column of categories: shares in each cluster, and doubtful values.")
@column_option("--date", text="Column of dates that each cluster's card counts over time.")
@column_option("--color", text="Column that the reader can colour the map by; may be given again.", multiple=True)
@column_option("--filter", text="Column that the reader can filter the map by; may be given again.", multiple=True)
@column_option("--duplicates", text="Column of groups of near duplicates.  [default: duplicate_group, or found]")
@column_option("--outliers", text="Column of outlier scores.  [default: outlier_score, or found]")
@click.option(
    "--leave-out",
    type=click.Choice(("duplicates", "outliers", "label-issues")),
    multiple=True,
    help="What of single rows is neither looked for nor shown; may be given again.",
)
@click.option(
    "--compare",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="JSON of an earlier report: adds whose share rose or fell, what came and what went.",
)
@click.option("--random-state", type=int, metavar="SEED", help="For clusters and map, where the table lacks them.")
@click.option("--budget-mb", type=float, default=8.0, show_default=True, help="Most megabytes of the page.")
@click.option("--max-points", type=int, default=100_000, show_default=True, help="Most points on the map.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    metavar="FILE",
    help="Page to write, or .md or .json for its contents; may be given again.  [default: report.html]",
)
def report(
    *,
    column: str,
    space: str | None,
    text: Sequence[str],
    budget_mb: float,
    leave_out: Sequence[str],
    output: Sequence[Path],
    color: Sequence[str],
    filter: Sequence[str],  # noqa: A002 - the name of the option
    **options: Any,
) -> None:
    """Write one HTML page that opens offline: map, clusters, search, near duplicates, outliers."""
    source = source_of(options)
    for path in output or [Path("report.html")]:
        check_folder(path)
    for one in leave_out:
        if options.get(one) is not None:
            raise click.UsageError(f"--{one} names what --leave-out {one} leaves out. Give one of them.")
        options[one.replace("-", "_")] = False
    df = with_numbers(source.read_vectors(column, space=space))
    made = df.mmembed.report(
        column,
        text=list(text) or None,
        color=list(color),
        filter=list(filter),
        budget_bytes=int(budget_mb * 1e6),
        root=source.folder,
        **options,
    )
    for path in output or [Path("report.html")]:
        was_there = path.is_file()
        saved = made.save(path)
        done = f"{'Replaced' if was_there else 'Written'}: {saved}"
        say(done if path.suffix.lower() in {".md", ".json"} else f"{done}\nOpen {saved} in a browser.")


@click.command(
    epilog="""\b
Examples:
  mmembed demo
  mmembed demo --language zh
  mmembed demo --data path/to/clone/data -o page.html"""
)
@click.option(
    "--data", type=click.Path(path_type=Path), metavar="FOLDER", help="Where demo.csv lies; found by itself in a clone."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    help="Page to write.",
)
@click.option(
    "--language",
    type=click.Choice(("auto", "zh", "en")),
    default="auto",
    help="Language of the demo and its page.  [default: that of the locale]",
)
def demo(*, data: Path | None, output: Path, language: Literal["auto", "zh", "en"]) -> None:
    """Run the main steps on the sample data, without a key, and write a report."""
    run_demo(data, output, language=language, say=show)
