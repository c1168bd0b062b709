"""A malformed answer is a failed attempt, whatever is malformed, and what is odd beside good vectors costs nothing."""

import gzip
import io
import zlib

import numpy as np
import pytest
import requests

from mmembed.providers.dashscope.answer import (
    RequestFailure,
    kinds_asked_for,
    read_refusal,
    read_request_id,
    read_usage,
    read_vectors,
)
from mmembed.providers.dashscope.http import AnswerTooLong, QuickAnswer, _same_server


def output(*vectors, **more):
    return {"embeddings": [{"index": place, "embedding": vector, **more} for place, vector in enumerate(vectors)]}


def read(answer, kinds=None, expected=2):
    return read_vectors(answer, expected=expected, dimension=2, model="m", kinds=kinds)


GOOD = [[1, 2.5], [0, -3]]


def test_good_vectors_are_read_in_the_order_of_the_request():
    """Whole numbers and fractions, in any order of the rows."""
    answer = output(*GOOD)
    answer["embeddings"].reverse()
    assert np.array_equal(read(answer), np.array(GOOD, np.float32))


@pytest.mark.parametrize(
    "vector",
    [
        [[1.0], [2.0]],
        [[1.0, 2.0], [3.0, 4.0]],
        ["1", "2"],
        ["1", 2.0],
        [None, 1.0],
        [True, False],
        [True, 1.0],
        [{}, 1.0],
        [10**400, 1.0],
        [float("inf"), 1.0],
        [float("nan"), 1.0],
        [1e39, 1.0],
        [0.0, 0.0],
        [0, 0],
        [1e-60, -1e-60],
        "ab",
        {"0": 1, "1": 2},
        None,
        [],
    ],
)
def test_what_is_no_vector_is_malformed(vector):
    """Nested, no numbers, not finite, too large for float32, or zero; also beside a good one."""
    for answer, expected in ((output(vector), 1), (output([1.0, 2.0], vector), 2), (output(vector, [1.0, 2.0]), 2)):
        with np.errstate(all="raise"), pytest.raises(RequestFailure) as caught:
            read(answer, expected=expected)
        assert caught.value.code == "MalformedAnswer"


@pytest.mark.parametrize("index", [[0], {}, None, "0", 0.0, True, -1, 2, 10**30])
def test_an_index_that_is_none_is_malformed(index):
    """Lists, objects, strings, fractions and truth values are no indexes, and others must be in the request."""
    answer = output(*GOOD)
    answer["embeddings"][0]["index"] = index
    with pytest.raises(RequestFailure, match="index"):
        read(answer)


@pytest.mark.parametrize("answer", [None, [], {}, {"embeddings": None}, {"embeddings": {}}, {"embeddings": [1, 2]}])
def test_an_output_without_embeddings_is_malformed(answer):
    """Whatever stands in their place."""
    with pytest.raises(RequestFailure, match="no list of embeddings"):
        read(answer)


@pytest.mark.parametrize(
    ("kinds", "types"),
    [
        (["text", "image"], ["text", "image"]),
        (["text", "image"], ["TEXT", None]),
        (["text", "image"], ["vl", "vl"]),
        (["multi_images", "video"], ["multi_images", "video"]),
        (["vl", "text"], ["vl", "text"]),
        (["vl", "text"], ["fusion", None]),
    ],
)
def test_a_type_may_be_the_kind_vl_or_missing(kinds, types):
    """What a fused vector is called differs from page to page."""
    answer = output(*GOOD)
    for row, kind in zip(answer["embeddings"], types, strict=True):
        if kind is not None:
            row["type"] = kind
    assert np.array_equal(read(answer, kinds), np.array(GOOD, np.float32))


@pytest.mark.parametrize(
    ("kinds", "types"),
    [
        (["text", "image"], ["image", "text"]),
        (["text", "text"], ["text", "image"]),
        (["text", "video"], ["video", "text"]),
        (["vl", "text"], ["text", "vl"]),
        (["image", "multi_images"], ["multi_images", "image"]),
        (["text", "text"], ["text", 3]),
        (["text", "text"], ["text", ["text"]]),
        (["text", "text"], ["text", "audio"]),
    ],
)
def test_a_vector_of_another_kind_is_malformed(kinds, types):
    """Rows that were mixed up are given away by the kind of their vectors."""
    answer = output(*GOOD)
    for row, kind in zip(answer["embeddings"], types, strict=True):
        row["type"] = kind
    with pytest.raises(RequestFailure, match="of kind"):
        read(answer, kinds)


def test_kinds_are_those_of_the_contents():
    """One key is a kind, several are fused, as is whatever the request fuses."""
    contents = [{"text": "a"}, {"multi_images": []}, {"text": "a", "image": "b"}]
    assert kinds_asked_for(contents) == ["text", "multi_images", "vl"]
    assert kinds_asked_for([{"text": "a"}], are_fused=True) == ["vl"]


