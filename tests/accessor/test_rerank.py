"""``search(rerank=…)``: hits in the order of a model that reads them, paid once, on pandas and Dask."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import mmembed
from dashscope_server import refusing
from dashscope_server.reaching import KEY
from mmembed.contents.content import content_of_text
from mmembed.embedding.reranker import Reranker
from mmembed.errors import BudgetError, EmbeddingWarning, MissingCredentialsError, ModelError, ServiceError
from mmembed.providers.dashscope.rerank import RERANKERS, batches_of

PATH = "/api/v1/services/rerank/text-rerank/text-rerank"


def asked(server):
    """Return the bodies' documents of all rerank requests."""
    return [one.contents for one in server.requests if one.path == PATH]


@pytest.fixture
def df():
    """Return texts whose nearest vectors are not the best answers, and pictures of four colours."""
    texts = ["red", "a red dress", "blue", "a red dress, size M", "green"]
    vectors = np.array([[1, 0], [0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.1, 0.9]], dtype=np.float32)
    frame = pd.DataFrame({"t": texts, "t_vector": list(vectors)}, index=list("abcde"))
    frame["t_vector"] = frame["t_vector"].mmembed.as_vectors(space="local")
    frame["p"] = [Image.new("RGB", (8, 8), one) for one in ("blue", "red", "green", "white", "red")]
    frame["p_vector"] = frame["t_vector"]
    return frame


@pytest.fixture(autouse=True)
def local_queries():
    """Let queries have the first vector: what is tested comes after the embedding."""
    mmembed.register_model(
        "axes",
        dimension=2,
        version="1",
        text=lambda texts: np.array([[1.0, 0.0]] * len(texts)),
        image=lambda pictures: np.array([[1.0, 0.0]] * len(pictures)),
    )


@pytest.fixture
def axes(df):
    """Return the frame with vectors of the space of the queries."""
    for column in ("t_vector", "p_vector"):
        df[column] = pd.Series(
            mmembed.VectorArray.from_matrix(df[column].mmembed.to_matrix(), space="axes"), index=df.index
        )
    return df


def test_hits_come_in_the_order_of_the_service_and_keep_their_similarity(server, axes):
    """The k best of ``rerank_depth`` hits, by the model's score; a second search pays nothing."""
    found = axes.mmembed.search("red dress size", "t_vector", k=2, rerank="qwen3-vl-rerank", rerank_depth=4)
    assert found.index.tolist() == ["d", "b"]
    assert found["score"].tolist() == pytest.approx([1.0, 2 / 3])
    assert found["similarity"].tolist() == pytest.approx([0.7 / np.hypot(0.7, 0.3), 0.9 / np.hypot(0.9, 0.1)])
    assert asked(server) == [[{"text": one} for one in axes["t"].iloc[:4]]]
    again = axes.mmembed.search("red dress size", "t_vector", k=2, rerank="qwen3-vl-rerank", rerank_depth=5)
    pd.testing.assert_frame_equal(found, again)
    assert asked(server)[1:] == [[{"text": "green"}]]


def test_a_workspace_is_asked_in_its_name(server, axes, monkeypatch):
    """That of the reranker or, where a model is named, of the search's embedder, with its key."""
    embedder = mmembed.Embedder(model="axes", workspace="ws-7", api_key=KEY)
    monkeypatch.delenv("DASHSCOPE_API_KEY")
    axes.mmembed.search("red", "t_vector", rerank="qwen3-vl-rerank", embedder=embedder)
    axes.mmembed.search("blue", "t_vector", rerank=Reranker(workspace="ws-8", api_key=KEY))
    axes.mmembed.search("green", "t_vector", rerank=Reranker(api_key=KEY))
    sent = [one.headers.get("x-dashscope-workspace") for one in server.requests if one.path == PATH]
    assert sent == ["ws-7", "ws-8", None]
    with pytest.raises(ValueError, match="workspace is 'a b'"):
        axes.mmembed.search("white", "t_vector", rerank=Reranker(workspace="a b", api_key=KEY))


def test_scores_of_another_server_are_not_the_services(monkeypatch):
    """What another server calls by the model's name need not be that model: the key of a score tells them apart."""
    pair = [content_of_text("red"), [content_of_text("a red dress")]]
    here = Reranker()._keys(*pair)
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", "http://127.0.0.1:9/api/v1")
    assert Reranker()._keys(*pair) != here
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", "https://dashscope.aliyuncs.com/api/v1")
    service = Reranker()._keys(*pair)
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", "https://{workspace_id}.ap-southeast-1.maas.aliyuncs.com/api/v1")
    assert Reranker(workspace="ws-1")._keys(*pair) == service


def test_pictures_are_reranked_by_the_column_of_the_vectors(server, axes):
    """``x_vector`` tells that ``x`` is read; pictures go as data addresses, texts as texts."""
    found = axes.mmembed.search("red", "p_vector", k=3, rerank="qwen3-vl-rerank")
    assert found.index.tolist()[:2] == ["b", "d"]
    assert all(one["image"].startswith("data:image/png;base64,") for one in asked(server)[0])
    found = axes.mmembed.search("red", "p_vector", k=1, rerank="qwen3-vl-rerank", rerank_on="t")
    assert found.index.tolist() == ["a"]


