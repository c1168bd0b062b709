"""Commands that add what was found to the rows: cluster, classify, project, outliers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import pandas as pd

import mmembed
from mmembed.accessor.arguments import NAME_SOURCES
from mmembed.analysis.clusters import fit as clusters
from mmembed.analysis.maps import fit as maps
from mmembed.analysis.names.terms import LANGUAGES
from mmembed.cli.options import (
    column_option,
    destination_of,
    model_option,
    reads_table,
    source_of,
    space_option,
    writes_table,
)
from mmembed.cli.terminal import say, text_table
from mmembed.frames import column_of

_kinds = column_option("--kinds", text="Column that says of which kind each row is; each kind's mean is removed.")
_random_state = click.option("--random-state", type=int, metavar="SEED", help="Same seed, same result.")


@click.command(
    epilog="""\b
Examples:
  mmembed cluster out.parquet --column photo_vector -o out.parquet
  mmembed cluster out.parquet --column title_vector --text title --n-clusters 12 -o out.parquet
  mmembed cluster out.parquet --column title_vector --levels 2 -o out.parquet
  mmembed cluster week.parquet --column title_vector --text title --like last.json -o week.parquet"""
)
@reads_table
@column_option(text="Column of vectors.", required=True)
@space_option
@model_option
@click.option(
    "--method",
    type=click.Choice(clusters.METHODS),
    default="auto",
    show_default=True,
    help="How to group.",
)
@click.option("--n-clusters", type=int, metavar="N", help="The number of clusters, where it is known.")
@click.option("--min-cluster-size", type=int, metavar="N", help="Fewest rows of a cluster; smaller groups are noise.")
@click.option("--assign-noise", is_flag=True, help="Put noise in the nearest cluster, with score 0.")
@click.option(
    "--like",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="JSON of an earlier report, or .npz of clusters, to go on from: known groups keep numbers and names.",
)
@click.option(
    "--levels",
    type=click.IntRange(1, 2),
    default=1,
    show_default=True,
    help="2 for fewer, larger clusters with smaller ones within them: adds subcluster and its like.",
)
@column_option("--text", text="Column of texts that name the clusters; may be given again.", multiple=True)
@click.option(
    "--names",
    type=click.Choice((*NAME_SOURCES, "qwen-vl", "qwen-vl-plus")),
    default="auto",
    show_default=True,
    help="Name from the texts, or from a vocabulary in the column's own space (a paid model charges for it), or by a "
    "model that sees (which charges).",
)
@click.option("--max-cost", type=float, metavar="CNY", help="The most that naming may cost.")
@click.option("--language", type=click.Choice(LANGUAGES), default="auto", help="Language of the names.")
@_kinds
@_random_state
@click.option("--name", default="cluster", show_default=True, help="First part of the new columns' names.")
@click.option("--progress/--no-progress", default=None, help="Show a bar.  [default: in terminals]")
@writes_table
def cluster(*, column: str, space: str | None, text: Sequence[str], name: str, **options: Any) -> None:
    """Group rows and name the groups: adds cluster (-1 is noise), cluster_score and cluster_name."""
    source, destination = source_of(options), destination_of(options)
    df = source.read_vectors(column, space=space)
    destination.check_columns(df)
    df = df.mmembed.cluster(column, options.pop("method"), text=list(text) or None, name=name, **options)
    destination.write(df, of=source)
    sizes = df.groupby([name, f"{name}_name"], dropna=True).size()
    say(text_table(sizes.rename("rows").reset_index()))


@click.command(
    epilog="""\b