@pytest.mark.parametrize("count", [float("inf"), float("nan"), 1e12, 1e300, 10**30, -5, "12", None, [], {}, True])
def test_a_count_that_cannot_be_one_is_none(count):
    """In either shape of usage; the rest of it holds."""
    contents = [{"text": "a"}]
    assert read_usage({"input_tokens": count}, contents) == (0, 0)
    assert read_usage({"input_tokens": count, "image_tokens": 51}, contents) == (0, 51)
    assert read_usage({"input_tokens_details": {"text_tokens": count, "image_tokens": 7}}, contents) == (0, 7)


@pytest.mark.parametrize("usage", [[], "usage", 3, float("inf")])
def test_usage_that_is_no_object_counts_nothing(usage):
    """Whatever it is."""
    assert read_usage(usage, [{"text": "a"}]) == (0, 0)


@pytest.mark.parametrize(
    ("value", "name"),
    [("r-1", "r-1"), (12, "12"), ("", None), (None, None), ({"id": 1}, None), ([1], None), (True, None), (1.5, None)],
)
def test_a_name_of_a_request_is_a_string_or_a_number(value, name):
    """Whatever else stands there is no name, and no reason to lose vectors that were paid."""
    assert read_request_id(value) == name


def test_a_refusal_of_any_depth_is_read():
    """Nesting that no parser takes is an unreadable answer."""
    for body in (b"[" * 100_000, b'{"a":' * 20_000 + b"1" + b"}" * 20_000, b'{"code":' + b"[" * 5_000):
        assert read_refusal(200, body, None).code == "UnreadableAnswer"
        assert read_refusal(502, body, None).code == "HTTP502"


class Raw:
    """Bytes as urllib3 gives them, piece by piece."""

    def __init__(self, pieces):
        self.pieces, self.given = pieces, 0

    def stream(self, _amount, *, decode_content):
        assert not decode_content
        for piece in self.pieces:
            self.given += 1
            yield piece

    def close(self):
        pass


def answer_of(pieces, encoding=None):
    plain = requests.Response()
    plain.status_code = 200
    if encoding:
        plain.headers["Content-Encoding"] = encoding
    plain.raw = Raw(pieces)
    return QuickAnswer.of(plain)


def cut(data, size=4_096):
    return [data[start : start + size] for start in range(0, len(data), size)]


def test_packed_answers_unpack_to_the_same():
    """As gzip, as zlib and as the bare stream that some servers call deflate."""
    body = bytes(range(256)) * 400
    bare = zlib.compressobj(wbits=-15)
    packed = {"gzip": gzip.compress(body), "deflate": zlib.compress(body), "x-gzip": gzip.compress(body)}
    for encoding, data in [*packed.items(), ("deflate", bare.compress(body) + bare.flush()), ("identity", body)]:
        answer = answer_of(cut(data), encoding)
        answer.read(1 << 20)
        assert answer.content == body


@pytest.mark.parametrize("megabytes", [8, 64])
def test_a_small_body_does_not_unpack_to_a_large_one(megabytes):
    """What is over the limit is never held, and no further piece is read."""
    packing = zlib.compressobj(9, wbits=31)
    data = b"".join([*(packing.compress(bytes(1 << 20)) for _ in range(megabytes)), packing.flush()])
    answer = answer_of(cut(data, 64), "gzip")
    with pytest.raises(AnswerTooLong, match="longer than 1,000,000 bytes"):
        answer.read(1_000_000)
    assert answer.raw.given < len(cut(data, 64)) / 4


def test_an_endless_body_is_refused_or_cut():
    """An answer is refused, a page of an error is cut."""
    pieces = [b"busy " * 1_000] * 1_000
    answer = answer_of(pieces)
    with pytest.raises(AnswerTooLong):
        answer.read(20_000)
    assert answer.raw.given == 5
    page = answer_of(pieces)
    page.read(20_001, is_cut=True)
    assert (len(page.content), page.raw.given) == (20_001, 5)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "nonsense"])
def test_other_ways_of_packing_are_refused(encoding):
    """Only what was asked for is unpacked; of an error page the status remains."""
    with pytest.raises(requests.exceptions.ContentDecodingError):
        answer_of([b"abc"], encoding).read(100)
    page = answer_of([b"abc"], encoding)
    page.read(100, is_cut=True)
    assert page.content == b""


@pytest.mark.parametrize("location", ["http://[::1", "http://[", "//[x]:y/", "http://a:b:c/", "", "mailto:a@b"])
def test_a_redirect_to_no_address_leads_nowhere(location):
    """An address that cannot be read is not followed, and no error of a parser leaves."""
    assert _same_server("https://example.com/a", location) in {None, "https://example.com/a"}
    assert _same_server("https://example.com/a", "/b") == "https://example.com/b"


def test_the_ordinary_way_of_reading_is_left_alone():
    """An answer that nobody bounded reads as before."""
    plain = requests.Response()
    plain.raw = io.BytesIO(b'{"a": 1}')
    assert QuickAnswer.of(plain).json() == {"a": 1}
