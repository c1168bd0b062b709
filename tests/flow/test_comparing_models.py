"""Models of the service beside the local one: each asked once, measured on the same rows, with its own price."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmembed
from mmembed import Embedder
from mmembed.errors import BudgetError

FLASH, PLUS = "tongyi-embedding-vision-flash", "tongyi-embedding-vision-plus"


@pytest.fixture
def reviews():
    """Return 40 texts of two kinds, one of which is twice there."""
    words = ["a fresh green apple", "a fast red train"]
    texts = [f"{words[row % 2]} number {min(row, 37)}" for row in range(40)]
    return pd.DataFrame({"text": texts, "kind": np.where(np.arange(40) % 2, "train", "apple")})


def unhurried(model):
    """Return an embedder without the published rates, which would slow a test down."""
    return Embedder(model=model, requests_per_minute=60_000, tokens_per_minute=10**9)


def test_two_paid_models_and_the_local_one_are_compared_and_paid_once(server, reviews):
    """Shorter dimensions and a second comparison cost nothing; price and cost are those of each line's own model."""
    models = [unhurried(FLASH), unhurried(PLUS), "local"]
    found = reviews.mmembed.compare("text", target="kind", models=models, dimensions=[64, 128], modality="text")
    lengths = {FLASH: 768, PLUS: 1152, "local-conse-2": 512}
    assert found.groupby("model", sort=False)["dimension"].agg(list).to_dict() == {
        model: [64, 128, length] for model, length in lengths.items()
    }
    assert (found["rows"] == 40).all()
    # The server's vectors are hashes, so that only the model that reads the words can tell the kinds.
    best = found.groupby("model")["accuracy"].max()
    assert best["local-conse-2"] == 1
    assert best[[FLASH, PLUS]].max() < 0.85
    assert server.bill.distinct == 2 * reviews["text"].nunique()
    assert not server.bill.paid_twice
    prices = mmembed.models()["text_price"]
    for model, lines in found.groupby("model"):
        assert lines["text_price"].unique() == prices[model]
        billed = sum(charge.cost for charge in server.bill.charges if charge.model == model)
        assert lines["cost"].unique() == pytest.approx(billed, rel=0.25)
    asked = len(server.embedding_requests)
    again = reviews.mmembed.compare("text", target="kind", models=models, dimensions=[32], modality="text")
    assert len(server.embedding_requests) == asked
    assert again.groupby("model")["cost"].max().to_dict() == found.groupby("model")["cost"].max().to_dict()


def test_a_budget_holds_for_each_model(server, reviews):
    """The dearer model is refused before it is asked; what was bought of the cheaper one is kept for the next try."""
    models = [unhurried(FLASH), unhurried(PLUS)]
    plans = [reviews.mmembed.plan("text", "text", embedder=one) for one in models]
    enough_for_one = (plans[0].cost_range[1] + plans[1].cost_range[0]) / 2
    with pytest.raises(BudgetError, match="Nothing was sent"):
        reviews.mmembed.compare("text", target="kind", models=models, modality="text", max_cost=enough_for_one)
    assert {charge.model for charge in server.bill.charges} == {FLASH}
    reviews.mmembed.compare("text", target="kind", models=models, modality="text")
    assert not server.bill.paid_twice