def test_several_queries_are_reranked_each_for_itself(server, axes):
    """Many queries give the long frame, with ranks by the score."""
    found = axes.mmembed.search(["blue", "green"], "t_vector", k=1, rerank="qwen3-vl-rerank")
    assert found[["query", "rank", "t"]].to_numpy().tolist() == [["blue", 1, "blue"], ["green", 1, "green"]]
    assert len(asked(server)) == 2


def test_a_row_and_a_picture_may_ask(server, axes):
    """The cell of the row, or the picture, is the query."""
    found = axes.mmembed.search(axes.loc["b"], "t_vector", k=1, rerank="qwen3-vl-rerank")
    assert found.index.tolist() == ["d"]
    axes.mmembed.search(Image.new("RGB", (8, 8), "red"), "p_vector", k=1, rerank="qwen3-vl-rerank")
    assert len(asked(server)) == 2


@pytest.mark.parametrize("query", [np.array([1.0, 0.0]), mmembed.Vector([1.0, 0.0])])
def test_a_vector_cannot_be_read(axes, query):
    """A reranker reads the query itself."""
    with pytest.raises(ValueError, match="a vector has nothing to read"):
        axes.mmembed.search(query, "t_vector", rerank="qwen3-vl-rerank")


def test_a_callable_gets_the_query_and_the_contents(axes):
    """Texts are strings and pictures are pictures; no key and no service."""
    seen = []

    def rerank(query, documents):
        seen.append((query, [getattr(one, "size", one) for one in documents]))
        return [len(str(one)) for one in documents]

    found = axes.mmembed.search("x", "t_vector", k=1, rerank=rerank, rerank_depth=3)
    assert seen == [("x", ["red", "a red dress", "blue"])]
    assert (found.index.tolist(), found["score"].tolist()) == (["b"], [11.0])
    axes.mmembed.search("x", "p_vector", k=1, rerank=rerank, rerank_depth=2)
    assert seen[-1] == ("x", [(8, 8), (8, 8)])


class CrossEncoder:
    """As much of sentence-transformers' class as is used: ``predict`` of pairs."""

    def __call__(self, *_):
        """Refuse: this is torch's forward."""
        raise AssertionError

    def rank(self, query, documents):
        """Be there, to be known by."""

    def predict(self, pairs):
        """Score pairs."""
        return np.array([len(set(query.split()) & set(document.split())) for query, document in pairs])


def test_a_cross_encoder_is_asked_by_predict(axes):
    """What sentence-transformers loads is taken as it is."""
    found = axes.mmembed.search("a dress", "t_vector", k=1, rerank=CrossEncoder())
    assert found["t"].item() == "a red dress"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda _q, _d: [1.0], r"shape \(1,\) for 5 documents"),
        (lambda _q, d: [np.nan] * len(d), "finite"),
        (lambda _q, _d: "x", "no list of numbers"),
    ],
)
def test_scores_that_are_none_say_what_was_expected(axes, answer, message):
    """Number and finiteness are checked."""
    with pytest.raises(ModelError, match=message):
        axes.mmembed.search("x", "t_vector", rerank=answer)


@pytest.mark.usefixtures("server")
def test_hits_that_cannot_be_read_follow_the_others(axes):
    """A broken picture keeps its place behind those with a score, with one warning."""
    axes["p"] = [b"no picture", *axes["p"].tolist()[1:]]
    with pytest.warns(EmbeddingWarning, match="1 hits have no score"):
        found = axes.mmembed.search("red", "p_vector", k=5, rerank="qwen3-vl-rerank", rerank_on={"p": "image"})
    assert found.index.tolist()[-1] == "a"
    assert np.isnan(found["score"].iloc[-1])


@pytest.mark.parametrize(("count", "sizes"), [(100, [100]), (101, [100, 1]), (250, [100, 100, 50])])
def test_a_request_holds_at_most_a_hundred_texts(count, sizes):
    """And forty pictures, four clips, and so many tokens in all."""
    texts = [content_of_text(f"text {one}") for one in range(count)]
    spec = RERANKERS["qwen3-vl-rerank"]
    assert [len(one) for one in batches_of(texts[0], texts, spec)] == sizes


def test_long_texts_share_requests_by_their_tokens():
    """A request stays below 120,000 tokens, the query counted once for each document; longer texts count as cut."""
    spec = RERANKERS["qwen3-vl-rerank"]
    long = [content_of_text(f"{one} " + "word " * 20_000) for one in range(20)]
    assert [len(one) for one in batches_of(content_of_text("x"), long, spec)] == [14, 6]


