"""Misbehaviours of the connection: it ends too early, says nothing, stalls or drips."""

from __future__ import annotations

from .faults import Fault, Wire

# Longer than any client of a test waits; ends at once when the client hangs up or the server stops.
FOREVER = 600.0


def closed(*, works: bool = False) -> Fault:
    """Close the connection before any response; with ``works`` the service has done the work and charges it."""

    def deliver(wire: Wire, head: bytes, body: bytes) -> None:
        del head, body
        wire.close()

    return Fault("closed before response", deliver=deliver, works=works)


def connection_reset(*, works: bool = False) -> Fault:
    """Reset the connection before any response."""

    def deliver(wire: Wire, head: bytes, body: bytes) -> None:
        del head, body
        wire.reset()

    return Fault("reset before response", deliver=deliver, works=works)


def silent(seconds: float = FOREVER, *, works: bool = False) -> Fault:
    """Say nothing until the client hangs up."""

    def deliver(wire: Wire, head: bytes, body: bytes) -> None:
        del head, body
        wire.wait_until_gone(seconds)
        wire.close()

    return Fault("no response", deliver=deliver, works=works)


def truncated(share: float = 0.5) -> Fault:
    """Close the connection after this share of the body."""

    def deliver(wire: Wire, head: bytes, body: bytes) -> None:
        wire.send(head + body[: int(len(body) * share)])
        wire.close()

    return Fault("truncated body", deliver=deliver)


def reset_in_body(share: float = 0.5) -> Fault:
    """Reset the connection after this share of the body."""

    def deliver(wire: Wire, head: bytes, body: bytes) -> None:
        wire.send(head + body[: int(len(body) * share)])
        # The reset must not overtake the head, or the client sees no response at all.
        wire.pause(0.02)
        wire.reset()

    return Fault("reset in body", deliver=deliver)


def stalled(share: float = 0.5, seconds: float = FOREVER) -> Fault:
    """Send the head and this share of the body, then nothing until the client hangs up."""

    def deliver(wire: Wire, head: bytes, body: bytes) -> None:
        wire.send(head + body[: int(len(body) * share)])
        wire.wait_until_gone(seconds)
        wire.close()

    return Fault("stalled body", deliver=deliver)


def dripping(seconds: float = 1.0, pieces: int = 20) -> Fault:
    """Send the body in pieces, spread over this many seconds; a client without a deadline gets it all."""

    def deliver(wire: Wire, head: bytes, body: bytes) -> None:
        wire.send(head)
        size = max(1, -(-len(body) // pieces))
        for start in range(0, len(body), size):
            wire.pause(seconds / pieces)
            wire.send(body[start : start + size])

    return Fault("dripping body", deliver=deliver, spoils=False)


def late(seconds: float) -> Fault:
    """Send a good answer, but only after this long."""

    def deliver(wire: Wire, head: bytes, body: bytes) -> None:
        if wire.wait_until_gone(seconds):
            raise ConnectionAbortedError("The client did not wait.")
        wire.send(head + body)

    return Fault(f"late by {seconds:g} s", deliver=deliver, spoils=False)
