"""The server that tests start: a real one on loopback, with its bill, its record of requests and its misbehaviours."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from .handler import LoopbackServer
from .models import MODELS, Model
from .protocol import BASE_PATH, BodyLimits, Exchange, UsageShape
from .service import EmbeddingService, Limits, Settings
from .vectors import make_vector

if TYPE_CHECKING:
    from .accounts import Keys
    from .bill import Bill
    from .faults import Fault, Misbehaviour, When
    from .uploads import ObjectStore


class DashScopeServer:
    """The DashScope multimodal-embedding service on a free port of this machine.

    Parameters
    ----------
    keys : collection of str, or mapping of str to Account
        The API keys; names alone are good keys of one account in the server's region.
    region : {"beijing", "singapore"}
        Decides which keys and models are good.
    latency : float or callable
        Seconds that an answered request takes, or a function of the request that gives them. Refusals take none.
    limits : RateLimits, mapping of model name to RateLimits, "documented" or None
        How fast it may be asked; None is as fast as one likes.
    models : mapping of str to Model
        The models and their limits; replace one to see how a client takes other limits.
    usage : {"flat", "detailed", "none"}
        Which of the two documented shapes ``usage`` has.
    accept_parameters : collection of str
        Parameters outside the documentation that are let through instead of refused.
    keep_contents : bool
        Whether ``requests`` keep what was sent; turn it off where the server must not grow with pictures.
    clock : callable
        Gives seconds to the rate limits and the record.
    host, port : str, int
        Where to listen; port 0 is a free one.

    Examples
    --------
    >>> with DashScopeServer(keys={"sk-test"}) as server:
    ...     server.bill.vectors
    0
    """

    def __init__(
        self,
        keys: Keys = ("sk-test",),
        *,
        region: str = "beijing",
        latency: float | Callable[[Exchange], float] = 0.0,
        limits: Limits = None,
        models: Mapping[str, Model] = MODELS,
        body_limits: BodyLimits | None = None,
        usage: UsageShape = "flat",
        accept_parameters: Collection[str] = (),
        keep_contents: bool = True,
        clock: Callable[[], float] = time.monotonic,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._service = EmbeddingService(
            Settings(
                keys=keys,
                region=region,
                models=models,
                limits=limits,
                body_limits=body_limits or BodyLimits(),
                usage=usage,
                accept_parameters=accept_parameters,
                keep_contents=keep_contents,
                clock=clock,
            )
        )
        self._latency = latency if callable(latency) else _constant(latency)
        self._address = (host, port)
        self._server: LoopbackServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Listen; from now on there is a ``base_url``."""
        if self._server is not None:
            raise RuntimeError("The server was started before; make a new one for a new start.")
        self._server = LoopbackServer(self._address, self._service, self._latency)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, name="dashscope-server"
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """End all connections and threads; raises what went wrong inside the server itself, if anything did."""
        if self._thread is None:
            return
        self._running.stop()
        self._thread.join()
        self._thread = None
        if self._running.failures:
            raise ExceptionGroup("The server itself failed.", self._running.failures)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _running(self) -> LoopbackServer:
        if self._server is None:
            raise RuntimeError("The server is not started: use it in a with statement, or call start().")
        return self._server

    @property
    def host_url(self) -> str:
        """The root of all its addresses."""
        return self._running.host

    @property
    def base_url(self) -> str:
        """What to give to the SDK as ``base_address``, or as ``DASHSCOPE_HTTP_BASE_URL``."""
        return self.host_url + BASE_PATH

    @property
    def bill(self) -> Bill:
        """What was sold."""
        return self._service.bill

    @property
    def requests(self) -> tuple[Exchange, ...]:
        """All requests so far to any address, in the order of arrival."""
        return self._running.snapshot()

    @property
    def embedding_requests(self) -> tuple[Exchange, ...]:
        """The requests to the embedding address, in the order of arrival."""
        return tuple(one for one in self.requests if one.number)

    @property
    def uploads(self) -> dict[str, bytes]:
        """The files that were uploaded, by object name: an honest client leaves it empty."""
        return dict(self._service.store.objects)

    @property
    def storage(self) -> ObjectStore:
        """The temporary storage, to set how it answers."""
        return self._service.store

    @property
    def most_at_once(self) -> int:
        """The largest number of embedding requests that were in work at one time."""
        return self._running.most_at_once

    def misbehave(
        self, fault: Fault, when: When | int | Iterable[int] | None = None, *, times: int | None = None
    ) -> Misbehaviour:
        """Script a misbehaviour; of several that fit a request, the one scripted first strikes.

        Parameters
        ----------
        fault : Fault
            What to do.
        when : callable, int, ints or None
            A predicate on the ``Exchange``, one or several request numbers (from 1), or None for every request.
        times : int or None
            How often at most.
        """
        return self._service.script.add(fault, when, times)

    def vectors(self, contents: list[Any], model: str, **parameters: Any) -> list[list[float]]:
        """Return the vectors that a request with these contents gives; nothing is charged."""
        sold = self._service.sold(contents, model, parameters)
        return [make_vector(key, dimension) for _, key, dimension in sold]

    def vector(self, content: Any, model: str, **parameters: Any) -> list[float]:
        """Return the vector of one content, e.g. ``"text"`` or ``{"image": …}``."""
        return self.vectors([content], model, **parameters)[0]

    def times_sold(self, content: Any, model: str, **parameters: Any) -> int:
        """Return how often the vector of one content was charged."""
        ((_, key, _),) = self._service.sold([content], model, parameters)
        return self.bill.counts[key]


def _constant(seconds: float) -> Callable[[Exchange], float]:
    return lambda exchange: seconds  # noqa: ARG005  # the same for every exchange
