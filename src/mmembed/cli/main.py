"""Commands, options and exit codes; 0 is done, 1 is refused with a message, 2 is a wrong call, 130 is Ctrl-C."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import mmembed
from mmembed.cli.tables import read_table, write_table
from mmembed.embedding.cache import VectorCache
from mmembed.embedding.content import MODALITIES
from mmembed.errors import MMEmbedError, listed

_EXAMPLES = """examples:
  mmembed demo
  mmembed plan    data.parquet --column photo --modality image --model qwen3-vl-embedding
  mmembed embed   data.parquet --column photo --modality image --model local -o out.parquet
  mmembed search  out.parquet --column photo_vector "a red dress"
  mmembed cluster out.parquet --column photo_vector --text title -o out.parquet
  mmembed report  out.parquet --column photo_vector --image photo --text title -o report.html
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (MMEmbedError, ValueError, FileNotFoundError) as error:
        _say(f"mmembed: {error}", error=True)
        return 1
    except KeyboardInterrupt:
        _say("mmembed: stopped; what was embedded is in the cache, and running again continues.", error=True)
        return 130
    return 0


def _say(text: str, *, error: bool = False) -> None:
    (sys.stderr if error else sys.stdout).write(text + "\n")


def _demo(options: argparse.Namespace) -> None:
    from mmembed.cli.demo import run_demo

    run_demo(options.data, options.output, say=_say)


def _embed(options: argparse.Namespace) -> None:
    df = read_table(options.table)
    df = df.mmembed.embed(
        options.column,
        options.modality,
        model=options.model,
        dimension=options.dimension,
        errors=options.errors,
        max_cost=options.max_cost,
        root=options.table.parent,
    )
    write_table(df, options.output)
    made = f"{options.column}_vector"
    _say(f"{df[made].notna().sum()} of {len(df)} rows have a vector in {made!r} ({df[made].dtype}): {options.output}")


def _plan(options: argparse.Namespace) -> None:
    df = read_table(options.table)
    plan = df.mmembed.plan(
        options.column,
        options.modality,
        model=options.model,
        dimension=options.dimension,
        root=options.table.parent,
    )
    _say(
        f"{plan.model}: {plan.rows} rows, {plan.unique} distinct, {plan.cached} cached, {plan.invalid} invalid.\n"
        f"{plan.requests} requests, about {plan.tokens} tokens ({plan.tokens_range[0]} to {plan.tokens_range[1]}), "
        f"about {plan.cost:.4g} {plan.currency} ({plan.cost_range[0]:.4g} to {plan.cost_range[1]:.4g}), "
        f"about {plan.seconds:.0f} s. Nothing was sent."
    )


def _cache(options: argparse.Namespace) -> None:
    with VectorCache() as cache:
        if options.action == "clear":
            _say(f"{cache.clear()} vectors removed from {cache.path}.")
        else:
            info = cache.info()
            _say(f"{info.entries} vectors, {info.bytes / 1e6:.1f} MB: {info.path}")


def _search(options: argparse.Namespace) -> None:
    df = read_table(options.table)
    hits = df.mmembed.search(options.query, options.column, k=options.k, modality=options.modality)
    shown = hits[[name for name in hits.columns if not isinstance(hits[name].dtype, mmembed.VectorDtype)]]
    if options.output is not None:
        write_table(hits, options.output)
    else:
        _say(shown.to_string(max_colwidth=60))


def _cluster(options: argparse.Namespace) -> None:
    df = read_table(options.table)
    df = df.mmembed.cluster(
        options.column,
        options.method,
        n_clusters=options.n_clusters,
        text=options.text,
        names=options.names,
        language=options.language,
        min_cluster_size=options.min_cluster_size,
        assign_noise=options.assign_noise,
        random_state=options.random_state,
    )
    write_table(df, options.output)
    sizes = df.groupby(["cluster", "cluster_name"], dropna=True).size()
    _say(sizes.rename("rows").reset_index().to_string(index=False))


