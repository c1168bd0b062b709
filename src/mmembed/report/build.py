"""Build the report of a frame: check what was asked, find its columns, and lay out the page."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.tallies.dates import read_dates
from mmembed.analysis.tallies.totals import WholeTable
from mmembed.embedding.run import EmbeddingRun
from mmembed.frames import as_list, column_of, one_line
from mmembed.report.comparison import read_facts
from mmembed.report.contents import assemble
from mmembed.report.findings import Findings, count_equal, read_duplicates, read_label_issues, read_outliers
from mmembed.report.page import render_page
from mmembed.report.report import Report
from mmembed.report.request import Call, Columns, Options

_CLUSTER = "df = df.mmembed.cluster('<vector column>')"
_PROJECT = "df = df.mmembed.project('<vector column>')"
_LEAST_BUDGET = 500_000
_WRITTEN_BY_VERBS = {
    *(f"{level}{ending}" for level in ("cluster", "subcluster") for ending in ("", "_score", "_name")),
    *("map_x", "map_y", "map_z", "duplicate_group", "duplicate_similarity", "outlier_score"),
}
_Found = TypeVar("_Found")


def build_report(
    df: pd.DataFrame,
    *,
    text: Hashable | Sequence[Hashable] | None = None,
    image: Hashable | None = None,
    video: Hashable | None = None,
    title: str | None = None,
    language: Literal["auto", "zh", "en"] = "auto",
    cluster: Hashable = "cluster",
    name: Hashable = "cluster_name",
    score: Hashable = "cluster_score",
    x: Hashable = "map_x",
    y: Hashable = "map_y",
    vector: Hashable | None = None,
    breakdown: Hashable | None = None,
    date: Hashable | None = None,
    color: Hashable | Sequence[Hashable] | None = None,
    filter: Hashable | Sequence[Hashable] | None = None,  # noqa: A002 - what it is called on the page
    duplicates: Any = None,
    outliers: Any = None,
    label_issues: Any = None,
    nearest: npt.NDArray[np.float32] | None = None,
    run: EmbeddingRun | Sequence[EmbeddingRun] | None = None,
    compare: Any = None,
    notes: Sequence[str] = (),
    parameters: Mapping[str, object] | None = None,
    budget_bytes: int = 8_000_000,
    max_points: int = 100_000,
    root: str | os.PathLike[str] | None = None,
    created: datetime | None = None,
    whole: WholeTable | None = None,
    positions: npt.NDArray[np.int64] | None = None,
    n_columns: int | None = None,
    call: Call | None = None,
) -> Report:
    """Build a report of a frame that already has clusters and a map.

    Parameters
    ----------
    df : pandas.DataFrame, n rows
        A frame with cluster and map columns; left unchanged.
    text : column name or list, optional
        Texts to read on the page; the first one is the headline of a row.
    image, video : column name, optional
        Pictures and clips to show as thumbnails: paths, bytes, images, arrays or data URIs. Web addresses are counted
        and never fetched. Files named by cells are read for these two columns only, wherever they are on this machine:
        leave both out for a table from people whom you would not let choose the pictures that you send.
    title : str, optional
        Heading of the page.
    language : {"auto", "zh", "en"}
        Language of the interface; ``"auto"`` is Chinese when most texts (or else cluster names) are.
    cluster, name, score : column name
        Labels (−1 is noise, missing is no vector), names and scores of the clusters. The last two may be absent.
    x, y : column name
        Map columns.
    vector : column name, optional
        The vector column, to count rows without a vector and to name its space. By default a row has a vector if it
        has a cluster.
    breakdown : column name, optional
        A column whose values are counted in each cluster, e.g. a category or a shop.
    date : column name, optional
        Dates that each card counts over time: by day, week, month or year.
    color, filter : column name or list, optional
        Columns that the reader of the page can colour the map by, and filter it by: categories, numbers or dates.
        ``breakdown`` and ``date`` do both, whether named here or not.
    duplicates : column name, values, result or False, optional
        Groups of near duplicates: rows with equal values are one group. A frame's column ``duplicate_group`` is taken
        by itself; False leaves them out.
    outliers : column name, values, result or False, optional
        A score for each row, high for odd ones. A frame's column ``outlier_score`` is taken by itself; False leaves
        them out.
    label_issues : pandas.DataFrame, fitted classifier or False, optional
        What ``.label_issues()`` returned, or the classifier that has it.
    nearest : numpy.ndarray, shape (n,), optional
        Cosine of each row with the nearest other one, which says what outliers are far from; that of ``outliers`` where
        these are the result of ``find_outliers``. Not taken where the frame is a sample of a larger table.
    run : EmbeddingRun or list of them, optional
        What embedding took, for the cost in the summary.
    compare : path, mapping or Report, optional
        An earlier report: the file or contents of its ``to_json()``. Adds which clusters grew, shrank, appeared and
        vanished; see :mod:`mmembed.report.comparison` for when two clusters count as the same one.
    notes : sequence of str
        Sentences for the appendix, e.g. what was computed on the way.
    parameters : mapping, optional
        Further parameters for the appendix.
    budget_bytes : int
        Most bytes of the page, at least 500,000. Thumbnails are left out, texts cut and, last, points thinned out to
        keep it; the appendix says how many.
    max_points : int
        Most points on the map; more rows are thinned out evenly.
    root : path, optional
        Folder that relative paths start from; the working directory by default.
    created : datetime.datetime, optional
        Time on the page; now by default.
    whole : WholeTable, optional
        Where the frame is a sample: figures of the whole table, which the page then tells. Figures and rows of the
        sample are said to be that.
    positions : numpy.ndarray of int, shape (n,), optional
        Where the rows of a sample stand in the whole table.
    n_columns : int, optional
        Columns of the whole table, where the frame has some of them.
    call : Call, optional
        How another function was called that asks for this page.

    Raises
    ------
    ColumnNotFoundError
        If a column is not there; for clusters and map it names the call that makes them.
    FileNotFoundError
        If the earlier report is not there.
    ValueError
        If the language is unknown, or the budget or the number of points too small.

    Examples
    --------
    >>> df = pd.DataFrame({"map_x": [0.0, 1.0], "map_y": [1.0, 0.0], "cluster": [0, 1], "title": ["red", "blue"]})
    >>> build_report(df, text="title", title="Colours").title
    'Colours'
    """
    _check(language, budget_bytes, max_points)
    texts = as_list(df, text)
    columns = Columns(
        cluster=column_of(df, cluster, argument="cluster", remedy=_CLUSTER),
        x=column_of(df, x, argument="x", remedy=_PROJECT),
        y=column_of(df, y, argument="y", remedy=_PROJECT),
        texts=tuple(column_of(df, one, argument="text") for one in texts),
        names=_column_or_default(df, name, "cluster_name", argument="name"),
        scores=_column_or_default(df, score, "cluster_score", argument="score"),
        image=_column(df, image, argument="image"),
        video=_column(df, video, argument="video"),
        vector=_column(df, vector, argument="vector"),
        breakdown=_column(df, breakdown, argument="breakdown"),
        date=_column(df, date, argument="date"),
        **_choices(df, color=color, keep=filter, both=[one for one in (breakdown, date) if one is not None], date=date),
        source=_source(df, vector),
        whole=whole,
        positions=positions,
        parts=_column_or_default(df, f"sub{cluster}", f"sub{cluster}", argument="cluster"),
        part_names=_column_or_default(df, f"sub{cluster}_name", f"sub{cluster}_name", argument="name"),
        n_columns=own_columns(df.columns) if n_columns is None else n_columns,
    )
    findings_given = {"duplicates": duplicates, "outliers": outliers, "label_issues": label_issues}
    options = Options(
        title=title,
        language=language,
        notes=tuple(notes),
        parameters=dict(parameters or {}),
        budget_bytes=budget_bytes,
        max_points=max_points,
        root=Path(root) if root is not None else Path.cwd(),
        created=created if created is not None else datetime.now().astimezone(),
        call=call or Call({**findings_given, "run": run, "compare": compare, "root": root}),
    )
    findings = Findings(
        duplicates=_find_columns(df, duplicates, "duplicate_group", read_duplicates),
        outliers=_find_columns(df, outliers, "outlier_score", read_outliers),
        suspects=None if label_issues is None or label_issues is False else read_label_issues(df, label_issues),
        copies=count_equal(duplicates),
        label_column=one_line(getattr(label_issues, "target", None), 40) or None,
        # The nearest row of a sample says nothing of the table.
        nearest=None if whole is not None and whole.rows - whole.missing > len(df) else _nearest(nearest, outliers),
    )
    previous = None if compare is None else read_facts(compare)
    runs = [] if run is None else [run] if isinstance(run, EmbeddingRun) else list(run)
    made = assemble(columns, options, findings, runs=runs, previous=previous)
    contents = made.contents
    return Report(
        title=contents.title,
        language=contents.words.language,
        tiles=tuple(contents.tiles),
        _page=render_page(contents),
        _contents=contents,
        _facts=made.facts,
    )


def _choices(df: pd.DataFrame, *, color: Any, keep: Any, both: list[Hashable], date: Hashable | None) -> dict[str, Any]:
    """Return the columns that colour and filter the map."""
    colors = tuple(dict.fromkeys([*as_list(df, color), *both]))
    filters = tuple(dict.fromkeys([*as_list(df, keep), *both]))
    found = {}
    for argument, names in (("color", colors), ("filter", filters)):
        for name in names:
            found[name] = column_of(df, name, argument=argument).reset_index(drop=True)
    if date is not None:
        found[date] = read_dates(found[date])[0]
    return {"choices": pd.DataFrame(found), "color": colors, "filter": filters}


def _nearest(nearest: Any, outliers: Any) -> npt.NDArray[np.float32] | None:
    """Return how near each row's nearest one is: as given, or else as the outliers tell."""
    return getattr(outliers, "closeness", None) if nearest is None else np.asarray(nearest, dtype=np.float32)


