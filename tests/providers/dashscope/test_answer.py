"""The answer that the SDK is handed reads as one of requests does, whatever its body is."""

import io
import json

import pytest
import requests

from mmembed.providers.dashscope.http import QuickAnswer


def answer(body, kind=requests.Response):
    plain = requests.Response()
    plain.status_code = 200
    plain.headers["Content-Type"] = "application/json; charset=utf-8"
    plain.raw = io.BytesIO(body)
    return plain if kind is requests.Response else kind.of(plain)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"output": {"embeddings": [{"index": 0, "embedding": [0.1, -2.5e-7, 3]}]}}).encode(),
        '{"message": "红色"}'.encode(),
        '{"message": "红色"}'.encode("utf-16"),
        b'\xef\xbb\xbf{"message": "with a mark of byte order"}',
        b"null",
        b"[]",
        b'{"a": 1, "a": 2}',
        b'{"a": Infinity, "b": -Infinity}',
    ],
)
def test_every_readable_body_reads_alike(body):
    """Numbers, other encodings, repeated names and what strict JSON does not have."""
    assert answer(body, QuickAnswer).json() == answer(body).json()


@pytest.mark.parametrize("body", [b"", b"<html>Bad Gateway</html>", b'{"output": {"embed', "错误".encode("gbk")])
def test_every_unreadable_body_fails_alike(body):
    """The error is of the type and the words that callers of requests know."""
    with pytest.raises(ValueError) as ordinary:  # noqa: PT011 - whatever it is, the quick one has to raise the same
        answer(body).json()
    with pytest.raises(type(ordinary.value)) as quick:
        answer(body, QuickAnswer).json()
    assert str(quick.value) == str(ordinary.value)


def test_vectors_are_the_same_numbers():
    """The two parsers round alike, so that a cached vector never depends on which was used."""
    numbers = [0.1 + 1e-17, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0, 0.30000000000000004]
    body = json.dumps(numbers).encode()
    assert [value.hex() for value in QuickAnswer.of(answer(body)).json()] == [value.hex() for value in numbers]
