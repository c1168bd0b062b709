"""What contents will cost, and the budget that a run must keep."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mmembed.embedding.estimating import TokenEstimate, estimate_texts, estimate_tokens
from mmembed.embedding.models import ModelSpec
from mmembed.errors import BudgetError
from mmembed.providers.protocol import Content


@dataclass(frozen=True)
class CostEstimate:
    """Tokens and CNY: the likely figure between a low and a high one."""

    tokens: TokenEstimate
    low: float = 0.0
    likely: float = 0.0
    high: float = 0.0


def estimate_cost(contents: Iterable[Content], spec: ModelSpec) -> CostEstimate:
    """Estimate what a model will charge for contents; the free quota is left out of account."""
    texts: list[str] = []
    media = TokenEstimate()
    for content in contents:
        if content.text is not None:
            texts.append(content.text)
            continue
        for part in content.parts or (content,):
            if part.text is not None:
                texts.append(part.text)
            else:
                media += estimate_tokens(part)[1]
    return price_tokens(estimate_texts(texts), media, spec)


def price_tokens(text: TokenEstimate, media: TokenEstimate, spec: ModelSpec) -> CostEstimate:
    """Return what a model will charge for tokens of texts and of pictures and videos."""
    text_price, media_price = spec.text_price / 1000, spec.media_price / 1000
    return CostEstimate(
        tokens=text + media,
        low=text.low * text_price + media.low * media_price,
        likely=text.likely * text_price + media.likely * media_price,
        high=text.high * text_price + media.high * media_price,
    )


@dataclass(frozen=True)
class Budget:
    """The most that a run may cost, in CNY."""

    max_cost: float
    spec: ModelSpec

    def __post_init__(self) -> None:
        if not self.max_cost >= 0:
            raise ValueError(f"max_cost={self.max_cost!r} is not an amount of CNY of at least 0.")

    def check_plan(self, contents: Iterable[Content]) -> None:
        """Refuse contents whose lowest price is over the budget, before anything is sent.

        Raises
        ------
        BudgetError
            If it is; names both sums.
        """
        estimate = estimate_cost(contents, self.spec)
        self.check_price(estimate.low, estimate.likely)

    def check_price(self, low: float, likely: float) -> None:
        """Refuse a run whose lowest price is over the budget, before anything is sent.

        Raises
        ------
        BudgetError
            If it is; names both sums.
        """
        if low > self.max_cost:
            raise BudgetError(
                f"The lowest price of this run is {low:.4g} CNY (likely {likely:.4g}), over "
                f"max_cost={self.max_cost:.4g}. Nothing was sent. Raise max_cost, embed fewer rows, or choose a "
                "cheaper model; df.mmembed.plan(…) shows prices."
            )

    def check_bill(self, cost: float) -> None:
        """Stop a run whose bill has reached the budget.

        Raises
        ------
        BudgetError
            If it has.
        """
        if cost >= self.max_cost and cost > 0:
            raise BudgetError(
                f"The run was stopped at {cost:.4g} CNY billed, with max_cost={self.max_cost:.4g}. What was answered "
                "is in the cache, where there is one; running again with a higher max_cost continues."
            )
