"""Plans: each content once, every limit kept, as few requests as can be."""

import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmembed.contents.content import Content
from mmembed.contents.media import Media
from mmembed.providers.costs import estimate_text, estimate_tokens
from mmembed.providers.dashscope.batches import loads_of, plan_batches, request_limits, total_load
from mmembed.providers.models import MODELS, find_model

SERVICE = [name for name, spec in MODELS.items() if spec.provider == "dashscope"]


def text(words="红色连衣裙"):
    return Content("text", text=words)


def image(number=0, size=None):
    media = Media(url=f"https://example.com/{number}.png") if size is None else Media(data=b"\0" * size)
    return Content("image", media=media)


def video(number=0):
    return Content("video", media=Media(url=f"https://example.com/{number}.mp4"))


def fused(*parts):
    return Content("fused", parts=parts)


contents = st.lists(
    st.one_of(
        st.integers(1, 3_000).map(lambda length: text("字" * length)),
        st.integers(0, 99).map(image),
        st.integers(0, 6_000_000).map(lambda size: image(size=size)),
        st.just(video()),
        st.just(fused(text(), image())),
        st.just(fused(text(), image(), video())),
        st.integers(1, 8).map(lambda count: Content("multi_images", parts=(image(),) * count)),
    ),
    max_size=60,
)


@settings(deadline=None, max_examples=60)
@given(contents=contents, name=st.sampled_from(SERVICE), region=st.sampled_from(["beijing", "singapore"]))
def test_every_plan_holds_each_content_once_and_keeps_every_limit(contents, name, region):
    """Nothing is lost or doubled, and a batch of several contents is within all limits of the model."""
    spec = find_model(name)
    limits = request_limits(spec, region)
    batches = plan_batches(contents, spec, region=region)
    assert sorted(place for batch in batches for place in batch) == list(range(len(contents)))
    for batch in batches:
        load = total_load(loads_of([contents[place] for place in batch], spec))
        assert batch
        assert len(batch) == 1 or all(held <= most for held, most in zip(load, limits, strict=True))
        if spec.fuses_alone and any(contents[place].kind == "fused" for place in batch):
            assert len(batch) == 1


@settings(deadline=None, max_examples=60)
@given(
    texts=st.integers(0, 90),
    images=st.integers(0, 40),
    videos=st.integers(0, 6),
    name=st.sampled_from(["qwen3-vl-embedding", "multimodal-embedding-v1", "tongyi-embedding-vision-plus-2026-03-06"]),
)
def test_where_only_counts_matter_no_plan_has_fewer_requests(texts, images, videos, name):
    """The number of requests is the lower bound that the counts give."""
    spec = find_model(name)
    column = [text()] * texts + [image()] * images + [video()] * videos
    limits = request_limits(spec)
    bound = limits.fewest(total_load(loads_of(column, spec))) if column else 0
    assert len(plan_batches(column, spec)) == bound


@pytest.mark.parametrize(
    ("name", "column", "requests"),
    [
        ("qwen3-vl-embedding", [text()] * 205, 11),
        ("qwen3-vl-embedding", [image()] * 23, 3),
        ("qwen3-vl-embedding", [video()] * 3 + [text()] * 40, 3),
        ("qwen3-vl-embedding", [fused(text(), image())] * 3 + [text()], 4),
        ("multimodal-embedding-v1", [text()] * 18 + [image()] * 18, 18),
        ("multimodal-embedding-v1", [image(), text()] * 18, 18),
        ("qwen2.5-vl-embedding", [text(), image(), fused(text(), image())], 3),
        ("tongyi-embedding-vision-plus-2026-03-06", [fused(text(), image())] * 20, 1),
        ("tongyi-embedding-vision-plus", [text()] * 300, 1),
        ("qwen3-vl-embedding", [], 0),
    ],
)
def test_requests_are_the_fewest(name, column, requests):
    """Well-known columns need just so many requests."""
    assert len(plan_batches(column, find_model(name))) == requests


def test_large_pictures_are_spread_by_their_bytes():
    """Ten pictures of five megabytes would make a body of 67 megabytes as Base64, and go in two requests."""
    assert len(plan_batches([image(size=5_000_000)] * 10, find_model("qwen3-vl-embedding"))) == 2


def test_sizes_that_fit_only_in_another_order_are_packed_in_that_order():
    """First-fit in the order of the rows would need three requests where decreasing sizes need two."""
    spec = dataclasses.replace(find_model("tongyi-embedding-vision-plus"), request_tokens=100)
    column = [text("7" * length) for length in (20, 20, 70, 70)]
    assert sorted(map(len, plan_batches(column, spec))) == [2, 2]


def test_singapore_takes_fewer_pictures():
    """The region's own limit on pictures holds."""
    spec = dataclasses.replace(find_model("tongyi-embedding-vision-plus"), request_tokens=None)
    assert len(plan_batches([image()] * 16, spec, region="singapore")) == 2
    assert len(plan_batches([image()] * 16, spec, region="beijing")) == 1


def test_a_missing_file_is_planned_and_left_to_its_reader(tmp_path):
    """A picture that cannot be looked at is put into a batch like any other."""
    gone = Content("image", media=Media(path=tmp_path / "gone.png"))
    assert plan_batches([gone, text()], find_model("qwen3-vl-embedding")) == [[0, 1]]


@given(st.text(min_size=1))
def test_the_estimate_of_a_text_is_between_its_low_and_high_figures(words):
    """Low, likely and high are in this order, at least one, and low is at most the number of characters."""
    estimate = estimate_text(words)
    assert 1 <= estimate.low <= estimate.likely <= estimate.high
    assert estimate.low <= len(words)


def test_the_tokens_of_a_fused_row_are_those_of_its_parts():
    """Text and pictures are told apart, since their prices differ."""
    spec = find_model("qwen3-vl-embedding")
    words, media = estimate_tokens(fused(text("7" * 80), image(), video()), spec)
    assert words.likely == 80
    assert media.likely == sum(estimate_tokens(one, spec)[1].likely for one in (image(), video()))
    assert math.isfinite(media.high)
