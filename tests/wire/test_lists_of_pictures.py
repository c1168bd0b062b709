"""Several pictures a row, and clips as frames, on the models of the service that make one vector of them."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import mmembed  # noqa: F401 - the accessor
from dashscope_server import garbling
from mmembed import Embedder
from mmembed.errors import EmbeddingError, EmbeddingWarning

DATA = Path(__file__).parents[2] / "data"
QWEN = "qwen3-vl-embedding"
DATED = "tongyi-embedding-vision-plus-2026-03-06"


def png(colour, side=32):
    out = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(out, "PNG")
    return out.getvalue()


def uri(data):
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


RED, GREEN, BLUE = (png(colour) for colour in ("red", "green", "blue"))
LISTS = pd.Series([[RED, GREEN], None, [BLUE], [RED, GREEN], [GREEN, RED, BLUE]], name="photos")


def single(server, content):
    """Return the vector that the service gives for a content by itself."""
    return np.array(server.vector(content, QWEN, dimension=256), np.float32)


def fused(server, *contents):
    """Return the vector that the service gives for contents that are fused."""
    (vector,) = server.vectors(list(contents), QWEN, dimension=256, enable_fusion=True)
    return np.array(vector, np.float32)


def test_a_list_is_one_vector_on_the_default_model(server):
    """Each list is a request of its own, marked as fused; equal lists are bought once, and each picture is paid for."""
    plan = Embedder(model=QWEN, dimension=256).plan_many({"photos": LISTS}, {"photos": "multi_images"})
    df = LISTS.to_frame().mmembed.embed("photos", "multi_images", model=QWEN, dimension=256)
    vectors = df["photos_vector"]
    assert vectors.isna().tolist() == [False, True, False, False, False]
    for row, pictures in LISTS.dropna().items():
        wanted = fused(server, *({"image": uri(one)} for one in pictures))
        assert np.array_equal(np.asarray(vectors[row]), wanted)
    assert len(server.embedding_requests) == plan.requests == 3
    assert all(one.parameters["enable_fusion"] is True for one in server.embedding_requests)
    assert sorted(len(one.contents) for one in server.embedding_requests) == [1, 2, 3]
    assert server.bill.vectors == 3
    low, high = plan.tokens_range
    assert low <= server.bill.tokens <= high
    assert plan.cost == pytest.approx(server.bill.cost, rel=0.5)


def test_lists_and_other_rows_share_no_request(server):
    """Texts and single pictures are batched as ever, and no vector of theirs is fused."""
    columns = {"photos": LISTS, "title": pd.Series(["a", "b", "c", "d", "e"]), "cover": pd.Series([RED] * 5)}
    runs = Embedder(model=QWEN, dimension=256).embed_many(
        columns, {"photos": "multi_images", "title": "text", "cover": "image"}
    )
    assert all(not len(run.errors) for run in runs.values())
    assert np.array_equal(np.asarray(runs["title"].vectors[1]), single(server, "b"))
    assert sorted(len(one.contents) for one in server.embedding_requests) == [1, 2, 3, 6]


def test_a_row_fuses_a_text_with_several_pictures(server):
    """``fuse(image=)`` takes lists; a list of one is that picture, and an empty one is missing."""
    df = pd.DataFrame({"title": ["a", "b", "c", None], "photos": [[RED, GREEN], [BLUE], [], [RED, BLUE]]})
    done = df.mmembed.fuse(text="title", image="photos", model=QWEN, dimension=256)["fused_vector"]
    pictures = [{"image": uri(one)} for one in (RED, GREEN, BLUE)]
    assert np.array_equal(np.asarray(done[0]), fused(server, {"text": "a"}, *pictures[:2]))
    assert np.array_equal(np.asarray(done[1]), fused(server, {"text": "b", **pictures[2]}))
    assert np.array_equal(np.asarray(done[2]), single(server, "c"))
    assert np.array_equal(np.asarray(done[3]), fused(server, pictures[0], pictures[2]))


def test_a_clip_of_this_machine_goes_as_frames(server):
    """``video_frames=`` works on the default model, in a column of clips and beside a text."""
    clip = str(DATA / "videos" / "036.mp4")
    embedder = Embedder(model=QWEN, dimension=256, video_frames=4)
    df = pd.DataFrame({"clip": [clip, "https://example.com/a.mp4"], "title": ["a", "b"]})
    alone = df.mmembed.embed("clip", "video", embedder=embedder)["clip_vector"]
    frames = next(one for one in server.embedding_requests if len(one.contents) == 4).contents
    assert all(set(one) == {"image"} for one in frames)
    assert np.array_equal(np.asarray(alone[0]), fused(server, *frames))
    assert np.array_equal(
        np.asarray(alone[1]),
        np.array(server.vector({"video": "https://example.com/a.mp4"}, QWEN, dimension=256), np.float32),
    )
    both = df.mmembed.fuse(text="title", video="clip", embedder=embedder)["fused_vector"]
    assert np.array_equal(np.asarray(both[0]), fused(server, {"text": "a"}, *frames))
    assert np.array_equal(np.asarray(both[1]), fused(server, {"text": "b", "video": "https://example.com/a.mp4"}))


def test_another_number_of_vectors_is_never_taken(server):
    """A service that gives a vector a picture, or none, gives no row a wrong one."""
    server.misbehave(garbling.more())
    with pytest.raises(EmbeddingError, match="1 vectors were asked for and 2 came back"):
        LISTS[:1].to_frame().mmembed.embed("photos", "multi_images", model=QWEN, dimension=256)


def test_too_long_a_list_is_the_error_of_its_row(server):
    """More pictures than the model takes are not sent, and the message says how many it takes."""
    cells = pd.Series([[RED] * 11, [GREEN, BLUE]])
    run = Embedder(model=QWEN, dimension=256).embed(cells, "multi_images")
    assert run.errors["code"].tolist() == ["TooManyPictures"]
    assert "at most 10" in run.errors["message"][0]
    assert run.vectors.isna().tolist() == [True, False]
    assert len(server.embedding_requests) == 1


def test_the_dated_models_take_lists_of_sixty_four(server):
    """They take them as ``multi_images``, several lists a request as long as its pictures are."""
    pictures = [png((red, 0, 0), 8) for red in range(64)]
    cells = pd.Series([pictures, pictures[:32], pictures[32:]])
    run = Embedder(model=DATED, dimension=256).embed(cells, "multi_images")
    assert not len(run.errors)
    assert sorted(len(one.contents) for one in server.embedding_requests) == [1, 2]
    for row, cell in cells.items():
        wanted = server.vector({"multi_images": [uri(one) for one in cell]}, DATED, dimension=256)
        assert np.array_equal(np.asarray(run.vectors[row]), np.array(wanted, np.float32))


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("model", ["qwen2.5-vl-embedding", DATED])
def test_a_model_that_fuses_no_lists_says_which_does(model):
    """The other rows are embedded all the same."""
    df = pd.DataFrame({"title": ["a", "b"], "photos": [[RED, GREEN], [BLUE]]})
    with pytest.warns(EmbeddingWarning, match="ListInFusedRow"):
        done = df.mmembed.fuse(text="title", image="photos", model=model, errors="coerce")
    assert done["fused_vector"].isna().tolist() == [True, False]
    with pytest.raises(EmbeddingError, match="qwen3-vl-embedding"):
        df.mmembed.fuse(text="title", image="photos", model=model)


def test_the_local_model_fuses_lists_too(server):
    """The same lines work without a key."""
    photos = [str(DATA / "images" / name) for name in sorted(path.name for path in (DATA / "images").iterdir())[:2]]
    df = pd.DataFrame({"title": ["a bird", "a bird"], "photos": [photos, photos[:1]]})
    done = df.mmembed.fuse(text="title", image="photos", model="local")["fused_vector"]
    assert done.notna().all()
    assert not np.array_equal(np.asarray(done[0]), np.asarray(done[1]))
    assert server.requests == ()
