"""One run over open connections: a batch becomes requests, refused requests are halved, and all is added up.

The limiter and the table of failures decide who waits how long and what is tried again. The contents for whose sake a
request is refused are found with few further requests.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from mmembed.arrays import FloatMatrix
from mmembed.contents.content import Content
from mmembed.errors import ContentError, ServiceError
from mmembed.providers.bisection import Bisection
from mmembed.providers.dashscope.faults import content_error, is_gateway, is_outage
from mmembed.providers.dashscope.request_body import Store, wire_contents
from mmembed.providers.dashscope.sender import RequestSender
from mmembed.providers.dashscope.token_estimates import TokenEstimates
from mmembed.providers.models import ModelSpec
from mmembed.providers.protocol import Answer

Keep = Callable[[Sequence[int], FloatMatrix], None]

# So many requests refused, and none accepted, mean that contents from all over the table are to be tried first.
_MOST_REFUSED = 6

# So many contents given up one after the other, and none answered, make it likely that the service is down.
_MOST_GIVEN_UP = 8


class _PutAside(Exception):  # noqa: N818 - what is left of the batch is asked for later
    """Nothing was accepted so far; the rest of a batch waits until contents from elsewhere were tried."""


class _Halve(Exception):  # noqa: N818 - one content may be to blame, or all together
    """A request that is to be halved."""

    def __init__(self, error: ServiceError, count: int) -> None:
        super().__init__(str(error))
        self.error = error
        self.count = count


@dataclass
class _Batch:
    """What is known of one batch so far."""

    contents: Sequence[Content]
    wire: dict[int, list[dict[str, Any]]]
    matrix: FloatMatrix
    failures: dict[int, ContentError] = field(default_factory=dict)
    # Given up alone: the error, how many requests had been answered by then, whether it was tried for long.
    doubtful: dict[int, tuple[ServiceError, int, bool]] = field(default_factory=dict)
    keep: Keep | None = None
    may_wait_aside: bool = False
    was_given_up: bool = False
    answers_before: int = 0  # of the whole run, when it was given up
    ends_with: ServiceError | None = None
    text_tokens: int = 0
    media_tokens: int = 0
    request_ids: list[str] = field(default_factory=list)

    def charge(self, text_tokens: int, media_tokens: int) -> None:
        self.text_tokens += text_tokens
        self.media_tokens += media_tokens

    def unasked(self) -> list[int]:
        """Return the rows that have neither a vector nor a failure."""
        return [one for one in self.wire if one not in self.failures and np.isnan(self.matrix[one, 0])]


class ApiSession:
    """Embeds batches; implements :class:`mmembed.providers.protocol.PartwiseSession` for the threads of one run.

    Parameters
    ----------
    sender : RequestSender
        Sends one request, tries again where that helps.
    spec : ModelSpec
        The model.
    dimension : int
        Length of the vectors.
    store : callable, optional
        Puts a clip of this machine where the service reads it, and returns its address there.
    """

    def __init__(self, sender: RequestSender, spec: ModelSpec, dimension: int, store: Store | None = None) -> None:
        self._sender = sender
        self._store = store
        self._spec = spec
        self._dimension = dimension
        self._lock = threading.Lock()
        self._ended_by: ServiceError | None = None
        self._has_answers = False
        self._estimates = TokenEstimates(spec)
        self._refused = 0
        self._given_up_in_a_row = 0
        self._most_together: int | None = None  # learned where the service takes fewer than documented

    def embed(self, batch: Sequence[Content]) -> Answer:
        """Embed one batch.

        Raises
        ------
        ServiceError
            If the whole job must stop: key, access, arrears, a service that is down.
        concurrent.futures.CancelledError
            If the session was stopped.
        """
        answer = self._embed(batch, None, may_wait_aside=False)
        if answer.ends_with is not None and answer.ends_with.ends_job:
            raise answer.ends_with
        return answer

    def embed_by_parts(self, batch: Sequence[Content], keep: Keep) -> Answer:
        """Embed one batch, and hand over each answered part of it before anything else is sent.

        Where nothing was accepted so far, a batch of several contents comes back unasked.

        Raises
        ------
        ServiceError, concurrent.futures.CancelledError
            As :meth:`embed`.
        """
        return self._embed(batch, keep, may_wait_aside=len(batch) > 1)

    def _embed(self, batch: Sequence[Content], keep: Keep | None, *, may_wait_aside: bool) -> Answer:
        work = _Batch(batch, {}, np.full((len(batch), self._dimension), np.nan, np.float32))
        work.keep, work.may_wait_aside = keep, may_wait_aside
        for position, content in enumerate(batch):
            try:
                work.wire[position] = wire_contents(content, self._spec, self._store)
            except ContentError as error:
                work.failures[position] = error
            except ServiceError as error:  # of an upload that no other can do better than
                self._end(error)
            except CancelledError:
                raise self._ended_by or CancelledError("The run was stopped.") from None
        halving = Bisection(
            lambda positions: self._send(work, positions),
            _Halve,
            lambda position, refusal: self._refuse(work, position, refusal.error),
        )
        try:
            for part in self._parts(list(work.wire)):
                halving.run(part, blames_size=self._blames_size)
            self._settle_doubts(work)
        except _PutAside:
            pass
        except CancelledError:
            if self._ended_by is not None:
                raise self._ended_by from None  # another thread's failure ended this one's waiting
            raise
        cost = (work.text_tokens * self._spec.text_price + work.media_tokens * self._spec.media_price) / 1000
        return Answer(
            work.matrix,
            work.failures,
            tokens=work.text_tokens + work.media_tokens,
            cost=cost,
            # A name for all of it only where one request was answered with all: a failure bears that of its own.
            request_id=work.request_ids[0] if len(work.request_ids) == 1 and not work.failures else None,
            unasked=work.unasked(),
            ends_with=work.ends_with,
        )

    @property
    def throttled(self) -> bool:
        """Whether requests leave more slowly than allowed, since the service refused some."""
        return self._sender.throttled

    def stop(self) -> None:
        """Wake whoever waits for the limiter or for another attempt; they end with CancelledError."""
        self._sender.stop()

    def _parts(self, positions: list[int]) -> list[list[int]]:
        size = self._most_together or max(1, len(positions))
        return [positions[start : start + size] for start in range(0, len(positions), size)]

    def _blames_size(self, refusal: _Halve) -> bool:
        if refusal.error.verdict != "size":
            return False
        with self._lock:
            # The halving goes on with half of what was refused; later batches begin with that.
            half = max(1, (refusal.count + 1) // 2)
            self._most_together = min(self._most_together or half, half)
        return True

    def _send(
        self, work: _Batch, positions: Sequence[int], *, patient: bool | None = None, waits: bool = False
    ) -> None:
        if work.may_wait_aside and self._is_in_doubt:
            raise _PutAside
        # Nobody is answered: ever more slowly, though with other contents each time, since those tried may be to blame.
        too_many = self._given_up_in_a_row - _MOST_GIVEN_UP
        if too_many >= 0:
            self._sender.pause(too_many + 1)
        contents = [work.contents[position] for position in positions]
        fuses = self._spec.is_request(contents[0].kind)
        guess = self._estimates.guess(contents)
        try:
            reply = self._sender.send(
                [one for position in positions for one in work.wire[position]],
                vectors=len(positions),
                tokens=self._estimates.of(guess),
                # It fuses all objects of the request; pages differ on whether the kinds of one object need it, too.
                parameters={"enable_fusion": True} if fuses else None,
                patient=not work.was_given_up if patient is None else patient,
                waits=waits,
                on_charge=work.charge,
            )
        except ServiceError as error:
            self._after_failure(work, error, len(positions), is_last=waits)
            raise _Halve(error, len(positions)) from error
        work.matrix[list(positions)] = reply.matrix
        if work.keep is not None:
            work.keep(positions, reply.matrix)
        with self._lock:
            self._has_answers = True
            self._given_up_in_a_row = 0
        self._estimates.learn(guess, reply.text_tokens, reply.media_tokens)
        if reply.request_id is not None:
            work.request_ids.append(reply.request_id)

    @property
    def _is_in_doubt(self) -> bool:
        return not self._has_answers and self._refused >= _MOST_REFUSED

    def _after_failure(self, work: _Batch, error: ServiceError, count: int, *, is_last: bool) -> None:
        """Count it, and stop the job where no other request can do better."""
        if error.ends_job and is_last:
            work.ends_with = error  # if there is anything else to ask for
            return
        if error.verdict in {"job", "throttled"} or error.ends_job:
            self._end(error)
        if error.verdict == "passing":
            if not work.was_given_up:
                work.was_given_up, work.answers_before = True, self._sender.answers
            with self._lock:
                self._given_up_in_a_row += count == 1
            if self._given_up_in_a_row >= _MOST_GIVEN_UP and not is_outage(error):
                self._end(error)  # answers come, are charged, and cannot be used
        else:
            with self._lock:
                self._refused += 1

    def _refuse(self, work: _Batch, position: int, error: ServiceError) -> None:
        """Note the failure of one content that was asked for alone."""
        if error.verdict == "passing":
            was_tried_long = len(work.wire) == 1
            work.doubtful[position] = (error, self._sender.answers, was_tried_long)
            return
        work.failures[position] = content_error(error)
        if not self._has_answers:
            work.ends_with = error  # if so many others are refused, too

    def _settle_doubts(self, work: _Batch) -> None:
        """Ask again for contents that were given up, to tell whether they or the service are to blame."""
        for position, (error, answers, was_tried_long) in work.doubtful.items():
            is_up = self._sender.answers > answers
            was_up = self._sender.answers > work.answers_before
            waits = is_gateway(error) and not was_up
            is_over = work.ends_with is not None and work.ends_with.ends_job
            if is_over or (was_tried_long and not is_up and not waits):
                work.failures[position] = content_error(error)
                continue
            try:
                # A gateway that is down is waited for; else, without an answer since, one content is tried for long.
                self._send(work, [position], patient=not is_up and not work.failures, waits=waits)
            except _Halve as again:
                work.failures[position] = content_error(again.error)

    def _end(self, error: ServiceError) -> NoReturn:
        """Stop the job: wake the threads that wait, and let no further attempt begin."""
        self._ended_by = self._ended_by or error
        self.stop()
        raise error
