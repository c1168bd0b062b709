"""What was bought is on the bill, what was bought before is found, and rows, cells and empty cells have their names."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from dashscope_server import DashScopeServer
from mmembed import Embedder
from mmembed.cache.keys import content_keys
from mmembed.cache.local import VectorCache
from mmembed.contents.content import read_contents, read_fused
from mmembed.embedding.lookup import keys_of, look_up
from mmembed.embedding.plan import join_surveys
from mmembed.errors import BudgetError
from mmembed.providers.models import find_model, models

KEY = "sk-money"
PICTURE = np.zeros((224, 224, 3), np.uint8)


@pytest.fixture
def reach(monkeypatch, tmp_path):
    """Point the package at a server of these settings, with an empty cache."""
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path / "cache"))

    def start(**settings):
        server = DashScopeServer(keys=(KEY,), **settings)
        monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", server.__enter__().base_url)
        started.append(server)
        return server

    started = []
    yield start
    for server in started:
        server.__exit__(None, None, None)


def embedder(**settings):
    return Embedder(**{"model": "qwen3-vl-embedding", "dimension": 256, "api_key": KEY, "workers": 2, **settings})


@pytest.mark.parametrize(
    ("column", "modality", "tokens"),
    [
        (["1234567890"] * 2 + ["42"], "text", 12),
        ([PICTURE], "image", 51),
        (["https://example.com/a.jpg"], "image", 1_026),
    ],
)
def test_what_an_answer_does_not_count_is_charged_at_the_likely_figure(reach, column, modality, tokens):
    """Texts, a local picture and a URL cost what the plan said when the service leaves ``usage`` out."""
    reach(usage="none")
    df = pd.DataFrame({"cell": column})
    likely = df.mmembed.plan("cell", modality, embedder=embedder()).cost
    bill = embedder().embed(df["cell"], modality).usage
    assert bill.tokens == tokens
    assert bill.cost == pytest.approx(likely)
    assert bill.cost > 0


def test_the_budget_holds_without_usage(reach):
    """A run stops where the likely price of what was answered reaches the budget, and the rest is not bought."""
    server = reach(usage="none")
    digits = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    df = pd.DataFrame({"text": [" ".join(digits[int(one)] for one in str(number)) for number in range(1_000, 2_000)]})
    plan = df.mmembed.plan("text", "text", embedder=embedder())
    most = plan.cost_range[0] * 1.01
    with pytest.raises(BudgetError, match="was stopped at") as caught:
        df.mmembed.embed("text", "text", embedder=embedder(), max_cost=most)
    assert server.bill.vectors < 1_000
    billed = float(str(caught.value).split("stopped at ")[1].split(" CNY")[0])
    assert most <= billed < most * 1.1
    with pytest.raises(BudgetError, match="Nothing was sent"):
        df.mmembed.embed("text", "text", embedder=embedder(cache=None), max_cost=plan.cost_range[0] / 2)


@pytest.mark.parametrize("change", ["lost index", "not finite"])
def test_vectors_that_cannot_be_used_are_charged_too(change):
    """The service computed them: an answer with vectors, without ``usage``, that is refused costs its likely tokens."""
    from mmembed.providers.dashscope.answer import MALFORMED, RequestFailure
    from mmembed.providers.dashscope.provider import _ChargingConnection

    class Broken:
        def request(self, contents, **_):  # noqa: ARG002 - as the connection's
            raise RequestFailure(MALFORMED, change, status=200)

    with pytest.raises(RequestFailure) as caught:
        _ChargingConnection(Broken(), find_model("qwen3-vl-embedding")).request([{"text": "2026"}], expected=1)
    assert caught.value.tokens == (4, 0)


def test_a_refusal_costs_nothing():
    """What was not computed is not charged."""
    from mmembed.providers.dashscope.answer import RequestFailure
    from mmembed.providers.dashscope.provider import _ChargingConnection

    class Refusing:
        def request(self, contents, **_):  # noqa: ARG002 - as the connection's
            raise RequestFailure("InvalidParameter", "no", status=400)

    with pytest.raises(RequestFailure) as caught:
        _ChargingConnection(Refusing(), find_model("qwen3-vl-embedding")).request([{"text": "2026"}], expected=1)
    assert caught.value.tokens == (0, 0)


def test_rows_cells_and_empty_cells_have_their_names(reach):
    """Two columns of a frame of three rows are three rows, five cells and one empty cell, in plan and bill."""
    reach()
    df = pd.DataFrame({"a": ["x", None, "y"], "b": ["x", "z", 5]})
    plan = df.mmembed.plan({"a": "text", "b": "text"}, embedder=embedder())
    assert (plan.rows, plan.cells, plan.missing, plan.unique, plan.invalid) == (3, 5, 1, 3, 1)
    bill = embedder().embed(df["a"], "text").usage
    assert (bill.rows, bill.cells, bill.missing, bill.unique) == (3, 2, 1, 2)
    parts = [
        embedder().survey_many({"a": part["a"], "b": part["b"]}, {"a": "text", "b": "text"})
        for part in (df.iloc[:2], df.iloc[2:])
    ]
    whole = join_surveys(parts, embedder().provider(for_plan=True), embedder().spec)
    assert (whole.rows, whole.cells, whole.missing, whole.unique, whole.invalid) == (3, 5, 1, 3, 1)
    assert "3 rows, 5 cells" in repr(plan)


def test_an_empty_frame_has_no_rows(reach):
    """No rows, no cells, nothing to pay."""
    reach()
    plan = pd.DataFrame({"a": pd.Series([], dtype=object)}).mmembed.plan("a", "text", embedder=embedder())
    assert (plan.rows, plan.cells, plan.missing, plan.cost) == (0, 0, 0, 0)


def test_the_sampling_of_videos_is_in_the_keys_of_videos_only():
    """A text, a picture and their fusion have one key whatever fps is; a video, alone or fused, has one for each."""
    still = [
        *read_contents(["a red dress"], "text"),
        *read_contents([PICTURE], "image"),
        read_fused({"text": "a", "image": PICTURE}),
    ]
    moving = [
        *read_contents(["https://example.com/a.mp4"], "video"),
        read_fused({"text": "a", "video": "https://example.com/a.mp4"}),
    ]
    providers = [embedder(fps=fps).provider() for fps in (None, 0.5, 1.0)]
    assert len({tuple(keys_of(still, one)) for one in providers}) == 1
    assert len({key for one in providers for key in keys_of(moving, one)}) == 6
    other = embedder(fps=0.5, instruct="x").provider()
    assert not set(keys_of(still, other)) & set(keys_of(still, providers[1]))


def test_what_version_0_1_bought_with_fps_is_found(tmp_path):
    """Its keys of texts held fps: such a vector is found with the same fps, and with no other."""
    texts = read_contents(["a red dress", "a blue hat"], "text")
    provider = embedder(fps=0.5).provider()
    vector = np.full((1, 256), 0.5, np.float32)
    with VectorCache(tmp_path) as cache:
        earlier = content_keys([texts[0].digest], space=provider.space, options=provider.options)
        assert earlier != keys_of(texts[:1], provider)
        cache.store(earlier, vector)
        matrix, found = look_up(texts, keys_of(texts, provider), provider, cache)
        assert found.tolist() == [True, False]
        np.testing.assert_array_equal(matrix[:1], vector)
        other = embedder(fps=1.0).provider()
        assert not look_up(texts, keys_of(texts, other), other, cache)[1].any()


def test_texts_are_bought_once_for_all_fps(reach):
    """A second run that samples videos otherwise takes texts from the cache."""
    server = reach()
    df = pd.DataFrame({"text": ["a", "b"]})
    for fps in (None, 0.5, 1.0):
        df.mmembed.embed("text", "text", embedder=embedder(fps=fps))
    assert server.bill.vectors == 2


@pytest.mark.parametrize(
    "text",
    [
        "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 20,
        "-" * 4_000,
        " ".join(["word"] * 400),
        "blank" + " " * 3_000 + "s",
    ],
    ids=["table", "rule", "words", "blanks"],
)
def test_a_text_that_may_fit_is_sent(text):
    """A table, a ruled line, 400 words, blanks: far more characters than tokens, and the service decides."""
    from mmembed.providers.dashscope.request_body import wire_content

    (content,) = read_contents([text], "text")
    assert wire_content(content, find_model("multimodal-embedding-v1")) == {"text": text}


def test_digits_are_cut_to_as_many_as_fit():
    """3,000 digits are 3,000 tokens: cut to 512 they are 512 digits."""
    from mmembed.embedding.embedder import TruncationWarning, cut_texts

    with pytest.warns(TruncationWarning):
        (cut,) = cut_texts(read_contents(["7" * 3_000], "text"), find_model("multimodal-embedding-v1"))
    assert cut.text == "7" * 512


def test_models_have_their_free_quota_and_languages():
    """As the documentation has them; where a page says nothing they are missing."""
    frame = models()
    assert frame.loc["qwen3-vl-embedding", ["free_tokens", "free_days"]].tolist() == [1_000_000, 90]
    assert frame.loc["qwen3-vl-embedding", "languages"].startswith("33")
    assert frame.loc["qwen2.5-vl-embedding", "languages"].startswith("11")
    assert frame.loc["multimodal-embedding-v1", "languages"] == "Chinese and English"
    assert frame["free_tokens"].isna()["tongyi-embedding-vision-plus-2026-03-06"]


def test_the_plan_says_of_which_day_its_prices_are(reach):
    """The date of the documentation stands in the plan; a model without prices has none."""
    reach()
    df = pd.DataFrame({"text": ["a"]})
    plan = df.mmembed.plan("text", "text", embedder=embedder())
    assert plan.prices_as_of == find_model("qwen3-vl-embedding").documented
    assert f"prices of {plan.prices_as_of}" in plan._repr_html_()
    assert df.mmembed.plan("text", "text", model="local").prices_as_of is None
    assert dataclasses.asdict(plan)["prices_as_of"] == plan.prices_as_of
