"""Forks: objects with a lock, open files or connections tidy up around ``os.fork``."""

from __future__ import annotations

import os
import threading
import weakref

__all__ = ["ForkAware"]


class ForkAware:
    """An object that several threads use: its lock is held during each fork, and is a new one in the child.

    A fork copies a lock as it is at that moment, and with it the claim of a thread that the child does not have.

    Attributes
    ----------
    _lock : threading.RLock
        To be held while the object is not whole. Its holder must not make another such object.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        with _state.lock:
            _aware.add(self)

    def before_fork(self) -> None:
        """Wait for whoever holds the lock; a subclass then brings to rest what no fork may copy."""
        self._lock.acquire()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """Take a new lock; a subclass then lets go of what belongs to the parent. There is one thread."""
        self._lock = threading.RLock()


_aware: weakref.WeakSet[ForkAware] = weakref.WeakSet()


class _State:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.resting: list[ForkAware] = []


_state = _State()


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
