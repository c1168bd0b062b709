"""The server that stands in for DashScope refuses whatever the documentation does not allow."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

import pytest

from dashscope_server import Account, BodyLimits, DashScopeServer
from dashscope_server.calling import ask, picture, post
from dashscope_server.protocol import EMBEDDING_PATH

QWEN = "qwen3-vl-embedding"
QWEN_25 = "qwen2.5-vl-embedding"
PLUS = "tongyi-embedding-vision-plus"
FLASH = "tongyi-embedding-vision-flash"
FIRST = "multimodal-embedding-v1"
DATED = "tongyi-embedding-vision-plus-2026-03-06"
IMAGE_URL = "https://example.com/picture.png"


@pytest.fixture
def server():
    """A server without rate limits."""
    with DashScopeServer(keys={"sk-test"}) as running:
        yield running


TEXTS = [{"text": f"t{number}"} for number in range(30)]
IMAGES = [{"image": f"https://example.com/{number}.png"} for number in range(70)]
VIDEOS = [{"video": f"https://example.com/{number}.mp4"} for number in range(10)]


@pytest.mark.parametrize(
    ("model", "good", "bad"),
    [
        (QWEN, TEXTS[:20], TEXTS[:21]),
        (QWEN, IMAGES[:10] + TEXTS[:9] + VIDEOS[:1], IMAGES[:11]),
        (QWEN, VIDEOS[:1], VIDEOS[:2]),
        (QWEN, [{"text": "a", **IMAGES[0]}, *IMAGES[1:10]], [{"text": "a", **IMAGES[0]}, *IMAGES[1:11]]),
        (QWEN_25, [TEXTS[0], IMAGES[0], VIDEOS[0], TEXTS[1] | IMAGES[1]], TEXTS[:2]),
        (QWEN_25, [TEXTS[0] | IMAGES[0]], [TEXTS[0] | IMAGES[0], TEXTS[1] | IMAGES[1]]),
        (PLUS, TEXTS + IMAGES + VIDEOS, [{"multi_images": [IMAGE_URL] * 9}]),
        (PLUS, [{"multi_images": [IMAGE_URL] * 8}] * 3, [{"multi_images": []}]),
        (FIRST, TEXTS[:18] + IMAGES[:1] + VIDEOS[:1], TEXTS[:21]),
        (FIRST, TEXTS[:20], IMAGES[:2]),
        (DATED, IMAGES[:12] + VIDEOS[:8], VIDEOS[:9]),
        (QWEN, TEXTS[:1], [{"multi_images": [IMAGE_URL]}]),
    ],
)
def test_counts_are_limited_as_documented(server, model, good, bad):
    """The largest documented request is answered, and one more content of its kind is refused and not charged."""
    assert ask(server, good, model)[0] == 200
    sold = server.bill.vectors
    status, answer = ask(server, bad, model)
    assert (status, answer["code"]) == (400, "InvalidParameter")
    assert set(answer) == {"code", "message", "request_id"}
    assert server.bill.vectors == sold


@pytest.mark.parametrize(
    ("content", "model", "code"),
    [
        ({"text": "汉" * 48_001}, QWEN, "InvalidParameter"),
        ({"text": "x" * 4_097}, FLASH, "InvalidParameter"),
        ({"text": "x" * 2_049}, FIRST, "InvalidParameter"),
        ({"text": ""}, QWEN, "BadRequest.EmptyInput"),
        ({"text": 3}, QWEN, "InvalidParameter"),
        ({"text": "a", "factor": 1}, QWEN, "InvalidParameter"),
        ({"audio": "https://example.com/a.mp3"}, QWEN, "InvalidParameter"),
        ({}, QWEN, "InvalidParameter"),
        (None, QWEN, "InvalidParameter"),
        ({"image": "photo.png"}, QWEN, "InvalidURL"),
        ({"image": "oss://nowhere/photo.png"}, QWEN, "InvalidURL"),
        ({"image": "https://example.com/photo.gif"}, QWEN, "InvalidParameter.DataInspection"),
        ({"image": "https://example.com/photo.webp"}, PLUS, "InvalidParameter.DataInspection"),
        ({"image": picture("GIF")}, QWEN, "InvalidParameter.DataInspection"),
        ({"image": picture("WEBP")}, PLUS, "InvalidParameter.DataInspection"),
        ({"image": picture("PNG", "jpeg")}, PLUS, "InvalidParameter.DataInspection"),
        ({"image": "data:image/png;base64,AAA*"}, PLUS, "InvalidParameter.DataInspection"),
        ({"image": "data:image/png,AAAA"}, PLUS, "InvalidParameter"),
        ({"image": picture(padding=3_000_000)}, PLUS, "InvalidParameter"),
        ({"video": "data:video/mp4;base64,AAAA"}, QWEN, "InvalidURL"),
        ({"video": "https://example.com/clip.mkv"}, QWEN, "InvalidParameter.DataInspection"),
    ],
)
def test_a_content_outside_the_documentation_is_refused(server, content, model, code):
    """Length, size, format, address and shape of each content are checked."""
    status, answer = ask(server, [content], model)
    assert (status, answer["code"]) == (400, code)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "ICO", "DIB", "ICNS", "SGI"])
def test_documented_picture_formats_are_known_by_their_bytes(server, image_format):
    """Real files of every documented format are taken by qwen3-vl, and only three of the formats by the others."""
    uri = picture(image_format, size=(16, 16))
    assert ask(server, [{"image": uri}])[0] == 200
    assert ask(server, [{"image": uri}], PLUS)[0] == (200 if image_format in {"JPEG", "PNG", "BMP"} else 400)


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        (QWEN, {"dimension": 1000}),
        (QWEN, {"dimension": "1024"}),
        (FIRST, {"dimension": 1024}),
        (QWEN, {"fps": 1.5}),
        (QWEN, {"instruct": 3}),
        (QWEN, {"output_type": "sparse"}),
        (QWEN, {"res_level": 1}),
        (DATED, {"res_level": 4}),
        (DATED, {"max_video_frames": 65}),
        (QWEN, {"parameters": {"dimension": 512}}),
        (QWEN, {"timeout": 3}),
    ],
)
def test_parameters_outside_the_documentation_are_refused(server, model, parameters):
    """A parameter that is unknown, or that the model does not have, or that is out of range, is refused."""
    status, answer = ask(server, ["a"], model, **parameters)
    assert (status, answer["code"]) == (400, "InvalidParameter")


def test_a_parameter_can_be_let_through():
    """A server can be told to let an undocumented parameter pass; the record shows it."""
    with DashScopeServer(accept_parameters={"tomorrow"}) as server:
        assert ask(server, ["a"], tomorrow=1)[0] == 200
        assert server.requests[0].parameters == {"tomorrow": 1}


def test_keys_decide_who_may_ask():
    """Unknown keys, keys of another region, arrears and missing rights are refused as the service refuses them."""
    keys = {
        "good": Account(),
        "abroad": Account(region="singapore"),
        "late": Account("b", state="arrears"),
        "new": Account("c", state="unpurchased"),
        "one": Account("d", models=frozenset({PLUS})),
    }
    with DashScopeServer(keys=keys) as server:
        answers = {key: ask(server, ["a"], key=key) for key in [*keys, "unknown", ""]}
        assert ask(server, ["a"], PLUS, key="one")[0] == 200
        assert post(server, {}, Authorization=None)[1]["message"] == "No API-key provided."
    assert {key: (status, answer.get("code")) for key, (status, answer) in answers.items()} == {
        "good": (200, None),
        "abroad": (401, "InvalidApiKey"),
        "late": (400, "Arrearage"),
        "new": (403, "AccessDenied.Unpurchased"),
        "one": (403, "AccessDenied"),
        "unknown": (401, "InvalidApiKey"),
        "": (401, "InvalidApiKey"),
    }


def test_singapore_has_two_models_and_fewer_pictures():
    """In Singapore only the two tongyi models exist, with at most eight pictures a request."""
    with DashScopeServer(region="singapore") as server:
        assert ask(server, ["a"], QWEN)[1]["code"] == "ModelNotFound"
        assert ask(server, IMAGES[:8], FLASH)[0] == 200
        assert ask(server, IMAGES[:9], FLASH)[0] == 400


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {}, 400, "InvalidParameter"),
        (b"[]", {}, 400, "InvalidParameter"),
        (b'{"model":"m","input":{"contents":[NaN]}}', {}, 400, "InvalidParameter"),
        ({"input": {"contents": ["a"]}}, {}, 400, "BadRequest.EmptyModel"),
        ({"model": QWEN, "input": {"contents": []}}, {}, 400, "BadRequest.EmptyInput"),
        ({"model": QWEN, "input": {"contents": "a"}}, {}, 400, "InvalidParameter"),
        ({"model": QWEN, "input": {}}, {}, 400, "BadRequest.EmptyInput"),
        ({"model": "qwen4", "input": {"contents": ["a"]}}, {}, 404, "ModelNotFound"),
        ({"model": QWEN, "input": {"contents": ["a"]}}, {"Content-Type": "text/plain"}, 400, "InvalidParameter"),
    ],
)
def test_a_body_that_is_no_request_is_refused(server, body, headers, status, code):
    """The JSON of a request needs its type, its model and a list of contents."""
    answered, answer = post(server, body, **headers)
    assert (answered, answer["code"]) == (status, code)


def test_bodies_are_bounded():
    """Base64 items, the body besides them, and the whole body each have a limit, over which the answer is 413."""
    limits = BodyLimits(plain=1_000, base64_item=2_000, whole=4_000)
    with DashScopeServer(body_limits=limits) as server:
        assert ask(server, [{"image": picture(padding=1_000)}])[0] == 200
        too_large = [["x" * 1_100], [{"image": picture(padding=1_500)}], [{"image": picture(padding=1_000)}] * 3]
        for contents in too_large:
            status, answer = ask(server, contents)
            assert (status, answer["code"]) == (413, "BadRequest.TooLarge")


def test_a_body_far_over_the_limit_is_refused_and_the_connection_stays_good(server):
    """A body of 70 MB is read to its end, so that the client sees the 413, and the next request is answered."""
    connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=30)
    headers = {"Content-Type": "application/json", "Authorization": "Bearer sk-test"}
    body = json.dumps({"model": QWEN, "input": {"contents": ["a"]}})
    statuses = []
    for sent in (bytes(70_000_000), body):
        connection.request("POST", EMBEDDING_PATH, sent, headers)
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
    connection.close()
    assert statuses == [413, 200]
