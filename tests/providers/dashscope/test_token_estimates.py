"""What estimating the tokens of a request costs; what the estimates are is tested with the costs."""

from __future__ import annotations

import sys
from collections import Counter

from mmembed.contents.content import Content
from mmembed.providers.dashscope.token_estimates import TokenEstimates
from mmembed.providers.models import find_model


def calls_of(work) -> Counter:
    """Return how often each function of Python was called."""
    counted: Counter = Counter()

    def note(frame, event, _):
        if event == "call":
            counted[frame.f_code.co_name] += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return counted


def test_the_texts_of_a_request_are_estimated_together():
    """One by one, the estimates took more processor time than the request and its answer."""
    estimates = TokenEstimates(find_model("qwen3-vl-embedding"))
    texts = [Content("text", text=f"商品 {number}") for number in range(20)]
    assert calls_of(lambda: estimates.guess(texts))["_places"] == 1


def test_together_they_are_what_they_are_one_by_one():
    """Each text is rounded by itself."""
    estimates = TokenEstimates(find_model("qwen3-vl-embedding"))
    texts = [Content("text", text=text) for text in ("红色连衣裙", "red dress", "x" * 400, "7")]
    assert estimates.guess(texts)["text"] == sum(estimates.guess([text])["text"] for text in texts)
