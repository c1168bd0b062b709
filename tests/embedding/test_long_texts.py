"""Texts over a model's limit are cut only when asked, never silently, and the others are not touched."""

import warnings

import pandas as pd
import pytest

from dashscope_server import DashScopeServer
from mmembed import Embedder
from mmembed.contents.content import read_contents, read_fused
from mmembed.embedding.embedder import TruncationWarning, cut_texts
from mmembed.errors import EmbeddingError
from mmembed.providers.costs import estimate_text
from mmembed.providers.models import find_model

V1 = find_model("multimodal-embedding-v1")


def test_a_long_text_keeps_the_longest_beginning_that_surely_fits():
    """One warning tells how many are cut and how much is left."""
    read = read_contents(["字" * 2_000, "短", None, 5, "word " * 2_000], "text")
    with pytest.warns(TruncationWarning, match=r"takes 512 tokens: 2 longer texts .* is 17 %"):
        cut = cut_texts(read, V1)
    assert cut[1:4] == read[1:4]
    for position in (0, 4):
        text = cut[position].text
        assert read[position].text.startswith(text)
        assert estimate_text(text).high <= 512 < estimate_text(read[position].text[: len(text) + 8]).high
        assert cut[position] == read_contents([text], "text")[0]


def test_nothing_is_said_where_nothing_is_cut():
    """Short texts, and a model without a limit."""
    read = read_contents(["短", "字" * 2_000], "text")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cut_texts(read[:1], V1) == read[:1]
        assert cut_texts(read, find_model("local")) == read


def test_the_text_of_a_fused_row_is_cut_too():
    """Its picture stays, and its hash is that of the row with the cut text."""
    address = "https://example.com/a.png"
    with pytest.warns(TruncationWarning):
        (cut,) = cut_texts([read_fused({"text": "字" * 50_000, "image": address})], find_model("qwen3-vl-embedding"))
    assert cut == read_fused({"text": cut.parts[0].text, "image": address})


def test_a_short_text_is_bought_once_with_and_without_cutting(tmp_path, monkeypatch):
    """Whether others are cut changes no vector of it; without being asked the long one is refused."""
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path))
    frame = pd.DataFrame({"text": ["字" * 2_000, "短"]})
    embedder = Embedder(model=V1.name, api_key="sk-cutting")
    with DashScopeServer(keys=("sk-cutting",)) as server:
        monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", server.base_url)
        with pytest.raises(EmbeddingError, match="TextTooLong"):
            frame.mmembed.embed("text", "text", embedder=embedder)
        with pytest.warns(TruncationWarning):
            out = frame.mmembed.embed(
                "text", "text", embedder=Embedder(model=V1.name, api_key="sk-cutting", truncate=True)
            )
        assert out["text_vector"].notna().all()
        assert (server.bill.vectors, server.bill.distinct) == (2, 2)
