"""What an embedding would take, found without a request: the plan that is looked at before money is spent.

A table that nobody holds whole is planned from its parts: each is surveyed, and the surveys are joined. A survey holds
hashes and figures, no contents, so that it is small enough to be sent around.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from html import escape

import numpy as np
import numpy.typing as npt

from mmembed.cache.shared import Cache
from mmembed.contents.content import Content, Read
from mmembed.embedding.lookup import keys_of, look_up
from mmembed.embedding.pipeline import count_cells, deduplicate
from mmembed.errors import ContentError
from mmembed.providers.costs import TokenEstimate, amount, estimate_all, estimate_cost, price_tokens
from mmembed.providers.models import ModelSpec
from mmembed.providers.protocol import Provider, UploadingProvider

_SECONDS_A_REQUEST = 0.5


@dataclass(frozen=True)
class EmbedPlan:
    """What ``embed`` with the same arguments would do.

    Attributes
    ----------
    rows : int
        Rows of the frame.
    unique : int
        Distinct contents in its cells.
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
    cells, missing : int
        Cells that hold something, of all columns, and cells that are empty.
    prices_as_of : datetime.date or None
        The day whose documentation the prices are from.
    uploads : int
        Files that will be put into the service's temporary storage; none unless the embedder has ``upload=``.
    upload_mb : float
        Their size in megabytes (a million bytes).
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
    cells: int = 0
    missing: int = 0
    prices_as_of: date | None = None
    uploads: int = 0
    upload_mb: float = 0.0

    @property
    def uploads_in_words(self) -> str:
        """How many files will be uploaded and for how long; empty if none."""
        if not self.uploads:
            return ""
        files = "1 file" if self.uploads == 1 else f"{self.uploads:,} files"
        return f"{files} ({_in_bytes(self.upload_mb)}) uploaded to the service for 48 hours"

    def __repr__(self) -> str:
        low, high = self.cost_range
        uploads = f"; {self.uploads_in_words}" if self.uploads else ""
        return (
            f"<EmbedPlan {self.model}: {self.rows} rows, {self.cells} cells, {self.unique} distinct, "
            f"{self.cached} cached, {self.invalid} invalid; {self.requests} requests, about {self.tokens} tokens, "
            f"{amount(self.cost)} {self.currency} ({amount(low)} to {amount(high)}), {self.seconds:.0f} s{uploads}; "
            "embed(…) carries it out>"
        )

    def _repr_html_(self) -> str:
        low, high = self.cost_range
        fewest, most = self.tokens_range
        prices = f", prices of {self.prices_as_of}" if self.prices_as_of else ""
        lines = {
            "model": self.model,
            "rows": f"{self.rows:,}",
            "cells": f"{self.cells:,}",
            "empty cells": f"{self.missing:,}",
            "distinct contents": f"{self.unique:,}",
            "already cached": f"{self.cached:,}",
            "invalid cells": f"{self.invalid:,}",
            "requests": f"{self.requests:,}",
            "tokens": f"about {self.tokens:,} ({fewest:,} to {most:,})",
            "cost": f"about {amount(self.cost)} {self.currency} ({amount(low)} to {amount(high)}{prices})",
            "time": f"about {self.seconds:.0f} s",
        }
        if self.uploads:
            lines["uploads"] = self.uploads_in_words
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
    _, found = look_up(able, keys_of(able, provider), provider, cache)
    missing = [content for content, cached in zip(able, found.tolist(), strict=True) if not cached]
    requests = len(provider.plan(missing)) if missing else 0
    estimate = estimate_cost(missing, spec)
    rows, cells, empty = count_cells(columns)
    files = dict(item for content in missing for item in _files_to_upload(content, provider).items())
    return EmbedPlan(
        model=spec.name,
        rows=rows,
        cells=cells,
        missing=empty,
        prices_as_of=_date_of_prices(spec),
        unique=len(distinct),
        cached=int(found.sum()),
        invalid=invalid,
        requests=requests,
        tokens=estimate.tokens.likely,
        tokens_range=(estimate.tokens.low, estimate.tokens.high),
        cost=estimate.likely,
        cost_range=(estimate.low, estimate.high),
        seconds=likely_seconds(requests, estimate.tokens.likely, spec, provider.workers),
        uploads=len(files),
        upload_mb=sum(files.values()) / 1e6,
    )


def _files_to_upload(content: Content, provider: Provider) -> Mapping[bytes, int]:
    return provider.files_to_upload(content) if isinstance(provider, UploadingProvider) else {}


def _in_bytes(megabytes: float) -> str:
    """Return a size in the unit in which it is easy to read.

    Examples
    --------
    >>> _in_bytes(7.6e-05), _in_bytes(1.5), _in_bytes(123_456)
    ('76 bytes', '1.5 MB', '123 GB')
    """
    size, unit = megabytes * 1e6, "bytes"
    for larger in ("KB", "MB", "GB", "TB"):
        if size < 999.5:  # what is not 1,000 in three digits
            break
        size, unit = size / 1000, larger
    return f"{amount(float(f'{size:.3g}'))} {unit}"


def _date_of_prices(spec: ModelSpec) -> date | None:
    return spec.documented if spec.text_price or spec.media_price else None


