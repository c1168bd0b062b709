"""Contents to vectors: the protocol, the table of models, the service and the local model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmembed._lazy import find_when_used

if TYPE_CHECKING:
    from mmembed.providers.models import find_model

_WHERE = {
    "find_model": "mmembed.providers.models",
}

__all__ = [
    "find_model",
]


if not TYPE_CHECKING:  # a checker knows the names from the imports above, and would take any other for one
    __getattr__ = find_when_used(__name__, _WHERE)


def __dir__() -> list[str]:
    return sorted(__all__)
