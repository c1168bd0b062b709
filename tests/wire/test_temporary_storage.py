"""Cells that name files in the service's temporary storage."""

from __future__ import annotations

import base64

import numpy as np
import pandas as pd
import pytest
import requests

from dashscope_server.calling import picture
from dashscope_server.reaching import KEY
from mmembed import Embedder
from mmembed.errors import EmbeddingError

QWEN = "qwen3-vl-embedding"
HEADER = "x-dashscope-ossresourceresolve"


def stored(server, name, data):
    """Upload a file by the service's own protocol, as a person does, and return its address."""
    session = requests.Session()
    session.trust_env = False
    with session:
        headers = {"Authorization": f"Bearer {KEY}"}
        asked = {"action": "getPolicy", "model": QWEN}
        policy = session.get(f"{server.base_url}/uploads", params=asked, headers=headers, timeout=10).json()["data"]
        key = f"{policy['upload_dir']}/{name}"
        form = {
            "OSSAccessKeyId": policy["oss_access_key_id"],
            "Signature": policy["signature"],
            "policy": policy["policy"],
            "key": key,
        }
        session.post(policy["upload_host"], data=form, files={"file": data}, timeout=10).raise_for_status()
    return f"oss://{key}"


def test_a_stored_clip_and_picture_are_resolved(server):
    """The header is on the requests that hold them, whatever else is beside it, and on no other; texts stay texts."""
    clip = stored(server, "clip.mp4", b"\x00\x00\x00\x18ftypmp42" + bytes(64))
    df = {"clip": pd.Series([clip, "https://example.com/a.mp4"]), "cover": pd.Series([picture(), picture()])}
    df["title"] = pd.Series(["oss://dashscope-instant/x/y.mp4", "red"])
    embedder = Embedder(model=QWEN, dimension=256, workspace="ws-1")
    runs = embedder.embed_many(df, {"clip": "video", "cover": "image", "title": "text"})
    assert all(not len(run.errors) for run in runs.values())
    wanted = server.vector({"text": "oss://dashscope-instant/x/y.mp4"}, QWEN, dimension=256)
    assert np.array_equal(np.asarray(runs["title"].vectors[0]), np.array(wanted, np.float32))
    for request in server.embedding_requests:
        has_stored = any(one.get("video") == clip for one in request.contents)
        assert request.headers.get(HEADER) == ("enable" if has_stored else None)
        assert request.headers["x-dashscope-workspace"] == "ws-1"
    assert any(request.headers.get(HEADER) for request in server.embedding_requests)


def test_the_same_file_gives_the_vector_of_its_bytes(server):
    """A stored picture and the picture itself are one to the service."""
    data = picture(size=(8, 8))
    address = stored(server, "a.png", base64.b64decode(data.partition(",")[2]))
    run = Embedder(model=QWEN, dimension=256).embed(pd.Series([address]), "image")
    wanted = server.vector({"image": data}, QWEN, dimension=256)
    assert np.array_equal(np.asarray(run.vectors[0]), np.array(wanted, np.float32))


@pytest.mark.usefixtures("server")
def test_a_file_that_is_gone_is_the_error_of_its_row():
    """What the service no longer has fails alone, and the message says what the service said."""
    cells = pd.Series(["oss://dashscope-instant/gone/clip.mp4", "https://example.com/a.mp4"])
    run = Embedder(model=QWEN, dimension=256).embed(cells, "video")
    assert run.vectors.isna().tolist() == [True, False]
    assert "InputDownloadFailed" in run.errors["code"][0]


@pytest.mark.usefixtures("server")
def test_the_local_model_does_not_fetch_it():
    """It is an address for the service alone."""
    with pytest.raises(EmbeddingError, match="URL"):
        Embedder(model="local").embed(pd.Series(["oss://dashscope-instant/x/a.png"]), "image").checked("raise")
