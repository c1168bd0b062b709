"""A few requests to the real service, for a person with a key; everything else talks to the server in this folder."""

import os

import numpy as np
import pandas as pd
import pytest

from mmembed import Embedder
from mmembed.contents.content import Content
from mmembed.contents.media import Media
from mmembed.providers.models import find_model

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not os.environ.get("DASHSCOPE_API_KEY"), reason="needs DASHSCOPE_API_KEY, and costs a little"),
]
PICTURE = "https://dashscope.oss-cn-beijing.aliyuncs.com/images/256_1.png"
MODELS = ["qwen3-vl-embedding", "tongyi-embedding-vision-plus", "multimodal-embedding-v1"]


def embed(model, *contents, **options):
    provider = Embedder(model=model, **options).provider()
    with provider.session() as session:
        return session.embed(contents)


@pytest.mark.parametrize("model", MODELS)
def test_texts_and_a_picture_get_finite_vectors_of_the_default_length(model):
    """The documented models answer with as many vectors as contents, of the length that the table says."""
    answer = embed(
        model,
        Content("text", text="一只狗和一个女孩"),
        Content("text", text="a spreadsheet of taxes"),
        Content("image", media=Media(url=PICTURE)),
    )
    assert answer.failures == {}
    assert answer.matrix.shape == (3, find_model(model).default_dimension)
    assert np.isfinite(answer.matrix).all()
    assert answer.tokens > 0


def test_a_fused_row_gives_one_vector():
    """The decision to send fused rows alone and with ``enable_fusion`` holds for the real service."""
    parts = (Content("text", text="一只狗"), Content("image", media=Media(url=PICTURE)))
    answer = embed("qwen3-vl-embedding", Content("fused", parts=parts), dimension=256)
    assert answer.failures == {}
    assert answer.matrix.shape == (1, 256)


def test_a_text_that_names_a_file_is_embedded_as_text():
    """The vector of a file's name is not the vector of the file."""
    named, plain = embed(
        "qwen3-vl-embedding", Content("text", text=__file__), Content("text", text="x"), dimension=256
    ).matrix
    again = embed("qwen3-vl-embedding", Content("text", text=__file__), dimension=256).matrix[0]
    assert named @ again > 0.99
    assert not np.array_equal(named, plain)


def test_a_video_file_is_read_from_the_temporary_storage(tmp_path):
    """No page names embedding among the models that read it: this says whether they do. The clip is made here."""
    av = pytest.importorskip("av")
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=8)
        stream.width = stream.height = 256
        for number in range(24):
            grey = np.full((256, 256, 3), 40 + 8 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey)))
        container.mux(stream.encode())
    run = Embedder(model="qwen3-vl-embedding", dimension=256, cache=None, upload="temporary").embed(
        pd.Series([str(path)]), "video"
    )
    assert not len(run.errors), run.errors["message"][0]
    assert np.isfinite(np.asarray(run.vectors[0])).all()
