"""What an embedding would take, found without a request: the plan that is looked at before money is spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from mmembed.embedding.cache_key import content_keys
from mmembed.embedding.line import Read, deduplicate
from mmembed.embedding.models import ModelSpec
from mmembed.embedding.pricing import estimate_cost
from mmembed.embedding.shared_cache import Cache
from mmembed.errors import ContentError
from mmembed.providers.protocol import Provider

_SECONDS_A_REQUEST = 0.5


@dataclass(frozen=True)
class EmbedPlan:
    """What ``embed`` with the same arguments would do.

    Attributes
    ----------
    rows : int
        Cells that hold a content.
    unique : int
        Distinct contents among them.
    cached : int
        Distinct contents that the cache already has.
    invalid : int
        Cells that cannot be read or that the model does not embed.
    requests : int
        Requests that will be sent.
    tokens : int
        Likely tokens; ``tokens_range`` is the low and the high figure.
    cost : float
        Likely price in ``currency``, without the free quota; ``cost_range`` is the low and the high figure.
    seconds : float
        Likely wall time, at half a second a request and within the account's limits.
    """

    model: str
    rows: int
    unique: int
    cached: int
    invalid: int
    requests: int
    tokens: int
    tokens_range: tuple[int, int]
    cost: float
    cost_range: tuple[float, float]
    seconds: float
    currency: str = "CNY"

    def __repr__(self) -> str:
        low, high = self.cost_range
        return (
            f"<EmbedPlan {self.model}: {self.rows} rows, {self.unique} distinct, {self.cached} cached, "
            f"{self.invalid} invalid; {self.requests} requests, about {self.tokens} tokens, "
            f"{self.cost:.4g} {self.currency} ({low:.4g} to {high:.4g}), {self.seconds:.0f} s; embed(…) carries it out>"
        )

    def _repr_html_(self) -> str:
        low, high = self.cost_range
        fewest, most = self.tokens_range
        lines = {
            "model": self.model,
            "rows": f"{self.rows:,}",
            "distinct contents": f"{self.unique:,}",
            "already cached": f"{self.cached:,}",
            "invalid cells": f"{self.invalid:,}",
            "requests": f"{self.requests:,}",
            "tokens": f"about {self.tokens:,} ({fewest:,} to {most:,})",
            "cost": f"about {self.cost:.4g} {self.currency} ({low:.4g} to {high:.4g})",
            "time": f"about {self.seconds:.0f} s",
        }
        cells = "".join(
            f'<tr><th style="text-align:left">{escape(name)}</th><td>{escape(value)}</td></tr>'
            for name, value in lines.items()
        )
        return f"<table>{cells}</table>"


def plan_columns(
    columns: Sequence[Sequence[Read]], provider: Provider, spec: ModelSpec, cache: Cache | None
) -> EmbedPlan:
    """Plan the embedding of read contents, without a request."""
    distinct, codes = deduplicate(columns)
    able = [content for content in distinct if content.kind in provider.kinds]
    unable = {number for number, content in enumerate(distinct) if content.kind not in provider.kinds}
    invalid = sum(isinstance(cell, ContentError) for column in columns for cell in column)
    invalid += sum(int(np.isin(column, list(unable)).sum()) for column in codes)
    found = np.zeros(len(able), dtype=bool)
    if cache is not None:
        keys = content_keys([content.digest for content in able], space=provider.space, options=provider.options)
        _, found = cache.lookup(keys, provider.dimension)
    missing = [content for content, cached in zip(able, found.tolist(), strict=True) if not cached]
    requests = len(provider.plan(missing)) if missing else 0
    estimate = estimate_cost(missing, spec)
    return EmbedPlan(
        model=spec.name,
        rows=sum(int((column >= 0).sum()) for column in codes),
        unique=len(distinct),
        cached=int(found.sum()),
        invalid=invalid,
        requests=requests,
        tokens=estimate.tokens.likely,
        tokens_range=(estimate.tokens.low, estimate.tokens.high),
        cost=estimate.likely,
        cost_range=(estimate.low, estimate.high),
        seconds=likely_seconds(requests, estimate.tokens.likely, spec, provider.workers),
    )


def likely_seconds(requests: int, tokens: int, spec: ModelSpec, workers: int) -> float:
    """Return the longest of what latency, requests a minute and tokens a minute allow."""
    by_latency = requests * _SECONDS_A_REQUEST / max(1, workers)
    by_requests = requests * 60 / spec.requests_per_minute if spec.requests_per_minute else 0.0
    by_tokens = tokens * 60 / spec.tokens_per_minute if spec.tokens_per_minute else 0.0
    return max(by_latency, by_requests, by_tokens)