Examples:
  mmembed classify out.parquet --column title_vector --target category -o out.parquet
  mmembed classify out.parquet --column photo_vector --label dress --label shoe -o out.parquet
  mmembed classify out.parquet --column photo_vector --label "dress=a dress" --label "dress=a long robe" \\
      --label "shoe=a pair of shoes" --threshold 0.5 -o out.parquet"""
)
@reads_table
@column_option(text="Column of vectors.", required=True)
@space_option
@model_option
@column_option("--target", text="Column with labels for some rows, to learn from.")
@click.option(
    "--label",
    multiple=True,
    metavar="LABEL[=WORDS]",
    help="A label to choose from, or a label and words that describe it; may be given again.",
)
@click.option("--threshold", type=float, help="Rows whose score is lower get no label.")
@column_option("--groups", text="With --target, column of what belongs together and is held out together.")
@click.option(
    "--class-weight",
    type=click.Choice(("balanced",)),
    help="With --target, count each class alike: rare classes are found more often.",
)
@_kinds
@_random_state
@click.option("--name", help="First part of the new columns' names.")
@writes_table
def classify(*, column: str, space: str | None, label: Sequence[str], **options: Any) -> None:
    """Label rows: learn from the rows that have a label (--target), from words alone (--label), or from both."""
    source, destination = source_of(options), destination_of(options)
    if options["target"] is None and not label:
        raise click.UsageError("Give --target COLUMN, a column of labels, or --label once for each label, or both.")
    name, target = options["name"], options["target"]
    df = source.read_vectors(column, space=space, for_words=bool(label))
    destination.check_columns(df)
    held_out = ""
    if target is not None and not label and options["kinds"] is None:
        experiment = mmembed.fit_classifier(
            df[column],
            column_of(df, target, argument="target"),
            groups=None if options["groups"] is None else column_of(df, options["groups"], argument="groups"),
            class_weight=options["class_weight"],
            random_state=options["random_state"],
        )
        df = experiment.add_to(df, name=name or target, threshold=options["threshold"])
        held_out = _told_accuracy(experiment.scores())
    else:
        df = df.mmembed.classify(column, labels=_labels(label) if label else None, **options)
    destination.write(df, of=source)
    made = f"{name or target}_predicted" if target is not None else name or "label"
    counts = df[made].astype(str).where(df[made].notna(), "(none)").value_counts()
    say(text_table(counts.rename("rows").reset_index()))
    if held_out:
        say(held_out)


def _told_accuracy(scores: pd.DataFrame) -> str:
    """Return how right a classifier was for rows that it did not learn from."""
    if "accuracy" not in scores.index:  # several labels a row
        return ""
    found = scores.loc["accuracy"]
    return (
        f"Accuracy on rows that were held out: {found['value']:.2f} ({found['low']:.2f} to {found['high']:.2f}); the "
        f"commonest label for every row: {found['majority']:.2f}."
    )


@click.command(
    epilog="""\b
Example:
  mmembed project out.parquet --column photo_vector --random-state 1 -o out.parquet
  mmembed project grown.parquet --column photo_vector --like map -o out.parquet"""
)
@reads_table
@column_option(text="Column of vectors.", required=True)
@space_option
@click.option("--method", type=click.Choice(maps.METHODS), default="umap", show_default=True, help="Kind of map.")
@click.option("--dimensions", type=click.Choice(("2", "3")), default="2", show_default=True, help="Coordinates.")
@click.option("--n-neighbors", type=int, default=15, show_default=True, help="Neighbours that UMAP arranges.")
@click.option("--min-dist", type=float, default=0.1, show_default=True, help="How near rows come.")
@click.option("--spread", type=float, default=1.0, show_default=True, help="Where rows stop belonging together.")
@column_option("--target", text="Column of labels that a supervised map parts rows by.")
@click.option("--densmap", is_flag=True, help="Draw dense groups small.")
@click.option("--like", help="First part of the names of earlier coordinates to go on from, such as map.")
@_kinds
@_random_state
@click.option("--name", default="map", show_default=True, help="First part of the new columns' names.")
@writes_table
def project(*, column: str, space: str | None, method: str, dimensions: str, **options: Any) -> None:
    """Lay rows out on a map: adds map_x and map_y (and map_z)."""
    source, destination = source_of(options), destination_of(options)
    df = source.read_vectors(column, space=space)
    destination.check_columns(df)
    destination.write(df.mmembed.project(column, method, dimensions=int(dimensions), **options), of=source)


@click.command(
    epilog="""\b
Example:
  mmembed outliers out.parquet --column photo_vector -o out.parquet"""
)
@reads_table
@column_option(text="Column of vectors.", required=True)
@space_option
@click.option("-k", type=int, help="Neighbours to compare with, and no others.  [default: near and far ones]")
@_kinds
@click.option("--name", default="outlier_score", show_default=True, help="Name of the new column.")
@writes_table
def outliers(*, column: str, space: str | None, k: int | None, **options: Any) -> None:
    """Score how far each row lies from others: adds outlier_score, about 1 for an ordinary row."""
    source, destination = source_of(options), destination_of(options)
    df = source.read_vectors(column, space=space)
    destination.check_columns(df)
    destination.write(df.mmembed.outliers(column, k, **options), of=source)


def _labels(given: Sequence[str]) -> dict[str, list[str]]:
    labels: dict[str, list[str]] = {}
    for one in given:
        label, equals, words = one.partition("=")
        labels.setdefault(label.strip(), []).append(words.strip() if equals else label.strip())
    return labels