def own_columns(columns: Iterable[Hashable]) -> int:
    """Return how many columns of a table its verbs did not write: labels, scores and coordinates are the page's own."""
    return sum(column not in _WRITTEN_BY_VERBS for column in columns)


def _find_columns(
    df: pd.DataFrame, given: Any, default: str, read: Callable[[pd.DataFrame, Any], _Found]
) -> _Found | None:
    """Return findings that were asked for or whose column is there by its own name."""
    if given is False or (given is None and default not in df.columns):
        return None
    return read(df, default if given is None else given)


def _source(df: pd.DataFrame, vector: Hashable | None) -> pd.Series | None:
    """Return the column of contents that a vector column was made from, by its name."""
    name = str(vector).removesuffix("_vector")
    return df[name] if vector is not None and name != vector and list(df.columns).count(name) == 1 else None


def _check(language: str, budget_bytes: int, max_points: int) -> None:
    if language not in {"auto", "zh", "en"}:
        message = (
            f"language={language!r} is unknown; expected 'auto', 'zh' or 'en'. Leave it out to choose by the texts."
        )
        raise ValueError(message)
    if budget_bytes < _LEAST_BUDGET:
        message = (
            f"budget_bytes={budget_bytes!r} is too small for a page; expected at least {_LEAST_BUDGET:,}. "
            "Leave it out for 8,000,000."
        )
        raise ValueError(message)
    if max_points < 1:
        message = f"max_points={max_points!r} leaves no map; expected 1 or more. Leave it out for 100,000."
        raise ValueError(message)


def _column(df: pd.DataFrame, column: Hashable | None, *, argument: str) -> pd.Series | None:
    return None if column is None else column_of(df, column, argument=argument)


def _column_or_default(df: pd.DataFrame, column: Hashable, default: str, *, argument: str) -> pd.Series | None:
    """Return a column; only one that nobody asked for by name may be absent."""
    if column == default and default not in df.columns:
        return None
    found: pd.Series = column_of(df, column, argument=argument)
    return found