def _report(options: argparse.Namespace) -> None:
    df = read_table(options.table)
    report = df.mmembed.report(
        options.column,
        text=options.text,
        image=options.image,
        video=options.video,
        title=options.title,
        language=options.language,
        breakdown=options.breakdown,
        date=options.date,
        duplicates=options.duplicates,
        outliers=options.outliers,
        compare=options.compare,
        random_state=options.random_state,
        budget_bytes=int(options.budget_mb * 1e6),
        max_points=options.max_points,
        root=options.table.parent,
    )
    for path in options.output or [Path("report.html")]:
        page = path.suffix.lower() not in {".md", ".json"}
        _say(f"Open {report.save(path)} in a browser." if page else f"Written: {report.save(path)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mmembed",
        description="Embed, search, cluster and report on tables of texts, pictures and videos.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mmembed {mmembed.__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    demo = commands.add_parser("demo", help="the whole line on the sample data, no key needed")
    demo.add_argument("--data", type=Path, help="folder that holds demo.csv; found by itself in a clone")
    demo.add_argument("-o", "--output", type=Path, default=Path("report.html"), help="the page to write")
    demo.set_defaults(run=_demo)

    plan = _table_command(commands, "plan", "say what embedding would send and cost, without a request or a key")
    _model_options(plan)
    plan.set_defaults(run=_plan)

    embed = _table_command(commands, "embed", "add a vector column")
    _model_options(embed)
    embed.add_argument("--max-cost", type=float, help="the most that it may cost, in CNY")
    embed.add_argument("--errors", choices=("raise", "coerce"), default="raise", help="what to do with bad cells")
    embed.add_argument("-o", "--output", type=Path, required=True, help=_OUTPUT)
    embed.set_defaults(run=_embed)

    search = _table_command(commands, "search", "print the rows nearest to a text or a picture")
    search.add_argument("query", help="a text, or a file with --modality image or video")
    search.add_argument("-k", type=int, default=10, help="how many rows")
    search.add_argument("--modality", choices=MODALITIES, default="auto", help="how the query is read")
    search.add_argument("-o", "--output", type=Path, help=f"{_OUTPUT}; printed if not given")
    search.set_defaults(run=_search)

    _cluster_options(_table_command(commands, "cluster", "group rows and name the groups"))
    _report_options(_table_command(commands, "report", "write one offline HTML page"))

    cache = commands.add_parser("cache", help="look at the cache of vectors, or empty it")
    cache.add_argument("action", choices=("info", "clear"), help="what to do")
    cache.set_defaults(run=_cache)
    return parser


def _cluster_options(command: argparse.ArgumentParser) -> None:
    methods = ("auto", "leiden", "kmeans", "hdbscan")
    command.add_argument("--method", choices=methods, default="auto", help="how to group")
    command.add_argument("--n-clusters", type=int, help="the number of clusters, where it is known")
    command.add_argument("--min-cluster-size", type=int, help="fewest rows of a cluster; smaller groups are noise")
    command.add_argument("--assign-noise", action="store_true", help="put noise in the nearest cluster, with score 0")
    command.add_argument("--random-state", type=int, help="seed")
    command.add_argument("--text", help="column of texts that name the clusters")
    command.add_argument(
        "--names",
        choices=("auto", "text", "space"),
        default="auto",
        help="name from the texts, or from a vocabulary in the column's own space (a paid model charges for it)",
    )
    command.add_argument("--language", choices=("auto", "zh", "en"), default="auto", help="language of the names")
    command.add_argument("-o", "--output", type=Path, required=True, help=_OUTPUT)
    command.set_defaults(run=_cluster)


def _report_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--text", action="append", help="column of texts to show; may be given again")
    command.add_argument("--image", help="column of pictures to show")
    command.add_argument("--video", help="column of clips to show")
    command.add_argument("--title", help="title of the page")
    command.add_argument("--language", choices=("auto", "zh", "en"), default="auto", help="language of the page")
    command.add_argument("--breakdown", help="column whose shares each cluster's card shows")
    command.add_argument("--date", help="column of dates that each cluster's card counts over time")
    command.add_argument("--duplicates", help="column of groups of near duplicates; duplicate_group if it is there")
    command.add_argument("--outliers", help="column of outlier scores; outlier_score if it is there")
    command.add_argument("--compare", type=Path, help="JSON of an earlier report: adds what grew, shrank, came, went")
    command.add_argument("--random-state", type=int, help="seed for clusters and map, where the table lacks them")
    command.add_argument("--budget-mb", type=float, default=8.0, help="most megabytes of the page")
    command.add_argument("--max-points", type=int, default=100_000, help="most points on the map")
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        action="append",
        help="page to write (report.html), or .md or .json for its contents; may be given again",
    )
    command.set_defaults(run=_report)


def _model_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--modality", choices=MODALITIES, default="auto", help="how cells are read")
    command.add_argument("--model", help="'local', or a model of the service; see mmembed.models()")
    command.add_argument("--dimension", type=int, help="length of the vectors, where the model has several")


_OUTPUT = f"table to write: {listed(['.parquet', '.csv', '.jsonl'])}".replace("'", "")


def _table_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, what: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
    command.add_argument("table", type=Path, help="table to read: .parquet, .csv or .jsonl")
    command.add_argument("--column", required=True, help="the column of contents or of vectors")
    return command
