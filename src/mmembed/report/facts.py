"""The report as facts: what it says, in plain values that do not depend on its language, for programs to read."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from mmembed.analysis.tallies.trend import Period
from mmembed.frames import one_line
from mmembed.report.cards import CardSources, RowTeller, mean_score
from mmembed.report.comparison import FORMAT
from mmembed.report.findings import Findings
from mmembed.report.request import Columns, Options
from mmembed.report.summary import Summary
from mmembed.vectors import as_vector_array

_MOST_CENTROIDS = 200
_MOST_OUTLIERS = 100
_MOST_VALUES = 50
_VALUE_LENGTH = 40


def state_facts(
    columns: Columns, options: Options, sources: CardSources, *, summary: Summary, findings: Findings
) -> dict[str, Any]:
    """Return the facts of a report; every value is one that JSON knows.

    Rows are told by ``position`` and ``label``; ``key`` is a digest of what a reader sees of a row, so that the same
    row is found again in another report. Centroids are base64 of little-endian float16.
    """
    teller = RowTeller(columns, np.empty(0, dtype=np.intp))
    grouping, whole = sources.grouping, columns.whole
    centroids = _centroids(columns, sources)

    def tell(rows: Iterable[int]) -> list[dict[str, Any]]:
        return [_row(columns, teller, row) for row in rows]

    clusters = []
    for code, group in enumerate(grouping.groups):
        has_card = code < len(sources.exemplars)
        members = grouping.rows(code)
        if whole is not None:
            trend: tuple[Period, ...] = whole.trend(group.key)
        else:
            trend = () if sources.calendar is None else sources.calendar.count(members)
        clusters.append(
            {
                "id": group.key if isinstance(group.key, int) else one_line(group.key, 80),
                "name": group.name,
                "size": group.size,
                "share": group.size / max(summary.rows, 1),
                "cohesion": mean_score(sources.scores, members) if whole is None else whole.of(group.key).cohesion,
                "keywords": list(sources.terms.get(code, ())),
                "exemplars": tell(sources.exemplars[code]) if has_card else [],
                "borderline": tell(sources.borderline[code]) if has_card else [],
                "breakdown": _breakdown(columns, members, None if whole is None else whole.of(group.key).values),
                "trend": [{"period": one.name, "rows": one.count} for one in trend],
                "centroid": centroids.get(code),
            }
        )
    return {
        "format": FORMAT,
        "created": options.created.isoformat(timespec="seconds"),
        "rows": summary.rows,
        "without_vector": summary.without_vector,
        "failed": summary.failed,
        "noise": summary.noise,
        "space": summary.space,
        "dimension": summary.dimension,
        "cost_cny": summary.cost,
        "requests": summary.requests,
        "tokens": summary.tokens,
        "clusters": clusters,
        "duplicates": None if findings.duplicates is None else [list(group) for group in findings.duplicates],
        "outliers": None
        if findings.outliers is None
        else [{"position": row, "score": score} for row, score in findings.outliers[:_MOST_OUTLIERS]],
        "label_issues": None
        if findings.suspects is None
        else [
            {"position": one.row, "given": one.given, "suggested": one.suggested, "score": one.score}
            for one in findings.suspects
        ],
    }


def _row(columns: Columns, teller: RowTeller, row: int) -> dict[str, Any]:
    told = teller.tell(row)
    picture = columns.picture(row)[0] if columns.has_pictures else None
    seen = told.texts if any(told.texts) else picture if isinstance(picture, str) else None
    key = None if seen is None else hashlib.blake2b(repr(seen).encode(), digest_size=8).hexdigest()
    return {"position": columns.position(row), "label": told.label, "texts": list(told.texts), "key": key}


def _breakdown(columns: Columns, members: npt.NDArray[np.intp], counted: Counter[str] | None) -> dict[str, int]:
    if columns.breakdown is None:
        return {}
    if counted is None:
        counted = Counter(one_line(cell, _VALUE_LENGTH) for cell in columns.breakdown.iloc[members])
    return dict(Counter({name: count for name, count in counted.items() if name}).most_common(_MOST_VALUES))


def _centroids(columns: Columns, sources: CardSources) -> dict[int, str]:
    if columns.vector is None or columns.vector.isna().all():
        return {}
    groups = sources.grouping.groups[:_MOST_CENTROIDS]
    if columns.whole is not None:
        figures = [columns.whole.of(group.key) for group in groups]
        return {code: _packed(one.vector_sum / one.vectors) for code, one in enumerate(figures) if one.vectors}
    array = as_vector_array(columns.vector)
    present = ~np.asarray(array.isna())
    found = {}
    for code in range(len(groups)):
        rows = sources.grouping.rows(code)
        rows = rows[present[rows]]
        if not len(rows):
            continue
        matrix = array.matrix[rows]
        norms = np.linalg.norm(matrix, axis=1, keepdims=True)
        mean = (matrix / np.where(norms > 0, norms, 1)).mean(axis=0, dtype=np.float64)
        found[code] = _packed(mean)
    return found


def _packed(mean: npt.NDArray[np.float64]) -> str:
    return base64.b64encode(mean.astype("<f2").tobytes()).decode("ascii")
