"""Freed memory that goes back to the system, where the C library would keep it."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from typing import Any


def give_back() -> None:
    """Return to the system what was freed in many small pieces; elsewhere than on Linux with glibc, do nothing.

    The C library keeps what a thread has freed for that thread. After communities were found in several threads, what
    is kept so was half as much as the matrix of the table.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Callable[[int], Any] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        found: Callable[[int], Any] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):  # another C library
        return None
    return found
