"""What changed since an earlier report: which clusters are the same ones, whose share rose or fell, which came or went.

Where the clusters of today go on from those of before, so that equal numbers have equal names, those with one number
are the same. Else that is decided as by ``Clusters.match``: by shared rows where the typical rows of both reports are a
fifth of a cluster, else by the directions of the centroids, and where a report has none, by typical rows and names.
Each cluster has one partner at most.

A report keeps a sample of its rows, as vectors of whole numbers from -127 to 127, so that the clusters of a later table
can go on from its clusters.
"""

from __future__ import annotations

import base64
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.clusters.choice import no_candidates
from mmembed.analysis.clusters.hierarchy import Hierarchy
from mmembed.analysis.clusters.matching import ClusterRecord, match
from mmembed.analysis.clusters.result import Clusters
from mmembed.analysis.clusters.row_figures import RowFigures
from mmembed.analysis.cosines import distinct_directions, unit_rows
from mmembed.analysis.names.names import Naming, is_numbered
from mmembed.analysis.preparation import Preparation
from mmembed.analysis.tallies.categories import told_key
from mmembed.frames import one_line
from mmembed.report.request import Columns
from mmembed.report.words import Words
from mmembed.vectors import VectorArray, VectorDtype, as_vector_array

FORMAT = "mmembed-report-1"
# What clusters say made them that were read from a report, and those that go on from them.
EARLIER_REPORT = "earlier report"
# Of as many clusters, in one comparison of twenty one at most is told to have changed by chance.
_ALL_BY_CHANCE = 0.05
# What adds to the standard error of a share. Groups are found where some rows happen to lie, which do not come again:
# so many rows. Rows at a border go to either side, and a fit of its own draws other borders: these shares of a group,
# however many rows it has. Measured on pairs of tables of one distribution; see docs/decisions.md.
_ROWS_BY_CHANCE, _AT_BORDERS, _AT_OTHER_BORDERS = 2.5, 0.05, 0.4
_NAME_LENGTH = 80
# Rows of the sample that a report keeps, fewer where vectors are long, and the fewest of a cluster.
_SAMPLE_ROWS, _SAMPLE_NUMBERS, _SAMPLE_OF_CLUSTER = 1000, 1_000_000, 5
_STEPS = 127
# Numbers that two reports must share to be of one grouping.
_FEWEST_NUMBERS = 2
Kind = Literal["appeared", "vanished", "grew", "shrank", "steady"]


