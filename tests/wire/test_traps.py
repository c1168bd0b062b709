"""The SDK's traps that no other test names, each over real HTTP through a whole run."""

import copy
import logging
import traceback

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dashscope_server import ONE_CONTENT, WHOLE_JOB, containing, refusing
from dashscope_server.calling import picture
from dashscope_server.reaching import KEY
from mmembed import Embedder
from mmembed.errors import EmbeddingError, MissingCredentialsError, MMEmbedError

MODEL = "qwen3-vl-embedding"


def embed(cells, modality, **options):
    frame = pd.DataFrame({"cell": pd.Series(cells, dtype=object)})
    return frame.mmembed.embed("cell", modality, **({"model": MODEL, "dimension": 256} | options))["cell_vector"]


def test_two_files_of_one_name_are_two_pictures(server, tmp_path):
    """The SDK would upload both under one name; here each goes along with its own bytes, and equal bytes go once."""
    paths = []
    for folder, colour in [("a", "red"), ("b", "blue"), ("c", "red")]:
        (tmp_path / folder).mkdir()
        paths.append(tmp_path / folder / "1.png")
        Image.new("RGB", (4, 4), colour).save(paths[-1])
    first, second, third = embed(paths, "image")
    assert first == third
    assert first != second
    assert (server.bill.vectors, server.uploads) == (2, {})
    assert [one.path for one in server.requests] == [one.path for one in server.embedding_requests]


ODD_TEXTS = [
    *("null\0inside", "a\u2028b", "😀", "http://x", "oss://bucket/key", "file:///missing", "~", "~root/x", "/", "."),
    *("nan", "None", '{"text": 1}', "\ufeffmark", "e\u0301", "é", "a" * 5000, " lead", "trail "),
]


def test_odd_texts_are_sent_to_the_letter(server):
    """Nothing is stripped, normalised, opened or taken for another text."""
    vectors = embed(ODD_TEXTS, "text")
    wanted = np.array([server.vector({"text": text}, MODEL, dimension=256) for text in ODD_TEXTS], np.float32)
    assert np.array_equal(vectors.mmembed.to_matrix(), wanted)
    assert server.bill.distinct == len(ODD_TEXTS)
    assert server.uploads == {}


def test_the_frames_own_objects_are_left_alone(server, tmp_path):
    """Lists and strings of an object column are the same afterwards, and so is what shares them."""
    path = tmp_path / "1.png"
    Image.new("RGB", (4, 4), "red").save(path)
    cells = [[str(path), "https://example.com/a.png"], [picture()], None]
    before = copy.deepcopy(cells)
    vectors = embed(cells, "multi_images", model="tongyi-embedding-vision-flash", dimension=64)
    assert vectors.notna().tolist() == [True, True, False]
    assert cells == before
    assert server.uploads == {}


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirect_that_would_drop_the_body_is_an_error(server, status):
    """It is not followed by a request without contents, and stops the job with its status."""
    server.misbehave(refusing.redirect(status))
    with pytest.raises(MMEmbedError, match=str(status)):
        embed(["a"], "text")
    assert [one.method for one in server.requests] == ["POST"]


def test_no_connection_is_thrown_away(server, caplog):
    """Sixteen workers over a pool of their own: nothing is said of a pool that is full."""
    with caplog.at_level(logging.WARNING):
        embed(
            [f"text {number}" for number in range(640)],
            "text",
            model=None,
            dimension=None,
            embedder=Embedder(model=MODEL, dimension=256, workers=16, requests_per_minute=60_000),
        )
    assert caplog.records == []
    assert server.bill.vectors == 640


@pytest.mark.parametrize("key", ["", None])
def test_an_empty_key_is_no_key(server, monkeypatch, key):
    """It is refused before a request with an empty header would leave."""
    monkeypatch.setenv("DASHSCOPE_API_KEY", "")
    with pytest.raises(MissingCredentialsError, match="DASHSCOPE_API_KEY"):
        embed(["a"], "text", model=None, dimension=None, embedder=Embedder(model=MODEL, api_key=key))
    assert server.requests == ()


def test_the_key_is_nowhere(server, tmp_path, caplog):
    """Not in logs at their loudest, reprs, warnings, errors with their causes, nor in any file of the cache."""
    server.misbehave(ONE_CONTENT["moderation"], containing("bad"))
    seen = []
    with caplog.at_level(logging.DEBUG):
        run = Embedder(model=MODEL, dimension=256).embed(pd.Series(["good", "bad", "other"]), "text")
        seen += [repr(run), run.errors.to_string(), repr(run.usage)]
        with pytest.raises(EmbeddingError) as failed:
            embed(["bad"], "text")
        server.misbehave(WHOLE_JOB["key"], containing("last"))
        with pytest.raises(MMEmbedError) as stopped:
            embed(["last"], "text")
    for error in (failed.value, stopped.value):
        seen += ["".join(traceback.format_exception(error)), repr(error), repr(vars(error))]
    files = [path.read_bytes() for path in (tmp_path / "cache").iterdir()]
    assert len(files) >= 2
    assert KEY not in caplog.text + "".join(seen)
    assert not any(KEY.encode() in data for data in files)
