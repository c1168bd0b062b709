"""The service as a process finds it: its address, a key and an empty cache in the environment."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .server import DashScopeServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

KEY = "sk-test-0123456789abcdef"


@contextmanager
def reachable(monkeypatch: pytest.MonkeyPatch, cache: Path, **settings: Any) -> Iterator[DashScopeServer]:
    """Start a server that takes ``KEY``, with ``settings``, and tell this process and its children of it."""
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(cache))
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
    with DashScopeServer(keys=(KEY,), **settings) as server:
        monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", server.base_url)
        yield server
