"""Forks: objects with locks, open files or connections get to tidy up before and after ``os.fork``."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol

__all__ = ["ForkAware", "register_fork_hooks"]


class ForkAware(Protocol):
    """What an object that handles forks does."""

    def before_fork(self) -> None:
        """Bring the object to rest; hold its locks."""
        ...

    def after_fork_in_parent(self) -> None:
        """Go on."""
        ...

    def after_fork_in_child(self) -> None:
        """Begin anew, in a process with one thread."""
        ...


_aware: weakref.WeakSet[ForkAware] = weakref.WeakSet()


class _State:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.resting: list[ForkAware] = []


_state = _State()


def register_fork_hooks(one: ForkAware) -> None:
    """Call the object's methods around each fork as long as it lives; needs no undoing.

    Must not be called by one who holds a lock that an object's ``before_fork`` takes.
    """
    with _state.lock:
        _aware.add(one)


def _before() -> None:
    _state.lock.acquire()  # two threads that fork at once take turns
    for one in list(_aware):
        one.before_fork()
        _state.resting.append(one)


def _in_parent() -> None:
    while _state.resting:
        _state.resting.pop().after_fork_in_parent()
    _state.lock.release()


def _in_child() -> None:
    _state.lock = threading.Lock()
    while _state.resting:
        _state.resting.pop().after_fork_in_child()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
