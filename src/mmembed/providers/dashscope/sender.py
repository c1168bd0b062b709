"""One request until it is answered or given up: limiter, attempt, classification of the failure, pause, again.

It knows no rows and halves nothing; see ``session.py``.
"""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any, Protocol

from mmembed.errors import ServiceError
from mmembed.providers.dashscope.answer import NAME_UNKNOWN, WRONG_LENGTH, Reply, RequestFailure
from mmembed.providers.dashscope.faults import classify_failure, is_gateway, is_outage
from mmembed.providers.dashscope.limiter import Pacer, Permit

_NO_ROOM = "RateLimitBudget"
_LOOK_SECONDS = 0.1  # at whether the run was stopped, while waiting for a place
_LONGEST_WISH_SECONDS = 60.0  # of a Retry-After: the service's pages say that limits recover within a minute
_MOST_TIMES_COUNTED = 50  # a count so many times the estimate is a mistake, and no reason to stand still
_LEAST_COUNTED = 1_000
_NAME_SECONDS = 60.0  # for a name that was never found: more likely there is no network, or it is misspelt
_SAY_AFTER_SECONDS = 10.0  # that the service does not answer

_logger = logging.getLogger(__name__)


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
        Most attempts for failures that pass, before the contents are suspected; being throttled counts for none, since
        the limiter slows down.
    again_attempts : int
        Likewise for what is left of a request that was given up and halved.
    outage_attempts : int
        Likewise where nobody is answered and a gateway or the network says so, or one content is asked for alone.
    budget_seconds : float
        No attempt begins later than this after the first; a service that answers nobody for so long is down.
    first_pause_seconds, longest_pause_seconds : float
        Pauses double from the first to the longest; each is drawn between half of that and all of it.
    """

    attempts: int = 5
    again_attempts: int = 2
    outage_attempts: int = 8
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
        self._lock = threading.Lock()
        self._answers = 0
        self._silent_since: float | None = None
        self._said_silence = False

    @property
    def answers(self) -> int:
        """How many requests of the run were answered so far, by vectors or by a refusal of what they hold."""
        return self._answers

    @property
    def patience(self) -> Patience:
        """How often and how long a request is tried."""
        return self._patience

    @property
    def throttled(self) -> bool:
        """Whether the limiter slows down after refusals."""
        return self._limiter.is_throttled

    def stop(self) -> None:
        """End all waiting with CancelledError, and let no further attempt begin."""
        self._stopped.set()

    def check_running(self) -> None:
        """Raise CancelledError if the run was stopped."""
        if self._stopped.is_set():
            raise CancelledError("The run was stopped.")

    def pause(self, failures: int, *, at_least: float = 0.0) -> None:
        """Wait as after so many failures, or for so many seconds where that is longer.

        Raises
        ------
        concurrent.futures.CancelledError
            If the run was stopped.
        """
        seconds = self._patience.pause_seconds(failures, _chance())
        if self._wait(max(seconds, min(at_least, _LONGEST_WISH_SECONDS))):
            raise CancelledError("The run was stopped.")

    def send(
        self,
        contents: Sequence[Mapping[str, Any]],
        *,
        tokens: int,
        vectors: int | None = None,
        parameters: Mapping[str, Any] | None = None,
        patient: bool = True,
        waits: bool = False,
        on_charge: Callable[[int, int], None],
    ) -> Reply:
        """Return the answer to a request.

        Parameters
        ----------
        tokens : int
            What it will probably count.
        vectors : int, optional
            How many must come back; one for each content if not given.
        patient : bool
            False for what is left of a request that was given up: it gets fewer attempts.
        waits : bool
            Whether to go on for as long as there is time while nobody else is answered: the service is down.
        on_charge : callable
            Is told the tokens of texts and of media of each attempt that was charged, usable or not.

        Raises
        ------
        ServiceError
            The last failure, when trying again cannot help or has not.
        concurrent.futures.CancelledError
            If the run was stopped.
        """
        patience, count = self._patience, len(contents) if vectors is None else vectors
        most = patience.attempts if patient else patience.again_attempts
        began = self._clock()
        deadline = began + patience.budget_seconds
        passing = others = throttled = wrong_lengths = refused = 0
        seen = self._answers
        last: ServiceError | None = None
        while True:
            try:
                return self._attempt(
                    contents, count, tokens=tokens, parameters=parameters, deadline=deadline, on_charge=on_charge
                )
            except ServiceError as error:
                if error.code == _NO_ROOM and last is not None:
                    raise last from error  # what the service said tells more
                last = error
                throttled += error.verdict == "throttled"
                wrong_lengths += error.code == WRONG_LENGTH
                refused += error.deserves_one_more
                if wrong_lengths > 1:
                    # Twice is no accident, and each time is charged: every request would end like this one.
                    error.verdict = "job"
                if not error.retryable or refused > (count == 1):
                    raise  # a content that may pass is halved in company instead, which also tries again
                # After a throttling the limiter holds the others back too; this pause keeps one request from being
                # first again and again.
                pause = patience.pause_seconds(passing + throttled + refused + (error.verdict == "passing"), _chance())
                pause = max(pause, min(error.retry_after_seconds or 0.0, _LONGEST_WISH_SECONDS))
                if error.verdict == "passing":
                    answers = self._answers
                    others += passing > 0 and answers > seen
                    passing, seen = passing + 1, answers
                    self._watch_silence(error, pause)
                    # Where others are answered, the contents of this one are to blame, or half of it can tell.
                    if others >= most - 1 and passing >= most:
                        raise
                    is_long = count > 1 and self._clock() - began > patience.budget_seconds / 4
                    if not waits and (passing >= self._most_alone(error, count, most, patient) or is_long):
                        raise
                if self._clock() + pause > deadline:
                    raise
                if self._wait(pause):
                    raise CancelledError("The run was stopped.") from error

    def _most_alone(self, error: ServiceError, count: int, most: int, patient: bool) -> int:  # noqa: FBT001 - as in send
        """Return how many attempts are made while nobody else is answered either."""
        if patient and (is_gateway(error) or (count == 1 and is_outage(error))):
            return max(most, self._patience.outage_attempts)
        return most

    def _watch_silence(self, error: ServiceError, pause: float) -> None:
        """Say that the service is silent; raise the failure, to end the job, if it has been so for too long.

        Raises
        ------
        ServiceError
            The failure itself.
        """
        now, budget = self._clock(), self._patience.budget_seconds
        if error.code == NAME_UNKNOWN and not self._answers:
            budget = min(budget, _NAME_SECONDS)
        with self._lock:
            since = self._silent_since = now if self._silent_since is None else self._silent_since
            says = not self._said_silence and now - since > _SAY_AFTER_SECONDS and now + pause <= since + budget
            self._said_silence |= says
        if says:
            _logger.warning(
                "No usable answer for %.0f s (%s) It is tried again until %.0f s have passed.",
                now - since,
                error,
                budget,
            )
        if now + pause > since + budget:
            error.ends_job = True
            ending = "Run again later, which continues where there is a cache."
            error.args = (f"{error} Nothing else was answered for {now - since:.0f} s either. {ending}",)
            raise error

    def _note_answer(self) -> None:
        with self._lock:
            self._answers += 1
            self._silent_since, self._said_silence = None, False

    def _attempt(
        self,
        contents: Sequence[Mapping[str, Any]],
        count: int,
        *,
        tokens: int,
        parameters: Mapping[str, Any] | None,
        deadline: float,
        on_charge: Callable[[int, int], None],
    ) -> Reply:
        with self._place_on_the_wire() as leave, self._permit(tokens, deadline) as permit:
            try:
                reply = self._connection.request(contents, expected=count, parameters=parameters, on_done=leave)
            except RequestFailure as failure:
                error = classify_failure(failure)
                if error.verdict == "throttled":
                    permit.throttled(error.retry_after_seconds)
                elif error.verdict in {"content", "size"}:
                    self._note_answer()
                on_charge(*failure.tokens)
                # The connection's own exception is not chained: it may quote what was sent.
                raise error from None
            self._note_answer()
            counted = reply.text_tokens + reply.media_tokens
            if counted:
                permit.settle(min(counted, max(tokens * _MOST_TIMES_COUNTED, _LEAST_COUNTED)))
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

    def _permit(self, tokens: int, deadline: float) -> Permit:
        try:
            return self._limiter.acquire(tokens, stop=self._stopped, deadline=deadline)
        except TimeoutError as error:
            raise ServiceError(
                f"The rate limit left no room for a request within {self._patience.budget_seconds:g} s. "
                "Run again later, or give the account's own requests_per_minute and tokens_per_minute.",
                code=_NO_ROOM,
                verdict="job",
            ) from error


def _chance() -> float:
    return random.random()  # noqa: S311 - not a secret
