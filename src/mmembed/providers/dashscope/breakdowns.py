"""Why no answer came, in words: the innermost reason of what the HTTP library raised, and what may be done about it.

It knows no retries; what a breakdown means for the job is in the table of failures.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from mmembed.providers.dashscope.answer import (
    BAD_CERTIFICATE,
    CONNECTION_FAILED,
    NAME_UNKNOWN,
    TIMED_OUT,
    UNREADABLE,
    RequestFailure,
    shortened,
)

_TUNNEL_END = " '\")"
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})\s*(.*)")


def breakdown(
    error: Exception, *, address: str, is_connecting: bool, is_late: bool, seconds: float, secrets: Sequence[str] = ()
) -> RequestFailure:
    """Return the failure of a request to which no usable answer came.

    Parameters
    ----------
    error : Exception
        What the HTTP library raised.
    address : str
        Root of the API.
    is_connecting : bool
        Whether the connection was still being made.
    is_late : bool
        Whether the time was up.
    seconds : float
        The time there was.
    secrets : sequence of str
        What must not be shown.
    """
    import requests
    import urllib3

    host = urlsplit(address).netloc.rpartition("@")[2] or address
    chain = list(_chain(error))

    status: int | None = None
    if isinstance(error, requests.exceptions.ContentDecodingError):
        code, message, status = UNREADABLE, str(error), 200
    elif tunnel := next((found for one in chain if (found := _TUNNEL.search(str(one)))), None):
        status = int(tunnel[1])
        code, message = f"HTTP{status}", f"the proxy made no connection to {host}: {tunnel[2].strip(_TUNNEL_END)}"
    elif is_late or any(isinstance(one, requests.Timeout | urllib3.exceptions.ReadTimeoutError) for one in chain):
        code, message = TIMED_OUT, _late(chain, host, is_connecting=is_connecting, seconds=seconds)
    elif any(isinstance(one, ssl.SSLCertVerificationError) for one in chain):
        code, message = BAD_CERTIFICATE, f"{host} showed a certificate that is not trusted: {_innermost_reason(chain)}"
    elif any(isinstance(one, socket.gaierror | urllib3.exceptions.NameResolutionError) for one in chain):
        proxied = any(isinstance(one, requests.exceptions.ProxyError) for one in chain)
        name = "the proxy's name" if proxied else f"the name {host}"
        code, message = NAME_UNKNOWN, f"{name} cannot be resolved ({_innermost_reason(chain)}): is there a network?"
    elif any(isinstance(one, requests.exceptions.ProxyError) for one in chain):
        code, message = CONNECTION_FAILED, f"the proxy cannot be reached: {_innermost_reason(chain)}"
    else:
        code, message = CONNECTION_FAILED, f"{_describe_break(chain)} from {host}: {_innermost_reason(chain)}"
    return RequestFailure(code, shortened(message, secrets), status=status, cause=error)


def _late(chain: list[BaseException], host: str, *, is_connecting: bool, seconds: float) -> str:
    import urllib3

    if not is_connecting:
        return f"the service did not answer in full within {seconds:g} s"
    if any(isinstance(one, urllib3.exceptions.ConnectTimeoutError) for one in chain):
        return f"the service did not connect within {seconds:g} s: {host} takes no connection"
    return (
        f"the service did not connect within {seconds:g} s: {host} took the connection and then said nothing "
        "(TLS); a firewall or a proxy on the way may hold it"
    )


def _describe_break(chain: list[BaseException]) -> str:
    if any(isinstance(one, ConnectionRefusedError) for one in chain):
        return "no connection"
    return "no whole answer"


def _innermost_reason(chain: list[BaseException]) -> str:
    """Return the words of the last reason that has any."""
    for one in reversed(chain):
        words = (one.strerror if isinstance(one, OSError) else None) or str(one)
        if words:
            return f"{type(one).__name__}: {words}"
    return type(chain[0]).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Give an exception and whatever it came from, outermost first."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        sources = (getattr(one, "reason", None), *one.args, one.__cause__, one.__context__)
        waiting += [source for source in sources if isinstance(source, BaseException)]
