"""The first of many findings as rows that the page shows: a list that fits a screen says more than all of it."""

from __future__ import annotations

from dataclasses import replace

from mmembed.reporting.findings import Findings, Suspect
from mmembed.reporting.page import PageContents
from mmembed.reporting.shown import RowTeller

_MOST_GROUPS = 12
_MOST_OF_GROUP = 4
_MOST_OUTLIERS = 12
_MOST_SUSPECTS = 24


def list_findings(draft: PageContents, findings: Findings, teller: RowTeller) -> PageContents:
    """Return the page with its sections of near duplicates, outliers and label suspects, as far as there are any."""
    groups, outliers, suspects = findings.duplicates, findings.outliers, findings.suspects
    return replace(
        draft,
        duplicates=None
        if groups is None
        else tuple(
            (len(rows), tuple(teller.tell(row) for row in rows[:_MOST_OF_GROUP])) for rows in groups[:_MOST_GROUPS]
        ),
        duplicate_totals=(len(groups or ()), sum(map(len, groups or ()))),
        outliers=None
        if outliers is None
        else tuple(teller.tell(row, f"{score:.3g}") for row, score in outliers[:_MOST_OUTLIERS]),
        suspects=None
        if suspects is None
        else tuple(teller.tell(one.row, _doubt(one)) for one in suspects[:_MOST_SUSPECTS]),
        suspect_total=len(suspects or ()),
    )


def _doubt(suspect: Suspect) -> str:
    score = "" if suspect.score is None else f" · {suspect.score:.2f}"
    return f"{suspect.given} → {suspect.suggested}{score}"