@dataclass(frozen=True, slots=True)
class Change:
    """One cluster then and now; sizes and shares are 0 where it was not there.

    Attributes
    ----------
    kind : {"appeared", "vanished", "grew", "shrank", "steady"}
        ``"grew"`` and ``"shrank"`` are of the share of the rows, which rose or fell by more than chance would explain
        in as many clusters; there may be more rows of a cluster whose share fell.
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
    """All changes since a report, with its time and its number of rows.

    Attributes
    ----------
    changes : tuple of Change
        Those that chance does not explain first; of both the largest change of share first.
    is_anew : bool
        Whether the clusters of today are known to be a fit of their own, so that a change may be one of borders.
    """

    created_before: str
    rows_before: int
    changes: tuple[Change, ...]
    is_anew: bool = False

    @property
    def moved(self) -> tuple[Change, ...]:
        """Clusters that came or went, and those whose share chance does not explain."""
        return tuple(one for one in self.changes if one.kind != "steady")

    @property
    def steady(self) -> tuple[Change, ...]:
        """Clusters whose change does not exceed chance."""
        return tuple(one for one in self.changes if one.kind == "steady")

    @property
    def when(self) -> str:
        """Time of the earlier report to the minute."""
        return one_line(self.created_before, 40).replace("T", " ")[:16]

    def as_plain(self) -> dict[str, Any]:
        """Return the same in values that JSON knows."""
        return {
            "since": self.created_before,
            "rows_before": self.rows_before,
            "anew": self.is_anew,
            "topics": [
                {
                    "kind": one.kind,
                    "name": one.name,
                    "name_before": one.name_before or None,
                    "rows_before": one.size_before,
                    "rows": one.size,
                    "share_before": one.share_before,
                    "share": one.share,
                }
                for one in self.changes
            ],
        }


def read_facts(previous: Any, *, argument: str = "compare") -> Mapping[str, Any]:
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
                f"There is no earlier report {str(path)!r} ({argument}=). Write one with report.to_json()."
            )
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(
                f"{str(path)!r} ({argument}=) is no JSON: {error}. Give what report.to_json() wrote."
            ) from error
    else:
        facts = previous
    if not isinstance(facts, Mapping) or facts.get("format") != FORMAT or not isinstance(facts.get("clusters"), list):
        raise ValueError(f"{argument}= is not the JSON of a report ({FORMAT}). Give what report.to_json() wrote.")
    return facts


def compare_facts(now: Mapping[str, Any], before: Mapping[str, Any], *, is_anew: bool = False) -> Comparison:
    """Return what changed from one report to another, the largest changes of share first.

    Parameters
    ----------
    now, before : mapping
        What ``to_json()`` of both reports says.
    is_anew : bool
        Whether the clusters of ``now`` are known to be a fit of their own.
    """
    new, old = now["clusters"], before["clusters"]
    comparable = _is_comparable(now, before)
    records = _records(new, comparable=comparable), _records(old, comparable=comparable)
    partners = _by_number(new, old, *records)
    if partners is None:
        partners = match(*records)
    rows, rows_before = max(int(now["rows"]), 1), max(int(before["rows"]), 1)
    changes = []
    chance = NormalDist().inv_cdf(1 - _ALL_BY_CHANCE / (2 * max(1, len(partners))))
    least = partial(_least_change, rows=rows, rows_before=rows_before, chance=chance, is_anew=is_anew)
    for code, cluster in enumerate(new):
        partner = old[partners[code]] if code in partners else None
        changes.append(_change(cluster, partner, rows, rows_before, code=code, least=least))
    gone = set(range(len(old))) - set(partners.values())
    changes += [_change(None, old[place], rows, rows_before, code=None, least=least) for place in sorted(gone)]
    changes.sort(key=lambda one: (one.kind == "steady", -abs(one.share - one.share_before), one.name))
    return Comparison(str(before.get("created", "")), int(before["rows"]), tuple(changes), is_anew)


def _records(clusters: Sequence[Mapping[str, Any]], *, comparable: bool) -> list[ClusterRecord]:
    """Return what the facts tell of clusters; their typical rows are the rows that can be found again."""
    centroids = [_centroid(one) if comparable else None for one in clusters]
    return [
        ClusterRecord(
            _own_name(one),
            int(one["size"]),
            {row["key"] for row in one.get("exemplars", []) if row.get("key")},
            centroid,
        )
        for one, centroid in zip(clusters, centroids, strict=True)
    ]


def _own_name(cluster: Mapping[str, Any]) -> str:
    """Return the name of a cluster, or nothing where that is its number in a language of the report."""
    name, prefixes = str(cluster["name"]), [Words(language)("cluster_prefix") for language in ("zh", "en")]
    return "" if name in {told_key(cluster.get("id"), prefix) for prefix in prefixes} else name


def _by_number(
    new: Sequence[Mapping[str, Any]],
    old: Sequence[Mapping[str, Any]],
    now: Sequence[ClusterRecord],
    then: Sequence[ClusterRecord],
) -> dict[int, int] | None:
    """Return the partner of each cluster that has one where both reports number one grouping, else None.

    That is where all numbers that both have, and there are two at least, are of equal names. Of clusters that are
    called by their numbers each must be nearest to that of its own number.
    """
    if len({one.get("id") for one in new}) < len(new) or len({one.get("id") for one in old}) < len(old):
        return None
    place_of = {one.get("id"): place for place, one in enumerate(old)}
    pairs = {place: place_of[one.get("id")] for place, one in enumerate(new) if one.get("id") in place_of}
    if len(pairs) < _FEWEST_NUMBERS:
        return None
    for place, partner in pairs.items():
        name, before = now[place].name, then[partner].name
        if name != before:
            return None
        if not name or is_numbered(name):
            centroid = now[place].centroid
            others = [one.centroid for one in then]
            if centroid is None or any(one is None for one in others):
                return None
            if int(np.argmax([float(centroid @ one) for one in others if one is not None])) != partner:
                return None
    return pairs


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


def sample_facts(columns: Columns) -> dict[str, Any] | None:
    """Return a sample of the rows for a later table to go on from; None where there are no vectors or no numbers.

    ``labels`` are the clusters' numbers, -1 for noise; ``vectors`` is base64 of signed bytes, shape (rows, dimension).
    """
    if columns.vector is None or not pd.api.types.is_numeric_dtype(columns.cluster.dtype):
        return None
    array = as_vector_array(columns.vector)
    usable = np.flatnonzero(columns.cluster.notna().to_numpy(dtype=bool) & ~np.asarray(array.isna()))
    if not len(usable):
        return None
    labels = columns.cluster.iloc[usable].to_numpy(dtype=np.float64).astype(np.int64)
    order = np.random.default_rng(0).permutation(len(usable))
    most = max(1, min(_SAMPLE_ROWS, _SAMPLE_NUMBERS // array.dimension))
    rank = pd.Series(labels[order]).groupby(labels[order]).cumcount().to_numpy()
    # The first rows of each cluster, then any.
    chosen = np.sort(order[np.lexsort((np.arange(len(order)), rank >= _SAMPLE_OF_CLUSTER))][:most])
    rows = unit_rows(array.matrix[usable[chosen]])
    rows /= np.maximum(np.abs(rows).max(axis=1, keepdims=True), 1e-12)
    packed = np.round(rows * _STEPS).astype(np.int8)
    return {"labels": labels[chosen].tolist(), "vectors": base64.b64encode(packed.tobytes()).decode("ascii")}


def clusters_of_report(facts: Mapping[str, Any]) -> Clusters | None:
    """Return the clusters of an earlier report, known by the sample that it keeps; None where it keeps none."""
    sample, dimension = facts.get("sample"), facts.get("dimension")
    if not sample or not dimension:
        return None
    labels = np.array(sample["labels"], dtype=np.int64)
    packed = np.frombuffer(base64.b64decode(sample["vectors"]), dtype=np.int8)
    array = VectorArray.from_matrix(
        packed.reshape(len(labels), int(dimension)).astype(np.float32), space=facts.get("space")
    )
    distinct = distinct_directions(array.matrix)
    of_distinct = labels[distinct.first]
    numbers = np.unique(of_distinct[of_distinct >= 0])
    codes = np.where(of_distinct >= 0, np.searchsorted(numbers, of_distinct), -1)
    missing = np.zeros(len(labels), dtype=bool)
    names = {int(one["id"]): str(one["name"]) for one in facts["clusters"] if isinstance(one.get("id"), int)}
    return Clusters(
        names=Naming.of({number: names.get(number, told_key(number)) for number in numbers.tolist()}),
        method=EARLIER_REPORT,
        candidates=no_candidates(),
        estimator=None,
        stability=float("nan"),
        stabilities=np.full(len(numbers), np.nan, dtype=np.float32),
        note="a sample of an earlier report",
        hierarchy=Hierarchy(codes[distinct.groups], np.empty((0, 2), dtype=np.int64), len(numbers)),
        preparation=Preparation(),
        dtype=VectorDtype(int(dimension), facts.get("space")),
        raw_numbers={},
        vectors=array,
        kinds=None,
        **RowFigures.of(distinct, codes, missing, numbers=numbers).by_name,
    )


def _change(
    now: Mapping[str, Any] | None,
    before: Mapping[str, Any] | None,
    rows: int,
    rows_before: int,
    *,
    code: int | None,
    least: Callable[[int], float],
) -> Change:
    size, size_before = (0 if one is None else int(one["size"]) for one in (now, before))
    share, share_before = size / rows, size_before / rows_before
    kind: Kind = "steady"
    if before is None:
        kind = "appeared"
    elif now is None and share_before > least(size_before):
        kind = "vanished"
    elif now is not None and abs(share - share_before) > least(size + size_before):
        kind = "grew" if share > share_before else "shrank"
    return Change(
        kind=kind,
        name=one_line((now or before or {})["name"], _NAME_LENGTH),
        name_before="" if before is None else one_line(before["name"], _NAME_LENGTH),
        size=size,
        size_before=size_before,
        share=share,
        share_before=share_before,
        code=code,
    )


def _least_change(of_both: int, *, rows: int, rows_before: int, chance: float, is_anew: bool) -> float:
    """Return the change of share that chance explains, of a cluster that has so many rows in both reports."""
    pooled = of_both / (rows + rows_before)
    by_rows = pooled * (1 - pooled) * (1 / rows + 1 / rows_before)
    by_place = (_ROWS_BY_CHANCE / min(rows, rows_before)) ** 2
    by_borders = ((_AT_OTHER_BORDERS if is_anew else _AT_BORDERS) * pooled) ** 2
    return chance * math.sqrt(by_rows + by_place + by_borders)
