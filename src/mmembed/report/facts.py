"""The report as facts: what it says, in plain values that do not depend on its language, for programs to read."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mmembed.frames import one_line
from mmembed.report.cards import Card, ShownRow
from mmembed.report.comparison import FORMAT, sample_facts
from mmembed.report.findings import Findings
from mmembed.report.request import Columns, Options
from mmembed.report.statements import Statement
from mmembed.report.summary import Summary

_MOST_CENTROIDS = 200
_MOST_OUTLIERS = 100
_MOST_VALUES = 50


def report_facts(
    columns: Columns,
    options: Options,
    cards: Sequence[Card],
    *,
    names: Sequence[str],
    summary: Summary,
    findings: Findings,
) -> dict[str, Any]:
    """Return the facts of a report; every value is one that JSON knows.

    Rows are told by ``position`` and ``label``; ``key`` is a digest of what a reader sees of a row, so that the same
    row is found again in another report. Centroids are base64 of little-endian float16.
    """
    clusters = [
        {
            "id": card.group.key if isinstance(card.group.key, int) else one_line(card.group.key, 80),
            "name": name,
            "size": card.group.size,
            "share": card.share,
            "cohesion": card.cohesion,
            "keywords": list(card.keywords),
            "exemplars": _rows(columns, card.exemplars),
            "borderline": _rows(columns, card.borderline),
            "breakdown": _breakdown(card),
            "trend": [{"period": one.name, "rows": one.count} for one in card.trend],
            "centroid": None if card.centroid is None or card.code >= _MOST_CENTROIDS else _pack(card.centroid),
        }
        for card, name in zip(cards, names, strict=True)
    ]
    far = set(findings.far_rows())
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
        "sample": sample_facts(columns),
        "duplicates": None
        if findings.duplicates is None
        else [[columns.position(row) for row in group] for group in findings.duplicates],
        "outliers": None
        if findings.outliers is None
        else [
            {
                "position": columns.position(row),
                "score": score,
                "nearest": findings.nearest_of(row),
                "far": row in far,
            }
            for place, (row, score) in enumerate(findings.outliers)
            if place < _MOST_OUTLIERS or row in far
        ],
        "label_issues": None
        if findings.suspects is None
        else [
            {"position": columns.position(one.row), "given": one.given, "suggested": one.suggested, "score": one.score}
            for one in findings.suspects
        ],
    }


def told_plainly(statement: Statement) -> dict[str, Any]:
    """Return a sentence of the page in both languages, with its figures."""
    return {
        "kind": statement.kind,
        "target": statement.target,
        "text": dict(statement.texts),
        "figures": dict(statement.figures),
    }


def _rows(columns: Columns, rows: Iterable[ShownRow]) -> list[dict[str, Any]]:
    facts = []
    for one in rows:
        picture = columns.picture(one.row)[0] if columns.has_pictures else None
        seen = one.texts if any(one.texts) else picture if isinstance(picture, str) else None
        key = None if seen is None else hashlib.blake2b(repr(seen).encode(), digest_size=8).hexdigest()
        facts.append(
            {
                "position": columns.position(one.row),
                "label": one.label,
                "texts": list(one.texts),
                "file": one.file or None,
                "key": key,
            }
        )
    return facts


def _breakdown(card: Card) -> dict[str, int]:
    named = Counter({name: count for name, count in card.values.items() if name})
    return dict(named.most_common(_MOST_VALUES))


def _pack(mean: npt.NDArray[np.float64]) -> str:
    return base64.b64encode(mean.astype("<f2").tobytes()).decode("ascii")
