"""Finding the content that spoils a request."""

import math

from hypothesis import given
from hypothesis import strategies as st

from mmembed.providers.bisection import Bisection


class Refused(Exception):  # noqa: N818
    """What the service says."""


class Service:
    """Refuses requests that hold a bad content or too many."""

    def __init__(self, bad=(), most=math.inf):
        self.bad, self.most = set(bad), most
        self.requests, self.embedded, self.refused = [], [], []

    def send(self, positions):
        self.requests.append(list(positions))
        if len(positions) > self.most:
            raise Refused("size")
        if self.bad & set(positions):
            raise Refused("content")
        self.embedded += positions

    def run(self, count):
        halving = Bisection(self.send, Refused, lambda position, _: self.refused.append(position))
        halving.run(range(count), blames_size=lambda refusal: str(refusal) == "size")
        return self


@given(count=st.integers(1, 200), place=st.floats(0, 1, exclude_max=True))
def test_one_bad_content_costs_few_requests(count, place):
    """All others are embedded once, and at most 2·log2(n)+2 requests come on top of the refused one."""
    bad = int(place * count)
    service = Service([bad]).run(count)
    assert service.refused == [bad]
    assert sorted(service.embedded) == [one for one in range(count) if one != bad]
    assert len(service.requests) - 1 <= 2 * math.log2(count) + 2


@given(count=st.integers(1, 60), data=st.data())
def test_any_bad_contents_are_found_and_no_good_one_is_bought_twice(count, data):
    """Whatever is bad, exactly that is refused, and the rest is embedded exactly once."""
    bad = data.draw(st.sets(st.integers(0, count - 1)))
    service = Service(bad).run(count)
    assert sorted(service.refused) == sorted(bad)
    assert sorted(service.embedded) == sorted(set(range(count)) - bad)


@given(count=st.integers(1, 60), most=st.integers(1, 60))
def test_a_request_that_is_too_large_is_split_until_it_fits(count, most):
    """Nothing is refused for good, everything is embedded once."""
    service = Service(most=most).run(count)
    assert service.refused == []
    assert sorted(service.embedded) == list(range(count))


def test_a_blamed_half_is_not_sent_again_as_a_whole():
    """After one half was accepted, the other is halved at once."""
    service = Service([7]).run(8)
    assert service.requests == [list(range(8)), [0, 1, 2, 3], [4, 5], [6], [7]]
