"""What only the real service can tell of each model: lengths, kinds, limits and parameters as its pages have them.

Run with a key of Beijing in ``DASHSCOPE_API_KEY``; a run costs less than 0.2 CNY. ``DASHSCOPE_API_KEY_SINGAPORE`` adds
the tests of that region.
"""

import io
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mmembed import Embedder
from mmembed.errors import EmbeddingError, MMEmbedError
from mmembed.providers.models import MODELS

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not os.environ.get("DASHSCOPE_API_KEY"), reason="needs DASHSCOPE_API_KEY, and costs a little"),
]
PICTURE = "https://dashscope.oss-cn-beijing.aliyuncs.com/images/256_1.png"
GONE = "https://dashscope.oss-cn-beijing.aliyuncs.com/images/there_is_no_such_picture.png"
NAMES = [spec.name for spec in MODELS.values() if spec.provider == "dashscope"]
PHOTOS = sorted((Path(__file__).parents[2] / "data" / "images").glob("*.webp"))
TEXTS = ["一只狗和一个女孩在海滩上", "a dog and a girl on a beach", "年度税务报表", "a spreadsheet of taxes"]


def run(cells, modality, tmp_path, **settings):
    embedder = Embedder(cache=tmp_path / "cache", **settings)
    return embedder.embed(pd.Series(cells, dtype=object, name="cell"), modality, progress=False)


def cosine(one, other):
    one, other = np.asarray(one), np.asarray(other)
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.parametrize("name", NAMES)
def test_each_model_of_the_table_gives_its_default_length_and_understands_two_languages(name, tmp_path):
    """The name, the address and the default dimension are right, and equal meanings are near."""
    done = run(TEXTS, "text", tmp_path, model=name)
    assert done.errors.empty
    assert done.vectors.dtype.dimension == MODELS[name].default_dimension
    dog, hund, tax, _ = done.vectors
    assert cosine(dog, hund) > cosine(dog, tax)
    assert done.usage.tokens > 0
    assert done.usage.cost > 0


@pytest.mark.parametrize(("name", "dimension"), [(name, one) for name in NAMES for one in MODELS[name].dimensions[1:]])
def test_each_dimension_of_the_table_is_honoured(name, dimension, tmp_path):
    """Pages disagree on the undated tongyi models; a length that is not the asked one is an error that says so."""
    done = run(TEXTS[:1], "text", tmp_path, model=name, dimension=dimension)
    assert done.vectors.notna().all()


@pytest.mark.parametrize("name", NAMES)
def test_a_local_picture_and_its_url_are_taken(name, tmp_path):
    """A data URI of a PNG, of a WebP that some models need converted, and a URL."""
    out = io.BytesIO()
    Image.open(PHOTOS[0]).convert("RGB").save(out, format="PNG")
    done = run([out.getvalue(), PHOTOS[0], PICTURE], "image", tmp_path, model=name)
    assert done.errors.empty
    assert cosine(done.vectors.iloc[0], done.vectors.iloc[1]) > 0.95


@pytest.mark.parametrize("name", [name for name in NAMES if MODELS[name].max_contents == 20])
def test_a_full_request_of_texts_is_taken_and_in_order(name, tmp_path):
    """Twenty texts go in one request, and each has the vector that it has alone."""
    texts = [f"第{number}条：商品 {number}" for number in range(20)]
    done = run(texts, "text", tmp_path, model=name)
    assert done.errors.empty
    assert done.usage.requests == 1
    alone = run(texts[13:14], "text", tmp_path / "alone", model=name)
    assert cosine(done.vectors.iloc[13], alone.vectors.iloc[0]) > 0.999


def test_how_many_pictures_a_request_of_qwen3_takes(tmp_path):
    """Pages say 1, 5 or 10: whatever it is, all eleven get their vectors, and no row is blamed for the number."""
    done = run(PHOTOS[:11], "image", tmp_path, model="qwen3-vl-embedding", dimension=256)
    assert done.errors.empty


