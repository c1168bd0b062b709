"""The objects of a request's contents."""

import pytest

from mmembed.contents.content import Content
from mmembed.contents.media import Media
from mmembed.errors import ContentError
from mmembed.providers.costs import estimate_text
from mmembed.providers.dashscope.request_body import wire_content
from mmembed.providers.models import find_model

V1 = find_model("multimodal-embedding-v1")
PLUS = find_model("tongyi-embedding-vision-plus")
QWEN = find_model("qwen3-vl-embedding")
PICTURE = Content("image", media=Media(url="https://example.com/a.png"))
CLIP = Content("video", media=Media(url="https://example.com/a.mp4"))


def test_each_kind_has_its_key():
    """Texts, pictures, videos, lists and fused rows become the documented objects."""
    text = Content("text", text="红色")
    assert wire_content(text, QWEN) == {"text": "红色"}
    assert wire_content(PICTURE, QWEN) == {"image": "https://example.com/a.png"}
    assert wire_content(CLIP, QWEN) == {"video": "https://example.com/a.mp4"}
    assert wire_content(Content("multi_images", parts=(PICTURE, PICTURE)), PLUS) == {
        "multi_images": ["https://example.com/a.png"] * 2
    }
    assert wire_content(Content("fused", parts=(text, PICTURE)), QWEN) == {
        "text": "红色",
        "image": "https://example.com/a.png",
    }


@pytest.mark.parametrize(
    ("content", "spec", "code", "advice"),
    [
        (Content("video", media=Media(data=b"clip")), PLUS, "LocalVideo", "public URL.*video_frames=8.*model='local'"),
        (Content("text", text="字" * 2_000), V1, "TextTooLong", "takes 512.*truncate=True"),
        (Content("multi_images", parts=(PICTURE,) * 9), PLUS, "TooManyPictures", "at most 8"),
        (Content("fused", parts=(PICTURE, PICTURE)), QWEN, "WrongKind", "at most one text, image and video"),
        (Content("fused", parts=(Content("multi_images", parts=(PICTURE,)),)), QWEN, "WrongKind", "within a fused row"),
    ],
)
def test_what_the_api_cannot_take_says_what_to_do(content, spec, code, advice):
    """A content that no request could carry is refused for itself, with a way out."""
    with pytest.raises(ContentError, match=advice) as caught:
        wire_content(content, spec)
    assert caught.value.code == code


def test_a_text_that_may_fit_is_left_to_the_service():
    """Between the low and the high estimate only the service can count, and nothing is cut unless asked."""
    maybe = Content("text", text="字" * 700)
    estimate = estimate_text(maybe.text)
    assert estimate.low <= 512 < estimate.high
    assert wire_content(maybe, V1) == {"text": maybe.text}
