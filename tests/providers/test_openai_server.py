"""A loopback server that speaks as OpenAI-compatible ones do: what it is asked, what it answers, who sees the key."""

from __future__ import annotations

import base64
import io
import pickle
import threading

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import mmembed
from loopback_server import served_by
from mmembed.embedding.embedder import Embedder
from mmembed.errors import MissingCredentialsError, ModelError, ServiceError
from mmembed.providers.openai_server import OpenAIServer

KEY = "sk-own-0123456789"
TEXTS = ["red dress", "blue shoe", "green tree"]


def answer(body, headers):
    """Answer with vectors of colours, in another order than they were asked for; refuse what is called poison."""
    if any("poison" in str(one) for one in body.get("input", [])):
        return 400, {"error": {"message": f"poison in {headers['Authorization']}", "code": "bad_input"}}, {}
    if "messages" in body:
        [part] = body["messages"][0]["content"]
        inputs, is_picture = [part["image_url"]["url"]], True
    else:
        inputs, is_picture = body["input"], body.get("modality") == "image"
    vectors = [colour_of(one) if is_picture else [float(c in one) for c in ("red", "green", "blue")] for one in inputs]
    data = [{"index": place, "embedding": vector, "object": "embedding"} for place, vector in enumerate(vectors)]
    usage = {"prompt_tokens": 7, "total_tokens": 7}
    return 200, {"data": data[::-1], "model": body["model"], "usage": usage}, {}


def colour_of(address):
    """Return the colour of a picture."""
    data = base64.b64decode(address.removeprefix("data:image/png;base64,"))
    return [one / 255 for one in np.asarray(Image.open(io.BytesIO(data)).resize((1, 1)))[0, 0].tolist()]


@pytest.fixture
def served():
    """Return a server on a free port; ``answers`` are given before its own."""
    with served_by(answer) as server:
        yield server


@pytest.fixture(autouse=True)
def _own(tmp_path, monkeypatch):
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def pauses():
    """Return the pauses that were asked for; nobody waits."""
    return []


def model_of(served, pauses, **changes):
    """Return the model of a server that nobody waits for."""
    model = mmembed.CustomModel.openai(**{"base_url": served.url, "model": "colours", "dimension": 3} | changes)
    object.__setattr__(model.server, "pause", lambda _, seconds: pauses.append(seconds))
    return model


def embed(model, cells=TEXTS):
    """Embed texts without a cache."""
    return Embedder(model=model, cache=None).embed(pd.Series(cells, dtype=object, name="t"), "text", progress=False)


def test_texts_are_asked_for_and_put_in_their_rows(served, pauses):
    """The request is that of OpenAI, and vectors go where ``index`` says."""
    run = embed(model_of(served, pauses, extra={"dimensions": 3}))
    [(path, headers, body)] = served.asked
    assert path == "/v1/embeddings"
    assert body == {"input": TEXTS, "model": "colours", "encoding_format": "float", "dimensions": 3}
    assert "Authorization" not in headers
    assert run.vectors.mmembed.to_matrix().tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]


def test_a_column_is_searched_through_the_server(served, pauses):
    """The model is found by the column's space; what is searched with gets the prefix that the model wants."""
    df = pd.DataFrame({"t": TEXTS})
    df = df.mmembed.embed("t", "text", model=model_of(served, pauses, query_prefix="query: "))
    assert df.mmembed.search("blue", "t_vector", k=1)["t"].item() == "blue shoe"
    assert served.asked[-1][2]["input"] == ["query: blue"]


def test_the_length_is_asked_for_where_it_is_not_given(served, pauses):
    """One short text tells it."""
    assert model_of(served, pauses, dimension=None).dimension == 3
    assert [body["input"] for _, _, body in served.asked] == [["mmembed"]]


