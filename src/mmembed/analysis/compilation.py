"""Compiled loops that are kept on disk, so that only their first call on a machine waits for the compiler.

numba keeps them beside the file that defines them, else in the user's cache folder, or in NUMBA_CACHE_DIR. It finds
them again by what a function closes over: what is closed over must be the same in each process.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache, wraps
from threading import Lock
from typing import Any, TypeVar

import numba

_LOG = logging.getLogger(__name__)

_Kernels = TypeVar("_Kernels")


def made_once(make: Callable[..., _Kernels]) -> Callable[..., _Kernels]:
    """Return the function with its answers kept; threads that ask at once wait for the first, and compile once."""
    lock, kept = Lock(), cache(make)

    @wraps(make)
    def get(*given: Any) -> _Kernels:
        with lock:
            return kept(*given)

    return get


def kept_on_disk(function: Callable[..., Any], signature: Any, *, fastmath: bool = False) -> Any:
    """Return a function compiled for one signature; other threads go on while it runs.

    Parameters
    ----------
    function : callable
    signature : str or numba signature
    fastmath : bool
        Whether sums may be taken in another order.
    """
    options: dict[str, Any] = {"nogil": True, "fastmath": fastmath}
    try:
        return numba.njit(signature, cache=True, **options)(function)
    except (RuntimeError, OSError) as error:
        _LOG.info("Compiled code is not kept (%s); each process compiles it. Set NUMBA_CACHE_DIR.", error)
        return numba.njit(signature, **options)(function)
