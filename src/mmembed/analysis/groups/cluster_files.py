"""Clusters in a file: one ``.npz`` archive of plain arrays and a JSON text. Nothing in it is code, and none is run."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from mmembed._files import whole_file
from mmembed.analysis.groups.choosing import no_candidates
from mmembed.analysis.groups.clusters import Clusters
from mmembed.analysis.groups.hierarchy import Hierarchy
from mmembed.analysis.groups.placing import GroupedRows
from mmembed.analysis.names.evidence import Evidence
from mmembed.analysis.names.names import Naming
from mmembed.analysis.rows.preparing import Preparation
from mmembed.vectors import VectorDtype

_FORMAT = "mmembed clusters 1"
_PLAIN = ("scores", "centroids", "numbers", "stabilities", "assigned", "rivals", "margins")


def save_clusters(clusters: Clusters, path: str | Path) -> Path:
    """Write clusters to a file, whole or not at all; the suffix ``.npz`` is added where there is none.

    Raises
    ------
    TypeError
        If kinds are neither str, int, float, bool nor missing.
    """
    target = Path(path)
    if not target.suffix:
        target = target.with_suffix(".npz")
    means = clusters.preparation.means
    kinds = None if means is None else list(means)
    for kind in kinds or []:
        if not isinstance(kind, (str, int, float, bool, type(None))):
            raise TypeError(f"Kind {kind!r} is a {type(kind).__name__}, which no file keeps. Fit with kinds of text.")
    naming = Naming.of(clusters.names)
    about = {
        "format": _FORMAT,
        "method": clusters.method,
        "stability": clusters.stability,
        "note": clusters.note,
        "names": {str(label): name for label, name in clusters.names.items()},
        "origins": {str(label): origin for label, origin in naming.origins.items()},
        "evidence": {str(label): [asdict(one) for one in found] for label, found in naming.evidence.items()},
        "candidates": json.loads(clusters.candidates.to_json(orient="records", double_precision=15)),
        "dimension": clusters.dtype.dimension,
        "space": clusters.dtype.space,
        "kinds": kinds,
        "level": clusters.hierarchy.n_clusters,
    }
    missing = np.asarray(clusters.labels.isna())
    arrays: dict[str, Any] = {name: getattr(clusters, name) for name in _PLAIN}
    arrays |= {
        "about": np.frombuffer(json.dumps(about, ensure_ascii=False).encode(), dtype=np.uint8),
        "labels": np.asarray(pd.Series(clusters.labels).fillna(0), dtype=np.int64),
        "missing": missing,
        "leaves": clusters.hierarchy.leaves,
        "merges": clusters.hierarchy.merges,
        "digests": clusters.grouped.digests,
        "grouped": clusters.grouped.labels,
        "landmarks": clusters.grouped.landmarks,
        "landmark_labels": clusters.grouped.landmark_labels,
    }
    if means is not None:
        arrays["means"] = np.array(list(means.values()), dtype=np.float64).reshape(len(means), -1)
    with whole_file(target) as part, part.open("wb") as file:
        np.savez(file, **arrays)
    return target


def load_clusters(path: str | Path) -> Clusters:
    """Read clusters that ``Clusters.save`` wrote.

    Labels, names and what they rest on, scores, levels and where known and new vectors belong are as they were. A given
    estimator is not in the file, so that new vectors then go where most of their neighbours are; nor is all that names
    could be made from again, but :meth:`mmembed.analysis.Clusters.named` takes texts.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no file of clusters, or of a newer version.
    """
    source = Path(path)
    try:
        with np.load(source, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        about = json.loads(arrays["about"].tobytes().decode())
        is_ours = about["format"] == _FORMAT
    except FileNotFoundError:
        raise
    except (BadZipFile, EOFError, KeyError, OSError, TypeError, ValueError) as error:
        raise ValueError(f"{source.name} is no file of clusters. Give one that Clusters.save wrote.") from error
    if not is_ours:
        raise ValueError(
            f"{source.name} has the format {about['format']!r}; this version reads {_FORMAT!r}. Fit and save again."
        )
    kinds = about["kinds"]
    candidates = pd.DataFrame(about["candidates"], columns=no_candidates().columns)
    means = None if kinds is None else dict(zip(kinds, arrays["means"], strict=True))
    return Clusters(
        labels=pd.arrays.IntegerArray(arrays["labels"], arrays["missing"]),
        names=_naming(about),
        method=about["method"],
        candidates=candidates,
        estimator=None,
        stability=about["stability"],
        note=about["note"],
        hierarchy=Hierarchy(arrays["leaves"], arrays["merges"], about["level"]),
        grouped=GroupedRows(arrays["digests"], arrays["grouped"], arrays["landmarks"], arrays["landmark_labels"]),
        preparation=Preparation(means),
        dtype=VectorDtype(about["dimension"], about["space"]),
        raw_numbers={},
        vectors=None,
        kinds=None,
        **{name: arrays[name] for name in _PLAIN},
    )


def _naming(about: dict[str, Any]) -> Naming:
    names = {int(label): name for label, name in about["names"].items()}
    # Files of before have names only.
    origins = {int(label): origin for label, origin in about.get("origins", {}).items()}
    evidence = {
        int(label): tuple(Evidence(**one | {"examples": tuple(one["examples"])}) for one in found)
        for label, found in about.get("evidence", {}).items()
    }
    return Naming(names, dict.fromkeys(names, "given") | origins, evidence)