@pytest.mark.parametrize("name", [name for name in NAMES if MODELS[name].can_fuse])
def test_each_way_of_fusing_gives_one_vector_a_row(name, tmp_path):
    """Rows of a text and a picture, of which equal ones are near and others are not the same."""
    df = pd.DataFrame({"text": ["一只狗", "一只狗", "税"], "image": [PICTURE, PHOTOS[0], PHOTOS[1]]}, dtype=object)
    embedder = Embedder(model=name, cache=tmp_path / "cache")
    fused = df.mmembed.fuse(text="text", image="image", embedder=embedder)["fused_vector"]
    assert fused.notna().all()
    assert fused.nunique() == 3


@pytest.mark.parametrize("name", [name for name in NAMES if MODELS[name].max_multi_images])
def test_a_list_of_pictures_gives_one_vector(name, tmp_path):
    """Two and eight pictures."""
    done = run([[PICTURE, PHOTOS[0]], PHOTOS[:8]], "multi_images", tmp_path, model=name)
    assert done.errors.empty


def test_instruct_changes_the_vector_and_is_told_apart_in_the_cache(tmp_path):
    """The same text with and without."""
    plain = run(TEXTS[:1], "text", tmp_path, model="qwen3-vl-embedding", dimension=256)
    told = run(TEXTS[:1], "text", tmp_path, model="qwen3-vl-embedding", dimension=256, instruct="Find the same scene.")
    assert told.usage.requests == 1
    assert cosine(plain.vectors.iloc[0], told.vectors.iloc[0]) < 0.9999


def test_a_picture_that_is_gone_fails_alone_with_a_code_that_is_known(tmp_path):
    """The other nine rows have their vectors, and the code is one that names the picture as the reason."""
    done = run([*PHOTOS[:9], GONE], "image", tmp_path, model="qwen3-vl-embedding", dimension=256)
    assert done.errors["position"].tolist() == [9]
    assert not done.errors["code"].str.startswith(("HTTP", "Unreadable")).any()


def test_a_second_run_is_free(tmp_path):
    """Nothing is sent and nothing is charged."""
    run(TEXTS, "text", tmp_path, model="qwen3-vl-embedding", dimension=256)
    again = run(TEXTS, "text", tmp_path, model="qwen3-vl-embedding", dimension=256)
    assert (again.usage.requests, again.usage.cost, again.usage.cached) == (0, 0, 4)


def test_a_wrong_key_and_an_unknown_model_stop_at_once(tmp_path):
    """With the service's own words for it, and advice."""
    with pytest.raises(MMEmbedError, match=r"InvalidApiKey.*DASHSCOPE_API_KEY"):
        run(TEXTS, "text", tmp_path, model="qwen3-vl-embedding", api_key="sk-00000000000000000000000000000000")


def test_a_text_that_is_too_long_is_refused_here_or_there(tmp_path):
    """2,000 Chinese characters are more than multimodal-embedding-v1 takes; cut, they are taken."""
    texts = pd.DataFrame({"text": ["长城" * 1000, "短"]})
    settings = {"model": "multimodal-embedding-v1", "cache": tmp_path / "cache"}
    with pytest.raises(EmbeddingError, match="1 of 2 cells"):
        texts.mmembed.embed("text", "text", embedder=Embedder(**settings))
    with pytest.warns(UserWarning, match="are cut"):
        out = texts.mmembed.embed("text", "text", embedder=Embedder(**settings, truncate=True))
    assert out["text_vector"].notna().all()


def test_the_published_rate_is_borne(tmp_path):
    """Forty requests at the published pace: all rows arrive (the note says how many were refused)."""
    texts = [f"评论 {number}" for number in range(800)]
    done = run(texts, "text", tmp_path, model="qwen3-vl-embedding", dimension=256, workers=16)
    assert done.errors.empty
    assert done.usage.requests == 40


@pytest.mark.skipif(not os.environ.get("DASHSCOPE_API_KEY_SINGAPORE"), reason="needs DASHSCOPE_API_KEY_SINGAPORE")
@pytest.mark.parametrize("name", [name for name in NAMES if "singapore" in MODELS[name].regions])
def test_singapore_has_its_two_models(name, tmp_path):
    """Its address, with a key of its own."""
    key = os.environ["DASHSCOPE_API_KEY_SINGAPORE"]
    done = run(TEXTS, "text", tmp_path, model=name, region="singapore", api_key=key)
    assert done.errors.empty
