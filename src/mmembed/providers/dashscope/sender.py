"""One request until it is answered or given up: limiter, attempt, judgement, pause, again.

It knows no rows and halves nothing; see ``api_session.py``.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any, Protocol

from mmembed.providers.dashscope.answer import WRONG_LENGTH, Reply, RequestFailure
from mmembed.providers.dashscope.faults import ServiceError, judge
from mmembed.providers.dashscope.limiter import Leave, Pacer

_NO_ROOM = "RateLimitBudget"
_LOOK_SECONDS = 0.1  # at whether the run was stopped, while waiting for a place


class Connection(Protocol):
    """What sends one request; see :class:`mmembed.providers.dashscope.connection.DashScopeConnection`."""

    def request(
        self,
        contents: Sequence[Mapping[str, Any]],
        *,
        expected: int,
        parameters: Mapping[str, Any] | None = None,
        on_done: Callable[[], None] | None = None,
    ) -> Reply:
        """Send once."""
        ...


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often and how long a request is tried.

    Attributes
    ----------
    attempts : int
        Most attempts for failures that pass; being throttled counts for none, since the limiter slows down.
    again_attempts : int
        Likewise for what is left of a request that was given up and halved.
    budget_seconds : float
        No attempt begins later than this after the first.
    first_pause_seconds, longest_pause_seconds : float
        Pauses double from the first to the longest; each is drawn between half of that and all of it.
    """

    attempts: int = 5
    again_attempts: int = 2
    budget_seconds: float = 600.0
    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 30.0

    def pause_seconds(self, failures: int, chance: float) -> float:
        """Return the pause after so many failures; ``chance`` is drawn from 0 to 1."""
        whole = min(self.longest_pause_seconds, self.first_pause_seconds * 2.0 ** (failures - 1))
        return whole * (0.5 + chance / 2)


class RequestSender:
    """Sends requests for the threads of one run.

    Parameters
    ----------
    connection : Connection
        Where to.
    limiter : Pacer
        When.
    patience : Patience
        How often.
    at_once : int
        Most requests that may be on the wire; threads beyond that wait, or read and store what came.
    clock : callable
        Seconds that only rise; also the limiter's.
    wait : callable
        ``wait(seconds)`` returns after so many seconds or, with True, as soon as the run is stopped.
    """

    def __init__(
        self,
        connection: Connection,
        limiter: Pacer,
        patience: Patience,
        *,
        at_once: int = 1,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self._places = threading.Semaphore(at_once)
        self._connection = connection
        self._limiter = limiter
        self._patience = patience
        self._clock = clock
        self._stopped = threading.Event()
        self._wait = wait or self._stopped.wait

    @property
    def throttled(self) -> bool:
        """Whether the limiter slows down after refusals."""
        return self._limiter.is_throttled

    def stop(self) -> None:
        """End all waiting with CancelledError, and let no further attempt begin."""
        self._stopped.set()

    def send(
        self,
        contents: Sequence[Mapping[str, Any]],
        *,
        tokens: int,
        parameters: Mapping[str, Any] | None = None,
        patient: bool = True,
        on_charge: Callable[[int, int], None],
    ) -> Reply:
        """Return the answer to a request.

        Parameters
        ----------
        tokens : int
            What it will probably count.
        patient : bool
            False for what is left of a request that was given up: it gets fewer attempts.
        on_charge : callable
            Is told the tokens of texts and of media of each attempt that was charged, usable or not.

        Raises
        ------
        ServiceError
            The last failure, when trying again cannot help or has not.
        concurrent.futures.CancelledError
            If the run was stopped.
        """
        patience = self._patience
        most = patience.attempts if patient else patience.again_attempts
        deadline = self._clock() + patience.budget_seconds
        passing = throttled = wrong_lengths = refused = 0
        last: ServiceError | None = None
        while True:
            try:
                return self._attempt(contents, tokens, parameters, deadline, on_charge)
            except ServiceError as error:
                if error.code == _NO_ROOM and last is not None:
                    raise last from error  # what the service said tells more
                last = error
                passing += error.verdict == "passing"
                throttled += error.verdict == "throttled"
                wrong_lengths += error.code == WRONG_LENGTH
                refused += error.deserves_one_more
                if wrong_lengths > 1:
                    # Twice is no accident, and each time is charged: every request would end like this one.
                    error.verdict = "job"
                if not error.retryable or passing >= most:
                    raise
                if refused > (len(contents) == 1):
                    raise  # in company it is halved instead, which also tries again
                # After a throttling the limiter holds the others back too; this pause keeps one request from being
                # first again and again.
                pause = patience.pause_seconds(passing + throttled + refused, random.random())  # noqa: S311 - not a secret
                pause = max(pause, error.retry_after_seconds or 0.0)
                if self._clock() + pause > deadline:
                    raise
                if self._wait(pause):
                    raise CancelledError("The run was stopped.") from error

    def _attempt(
        self,
        contents: Sequence[Mapping[str, Any]],
        tokens: int,
        parameters: Mapping[str, Any] | None,
        deadline: float,
        on_charge: Callable[[int, int], None],
    ) -> Reply:
        with self._place_on_the_wire() as leave, self._permit(tokens, deadline) as permit:
            try:
                reply = self._connection.request(contents, expected=len(contents), parameters=parameters, on_done=leave)
            except RequestFailure as failure:
                error = judge(failure)
                if error.verdict == "throttled":
                    permit.throttled(error.retry_after_seconds)
                on_charge(*failure.tokens)
                # The connection's own exception is not chained: it may quote what was sent.
                raise error from None
            counted = reply.text_tokens + reply.media_tokens
            if counted:
                permit.settle(counted)
            permit.succeeded()
            on_charge(reply.text_tokens, reply.media_tokens)
            return reply

    @contextlib.contextmanager
    def _place_on_the_wire(self) -> Iterator[Callable[[], None]]:
        """Wait for a place; it is left when the block calls what it is given, or at the latest when the block ends."""
        while not self._places.acquire(timeout=_LOOK_SECONDS):
            if self._stopped.is_set():
                raise CancelledError("The run was stopped.")
        held = [True]

        def leave() -> None:
            if held:
                held.clear()
                self._places.release()

        try:
            yield leave
        finally:
            leave()

    def _permit(self, tokens: int, deadline: float) -> Leave:
        try:
            return self._limiter.acquire(tokens, stop=self._stopped, deadline=deadline)
        except TimeoutError as error:
            raise ServiceError(
                f"The rate limit left no room for a request within {self._patience.budget_seconds:g} s. "
                "Run again later, or give the account's own requests_per_minute and tokens_per_minute.",
                code=_NO_ROOM,
                verdict="job",
            ) from error
