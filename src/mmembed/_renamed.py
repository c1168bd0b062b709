"""Names that modules had in version 0.1, so that pickles which it wrote can still be read.

A pickle names the module of each class. Python asks the finder of this file only for modules that nobody else finds.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import MappingProxyType, ModuleType
from typing import Any

_NOW = MappingProxyType(
    {
        "mmembed.analysis.finding.calibrating": "mmembed.analysis.finding.calibration",
        "mmembed.analysis.finding.duplicate_levels": "mmembed.analysis.finding.duplicates",
        "mmembed.analysis.finding.indexing": "mmembed.analysis.finding.index",
        "mmembed.analysis.finding.joining": "mmembed.analysis.finding.join",
        "mmembed.analysis.finding.keyword_scores": "mmembed.analysis.finding.bm25",
        "mmembed.analysis.finding.search_hits": "mmembed.analysis.finding.search",
        "mmembed.analysis.graphs.neighbor_graph": "mmembed.analysis.graphs.graph",
        "mmembed.analysis.groups": "mmembed.analysis.clusters",
        "mmembed.analysis.groups.clusters": "mmembed.analysis.clusters.result",
        "mmembed.analysis.groups.hierarchy": "mmembed.analysis.clusters.hierarchy",
        "mmembed.analysis.groups.placing": "mmembed.analysis.clusters.membership",
        "mmembed.analysis.labels.folding": "mmembed.analysis.labels.folds",
        "mmembed.analysis.labels.holding_out": "mmembed.analysis.labels.experiment",
        "mmembed.analysis.labels.label_sets": "mmembed.analysis.labels.multi_label",
        "mmembed.analysis.labels.labelling": "mmembed.analysis.labels.zero_shot",
        "mmembed.analysis.labels.landmarks": "mmembed.analysis.labels.kernel_ridge",
        "mmembed.analysis.labels.softmax": "mmembed.analysis.labels.probabilities",
        "mmembed.analysis.labels.tempering": "mmembed.analysis.labels.probabilities",
        "mmembed.analysis.maps.map_quality": "mmembed.analysis.maps.projection",
        "mmembed.analysis.maps.neighbor_map": "mmembed.analysis.maps.umap",
        "mmembed.analysis.names.evidence": "mmembed.analysis.names.terms",
        "mmembed.analysis.rows": "mmembed.analysis.cosines",
        "mmembed.analysis.rows.preparing": "mmembed.analysis.preparation",
        "mmembed.analysis.rows.reducing": "mmembed.analysis.preparation",
        "mmembed.analysis.rows.vector_matrix": "mmembed.transformers",
        "mmembed.embedding.line": "mmembed.embedding.pipeline",
        "mmembed.embedding.planning": "mmembed.embedding.plan",
        "mmembed.embedding.transforming": "mmembed.transformers",
        "mmembed.reporting": "mmembed.report",
        "mmembed.reporting.report": "mmembed.report.report",
    }
)

_CLASSES = MappingProxyType({"GroupedRows": "LabelledRows"})


class _FormerNames(MetaPathFinder, Loader):
    """Finds a module by the name that it had."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to import a module of version 0.1; None for any other name."""
        del path, target
        return ModuleSpec(name, self, is_package=True) if name in _NOW else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return a module that holds nothing itself."""
        return ModuleType(spec.name, f"Now {_NOW[spec.name]}.")

    def exec_module(self, module: ModuleType) -> None:
        """Let the module find its names where they are now."""
        now = _NOW[module.__name__]

        def find(name: str) -> Any:
            return getattr(importlib.import_module(now), _CLASSES.get(name, name))

        vars(module)["__getattr__"] = find


def find_former_names() -> None:
    """Let Python find modules by the names of version 0.1, after all other ways to find one."""
    if not any(isinstance(finder, _FormerNames) for finder in sys.meta_path):
        sys.meta_path.append(_FormerNames())
