"""The service's text models: their own address, ten texts a request, documents and queries told apart."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from dashscope_server import ONE_CONTENT, containing
from dashscope_server.calling import post
from dashscope_server.protocol import EMBEDDING_PATH, TEXT_PATH
from dashscope_server.reaching import KEY, reachable
from mmembed import Embedder
from mmembed.errors import EmbeddingError, ModalityError
from mmembed.providers.dashscope.sender import Patience
from mmembed.providers.models import MODELS, find_model

V4 = "text-embedding-v4"
TEXT_MODELS = [name for name, spec in MODELS.items() if spec.is_text_model]
QUICK = Patience(first_pause_seconds=0.001, longest_pause_seconds=0.01)


@pytest.fixture
def server(monkeypatch, tmp_path):
    with reachable(monkeypatch, tmp_path / "cache") as running:
        yield running


def table(count):
    return pd.DataFrame({"text": [f"商品 {number}" for number in range(count)]})


def vectors_of(server, texts, model=V4, dimension=1024, **parameters):
    made = [server.vector({"text": text}, model, dimension=dimension, **parameters) for text in texts]
    return np.array(made, dtype=np.float32)


@pytest.mark.parametrize("model", TEXT_MODELS)
def test_a_column_is_embedded_as_documents(server, model):
    """At the address for texts, as many together as the page allows, each vector in its row; billed at its price."""
    df = table(45)
    plan = df.mmembed.plan("text", "text", model=model)
    found = df.mmembed.embed("text", "text", model=model)
    np.testing.assert_array_equal(found["text_vector"].mmembed.to_matrix(), vectors_of(server, df["text"], model))
    spec = find_model(model)
    assert [one.path for one in server.requests] == [TEXT_PATH] * -(-45 // spec.max_contents)
    assert len(server.requests) == plan.requests
    assert all(one.parameters == {"dimension": 1024, "text_type": "document"} for one in server.requests)
    assert server.bill.cost == pytest.approx(plan.cost, rel=0.5)
    assert Embedder(model=model).embed(df["text"], "text").usage.cost == 0  # the cache has them


@pytest.mark.parametrize("dimension", [64, 2048])
def test_every_length_of_the_page_is_given(server, dimension):
    """Shorter and longer than the default."""
    df = table(3)
    found = df.mmembed.embed("text", "text", model=V4, dimension=dimension)["text_vector"].mmembed.to_matrix()
    np.testing.assert_array_equal(found, vectors_of(server, df["text"], dimension=dimension))


def test_a_search_asks_as_a_query_and_is_kept_apart(server):
    """The same words as a cell and as a query have two vectors and two keys; the second search costs nothing."""
    df = table(12).mmembed.embed("text", "text", model=V4)
    found = df.mmembed.search("商品 3", "text_vector", k=2)
    asked = server.requests[-1]
    assert asked.parameters == {"dimension": 1024, "text_type": "query"}
    (query,) = vectors_of(server, ["商品 3"], text_type="query")
    documents = vectors_of(server, df["text"])
    assert not np.array_equal(query, documents[3])
    cosines = documents @ query / np.linalg.norm(documents, axis=1) / np.linalg.norm(query)
    np.testing.assert_allclose(found["similarity"], np.sort(cosines)[::-1][:2], atol=1e-5)
    count = len(server.requests)
    df.mmembed.search("商品 3", "text_vector", k=2)
    df.mmembed.embed("text", "text", model=V4)
    assert len(server.requests) == count


def test_both_sides_can_be_queries(server):
    """Where a column holds questions, ``extra`` says so; what is searched with follows it."""
    embedder = Embedder(model=V4, extra={"text_type": "query"})
    df = table(3).mmembed.embed("text", "text", embedder=embedder)
    df.mmembed.search("商品 9", "text_vector", k=1, embedder=embedder)
    assert [one.parameters["text_type"] for one in server.requests] == ["query", "query"]


def test_pictures_are_refused_with_the_models_that_take_them(server):
    """Before anything is read or sent."""
    df = pd.DataFrame({"photo": ["a.png"]})
    with pytest.raises(ModalityError, match=r"'text-embedding-v4' does not embed 'image'.*models that do: 'qwen3-vl"):
        df.mmembed.embed("photo", "image", model=V4)
    with pytest.raises(ValueError, match="fps"):
        df.mmembed.embed("photo", "text", model=V4, fps=0.5)
    assert not server.requests


def test_a_text_that_names_a_file_stays_a_text(server, tmp_path, monkeypatch):
    """The SDK's way for texts opens no file, and nothing is uploaded."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("secret")
    df = pd.DataFrame({"text": ["notes.txt", f"file://{tmp_path / 'notes.txt'}", str(tmp_path / "notes.txt")]})
    df.mmembed.embed("text", "text", model=V4)
    assert [one.path for one in server.requests] == [TEXT_PATH]
    assert [content["text"] for content in server.requests[0].contents] == df["text"].tolist()


def test_a_refused_text_fails_alone(server):
    """The request is halved down to it; the other rows have their vectors."""
    df = table(25)
    server.misbehave(ONE_CONTENT["moderation"], containing("商品 7"))
    with pytest.raises(EmbeddingError) as caught:
        df.mmembed.embed("text", "text", model=V4)
    assert caught.value.errors["position"].tolist() == [7]
    good = df.drop(index=7)
    found = good.mmembed.embed("text", "text", model=V4)["text_vector"].mmembed.to_matrix()
    np.testing.assert_array_equal(found, vectors_of(server, good["text"]))


def test_long_texts_share_a_request_only_within_its_tokens(server):
    """Texts of some 3,000 tokens go two by two, and one that is too long is refused without a request."""
    df = pd.DataFrame({"text": [f"{number} " + "字" * 4_500 for number in range(5)]})
    df.mmembed.embed("text", "text", model=V4)
    assert sorted(len(one.contents) for one in server.requests) == [1, 2, 2]
    assert all(one.status == 200 for one in server.requests)
    with pytest.raises(EmbeddingError, match=r"TextTooLong|too long"):
        pd.DataFrame({"text": ["字" * 60_000]}).mmembed.embed("text", "text", model=V4)
    assert len(server.requests) == 3


def test_the_server_keeps_the_two_addresses_apart(server):
    """A model at the other's address, a wrong role and eleven texts are refused, as the pages say."""

    def asked(texts, model=V4, path=TEXT_PATH, **parameters):
        key = "texts" if path == TEXT_PATH else "contents"
        status, body = post(server, {"model": model, "input": {key: texts}, "parameters": parameters}, KEY, path)
        return status, body.get("code")

    assert asked(["a"])[0] == 200
    assert asked(["a"], "qwen3-vl-embedding") == (400, "InvalidParameter")
    assert asked(["a"], path=EMBEDDING_PATH) == (400, "InvalidParameter")
    assert asked(["a"], text_type="passage") == (400, "InvalidParameter")
    assert asked(["a"] * 11) == (400, "InvalidParameter")
    assert asked([{"text": "a"}]) == (400, "InvalidParameter")
    assert asked(["字" * 12_300])[0] == 400


def test_vectors_that_come_in_another_order_find_their_rows(server):
    """They are matched by ``text_index``."""

    def turned(answer):
        answer["output"]["embeddings"].reverse()
        return answer

    reverse = dataclasses.replace(ONE_CONTENT["moderation"], reply=None, works=True, change=turned)
    server.misbehave(reverse, 1)
    df = table(5)
    found = df.mmembed.embed("text", "text", model=V4)["text_vector"].mmembed.to_matrix()
    np.testing.assert_array_equal(found, vectors_of(server, df["text"]))