def test_pictures_and_clips_share_requests_in_proportion():
    """Forty pictures or four clips fill a request; no page says how many of each it may hold together."""
    from mmembed.contents.content import Content
    from mmembed.contents.media import Media

    spec = RERANKERS["qwen3-vl-rerank"]
    pictures = [
        Content("image", media=Media(url=f"https://a.example/{one}.png"), digest=bytes([one])) for one in range(41)
    ]
    clips = [Content("video", media=Media(url=f"https://a.example/{one}.mp4"), digest=bytes([one])) for one in range(5)]
    query = content_of_text("x")
    assert [len(one) for one in batches_of(query, pictures, spec)] == [40, 1]
    assert [len(one) for one in batches_of(query, clips, spec)] == [4, 1]
    assert [len(one) for one in batches_of(query, [*clips[:2], *pictures[:21]], spec)] == [22, 1]


def test_a_plan_tells_the_price_without_a_request(server, axes):
    """Pairs, requests, tokens and price; what the cache has is not paid for again."""
    reranker = Reranker()
    plan = reranker.plan("red dress", axes["t"], "text")
    assert (plan.queries, plan.pairs, plan.cached, plan.requests) == (1, 5, 0, 1)
    assert plan.cost == pytest.approx(plan.tokens * 0.0007 / 1000)
    assert server.requests == ()
    axes.mmembed.search("red dress", "t_vector", rerank=reranker, rerank_depth=4, k=1)
    assert reranker.plan("red dress", axes["t"], "text").cached == 4
    with pytest.raises(BudgetError, match="1 pairs costs at least"):
        axes.mmembed.search("red dress", "t_vector", rerank=reranker, rerank_depth=5, max_cost=1e-9)


@pytest.mark.usefixtures("server")
def test_without_a_key_nothing_is_sent(axes, monkeypatch):
    """The variable is named; a plan needs no key."""
    monkeypatch.delenv("DASHSCOPE_API_KEY")
    with pytest.raises(MissingCredentialsError, match="DASHSCOPE_API_KEY"):
        axes.mmembed.search("red", "t_vector", rerank="qwen3-vl-rerank")
    assert Reranker().plan("red", ["a"], "text").requests == 1


def test_a_refused_document_fails_alone(server, axes):
    """What the service refuses is halved down to it."""
    server.misbehave(
        refusing.error(400, "DataInspectionFailed"), when=lambda one: {"text": "blue"} in (one.contents or [])
    )
    with pytest.warns(EmbeddingWarning, match="DataInspectionFailed"):
        found = axes.mmembed.search("red", "t_vector", k=5, rerank="qwen3-vl-rerank")
    assert found.index.tolist()[-1] == "c"
    assert found["score"].notna().sum() == 4


def test_a_wrong_key_ends_the_search(server, axes):
    """Nothing else could succeed; the key is in no message."""
    with pytest.raises(ServiceError, match=r"InvalidApiKey|HTTP 401") as caught:
        axes.mmembed.search("red", "t_vector", rerank=Reranker(api_key="sk-wrong"))
    assert "sk-wrong" not in str(caught.value)
    assert len(asked(server)) == 1


def test_a_key_stays_here():
    """Neither texts nor pickles nor the names of tasks hold it."""
    reranker = Reranker(api_key=KEY)
    assert KEY not in repr(reranker)
    assert KEY.encode() not in pickle.dumps(reranker)
    tokenize = pytest.importorskip("dask.base").tokenize
    assert tokenize(reranker) == tokenize(Reranker(api_key="sk-another"))


@pytest.mark.parametrize(
    ("changes", "error_type", "message"),
    [
        ({"rerank": "qwen9"}, ValueError, "no model that reranks. Known: 'qwen3-vl-rerank'"),
        ({"rerank": 3}, TypeError, "rerank is of type int"),
        ({"rerank": len, "rerank_depth": 0}, ValueError, "rerank_depth=0"),
    ],
)
def test_what_cannot_rerank_is_refused_before_anything_is_sent(server, axes, changes, error_type, message):
    """A name that is none, a number, and no depth."""
    with pytest.raises(error_type, match=message):
        axes.mmembed.search("red", "t_vector", **changes)
    with pytest.raises(ValueError, match="Name it: rerank_on='title'"):
        axes.rename(columns={"t": "other"}).mmembed.search("red", "t_vector", rerank=len)
    assert server.requests == ()


def test_dask_gives_the_hits_of_pandas(server, axes):
    """The hits of all partitions are reranked together, when the frame is computed."""
    dd = pytest.importorskip("dask.dataframe")
    import mmembed.distributed  # noqa: F401  registers ddf.mmembed

    ddf = dd.from_pandas(axes.drop(columns=["p", "p_vector"]), npartitions=3)
    lazy = ddf.mmembed.search("red dress size", "t_vector", k=2, rerank="qwen3-vl-rerank", rerank_depth=4)
    assert asked(server) == []
    found = lazy.compute(scheduler="threads")
    wanted = axes.mmembed.search("red dress size", "t_vector", k=2, rerank="qwen3-vl-rerank", rerank_depth=4)
    assert found["t"].tolist() == wanted["t"].tolist()
    np.testing.assert_allclose(found["score"], wanted["score"])
    assert len(asked(server)) == 1
