"""What changed since an earlier report: which clusters are the same ones, and which grew, shrank, came or went.

Two clusters can be the same one if they have the same name, if their centroids point the same way once the middle of
all centroids is removed (cosine of at least 0.7), or if at least half of the shown typical rows are shown in both. Of
all such pairs, the assignment with the most agreement is taken; each cluster has one partner at most.
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

FORMAT = "mmembed-report-1"
_SAME_DIRECTION = 0.7
_SAME_ROWS = 0.5
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
    partners = match_clusters(new, old, same_space=now.get("space") == before.get("space") is not None)
    rows, rows_before = max(int(now["rows"]), 1), max(int(before["rows"]), 1)
    changes = []
    for code, cluster in enumerate(new):
        partner = old[partners[code]] if code in partners else None
        changes.append(_change(cluster, partner, rows, rows_before, code))
    gone = set(range(len(old))) - set(partners.values())
    changes += [_change(None, old[place], rows, rows_before, None) for place in sorted(gone)]
    changes.sort(key=lambda one: (one.kind == "steady", -abs(one.share - one.share_before), one.name))
    return Comparison(str(before.get("created", "")), int(before["rows"]), tuple(changes))


def match_clusters(
    new: Sequence[Mapping[str, Any]], old: Sequence[Mapping[str, Any]], *, same_space: bool
) -> dict[int, int]:
    """Return for clusters of one report their places in the other; clusters without a partner are left out.

    Parameters
    ----------
    new, old : sequence of mappings
        ``name``, ``exemplars`` with ``key``, and ``centroid`` (base64 of little-endian float16), as in the facts.
    same_space : bool
        Whether the centroids may be compared.
    """
    from scipy.optimize import linear_sum_assignment

    if not new or not old:
        return {}
    names = np.array([[float(_name(a) == _name(b)) for b in old] for a in new])
    rows = np.array([[_overlap(a, b) for b in old] for a in new])
    directions = _directions(new, old) if same_space else np.zeros_like(names)
    admissible = (names > 0) | (rows >= _SAME_ROWS) | (directions >= _SAME_DIRECTION)
    agreement = np.where(admissible, 1 + names + rows + np.maximum(directions, 0), 0)
    left, right = linear_sum_assignment(-agreement)
    return {int(a): int(b) for a, b in zip(left, right, strict=True) if admissible[a, b]}


def _directions(new: Sequence[Mapping[str, Any]], old: Sequence[Mapping[str, Any]]) -> npt.NDArray[np.float64]:
    vectors = [_centroid(one) for one in (*new, *old)]
    lengths = {len(one) for one in vectors if one is not None}
    if len(lengths) != 1:
        return np.zeros((len(new), len(old)))
    matrix = np.array([np.full(min(lengths), np.nan) if one is None else one for one in vectors])
    matrix -= np.nanmean(matrix, axis=0)
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    units = np.divide(matrix, norms, out=np.zeros_like(matrix), where=norms > 1e-6)
    cosines: npt.NDArray[np.float64] = np.nan_to_num(units[: len(new)] @ units[len(new) :].T)
    return cosines


def _centroid(cluster: Mapping[str, Any]) -> npt.NDArray[np.float64] | None:
    text = cluster.get("centroid")
    return None if not text else np.frombuffer(base64.b64decode(text), dtype="<f2").astype(np.float64)


def _name(cluster: Mapping[str, Any]) -> str:
    return " ".join(str(cluster["name"]).casefold().split())


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    keys = [{row["key"] for row in cluster.get("exemplars", []) if row.get("key")} for cluster in (one, other)]
    return len(keys[0] & keys[1]) / max(min(map(len, keys)), 1)


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
