"""What changed since an earlier report: which clusters are the same ones, and which grew, shrank, came or went.

Which clusters are the same is decided as by ``Clusters.match``: by shared rows where the typical rows of both reports
are a fifth of a cluster, else by the directions of the centroids, and where a report has none, by typical rows and
names. Each cluster has one partner at most.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from mmembed.analysis.clusters.matching import ClusterRecord, match

FORMAT = "mmembed-report-1"
# A change of a share is told from chance at two standard errors.
_STANDARD_ERRORS = 2.0
Kind = Literal["appeared", "vanished", "grew", "shrank", "steady"]


@dataclass(frozen=True, slots=True)
class Change:
    """One cluster then and now; sizes and shares are 0 where it was not there.

    Attributes
    ----------
    kind : {"appeared", "vanished", "grew", "shrank", "steady"}
        Grown or shrunk is a share of the rows that changed by more than chance would explain.
    code : int or None
        Rank of the cluster in the report of today.
    """

    kind: Kind
    name: str
    name_before: str
    size: int
    size_before: int
    share: float
    share_before: float
    code: int | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All changes since a report, with its time and its number of rows."""

    created_before: str
    rows_before: int
    changes: tuple[Change, ...]


def read_facts(previous: Any) -> Mapping[str, Any]:
    """Return the facts of an earlier report, from its ``to_json()`` as a file or as a mapping, or from itself.

    Raises
    ------
    ValueError
        If it is no JSON of a report.
    FileNotFoundError
        If the file does not exist.
    """
    if hasattr(previous, "to_json") and not isinstance(previous, Mapping):
        facts = json.loads(previous.to_json())
    elif isinstance(previous, str | os.PathLike):
        path = Path(previous).expanduser()
        if not path.is_file():
            raise FileNotFoundError(
                f"There is no earlier report {str(path)!r} (compare=). Write one with report.to_json()."
            )
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(
                f"{str(path)!r} (compare=) is no JSON: {error}. Give what report.to_json() wrote."
            ) from error
    else:
        facts = previous
    if not isinstance(facts, Mapping) or facts.get("format") != FORMAT or not isinstance(facts.get("clusters"), list):
        raise ValueError(f"compare= is not the JSON of a report ({FORMAT}). Give what report.to_json() wrote.")
    return facts


def compare_facts(now: Mapping[str, Any], before: Mapping[str, Any]) -> Comparison:
    """Return what changed from one report to another, the largest changes of share first."""
    new, old = now["clusters"], before["clusters"]
    comparable = _is_comparable(now, before)
    partners = match(_records(new, comparable=comparable), _records(old, comparable=comparable))
    rows, rows_before = max(int(now["rows"]), 1), max(int(before["rows"]), 1)
    changes = []
    for code, cluster in enumerate(new):
        partner = old[partners[code]] if code in partners else None
        changes.append(_change(cluster, partner, rows, rows_before, code))
    gone = set(range(len(old))) - set(partners.values())
    changes += [_change(None, old[place], rows, rows_before, None) for place in sorted(gone)]
    changes.sort(key=lambda one: (one.kind == "steady", -abs(one.share - one.share_before), one.name))
    return Comparison(str(before.get("created", "")), int(before["rows"]), tuple(changes))


def _records(clusters: Sequence[Mapping[str, Any]], *, comparable: bool) -> list[ClusterRecord]:
    """Return what the facts tell of clusters; their typical rows are the rows that can be found again."""
    centroids = [_centroid(one) if comparable else None for one in clusters]
    return [
        ClusterRecord(
            str(one["name"]),
            int(one["size"]),
            {row["key"] for row in one.get("exemplars", []) if row.get("key")},
            centroid,
        )
        for one, centroid in zip(clusters, centroids, strict=True)
    ]


def _is_comparable(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Return whether the centroids of two reports are of one space and of one length."""
    lengths = {len(one["centroid"]) for facts in (now, before) for one in facts["clusters"] if one.get("centroid")}
    return now.get("space") == before.get("space") is not None and len(lengths) == 1


def _centroid(cluster: Mapping[str, Any]) -> npt.NDArray[np.float64] | None:
    text = cluster.get("centroid")
    if not text:
        return None
    mean = np.frombuffer(base64.b64decode(text), dtype="<f2").astype(np.float64)
    return mean / max(float(np.linalg.norm(mean)), 1e-12)


def _change(
    now: Mapping[str, Any] | None, before: Mapping[str, Any] | None, rows: int, rows_before: int, code: int | None
) -> Change:
    size, size_before = (0 if one is None else int(one["size"]) for one in (now, before))
    share, share_before = size / rows, size_before / rows_before
    kind: Kind = "steady"
    if before is None:
        kind = "appeared"
    elif now is None:
        kind = "vanished"
    else:
        pooled = (size + size_before) / (rows + rows_before)
        error = np.sqrt(pooled * (1 - pooled) * (1 / rows + 1 / rows_before))
        if abs(share - share_before) > _STANDARD_ERRORS * error:
            kind = "grew" if share > share_before else "shrank"
    return Change(
        kind=kind,
        name=str((now or before or {})["name"]),
        name_before="" if before is None else str(before["name"]),
        size=size,
        size_before=size_before,
        share=share,
        share_before=share_before,
        code=code,
    )
