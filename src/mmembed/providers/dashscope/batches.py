"""Which contents share a request: the fewest requests that keep every limit of a model.

It knows counts, tokens and bytes; it must not read a file or send anything.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from mmembed.contents.content import Content
from mmembed.providers.costs import estimate_all
from mmembed.providers.models import ModelSpec

# Bins with room left that are tried for one content before the fullest of them is closed to its kind.
_LOOK_BACK = 8
# JSON around one content, and the head of the body.
_ITEM_OVERHEAD = 64
_BODY_OVERHEAD = 8_192
_STORED_ADDRESS = 256
# Base64 writes three bytes as four.
_BASE64 = 4 / 3


class Load(NamedTuple):
    """What one content, or a batch of them, puts on the limits of a request."""

    contents: int = 0
    texts: int = 0
    images: int = 0
    videos: int = 0
    tokens: int = 0
    size: int = 0


def total_load(loads: Iterable[Load]) -> Load:
    """Return the sum of loads."""
    return Load(*(sum(column) for column in zip(*loads, strict=True)))


class RequestLimits(NamedTuple):
    """The most of each that one request may hold, in the order of ``Load``; infinity is no limit."""

    contents: float = math.inf
    texts: float = math.inf
    images: float = math.inf
    videos: float = math.inf
    tokens: float = math.inf
    size: float = math.inf

    def fewest(self, total: Load) -> int:
        """Return a number of requests that no plan can go below."""
        return max(math.ceil(amount / most) for amount, most in zip(total, self, strict=True))


def request_limits(spec: ModelSpec, region: str = "beijing") -> RequestLimits:
    """Return the limits of one request of a model in a region."""

    def most(limit: float | None) -> float:
        return math.inf if limit is None else limit

    return RequestLimits(
        contents=1 if spec.always_fuses else most(spec.max_contents),
        texts=most(spec.max_texts),
        images=most(spec.most_images(region)),
        videos=most(spec.max_videos),
        tokens=most(spec.request_tokens),
        size=spec.request_mb * 2**20 - _BODY_OVERHEAD,
    )


def loads_of(contents: Sequence[Content], spec: ModelSpec) -> list[Load]:
    """Return what each content puts on a request: counts, likely tokens, bytes of JSON."""
    tokens = estimate_all(contents, spec)[:, :, 1].sum(axis=1).tolist()
    return [_load_of(content, spec, one) for content, one in zip(contents, tokens, strict=True)]


def _load_of(content: Content, spec: ModelSpec, tokens: int) -> Load:
    leaves = content.leaves
    kinds = [leaf.kind for leaf in leaves]
    most_mb = spec.picture_mb(kinds.count("image"))
    return Load(
        contents=1,
        texts=kinds.count("text"),
        images=kinds.count("image"),
        videos=kinds.count("video"),
        tokens=tokens,
        size=_ITEM_OVERHEAD + sum(_size(leaf, most_mb) for leaf in leaves),
    )


def _size(leaf: Content, most_mb: float) -> int:
    if leaf.media is None:
        # In UTF-8 a character has up to four bytes; quotes and line ends are escaped with one more.
        text = leaf.text or ""
        return 2 * len(text) if text.isascii() else 4 * len(text)
    if leaf.media.url is not None:
        return 2 * len(leaf.media.url)
    if leaf.kind == "video":
        return _STORED_ADDRESS  # it goes to the service's storage, if anywhere
    if leaf.media.data is not None:
        bare = len(leaf.media.data)
    else:
        assert leaf.media.path is not None  # noqa: S101 - Media has exactly one of the three
        try:
            bare = leaf.media.path.stat().st_size
        except OSError:
            bare = 0  # the one who reads it says what is wrong with it
    # A larger picture is shrunk to the limit before it is sent.
    return math.ceil(min(bare, most_mb * 1e6) * _BASE64)


def plan_batches(contents: Sequence[Content], spec: ModelSpec, *, region: str = "beijing") -> list[list[int]]:
    """Return batches of positions: each position once, each batch within the model's limits, few batches.

    The scarcest kinds are placed first (videos, then pictures), texts fill what is left. Where only counts matter that
    gives the fewest requests there can be; where sizes matter, first-fit with decreasing sizes is tried as well.

    Parameters
    ----------
    contents : sequence of Content
        What is to be embedded.
    spec : ModelSpec
        Whose limits hold.
    region : {"beijing", "singapore"}
        Some limits differ by region.

    Returns
    -------
    list of list of int
        Positions in ``contents``, ascending within each batch, batches in order of their first position.
    """
    loads = loads_of(contents, spec)
    limits = request_limits(spec, region)
    alone = {place for place, content in enumerate(contents) if spec.is_request(content.kind)}
    shared = [place for place in range(len(contents)) if place not in alone]

    def scarcity(place: int) -> int:
        return 0 if loads[place].videos else 1 if loads[place].images else 2

    by_kind = sorted(shared, key=scarcity)
    batches = _first_fit(by_kind, loads, limits, scarcity)
    if shared and len(batches) > limits.fewest(total_load(loads[place] for place in shared)):

        def weight(place: int) -> float:
            return -(loads[place].tokens / limits.tokens + loads[place].size / limits.size)

        smaller = _first_fit(
            sorted(shared, key=lambda place: (scarcity(place), weight(place))), loads, limits, scarcity
        )
        batches = min(batches, smaller, key=len)
    return sorted(sorted(batch) for batch in itertools.chain(batches, ([place] for place in alone)))


class _Bin:
    __slots__ = ("load", "places")

    def __init__(self) -> None:
        self.places: list[int] = []
        self.load: tuple[int, ...] = Load()


def _first_fit(
    places: Iterable[int], loads: Sequence[Load], limits: RequestLimits, group: Callable[[int], int]
) -> list[list[int]]:
    """Put each place into the first bin that takes it; each group looks again at all bins that are not full."""
    bins: list[_Bin] = []
    for _, members_of_group in itertools.groupby(places, key=group):
        members = list(members_of_group)
        least = tuple(min(column) for column in zip(*(loads[place] for place in members), strict=True))
        waiting = deque(one for one in bins if one.load[0] < limits.contents)
        for place in members:
            found = _bin_for(loads[place], least, waiting, limits)
            if found is None:
                found = _Bin()
                bins.append(found)
                waiting.append(found)
            found.places.append(place)
            found.load = tuple(map(operator.add, found.load, loads[place]))
    return [one.places for one in bins]


def _bin_for(load: Load, least: tuple[int, ...], waiting: deque[_Bin], limits: RequestLimits) -> _Bin | None:
    """Return the first bin with room; those without room for even the least of the group are dropped on the way."""
    start = 0
    while start < len(waiting):
        if start == _LOOK_BACK:
            waiting.popleft()
            start -= 1
        candidate = waiting[start].load
        if _fits(candidate, load, limits):
            return waiting[start]
        if _fits(candidate, least, limits):
            start += 1
        else:
            del waiting[start]
    return None


def _fits(held: tuple[int, ...], more: tuple[int, ...], limits: RequestLimits) -> bool:
    # Sizes first, since they are what fails most; written out, since it runs for each content several times.
    return (
        held[4] + more[4] <= limits[4]
        and held[0] + more[0] <= limits[0]
        and held[5] + more[5] <= limits[5]
        and held[1] + more[1] <= limits[1]
        and held[2] + more[2] <= limits[2]
        and held[3] + more[3] <= limits[3]
    )
