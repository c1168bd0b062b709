"""A clock for threads that never sleeps: time jumps on when everybody waits."""

import heapq
import threading


class VirtualTime:
    """Time shared by a fixed number of threads; only one of them runs at once, so that runs repeat exactly.

    Each thread calls ``begin(its number)`` first and ``end()`` last, and waits with ``wait`` only.
    """

    def __init__(self, threads):
        self.now = 0.0
        self._running = threads
        self._sleepers = []
        self._number = threading.local()
        self._condition = threading.Condition()
        self._turn = None

    def clock(self):
        return self.now

    def begin(self, number):
        self._number.value = number
        self.wait(0.0)

    def end(self):
        with self._condition:
            self._running -= 1
            self._wake_next()

    def wait(self, seconds, stop=None):
        if stop is not None and stop.is_set():
            return
        with self._condition:
            sleeper = (self.now + max(0.0, seconds), self._number.value)
            heapq.heappush(self._sleepers, sleeper)
            self._running -= 1
            self._wake_next()
            assert self._condition.wait_for(lambda: self._turn == sleeper, timeout=60), "the other threads hang"
            self._turn = None

    def _wake_next(self):
        if self._running == 0 and self._sleepers:
            self._turn = heapq.heappop(self._sleepers)
            self.now = max(self.now, self._turn[0])
            self._running += 1
            self._condition.notify_all()


def run_threads(threads, work, time):
    """Run ``work(number)`` in so many threads under the given time and raise what any of them raised."""
    errors = []

    def body(number):
        try:
            time.begin(number)
            work(number)
        except BaseException as error:  # noqa: BLE001 - told below
            errors.append(error)
        finally:
            time.end()

    started = [threading.Thread(target=body, args=(number,)) for number in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    if errors:
        raise errors[0]
