"""The time limit of one attempt."""

import socket
import threading

import pytest

from mmembed.providers.dashscope.http import attempt_of, current_attempt


class Connection:
    """Something with a socket."""

    def __init__(self, sock):
        self.sock = sock


class Pool:
    """Something that takes connections back."""

    def take_back(self, connection, *, is_clean):
        self.connection, self.is_clean = connection, is_clean


def deadlines():
    """Return the timers that are under way."""
    return [one for one in threading.enumerate() if one.name == "mmembed-deadline"]


def test_a_blocked_read_ends_when_the_time_is_up():
    """A thread that reads from a silent peer wakes with the end of the stream, and the attempt says why."""
    ours, theirs = socket.socketpair()
    with ours, theirs, attempt_of(1.0) as attempt:
        attempt.connection = Connection(ours)  # before the time is up, or nothing would wake the thread
        assert ours.recv(1) == b""
        assert attempt.expired


def test_an_attempt_that_ends_in_time_is_left_alone():
    """Its connection goes on working for the next one, even while another attempt expires."""
    ours, theirs = socket.socketpair()
    slow, silent = socket.socketpair()
    with ours, theirs, slow, silent:
        with attempt_of(1.0) as attempt:
            attempt.connection = Connection(ours)
        with attempt_of(1.1) as other:
            other.connection = Connection(slow)
            assert slow.recv(1) == b""
        theirs.sendall(b"x")
        assert ours.recv(1) == b"x"
        assert not attempt.expired


def test_a_connection_whose_time_ran_out_is_not_used_again():
    """Whether the answer was understood or not; one whose time did not is, and its attempt has no hold on it then."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for is_late in (False, True):
            with attempt_of(60) as attempt:
                pool, connection = Pool(), Connection(ours)
                attempt.connection, attempt.held = connection, (pool, connection)
                if is_late:
                    attempt.end()
                attempt.give_back(is_understood=True)
                assert (pool.connection, pool.is_clean) == (connection, not is_late)
                attempt.end()
            if not is_late:
                theirs.sendall(b"x")
            assert ours.recv(1) == (b"" if is_late else b"x")


def test_each_thread_sees_its_own_attempt():
    """What is under way in one thread is not seen in another, nor after it ended."""
    seen = []

    def work():
        with attempt_of(5) as attempt:
            seen.append(current_attempt() is attempt)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 4
    assert current_attempt() is None


def test_no_timer_is_left():
    """Each ends with its attempt, however that ends."""
    with attempt_of(120):
        assert deadlines()
    assert not deadlines()
    with pytest.raises(RuntimeError), attempt_of(120):
        raise RuntimeError
    assert not deadlines()


def test_an_attempt_may_be_given_less_time():
    """An attempt with two minutes left ends with the moment that is left to it, and its timers end with it."""
    ours, theirs = socket.socketpair()
    with ours, theirs, attempt_of(120) as attempt:
        attempt.connection = Connection(ours)
        attempt.end_in(0.05)
        assert ours.recv(1) == b""
        assert attempt.expired
    assert not deadlines()