@pytest.mark.parametrize("style", ["vllm", "infinity"])
def test_pictures_go_as_the_server_takes_them(served, pauses, style):
    """As chat messages, one a request, or as data addresses of one request."""
    model = model_of(served, pauses, image=style)
    cells = pd.Series([Image.new("RGB", (4, 4), one) for one in ("red", "blue")], name="p")
    run = Embedder(model=model, cache=None).embed(cells, "image", progress=False)
    assert run.vectors.mmembed.to_matrix().tolist() == [[1, 0, 0], [0, 0, 1]]
    assert len(served.asked) == (2 if style == "vllm" else 1)
    assert ("messages" in served.asked[0][2]) is (style == "vllm")


def test_the_key_goes_to_the_server_and_nowhere_else(served, pauses, monkeypatch):
    """Argument before environment; neither texts, errors nor pickles hold it, and no other host's key is sent."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-host")
    assert "Authorization" not in (embed(model_of(served, pauses)) and served.asked[-1][1])
    model = model_of(served, pauses, api_key=KEY)
    run = embed(model, ["red", "poison", "blue"])
    assert served.asked[-1][1]["Authorization"] == f"Bearer {KEY}"
    assert run.errors["code"].tolist() == ["bad_input"]
    assert "poison in Bearer …" in run.errors["message"].item()
    assert KEY not in repr(model) + repr(model.server) + str(run.errors.to_dict())
    object.__setattr__(model.server, "pause", threading.Event.wait)
    packed = pickle.dumps(model)
    assert KEY.encode() not in packed
    monkeypatch.setenv("MY_KEY", "sk-mine")
    embed(model_of(served, pauses, api_key_variable="MY_KEY"))
    assert served.asked[-1][1]["Authorization"] == "Bearer sk-mine"
    monkeypatch.delenv("MY_KEY")
    with pytest.raises(MissingCredentialsError, match="MY_KEY"):
        embed(model_of(served, pauses, api_key_variable="MY_KEY"))


@pytest.mark.parametrize(
    ("url", "variable"),
    [
        ("https://dashscope.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY"),
        ("https://api.openai.com/v1", "OPENAI_API_KEY"),
        ("https://aliyuncs.com.example.org/v1", None),
        ("http://localhost:8000/v1", None),
    ],
)
def test_each_host_is_told_its_own_key(url, variable, monkeypatch):
    """A key of the environment goes to the host that it is of, by its whole name."""
    monkeypatch.setenv("DASHSCOPE_API_KEY", "DASHSCOPE_API_KEY")
    monkeypatch.setenv("OPENAI_API_KEY", "OPENAI_API_KEY")
    assert OpenAIServer(base_url=url, model="m").key() == variable


def test_what_passes_is_tried_again(served, pauses):
    """Full servers and broken gateways are waited for; what the server asks to wait is heeded."""
    served.answers += [(429, {}, {"Retry-After": "3"}), (503, b"<html>", {}), (502, b"", {})]
    run = embed(model_of(served, pauses))
    assert run.errors.empty
    assert len(served.asked) == 4
    assert pauses[0] == 3.0
    assert 1.0 <= pauses[1] <= 2.0
    assert 2.0 <= pauses[2] <= 4.0


def test_a_server_that_stays_away_ends_the_run(served, pauses):
    """After six attempts nothing else is tried, and the message says who was asked."""
    served.answers += [(503, b"", {})] * 20
    with pytest.raises(ServiceError, match=r"answered HTTP 503"):
        embed(model_of(served, pauses))
    assert len(served.asked) == 6
    closed = model_of(served, pauses, base_url="http://127.0.0.1:9/v1")
    with pytest.raises(ServiceError, match=r"No answer came from http://127.0.0.1:9/v1/embeddings"):
        embed(closed)


@pytest.mark.parametrize(("status", "advice"), [(401, "Check the key"), (404, "Check base_url="), (302, "HTTP 302")])
def test_what_concerns_every_request_ends_the_run_at_once(served, pauses, status, advice):
    """A wrong key, a wrong address and a redirect are not tried again, and no redirect is followed."""
    served.answers += [(status, {"detail": "no"}, {"Location": "http://127.0.0.1:9/"})]
    with pytest.raises(ServiceError, match=advice):
        embed(model_of(served, pauses))
    assert (len(served.asked), pauses) == (1, [])


def test_a_text_that_the_server_stumbles_over_fails_alone(served, pauses):
    """A refusal, or an error of the server itself, is halved down to the cell."""
    run = embed(model_of(served, pauses), [*(f"red {one}" for one in range(9)), "poison", "blue"])
    assert run.errors["position"].tolist() == [9]
    served.answers += [(500, {"error": "tensor"}, {})] * 2
    again = embed(model_of(served, pauses))
    assert again.errors.empty


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"data": []}, "0 vectors for 3 contents"),
        ({"data": [{"index": 0, "embedding": [1, 2, 3]}] * 3}, "comes twice"),
        ({"data": [{"index": 7, "embedding": [1, 2, 3]}] * 3}, "index 7"),
        ({"data": [{"embedding": [1] * size} for size in (3, 3, 2)]}, r"lengths \[2, 3\]"),
        ({"data": [{"embedding": ["a", "b", "c"]}] * 3}, "no 3 vectors of model"),
        ([1, 2], "no 3 vectors of model"),
        (b"hello", "no 3 vectors of model"),
        ({"data": [{"embedding": [1] * 4}] * 3}, r"shape \(3, 4\).*dimension=4"),
    ],
)
def test_an_answer_that_is_no_vectors_ends_the_run(served, pauses, answer, message):
    """Number, order and length are checked before anything is kept."""
    served.answers.append((200, answer, {}))
    with pytest.raises(ModelError, match=message):
        embed(model_of(served, pauses))


def test_numbers_in_base64_are_read(served, pauses):
    """What some servers send whatever they were asked for."""
    rows = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    data = [{"embedding": base64.b64encode(np.array(row, "<f4").tobytes()).decode()} for row in rows]
    served.answers.append((200, {"data": data}, {}))
    assert embed(model_of(served, pauses)).vectors.mmembed.to_matrix().tolist() == rows


def test_a_bill_is_by_the_tokens_that_were_counted(served, pauses):
    """Where a price is given, it is that of the tokens that the server says."""
    run = embed(model_of(served, pauses, price=2.0))
    assert (run.usage.tokens, run.usage.cost) == (7, pytest.approx(0.014))


def test_a_plan_asks_nothing(served, pauses):
    """No request and no key are needed to plan."""
    plan = pd.DataFrame({"t": TEXTS}).mmembed.plan("t", "text", model=model_of(served, pauses, api_key_variable="GONE"))
    assert (plan.requests, served.asked) == (1, [])


def test_nothing_is_sent_that_was_not_asked_for(served, pauses):
    """A server whose price nobody told gets no vocabulary; one that is said to be free does."""
    for price, most in ((None, 0), (0, 10_000)):
        frame = pd.DataFrame({"p": [Image.new("RGB", (4, 4), (200 + one, 5 * one, 0)) for one in range(24)]})
        done = frame.mmembed.embed("p", "image", model=model_of(served, pauses, image="infinity", price=price))
        served.asked.clear()
        done.mmembed.cluster("p_vector", n_clusters=2, random_state=0)
        assert (len(served.asked) > 0) is (most > 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base_url": "localhost:8000"}, "is no address"),
        ({"base_url": "http://me:secret@localhost"}, "a name or a password"),
        ({"image": "tei"}, "image='tei' is not known"),
        ({"extra": {"model": "x"}}, "extra holds 'model'"),
    ],
)
def test_settings_that_cannot_be_are_refused(served, pauses, changes, message):
    """Before anything is sent."""
    with pytest.raises(ValueError, match=message):
        model_of(served, pauses, **changes)
