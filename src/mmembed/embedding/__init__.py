"""Cells to vectors by row: contents, plan, cache, provider, one straight line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmembed._lazy import find_when_used

if TYPE_CHECKING:
    from mmembed.embedding.pipeline import Bill
    from mmembed.embedding.reranker import RerankPlan

_WHERE = {
    "Bill": "mmembed.embedding.pipeline",
    "RerankPlan": "mmembed.embedding.reranker",
}

__all__ = [
    "Bill",
    "RerankPlan",
]


if not TYPE_CHECKING:  # a checker knows the names from the imports above, and would take any other for one
    __getattr__ = find_when_used(__name__, _WHERE)


def __dir__() -> list[str]:
    return sorted(__all__)
