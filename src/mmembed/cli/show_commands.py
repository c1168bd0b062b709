"""Commands that write a page: demo and report.

The whole line on the sample data: what a newcomer sees first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import pandas as pd

from mmembed.analysis.names.terms import LANGUAGES
from mmembed.cli.options import column_option, reads_table, source_of, space_option
from mmembed.cli.tables import TableError, check_folder, read_table
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
@column_option("--breakdown", text="Column whose shares each cluster's card shows.")
@column_option("--date", text="Column of dates that each cluster's card counts over time.")
@column_option("--duplicates", text="Column of groups of near duplicates.  [default: duplicate_group, if there]")
@column_option("--outliers", text="Column of outlier scores.  [default: outlier_score, if there]")
@click.option(
    "--compare",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="JSON of an earlier report: adds what grew, shrank, came and went.",
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
    output: Sequence[Path],
    **options: Any,
) -> None:
    """Write one HTML page that opens offline: map, clusters, search, near duplicates, outliers."""
    source = source_of(options)
    for path in output or [Path("report.html")]:
        check_folder(path)
    df = with_numbers(source.read_vectors(column, space=space))
    made = df.mmembed.report(
        column, text=list(text) or None, budget_bytes=int(budget_mb * 1e6), root=source.folder, **options
    )
    for path in output or [Path("report.html")]:
        saved = made.save(path)
        say(f"Written: {saved}" if path.suffix.lower() in {".md", ".json"} else f"Open {saved} in a browser.")


@click.command(
    epilog="""\b
Examples:
  mmembed demo
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
def demo(*, data: Path | None, output: Path) -> None:
    """Run the whole line on the sample data, without a key."""
    run_demo(data, output, say=show)


Say = Callable[[str], None]

_QUERIES = (("鸟", "image"), ("水果", "image"), ("交通工具", "image"), ("musical instrument", "video"))

_LABELS = {
    "animals": "动物",
    "clothes": "衣服",
    "food": "食物",
    "hobbies": "乐器",
    "household": "家居用品",
    "plants": "植物",
    "space": "太空星球",
    "vehicles": "交通工具",
}


def run_demo(data: Path | None, output: Path, *, say: Say) -> None:
    """Embed, search, label, cluster, map and report on the sample data with the local model.

    Parameters
    ----------
    data : Path or None
        Folder that holds ``demo.csv``; looked for beside the package and in the current folder if None.
    output : Path
        Where the page is written.
    say : callable
        Prints one line.

    Raises
    ------
    TableError
        If there is no sample data.
    """
    started = time.perf_counter()
    folder = _folder(data)
    df = read_table(folder / "demo.csv")
    say(
        f"{len(df)} rows: {df['text_zh'].notna().sum()} captions in Chinese and English, "
        f"{df['image'].notna().sum()} photographs, {df['video'].notna().sum()} clips. Model: local, no key, no network."
    )
    df = df.mmembed.embed({"text_zh": "text", "image": "image", "video": "video"}, model="local", root=folder)
    say(f"Embedded in {time.perf_counter() - started:.0f} s (kept in the cache: the next run starts there).\n")
    _show_searches(df, say)
    _show_labels(df, say)
    df = df.mmembed.cluster("image_vector", text="text_zh").mmembed.project("image_vector")
    df = df.mmembed.outliers("image_vector")
    _show_clusters(df, say)
    report = df.mmembed.report(
        "image_vector",
        text=["text_zh", "text_en"],
        image="image",
        video="video",
        title="mmembed 示例报告",
        breakdown="category",
        root=folder,
    )
    path = report.save(output)
    say(
        f"Done in {time.perf_counter() - started:.0f} s. Open {path} in a browser: "
        "hover over the map, click a cluster, search for 花."
    )


def _folder(data: Path | None) -> Path:
    candidates = [data] if data is not None else [Path(__file__).parents[3] / "data", Path("data")]
    for folder in candidates:
        if (folder / "demo.csv").is_file():
            return folder
    tried = ", ".join(str(folder) for folder in candidates)
    raise TableError(
        f"There is no demo.csv in {tried}. The sample data is not part of the installed package: run the demo in a "
        "clone of the repository, or give the clone's data folder with --data. A table of your own needs neither: "
        "mmembed embed table.csv --column title --modality text --model local -o out.parquet"
    )


def _show_searches(df: pd.DataFrame, say: Say) -> None:
    for query, column in _QUERIES:
        hits = df.mmembed.search(query, f"{column}_vector", k=5)
        found = "  ".join(f"{row.text_zh} {row.similarity:.2f}" for row in hits.itertuples())
        say(f"Search {query!r} over the {column}s:  {found}")
    say("")


def _show_labels(df: pd.DataFrame, say: Say) -> None:
    # One kind of content throughout: its mean and the words' mean are removed, so that only differences count.
    labelled = df.assign(kind="photograph").mmembed.classify("image_vector", labels=_LABELS, kinds="kind")
    right = (labelled["label"] == labelled["category"]).mean()
    most = df["category"].value_counts(normalize=True).iloc[0]
    say(
        f"Labels from words alone ({'、'.join(_LABELS.values())}): {right:.0%} of the photographs right; "
        f"always guessing the commonest would be {most:.0%}.\n"
    )


def _show_clusters(df: pd.DataFrame, say: Say) -> None:
    clustered = df[df["cluster"].notna()]
    table = pd.DataFrame(
        {
            "rows": clustered.groupby("cluster").size(),
            "name": clustered.groupby("cluster")["cluster_name"].first(),
            "nearest the middle": clustered.sort_values("cluster_score", ascending=False)
            .groupby("cluster")["text_zh"]
            .agg(lambda texts: "、".join(texts.head(3))),
        }
    )
    say(f"Clusters of the photographs:\n{table.to_string()}\n")
