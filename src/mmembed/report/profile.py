"""What the data of a report are and how they were grouped: a paragraph, a small table, and the code of the page."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mmembed.analysis.clusters.record import FitRecord
from mmembed.analysis.tallies.dates import read_dates
from mmembed.frames import is_empty, one_line
from mmembed.report.comparison import EARLIER_REPORT
from mmembed.report.request import Columns, Options
from mmembed.report.summary import Summary
from mmembed.report.words import Words
from mmembed.vectors import as_vector_array

_NAME_LENGTH = 60
_LOOKED_AT = 2000
_BUDGET, _POINTS = 8_000_000, 100_000  # what build_report takes where nothing is said

# Names of files are those of one machine, and the page is sent to others: the code names the argument instead.
_OF_THIS_MACHINE = ("compare", "root")
# So it does where one of these is no column and no choice, but a result.
_RESULTS = ("duplicates", "outliers", "label_issues", "run")
_USUAL = {"cluster": "cluster", "name": "cluster_name", "score": "cluster_score", "x": "map_x", "y": "map_y"}


@dataclass(frozen=True, slots=True)
class ColumnLine:
    """One column that the page reads: its name, what it is, its missing cells, and what is in it."""

    name: str
    role: str
    missing: int
    content: str


@dataclass(frozen=True, slots=True)
class Profile:
    """What the data are and what was done.

    Attributes
    ----------
    lead : str
        What the data are, for the top of the page.
    paragraph : str
        How the topics were made.
    columns : tuple of ColumnLine
    notes : tuple of str
        What the table leaves out, and whose cells it counts.
    code : str
        Python that makes the page again.
    """

    lead: str
    paragraph: str
    columns: tuple[ColumnLine, ...]
    notes: tuple[str, ...]
    code: str


@dataclass(frozen=True, slots=True)
class _Column:
    role: str
    cells: pd.Series
    content: str


def describe_data(
    columns: Columns, options: Options, summary: Summary, record: FitRecord | None, words: Words
) -> Profile:
    """Return what a stranger needs to know of the table before its topics.

    Parameters
    ----------
    record : FitRecord or None
        How the topics were made, where it is known.
    """
    read = _read_columns(columns, words)
    lines = tuple(
        ColumnLine(one_line(one.cells.name, _NAME_LENGTH), words(f"role_{one.role}"), _missing(one), one.content)
        for one in read
    )
    notes = []
    others = columns.n_columns - len({one.cells.name for one in read})
    if others > 0:
        notes.append(words("other_columns", count=f"{others:,}"))
    if columns.whole is not None:
        notes.append(words("of_sample", count=f"{len(columns.cluster):,}"))
    return Profile(
        lead=_lead(columns, summary, read, words),
        paragraph=_paragraph(columns, summary, record, words),
        columns=lines,
        notes=tuple(notes),
        code=_code(columns, options, record, words),
    )


def _read_columns(columns: Columns, words: Words) -> list[_Column]:
    roles: list[tuple[str, pd.Series | None, Callable[[pd.Series, Words], str]]] = [
        *(("text", one, _of_texts) for one in columns.texts),
        ("image", columns.image, _of_nothing),
        ("video", columns.video, _of_nothing),
        ("breakdown", columns.breakdown, _of_values),
        ("date", columns.date, _of_dates),
        *(("choice", columns.choices[name], _of_anything) for name in _chosen(columns)),
        ("vector", columns.vector, _of_vectors),
    ]
    return [_Column(role, values, tell(values, words)) for role, values, tell in roles if values is not None]


def _chosen(columns: Columns, names: Iterable[Hashable] | None = None) -> list[Hashable]:
    """Return the columns that colour or filter the map and do nothing else on the page."""
    wanted = [*columns.color, *columns.filter] if names is None else names
    read = {one.name for one in (columns.breakdown, columns.date) if one is not None}
    return [name for name in dict.fromkeys(wanted) if name not in read]


def _missing(one: _Column) -> int:
    if one.role == "vector":
        return int(np.asarray(as_vector_array(one.cells).isna()).sum())
    return sum(is_empty(cell) for cell in one.cells)


def _of_nothing(values: pd.Series, words: Words) -> str:  # noqa: ARG001  one of several that tell of a column
    return ""


def _of_texts(values: pd.Series, words: Words) -> str:
    lengths = [len(str(cell)) for cell in values.head(_LOOKED_AT) if not is_empty(cell)]
    return words("in_text", count=f"{_plainly(float(np.median(lengths))):,}") if lengths else ""


def _plainly(length: float) -> int:
    """Return a length with one leading digit or two: nobody needs to know that it is 137."""
    whole = max(1, round(length))
    digits = max(0, len(str(whole)) - (1 if whole < 100 else 2))
    return int(round(whole, -digits)) if whole >= 10 else whole


def _of_values(values: pd.Series, words: Words) -> str:
    different = {str(cell) for cell in values if not is_empty(cell)}
    return words("in_values", count=f"{len(different):,}")


def _of_anything(values: pd.Series, words: Words) -> str:
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return _of_dates(values, words)
    if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
        known = values.dropna()
        return words("in_dates", first=f"{known.min():g}", last=f"{known.max():g}") if len(known) else ""
    return _of_values(values, words)


def _of_dates(values: pd.Series, words: Words) -> str:
    ends = _ends(values)
    return "" if ends is None else words("in_dates", first=ends[0], last=ends[1])


def _ends(values: pd.Series) -> tuple[str, str] | None:
    known = read_dates(values)[0].dropna()
    return (str(known.min().date()), str(known.max().date())) if len(known) else None


def _of_vectors(values: pd.Series, words: Words) -> str:
    dimension, space = getattr(values.dtype, "dimension", None), getattr(values.dtype, "space", None)
    if dimension is None:
        return ""
    return (
        words("in_vectors", count=f"{dimension:,}", space=one_line(space, _NAME_LENGTH)) if space else f"{dimension:,}"
    )


def _lead(columns: Columns, summary: Summary, read: Sequence[_Column], words: Words) -> str:
    """Return what the rows are, how many, from when, and whose vectors they have."""
    parts = []
    for role in ("text", "image", "video", "breakdown", "date"):
        names = [words("quoted", name=one_line(one.cells.name, _NAME_LENGTH)) for one in read if one.role == role]
        if names:
            # Quoted names follow each other without a sign between them in Chinese.
            parts.append(words(f"lead_{role}", names=("" if words.language == "zh" else ", ").join(names)))
    rows = words("lead_rows", count=f"{summary.rows:,}")
    told = [words("lead_with", rows=rows, parts=words("separator").join(parts)) if parts else words("lead", rows=rows)]
    ends = _ends_of_table(columns)
    if ends is not None:
        told.append(words("about_dates", first=ends[0], last=ends[1]))
    if summary.space:
        told.append(words("lead_model", space=summary.space))
    return words.sentences(told)


def _paragraph(columns: Columns, summary: Summary, record: FitRecord | None, words: Words) -> str:
    told = []
    if summary.without_vector:
        told.append(words("about_missing", count=f"{summary.without_vector:,}"))
        if summary.failed:
            told.append(words("about_failed", count=f"{summary.failed:,}"))
    if record is None:
        told.append(words("about_given", column=one_line(columns.cluster.name, _NAME_LENGTH)))
    elif record.method == EARLIER_REPORT:
        told.append(words("about_gone_on"))
    else:
        settings = ", ".join(f"{name}={value!r}" for name, value in record.settings.items() if name != "method")
        asked = words("about_settings", settings=one_line(settings, 200)) if settings else ""
        told.append(words("about_method", method=record.method, settings=asked))
        if record.compared > 1:
            told.append(words("about_compared", count=f"{record.compared:,}"))
    if columns.scores is not None:
        told.append(words("about_typical"))
    return words.sentences(told)


def _ends_of_table(columns: Columns) -> tuple[str, str] | None:
    """Return the first and the last date: of a sample, those of the whole table."""
    span = None if columns.whole is None else columns.whole.span
    if span is not None:
        return span.ends
    return None if columns.date is None else _ends(columns.date)


def _code(columns: Columns, options: Options, record: FitRecord | None, words: Words) -> str:
    """Return Python that makes the page again from the table with its vectors."""
    vector = None if columns.vector is None else columns.vector.name
    asked: dict[str, object] = {
        "text": _names(columns.texts),
        "image": _name(columns.image),
        "video": _name(columns.video),
        "breakdown": _name(columns.breakdown),
        "date": _name(columns.date),
        "color": _chosen(columns, columns.color) or None,
        "filter": _chosen(columns, columns.filter) or None,
        "title": options.title,
        "language": None if options.language == "auto" else options.language,
        "budget_bytes": None if options.budget_bytes == _BUDGET else options.budget_bytes,
        "max_points": None if options.max_points == _POINTS else options.max_points,
    }
    written = {name: _literal(value) for name, value in asked.items() if value is not None}
    remarks = []
    for name, value in options.call.given.items():
        if value is None:
            continue
        is_result = name in _RESULTS and not isinstance(value, (bool, int, str))
        is_named = is_result or name in _OF_THIS_MACHINE
        written[name] = name if is_named else _literal(value)
        if is_named:
            remarks.append(f"# {name}: {words(f'code_{name}')}")
    own = {name: one.name for name, one in _grouping(columns).items() if one is not None and one.name != _USUAL[name]}
    if vector is None or own:
        written |= {name: _literal(value) for name, value in {"vector": vector, **own}.items() if value is not None}
        arguments = "".join(f", {name}={value}" for name, value in written.items())
        call = f'mmembed.report.build_report(df{arguments}).save("report.html")'
        return "\n".join(["import mmembed.report", "", *remarks, call])
    arguments = "".join(f", {name}={value}" for name, value in written.items())
    lines = ["import mmembed", "", f"# df: {words('code_table', column=repr(vector))}", *remarks]
    if record is not None and options.call.has_groups:
        text = _names(columns.texts[:1])
        cluster = {**({} if text is None else {"text": text}), **record.settings}
        given = "".join(f", {name}={_literal(value)}" for name, value in cluster.items())
        lines.append(f"df = df.mmembed.cluster({vector!r}{given})")
        lines.append(f"df = df.mmembed.project({vector!r})")
    lines.append(f'df.mmembed.report({vector!r}{arguments}).save("report.html")')
    return "\n".join(lines)


def _literal(value: object) -> str:
    """Return a value as Python writes it; numbers of numpy as those of Python, which needs no import."""
    return repr(value.item() if isinstance(value, np.generic) else value)


def _grouping(columns: Columns) -> dict[str, pd.Series | None]:
    return {
        "cluster": columns.cluster,
        "name": columns.names,
        "score": columns.scores,
        "x": columns.x,
        "y": columns.y,
    }


def _name(column: pd.Series | None) -> Hashable | None:
    return None if column is None else column.name


def _names(columns: Sequence[pd.Series]) -> object:
    names = [column.name for column in columns]
    return None if not names else names[0] if len(names) == 1 else names
