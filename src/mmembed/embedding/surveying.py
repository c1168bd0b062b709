"""The plan of a table that no one sees whole: each part is surveyed, and the surveys are joined.

A survey holds hashes and figures, no contents, so that it is small enough to be sent around.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mmembed.embedding.cache_key import content_keys
from mmembed.embedding.estimating import TokenEstimate, estimate_tokens
from mmembed.embedding.line import Read, deduplicate
from mmembed.embedding.model_spec import ModelSpec
from mmembed.embedding.planning import EmbedPlan, likely_seconds
from mmembed.embedding.pricing import price_tokens
from mmembed.embedding.shared_cache import Cache
from mmembed.errors import ContentError
from mmembed.providers.protocol import Provider

__all__ = ["Survey", "join_surveys", "survey_columns"]


@dataclass(frozen=True)
class Survey:
    """What a plan must know of the n distinct contents of one part of a table.

    Attributes
    ----------
    digests : numpy.ndarray, shape (n,), S32
        Hashes of the contents.
    rows : numpy.ndarray, shape (n,), int64
        Cells that hold each of them.
    is_able, is_cached : numpy.ndarray, shape (n,), bool
        Whether the model embeds it, and whether the cache has it.
    tokens : numpy.ndarray, shape (n, 2, 3), int64
        Of texts and of media; low, likely, high. Zero where nothing is to be bought.
    unreadable : int
        Cells that cannot be read.
    requests : int
        Requests that this part alone would send.
    """

    digests: npt.NDArray[np.bytes_]
    rows: npt.NDArray[np.int64]
    is_able: npt.NDArray[np.bool_]
    is_cached: npt.NDArray[np.bool_]
    tokens: npt.NDArray[np.int64]
    unreadable: int
    requests: int


def survey_columns(columns: Sequence[Sequence[Read]], provider: Provider, cache: Cache | None) -> Survey:
    """Survey the read contents of one part of a table, without a request."""
    distinct, codes = deduplicate(columns)
    rows = np.zeros(len(distinct), np.int64)
    for column in codes:
        rows += np.bincount(column[column >= 0], minlength=len(distinct))
    is_able = np.array([content.kind in provider.kinds for content in distinct], dtype=bool)
    is_cached = np.zeros(len(distinct), dtype=bool)
    if cache is not None and len(distinct):
        keys = content_keys([one.digest for one in distinct], space=provider.space, options=provider.options)
        is_cached = cache.lookup(keys, provider.dimension)[1] & is_able
    tokens = np.zeros((len(distinct), 2, 3), np.int64)
    missing = np.flatnonzero(is_able & ~is_cached).tolist()
    for number in missing:
        tokens[number] = [(one.low, one.likely, one.high) for one in estimate_tokens(distinct[number])]
    return Survey(
        digests=np.array([content.digest for content in distinct], dtype="S32"),
        rows=rows,
        is_able=is_able,
        is_cached=is_cached,
        tokens=tokens,
        unreadable=sum(isinstance(cell, ContentError) for column in columns for cell in column),
        requests=len(provider.plan([distinct[number] for number in missing])) if missing else 0,
    )


def join_surveys(surveys: Sequence[Survey], provider: Provider, spec: ModelSpec) -> EmbedPlan:
    """Return the plan of the whole table.

    A content that several parts hold counts once, for the first of them. Requests are those of the parts by
    themselves, less the share of their contents that an earlier part buys.
    """
    digests = np.concatenate([one.digests for one in surveys])
    is_first = np.zeros(len(digests), dtype=bool)
    is_first[np.unique(digests, return_index=True)[1]] = True
    is_able = np.concatenate([one.is_able for one in surveys])
    is_cached = np.isin(digests, digests[np.concatenate([one.is_cached for one in surveys])])
    is_bought = is_first & is_able & ~is_cached
    rows = np.concatenate([one.rows for one in surveys])
    requests, start = 0, 0
    for one in surveys:
        bought = int(is_bought[start : start + len(one.digests)].sum())
        alone = int((one.is_able & ~one.is_cached).sum())
        requests += math.ceil(one.requests * bought / alone) if alone else 0
        start += len(one.digests)
    text, media = np.concatenate([one.tokens for one in surveys])[is_bought].sum(axis=0).tolist()
    estimate = price_tokens(TokenEstimate(*text), TokenEstimate(*media), spec)
    return EmbedPlan(
        model=spec.name,
        rows=int(rows.sum()),
        unique=int(is_first.sum()),
        cached=int((is_first & is_cached).sum()),
        invalid=sum(one.unreadable for one in surveys) + int(rows[~is_able].sum()),
        requests=requests,
        tokens=estimate.tokens.likely,
        tokens_range=(estimate.tokens.low, estimate.tokens.high),
        cost=estimate.likely,
        cost_range=(estimate.low, estimate.high),
        seconds=likely_seconds(requests, estimate.tokens.likely, spec, provider.workers),
    )
