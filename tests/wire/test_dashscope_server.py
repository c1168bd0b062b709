"""The server that stands in for DashScope answers, charges, records and stops as it should."""

from __future__ import annotations

import base64
import http.client
import json
import subprocess
import sys
import threading
import urllib.request
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import dashscope
import numpy as np
import pytest

import dashscope_server
from dashscope_server import MODELS, DashScopeServer, Exchange
from dashscope_server.calling import ask, call, picture, post
from dashscope_server.catalogue import TRANSIENT
from dashscope_server.protocol import EMBEDDING_PATH

QWEN = "qwen3-vl-embedding"
QWEN_25 = "qwen2.5-vl-embedding"
PLUS = "tongyi-embedding-vision-plus"
DATED = "tongyi-embedding-vision-plus-2026-03-06"
IMAGE_URL = "https://example.com/picture.png"
VIDEO_URL = "https://example.com/clip.mp4"
# The oldest releases of the SDK leave a file that they upload to the garbage collector.
UNCLOSED = pytest.mark.filterwarnings(
    "ignore:unclosed file:ResourceWarning", "ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture
def server():
    """A server without rate limits."""
    with DashScopeServer(keys={"sk-test"}) as running:
        yield running


def test_each_content_gets_its_vector_in_order(server):
    """Texts, pictures and videos give one unit vector each, with index and type, and the same one again later."""
    contents = ["红色连衣裙", {"text": "a"}, {"image": picture()}, {"image": IMAGE_URL}, {"video": VIDEO_URL}]
    response = call(server, contents, dimension=256, instruct="find it", fps=0.5)
    rows = response.output["embeddings"]
    assert response.status_code == 200
    assert [row["index"] for row in rows] == [0, 1, 2, 3, 4]
    assert [row["type"] for row in rows] == ["text", "text", "image", "image", "video"]
    matrix = np.array([row["embedding"] for row in rows])
    assert matrix.shape == (5, 256)
    np.testing.assert_allclose(np.linalg.norm(matrix, axis=1), 1, atol=1e-4)
    np.testing.assert_array_equal(matrix, matrix.astype(np.float32))
    assert matrix.tolist() == server.vectors(contents, QWEN, dimension=256, instruct="find it", fps=0.5)
    again = call(server, contents[::-1], dimension=256, instruct="find it", fps=0.5).output["embeddings"]
    assert [row["embedding"] for row in again] == matrix[::-1].tolist()


def test_a_vector_depends_on_what_reaches_it_and_on_nothing_else(server):
    """Model, dimension and instruct change every vector, fps those of videos; the form of a content changes none."""
    text, video = "a", {"video": VIDEO_URL}
    base = server.vector(text, QWEN, dimension=512)
    assert base != server.vector("b", QWEN, dimension=512)
    assert base != server.vector(text, QWEN, dimension=512, instruct="x")
    assert base != server.vector(text, QWEN_25, dimension=512)
    assert base != server.vector(text, QWEN, dimension=768)[:512]
    assert base == server.vector({"text": "a"}, QWEN, dimension=512, fps=0.5, output_type="dense")
    assert server.vector(video, QWEN) == server.vector(video, QWEN, fps=1) != server.vector(video, QWEN, fps=0.5)
    jpeg = {"image": picture("JPEG")}
    assert server.vector(jpeg, PLUS) == server.vector({"image": picture("JPEG", "jpg")}, PLUS)
    assert server.vector({"multi_images": [IMAGE_URL]}, PLUS) != server.vector({"image": IMAGE_URL}, PLUS)


@pytest.mark.parametrize(
    ("model", "dimension"), [(name, model.dimensions[0]) for name, model in MODELS.items() if not model.text_model]
)
def test_each_model_has_its_default_dimension(server, model, dimension):
    """Without a dimension, a model gives its own."""
    (row,) = call(server, [{"text": "a"}], model).output["embeddings"]
    assert len(row["embedding"]) == dimension


def test_several_kinds_in_one_object_are_fused(server):
    """One object with several kinds gives one vector of type vl, whatever the order of its keys."""
    both = {"text": "a", "image": IMAGE_URL, "video": VIDEO_URL}
    rows = call(server, [dict(both), {"text": "a"}]).output["embeddings"]
    assert [row["type"] for row in rows] == ["vl", "text"]
    assert rows[0]["embedding"] == server.vector(dict(reversed(both.items())), QWEN)
    assert ask(server, [both], PLUS)[1]["code"] == "InvalidParameter"
    assert ask(server, [both], DATED)[0] == 200


def test_some_models_fuse_the_whole_request(server):
    """qwen2.5-vl always gives one vector; qwen3-vl does with enable_fusion, and others refuse that parameter."""
    contents = [{"text": "a"}, {"image": IMAGE_URL}]
    for model, parameters in ((QWEN_25, {}), (QWEN, {"enable_fusion": True})):
        (row,) = call(server, contents, model, **parameters).output["embeddings"]
        assert (row["index"], row["type"]) == (0, "vl")
    assert ask(server, contents, PLUS, enable_fusion=True)[0] == 400


def test_a_model_can_be_set_to_give_a_vector_for_each_part():
    """Newer pages can be read so that an object without enable_fusion is not fused; then more vectors come back."""
    models = {QWEN: replace(MODELS[QWEN], object_fusion=False)}
    with DashScopeServer(models=models) as server:
        rows = call(server, [{"text": "a", "image": IMAGE_URL}]).output["embeddings"]
    assert [row["type"] for row in rows] == ["text", "image"]


@pytest.mark.parametrize(
    ("shape", "usage"),
    [
        ("flat", {"input_tokens": 3, "image_tokens": 4 * 896 + 896, "image_count": 1, "duration": 10}),
        (
            "detailed",
            {
                "input_tokens": 3 + 5 * 896,
                "input_tokens_details": {"image_tokens": 5 * 896, "text_tokens": 3},
                "output_tokens": 1,
                "total_tokens": 4 + 5 * 896,
            },
        ),
        ("none", None),
    ],
)
def test_usage_has_both_documented_shapes(shape, usage):
    """Usage counts the whole request in the shape that the server is set to, and the bill says the same."""
    with DashScopeServer(usage=shape) as server:
        response = call(server, ["红色", "ab", {"image": IMAGE_URL}, {"video": VIDEO_URL}], fps=0.5)
        assert response.usage == usage
        assert server.bill.tokens == 3 + 5 * 896
        assert server.bill.cost == pytest.approx(3 * 0.0007e-3 + 5 * 896 * 0.0018e-3)
        assert response.request_id == server.requests[0].request_id


def test_the_bill_counts_what_was_bought_twice(server):
    """Equal contents are charged each time, and the bill names them; another dimension is another thing to buy."""
    ask(server, ["a", "b"])
    ask(server, [{"text": "a"}], dimension=256)
    assert (server.bill.vectors, server.bill.distinct, server.bill.paid_twice) == (3, 3, {})
    ask(server, ["a", "c", "c"])
    assert (server.bill.vectors, server.bill.distinct) == (6, 4)
    assert sorted(server.bill.paid_twice.values()) == [2, 2]
    assert [server.times_sold(text, QWEN) for text in "abcd"] == [2, 1, 2, 0]
    assert server.bill.requests == 3


@UNCLOSED
def test_a_text_that_names_a_file_is_really_uploaded_by_the_sdk(server, tmp_path, monkeypatch):
    """The SDK's upload door works here to its end, so that an empty record proves that a client kept it shut."""
    secret = tmp_path / "diary.txt"
    secret.write_text("dear diary", encoding="utf-8")
    # The SDK takes the address of its upload from this global alone.
    monkeypatch.setattr(dashscope, "base_http_api_url", server.base_url)
    response = call(server, [{"text": str(secret)}])
    assert response.status_code == 200
    assert list(server.uploads.values()) == [b"dear diary"]
    assert [(one.method, one.number) for one in server.requests] == [("GET", 0), ("POST", 0), ("POST", 1)]
    (sent,) = server.embedding_requests[0].contents
    assert sent["text"].startswith("oss://dashscope-instant/")
    assert response.output["embeddings"][0]["embedding"] != server.vector(str(secret), QWEN)


@UNCLOSED
def test_uploaded_pictures_are_resolved(server, tmp_path, monkeypatch):
    """An uploaded picture gives the vector of its bytes; a second file of the same name is refused."""
    monkeypatch.setattr(dashscope, "base_http_api_url", server.base_url)
    paths = []
    for number, name in enumerate(("a", "b")):
        path = tmp_path / name / "1.png"
        path.parent.mkdir()
        path.write_bytes(base64.b64decode(picture(padding=number).partition(",")[2]))
        paths.append(path)
    response = call(server, [{"image": str(paths[0])}])
    assert response.output["embeddings"][0]["embedding"] == server.vector({"image": picture()}, QWEN)
    with pytest.raises(dashscope.common.error.UploadFileException):
        call(server, [{"image": str(path)} for path in paths])


def test_other_addresses_are_recorded_and_refused(server):
    """Whatever else a client asks for is in the record and answered with 404."""
    assert post(server, {}, path="/api/v1/tasks?x=1")[0] == 404
    (seen,) = server.requests
    assert (seen.path, seen.query, seen.number, seen.status) == ("/api/v1/tasks", "x=1", 0, 404)
    assert server.embedding_requests == ()


def test_the_server_stops_with_clients_still_connected():
    """Stopping ends idle keep-alive connections and requests that were left without a response, and all threads."""
    before = set(threading.enumerate())  # those of earlier tests may still be ending
    asked = threading.Event()
    refused = []

    def wait_for_nothing(server):
        try:
            ask(server, ["a"])
        except (OSError, http.client.HTTPException) as error:
            refused.append(error)

    def notice(exchange: Exchange) -> bool:
        asked.set()
        return exchange.number == 2

    with DashScopeServer() as server:
        idle = http.client.HTTPConnection(urlsplit(server.base_url).netloc)
        headers = {"Content-Type": "application/json", "Authorization": "Bearer sk-test"}
        idle.request("POST", EMBEDDING_PATH, json.dumps({"model": QWEN, "input": {"contents": ["a"]}}), headers)
        assert idle.getresponse().read()
        server.misbehave(TRANSIENT["silent"], notice)
        waiting = threading.Thread(target=wait_for_nothing, args=(server,))
        waiting.start()
        assert asked.wait(timeout=60)
    waiting.join(timeout=60)
    idle.close()
    assert len(refused) == 1
    assert not set(threading.enumerate()) - before


def test_an_error_of_the_server_itself_is_not_hidden():
    """An exception inside the server is raised when the server stops, so that no test passes over it."""
    server = DashScopeServer(latency=lambda _: 1 / 0).start()
    with pytest.raises(http.client.HTTPException):
        ask(server, ["a"])
    with pytest.raises(ExceptionGroup, match="The server itself failed") as caught:
        server.stop()
    assert isinstance(caught.value.exceptions[0], ZeroDivisionError)


def test_the_server_runs_by_itself_and_shows_its_bill():
    """``python -m dashscope_server`` prints how to point the library at it, serves, and ends with the bill."""
    folder = Path(dashscope_server.__file__).parents[1]
    arguments = [sys.executable, "-m", "dashscope_server", "--key", "sk-mine", "--latency", "0", "--fault", "429"]
    with subprocess.Popen([*arguments, "--share", "0"], cwd=folder, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  # our own module
        assert process.stdout is not None
        base_url = process.stdout.readline().split()[-1]
        body = json.dumps({"model": QWEN, "input": {"contents": ["a"]}}).encode()
        headers = {"Content-Type": "application/json", "Authorization": "Bearer sk-mine"}
        path = EMBEDDING_PATH.removeprefix("/api/v1")
        request = urllib.request.Request(base_url + path, body, headers)  # noqa: S310  # loopback
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310  # loopback
            assert response.status == 200
        process.terminate()
        said = process.stdout.read()
    assert process.returncode == 0
    assert f"DASHSCOPE_HTTP_BASE_URL={base_url}" in said
    assert "DASHSCOPE_API_KEY=sk-mine" in said
    assert "1 vectors (1 distinct, 0 paid twice, 0 wasted) in 1 requests" in said
