"""A total time limit for one HTTP attempt: a socket's own timeout begins anew with each byte of a dripping answer.

It ends an attempt by shutting its socket down; what that means for the caller is decided elsewhere.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

_current = threading.local()


class Attempt:
    """One request under way in one thread.

    Attributes
    ----------
    connection : object or None
        The connection it runs over, with the attribute ``sock``.
    held : tuple or None
        The pool and the connection that is to go back to it, once the answer is understood.
    expired : bool
        Whether its time ran out.
    response : object or None
        What came back, whatever its status.
    error : Exception or None
        Why nothing came back.
    on_done : callable or None
        Is called when the wire is done with, before what came is parsed.
    """

    def __init__(self) -> None:
        self.on_done: Callable[[], None] | None = None
        self.connection: Any = None
        self.held: tuple[Any, Any] | None = None
        self.socket: socket.socket | None = None
        self.expired = False
        self.response: Any = None
        self.error: Exception | None = None

    def done(self) -> None:
        """Say that nothing more goes over the wire."""
        if self.on_done is not None:
            self.on_done()

    def give_back(self, *, is_understood: bool) -> None:
        """Let other requests have the connection, unless more may come over it than was understood."""
        # From here on the time of this attempt is nothing to the connection.
        self.connection = self.socket = None
        if self.held is not None:
            (pool, connection), self.held = self.held, None
            pool.take_back(connection, is_clean=is_understood)

    def end(self) -> None:
        """Wake whoever reads from or writes to the connection."""
        self.expired = True
        held = self.socket or getattr(self.connection, "sock", None)
        if held is None:
            return  # still connecting, which has a timeout of its own
        with contextlib.suppress(OSError):
            # Not the method of an SSL socket, which would take the TLS state from under the thread that reads.
            socket.socket.shutdown(held, socket.SHUT_RDWR)


def current_attempt() -> Attempt | None:
    """Return the attempt that this thread has under way."""
    found: Attempt | None = getattr(_current, "attempt", None)
    return found


class Watchdog:
    """Ends attempts whose time is up, from one thread that lives as long as there is something to watch.

    Parameters
    ----------
    clock : callable
        Gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._deadlines: dict[Attempt, float] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    @contextlib.contextmanager
    def attempt(self, seconds: float) -> Iterator[Attempt]:
        """Give the block so many seconds; connections that it opens are shut down after that."""
        attempt = Attempt()
        with self._changed:
            self._deadlines[attempt] = self._clock() + seconds
            if self._thread is None:
                self._closed = False
                self._thread = threading.Thread(target=self._run, name="mmembed-deadlines", daemon=True)
                self._thread.start()
            elif len(self._deadlines) == 1:
                # Otherwise an earlier deadline wakes the thread first.
                self._changed.notify()
        _current.attempt = attempt
        try:
            yield attempt
        finally:
            _current.attempt = None
            with self._changed:
                self._deadlines.pop(attempt, None)
                if self._closed:
                    self._changed.notify()

    def close(self, *, grace_seconds: float = 0.0) -> None:
        """End the thread, at once or with the last attempt that is under way.

        Parameters
        ----------
        grace_seconds : float
            What is left to attempts that are under way: nobody waits for them any more, but an answer that comes soon
            is paid for.
        """
        with self._changed:
            self._closed = True
            latest = self._clock() + grace_seconds
            self._deadlines = {attempt: min(deadline, latest) for attempt, deadline in self._deadlines.items()}
            are_under_way = bool(self._deadlines)
            self._changed.notify()
            thread, self._thread = self._thread, None
        if thread is not None and not are_under_way:
            thread.join()

    def _run(self) -> None:
        with self._changed:
            while self._deadlines or not self._closed:
                now = self._clock()
                for attempt in [one for one, deadline in self._deadlines.items() if deadline <= now]:
                    del self._deadlines[attempt]
                    attempt.end()
                earliest = min(self._deadlines.values(), default=None)
                self._changed.wait(None if earliest is None else max(0.0, earliest - now))