def likely_seconds(requests: int, tokens: int, spec: ModelSpec, workers: int) -> float:
    """Return the longest of what latency, requests a minute and tokens a minute allow."""
    by_latency = requests * _SECONDS_A_REQUEST / max(1, workers)
    by_requests = requests * 60 / spec.requests_per_minute if spec.requests_per_minute else 0.0
    by_tokens = tokens * 60 / spec.tokens_per_minute if spec.tokens_per_minute else 0.0
    return max(by_latency, by_requests, by_tokens)


@dataclass(frozen=True)
class Survey:
    """What a plan must know of the n distinct contents of one part of a table.

    Attributes
    ----------
    digests : numpy.ndarray, shape (n,), S32
        Hashes of the contents.
    cells_of_each : numpy.ndarray, shape (n,), int64
        Cells that hold each of them.
    is_able, is_cached : numpy.ndarray, shape (n,), bool
        Whether the model embeds it, and whether the cache has it.
    tokens : numpy.ndarray, shape (n, 2, 3), int64
        Of texts and of media; low, likely, high. Zero where nothing is to be sent.
    unreadable : int
        Cells that cannot be read.
    requests : int
        Requests that this part alone would send.
    rows, cells, missing : int
        Rows of the part, cells that hold something, cells that are empty.
    files : mapping of bytes to int
        Sizes in bytes, by hash, of the files that this part alone would upload.
    """

    digests: npt.NDArray[np.bytes_]
    cells_of_each: npt.NDArray[np.int64]
    is_able: npt.NDArray[np.bool_]
    is_cached: npt.NDArray[np.bool_]
    tokens: npt.NDArray[np.int64]
    unreadable: int
    requests: int
    rows: int
    cells: int
    missing: int
    files: Mapping[bytes, int] = field(default_factory=dict)


def survey_columns(
    columns: Sequence[Sequence[Read]], provider: Provider, spec: ModelSpec, cache: Cache | None
) -> Survey:
    """Survey the read contents of one part of a table, without a request."""
    distinct, codes = deduplicate(columns)
    cells_of_each = np.zeros(len(distinct), np.int64)
    for column in codes:
        cells_of_each += np.bincount(column[column >= 0], minlength=len(distinct))
    is_able = np.array([content.kind in provider.kinds for content in distinct], dtype=bool)
    is_cached = look_up(distinct, keys_of(distinct, provider), provider, cache)[1] & is_able
    missing = np.flatnonzero(is_able & ~is_cached).tolist()
    tokens = np.zeros((len(distinct), 2, 3), np.int64)
    tokens[missing] = estimate_all([distinct[number] for number in missing], spec)
    rows, cells, empty = count_cells(columns)
    return Survey(
        digests=np.array([content.digest for content in distinct], dtype="S32"),
        cells_of_each=cells_of_each,
        is_able=is_able,
        is_cached=is_cached,
        tokens=tokens,
        unreadable=sum(isinstance(cell, ContentError) for column in columns for cell in column),
        requests=len(provider.plan([distinct[number] for number in missing])) if missing else 0,
        rows=rows,
        cells=cells,
        missing=empty,
        files=dict(item for number in missing for item in _files_to_upload(distinct[number], provider).items()),
    )


def join_surveys(surveys: Sequence[Survey], provider: Provider, spec: ModelSpec) -> EmbedPlan:
    """Return the plan of the whole table.

    A content that several parts hold counts once, for the first of them. Requests are those of the parts by
    themselves, less the share of their contents that an earlier part sends.
    """
    digests = np.concatenate([one.digests for one in surveys])
    is_first = np.zeros(len(digests), dtype=bool)
    is_first[np.unique(digests, return_index=True)[1]] = True
    is_able = np.concatenate([one.is_able for one in surveys])
    is_cached = np.isin(digests, digests[np.concatenate([one.is_cached for one in surveys])])
    is_missing_here = is_first & is_able & ~is_cached
    cells_of_each = np.concatenate([one.cells_of_each for one in surveys])
    requests, start = 0, 0
    for one in surveys:
        sent = int(is_missing_here[start : start + len(one.digests)].sum())
        alone = int((one.is_able & ~one.is_cached).sum())
        requests += math.ceil(one.requests * sent / alone) if alone else 0
        start += len(one.digests)
    text, media = np.concatenate([one.tokens for one in surveys])[is_missing_here].sum(axis=0).tolist()
    files = dict(item for one in surveys for item in one.files.items())
    estimate = price_tokens(TokenEstimate(*text), TokenEstimate(*media), spec)
    return EmbedPlan(
        model=spec.name,
        rows=sum(one.rows for one in surveys),
        cells=sum(one.cells for one in surveys),
        missing=sum(one.missing for one in surveys),
        prices_as_of=_date_of_prices(spec),
        unique=int(is_first.sum()),
        cached=int((is_first & is_cached).sum()),
        invalid=sum(one.unreadable for one in surveys) + int(cells_of_each[~is_able].sum()),
        requests=requests,
        tokens=estimate.tokens.likely,
        tokens_range=(estimate.tokens.low, estimate.tokens.high),
        cost=estimate.likely,
        cost_range=(estimate.low, estimate.high),
        seconds=likely_seconds(requests, estimate.tokens.likely, spec, provider.workers),
        uploads=len(files),
        upload_mb=sum(files.values()) / 1e6,
    )
