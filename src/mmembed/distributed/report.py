"""The report of a table in partitions: figures of all rows, and a sample of them to look at."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmembed.accessor.show_verbs import clustered_note, find_for_report, projected_note
from mmembed.analysis.maps.fit import fit_projection
from mmembed.analysis.names.terms import Language
from mmembed.analysis.tallies.dates import read_dates
from mmembed.analysis.tallies.totals import CountedColumns, WholeTable, count_table
from mmembed.analysis.tallies.trend import Span
from mmembed.distributed.columns import vector_dtype, vectors_in
from mmembed.distributed.partitions import each, reduced
from mmembed.distributed.samples import draw_by_class
from mmembed.figures.canvas_words import choose_language
from mmembed.frames import as_list, column_of
from mmembed.report.build import build_report, own_columns
from mmembed.report.request import Call

if TYPE_CHECKING:
    from mmembed.arrays import Positions
    from mmembed.report.report import Report

_Ends = tuple[Any, Any]


def report_of_partitions(
    ddf: Any,
    vector: str,
    *,
    texts: Sequence[str],
    options: Mapping[str, Any],
    language: Language | None,
    random_state: int | None,
    sample_rows: int,
    method: str | None = None,
    left_out: Sequence[str] = (),
) -> Report:
    """Return the report of a frame that has clusters.

    Up to two passes count (the ends of the dates, then everything), two draw the sample.

    Parameters
    ----------
    ddf : dask DataFrame
    vector : str
        The vector column.
    texts : sequence of str
        The text columns.
    options : mapping
        What :func:`mmembed.report.build_report` takes beside: image, video, title, breakdown, date, compare, run,
        budget_bytes, max_points, root.
    language : {"zh", "en"} or None
        By most of the texts of the sample if None.
    random_state : int or None
    sample_rows : int
    method : str or None
        How clusters were made for the report, if they were.
    left_out : sequence of str
        ``"outliers"`` and ``"label_issues"`` that nobody wants to see.
    """
    has = set(ddf.columns)
    source = vector.removesuffix("_vector")
    counted = CountedColumns(
        vector=vector,
        cluster="cluster",
        name="cluster_name" if "cluster_name" in has else None,
        score="cluster_score" if "cluster_score" in has else None,
        source=source if source != vector and source in has else None,
        breakdown=options.get("breakdown"),
        date=options.get("date"),
    )
    if counted.date is not None:
        first, last = reduced(each(_ends_of, ddf[[counted.date]], date=counted.date), _outer)
        counted = replace(counted, span=None if first is None else Span.between(first, last))
    dtype = vector_dtype(ddf[vector])
    for name in ("color", "filter"):
        for one in as_list(ddf, options.get(name)):
            column_of(ddf, one, argument=name)
    whole: WholeTable = reduced(each(count_part, ddf[counted.used], columns=counted, dtype=dtype))
    seen = [*texts, options.get("image"), options.get("video")]
    seen += [one for name in ("color", "filter") for one in as_list(ddf, options.get(name))]
    has_map = {"map_x", "map_y"} <= has
    wanted = [*counted.used, *(["map_x", "map_y"] if has_map else []), *(name for name in seen if name is not None)]
    seed = 0 if random_state is None else random_state
    drawn = draw_by_class(ddf[list(dict.fromkeys(wanted))], partial(_classes, vector=vector), sample_rows, seed=seed)
    sample = drawn.frame.assign(**{vector: vectors_in(drawn.frame[vector], dtype)})
    if language is None:
        words = map(str, sample[texts[0]].dropna()) if texts else [options.get("title") or ""]
        language = choose_language(words)
    notes = [] if method is None else [clustered_note(language, method, seed)]
    if not has_map:
        projection = fit_projection(sample[vector], random_state=random_state)
        sample = projection.add_to(sample)
        notes.append(projected_note(language, projection.method, seed))
    asked = {name: False if name in left_out else None for name in ("outliers", "label_issues")}
    found = find_for_report(
        sample,
        sample[vector],
        {"duplicates": False, **asked},
        breakdown=options.get("breakdown"),
        random_state=random_state,
        language=language,
    )
    given = {"random_state": random_state, "sample_rows": sample_rows, **dict.fromkeys(left_out, False)}
    given |= {name: options.get(name) for name in ("run", "compare", "root")}
    return build_report(
        sample,
        vector=vector,
        text=list(texts) or None,
        language=language,
        notes=[*notes, *found.notes],
        outliers=found.results["outliers"],
        label_issues=found.results["label_issues"],
        nearest=found.nearest,
        whole=whole,
        positions=drawn.positions,
        n_columns=own_columns(ddf.columns),
        call=Call(given, has_groups=method is None),
        **options,
    )


def count_part(part: pd.DataFrame, *, columns: CountedColumns, dtype: Any) -> WholeTable:
    """Return the figures of a partition."""
    return count_table(part.assign(**{str(columns.vector): vectors_in(part[columns.vector], dtype)}), columns)


def _classes(part: pd.DataFrame, *, vector: str) -> tuple[Positions, list[Hashable]]:
    """Return the rows that have a vector and a label, noise too, and their labels as text."""
    usable = part["cluster"].notna().to_numpy(dtype=bool) & part[vector].notna().to_numpy(dtype=bool)
    rows = np.flatnonzero(usable)
    return rows, [str(label) for label in part["cluster"].iloc[rows]]


def _ends_of(part: pd.DataFrame, *, date: Hashable) -> _Ends:
    known = read_dates(part[date])[0].dropna()
    return (known.min(), known.max()) if len(known) else (None, None)


def _outer(*parts: _Ends) -> _Ends:
    known = [ends for ends in parts if ends[0] is not None]
    if not known:
        return None, None
    return min(first for first, _ in known), max(last for _, last in known)
