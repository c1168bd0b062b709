"""The objects of a request's contents."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from mmembed.contents.content import Content
from mmembed.contents.media import Media
from mmembed.contents.pictures import encode
from mmembed.errors import ContentError
from mmembed.providers.costs import estimate_text
from mmembed.providers.dashscope.batches import loads_of
from mmembed.providers.dashscope.request_body import wire_contents
from mmembed.providers.models import find_model

V1 = find_model("multimodal-embedding-v1")
PLUS = find_model("tongyi-embedding-vision-plus")
QWEN = find_model("qwen3-vl-embedding")
QWEN_25 = find_model("qwen2.5-vl-embedding")
DATED = find_model("tongyi-embedding-vision-plus-2026-03-06")
PICTURE = Content("image", media=Media(url="https://example.com/a.png"))
TEXT = Content("text", text="红色")
CLIP = Content("video", media=Media(url="https://example.com/a.mp4"))


def test_each_kind_has_its_key():
    """Texts, pictures, videos, lists and fused rows become the documented objects."""
    assert wire_contents(TEXT, QWEN) == [{"text": "红色"}]
    assert wire_contents(PICTURE, QWEN) == [{"image": "https://example.com/a.png"}]
    assert wire_contents(CLIP, QWEN) == [{"video": "https://example.com/a.mp4"}]
    assert wire_contents(Content("multi_images", parts=(PICTURE, PICTURE)), PLUS) == [
        {"multi_images": ["https://example.com/a.png"] * 2}
    ]
    assert wire_contents(Content("fused", parts=(TEXT, PICTURE)), QWEN) == [
        {"text": "红色", "image": "https://example.com/a.png"}
    ]


def test_where_a_request_is_fused_a_list_is_an_entry_a_picture():
    """Lists, alone or beside a text and a clip, keep their order, and each picture is an entry of its own."""
    other = Content("image", media=Media(url="https://example.com/b.png"))
    pictures = Content("multi_images", parts=(PICTURE, other))
    entries = [{"image": "https://example.com/a.png"}, {"image": "https://example.com/b.png"}]
    assert wire_contents(pictures, QWEN) == entries
    assert wire_contents(Content("fused", parts=(TEXT, pictures, CLIP)), QWEN) == [
        {"text": "红色"},
        *entries,
        {"video": "https://example.com/a.mp4"},
    ]
    assert wire_contents(Content("multi_images", parts=(PICTURE,)), QWEN) == entries[:1]


def test_pictures_of_a_list_fit_into_a_request_together():
    """Each may have as many bytes as the model takes, and fewer where there are many; a request is never too large."""
    noise = np.random.default_rng(0).integers(0, 256, (700, 700, 3), np.uint8)
    large = Content("image", media=Media(data=encode(Image.fromarray(noise), "PNG")))
    small = dataclasses.replace(QWEN, request_mb=2.5)
    together = wire_contents(Content("multi_images", parts=(large,) * 10), small)
    assert sum(len(one["image"]) for one in together) < 2.5 * 2**20
    assert wire_contents(large, small) == wire_contents(large, QWEN)
    (load,) = loads_of([Content("multi_images", parts=(large,) * 10)], small)
    assert (load.contents, load.images) == (1, 10)
    assert load.size < 2.5 * 2**20


LIST = Content("multi_images", parts=(PICTURE, PICTURE))


@pytest.mark.parametrize(
    ("content", "spec", "code", "advice"),
    [
        (Content("video", media=Media(data=b"clip")), PLUS, "LocalVideo", "public URL.*video_frames=8.*model='local'"),
        (Content("text", text="字" * 2_000), V1, "TextTooLong", "takes 512.*truncate=True"),
        (Content("multi_images", parts=(PICTURE,) * 9), PLUS, "TooManyPictures", "at most 8"),
        (Content("multi_images", parts=(PICTURE,) * 11), QWEN, "TooManyPictures", "at most 10"),
        (Content("fused", parts=(TEXT, Content("multi_images", parts=(PICTURE,) * 11))), QWEN, "TooManyPictures", "10"),
        (Content("fused", parts=(PICTURE, PICTURE)), QWEN, "WrongKind", "at most one text, image and video"),
        (Content("fused", parts=(TEXT, LIST)), DATED, "ListInFusedRow", "'qwen3-vl-embedding', or model='local'"),
        (Content("fused", parts=(TEXT, LIST)), QWEN_25, "ListInFusedRow", "one picture a row"),
    ],
)
def test_what_the_api_cannot_take_says_what_to_do(content, spec, code, advice):
    """A content that no request could carry is refused for itself, with a way out."""
    with pytest.raises(ContentError, match=advice) as caught:
        wire_contents(content, spec)
    assert caught.value.code == code


def test_a_text_that_may_fit_is_left_to_the_service():
    """Between the low and the high estimate only the service can count, and nothing is cut unless asked."""
    maybe = Content("text", text="字" * 700)
    estimate = estimate_text(maybe.text)
    assert estimate.low <= 512 < estimate.high
    assert wire_contents(maybe, V1) == [{"text": maybe.text}]
