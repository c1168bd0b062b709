"""The watchdog over attempts."""

import socket
import threading

import pytest

from mmembed.providers.dashscope.http import Watchdog, current_attempt


class Connection:
    """Something with a socket."""

    def __init__(self, sock):
        self.sock = sock


def test_a_blocked_read_ends_when_the_time_is_up():
    """A thread that reads from a silent peer wakes with the end of the stream, and the attempt says why."""
    ours, theirs = socket.socketpair()
    watchdog = Watchdog()
    with ours, theirs, watchdog.attempt(0.05) as attempt:
        attempt.connection = Connection(ours)
        assert ours.recv(1) == b""
        assert attempt.expired
    watchdog.close()


def test_an_attempt_that_ends_in_time_is_left_alone():
    """Its connection goes on working for the next one, even while another attempt expires."""
    ours, theirs = socket.socketpair()
    slow, silent = socket.socketpair()
    watchdog = Watchdog()
    with ours, theirs, slow, silent:
        with watchdog.attempt(0.05) as attempt:
            attempt.connection = Connection(ours)
        with watchdog.attempt(0.1) as other:
            other.connection = Connection(slow)
            assert slow.recv(1) == b""
        theirs.sendall(b"x")
        assert ours.recv(1) == b"x"
        assert not attempt.expired
    watchdog.close()


def test_each_thread_sees_its_own_attempt():
    """What is under way in one thread is not seen in another, nor after it ended."""
    watchdog = Watchdog()
    seen = []

    def work():
        with watchdog.attempt(5) as attempt:
            seen.append(current_attempt() is attempt)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 4
    assert current_attempt() is None
    watchdog.close()


def test_closing_twice_or_unused_is_harmless():
    """There is nothing to end then."""
    watchdog = Watchdog()
    watchdog.close()
    with watchdog.attempt(1):
        pass
    watchdog.close()
    watchdog.close()
    with pytest.raises(RuntimeError), watchdog.attempt(1):
        raise RuntimeError
    watchdog.close()


def test_closing_gives_what_is_under_way_a_moment_more():
    """An attempt with two minutes left ends with the grace, and the thread that watches it ends after it."""
    ours, theirs = socket.socketpair()
    watchdog = Watchdog()
    with ours, theirs, watchdog.attempt(120) as attempt:
        attempt.connection = Connection(ours)
        watching = next(one for one in threading.enumerate() if one.name == "mmembed-deadlines")
        watchdog.close(grace_seconds=0.05)
        assert ours.recv(1) == b""
        assert attempt.expired
    watching.join(timeout=5)
    assert not watching.is_alive()
