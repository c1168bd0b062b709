"""What only real weights and real servers can tell of models of one's own; each test says what it needs.

``MMEMBED_LIVE_ENCODER`` names a model of sentence-transformers with pictures, such as ``clip-ViT-B-32``;
``MMEMBED_LIVE_SERVER`` and ``MMEMBED_LIVE_SERVER_MODEL`` an OpenAI-compatible server of texts.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import mmembed

pytestmark = pytest.mark.live
PHOTOS = sorted((Path(__file__).parents[2] / "data" / "images").glob("*.webp"))[:3]
TEXTS = ["a dog on a beach", "一只狗", "taxes", "photo.png"]


@pytest.fixture(autouse=True)
def _own(tmp_path, monkeypatch):
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path / "cache"))


@pytest.mark.skipif(not os.environ.get("MMEMBED_LIVE_ENCODER"), reason="needs MMEMBED_LIVE_ENCODER, and its weights")
def test_a_sentence_transformer_gives_what_it_gives_by_itself():
    """Texts, also one that names a file, and pictures get the vectors of ``encode``."""
    library = pytest.importorskip("sentence_transformers")
    encoder = library.SentenceTransformer(os.environ["MMEMBED_LIVE_ENCODER"])
    df = pd.DataFrame({"t": TEXTS}).mmembed.embed("t", "text", model=encoder)
    wanted = encoder.encode([{"text": one} for one in TEXTS])
    np.testing.assert_allclose(df["t_vector"].mmembed.to_matrix(), wanted, atol=1e-2)
    df = pd.DataFrame({"p": [str(one) for one in PHOTOS]}).mmembed.embed("p", "image", model=encoder)
    wanted = encoder.encode([Image.open(one).convert("RGB") for one in PHOTOS])
    np.testing.assert_allclose(df["p_vector"].mmembed.to_matrix(), wanted, atol=1e-2)
    assert len(df.mmembed.search("a dog", "p_vector", k=1)) == 1


@pytest.mark.skipif(not os.environ.get("MMEMBED_LIVE_SERVER"), reason="needs MMEMBED_LIVE_SERVER")
def test_a_server_embeds_and_is_searched():
    """The length is asked for, and equal meanings are near."""
    model = mmembed.CustomModel.openai(
        base_url=os.environ["MMEMBED_LIVE_SERVER"], model=os.environ["MMEMBED_LIVE_SERVER_MODEL"]
    )
    df = pd.DataFrame({"t": TEXTS}).mmembed.embed("t", "text", model=model)
    assert df.mmembed.search("a puppy by the sea", "t_vector", k=1)["t"].item() == TEXTS[0]


@pytest.mark.skipif(not os.environ.get("DASHSCOPE_API_KEY"), reason="needs DASHSCOPE_API_KEY, and costs a little")
def test_the_compatible_mode_of_dashscope_embeds_texts():
    """The address, the variable of the key and the shape of the answer are right."""
    model = mmembed.CustomModel.openai(
        base_url="https://dashscope.aliyuncs.com/compatible-mode/v1",
        model="text-embedding-v4",
        dimension=1024,
        batch_size=10,
        price=0.0005,
    )
    run = mmembed.Embedder(model=model, cache=None).embed(pd.Series(TEXTS, name="t"), "text")
    assert run.errors.empty
    assert run.usage.tokens > 0
