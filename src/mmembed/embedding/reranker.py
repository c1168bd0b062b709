"""A second look at hits: a model that reads the query and each hit together, and what it costs.

Scores of pairs are kept in the cache of vectors, each as a vector of one number, so that no pair is paid for twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from mmembed.cache.keys import content_keys
from mmembed.contents.clips import load_frames
from mmembed.contents.content import Content, Modality, read_content, read_contents
from mmembed.contents.media import Root, digest_of
from mmembed.contents.pictures import open_picture
from mmembed.errors import BudgetError, ContentError, ModelError
from mmembed.providers.costs import TokenEstimate, amount, price_tokens
from mmembed.providers.dashscope.rerank import (
    PATH,
    batches_of,
    count_tokens,
    find_reranker,
    score_documents,
    verdict_of,
)
from mmembed.providers.json_client import JsonClient
from mmembed.providers.models import ModelSpec, Region, check_region
from mmembed.providers.settings import ModelSettings

if TYPE_CHECKING:
    from mmembed.arrays import FloatVector
    from mmembed.cache.shared import Cache
    from mmembed.embedding.embedder import Embedder

_AT_ONCE = 4

Score = Callable[[Any, list[Any]], Any]


@dataclass(frozen=True)
class RerankPlan:
    """What reranking would send and cost.

    Attributes
    ----------
    model : str
    queries, pairs, cached : int
        Queries; pairs of a query and a document; those of them that the cache already has.
    requests : int
        Requests that will be sent.
    tokens : int
        Likely tokens; ``tokens_range`` is the low and the high figure.
    cost : float
        Likely price in CNY; ``cost_range`` is the low and the high figure.
    """

    model: str
    queries: int
    pairs: int
    cached: int
    requests: int
    tokens: int
    tokens_range: tuple[int, int]
    cost: float
    cost_range: tuple[float, float]

    def __repr__(self) -> str:
        low, high = map(amount, self.cost_range)
        return (
            f"<RerankPlan {self.model}: {self.queries} queries, {self.pairs} pairs, {self.cached} cached; "
            f"{self.requests} requests, about {self.tokens} tokens, {amount(self.cost)} CNY ({low} to {high})>"
        )


@dataclass(frozen=True, kw_only=True)
class Reranker:
    """A model of the service that scores pairs of a query and a document; for ``search(…, rerank=…)``.

    Parameters
    ----------
    model : str
        ``"qwen3-vl-rerank"``: texts, pictures and clips (by URL).
    instruct : str, optional
        What relevance means here, in English.
    region : {"beijing", "singapore"}
        Where it is called; the model is offered in Beijing.
    api_key : str, optional
        ``DASHSCOPE_API_KEY`` if not given; shown nowhere, and left out of pickles.
    workspace : str, optional
        The id of a workspace, for keys and quotas that belong to one.
    cache : as of :class:`mmembed.Embedder`
        Where scores of pairs are kept.
    timeout_seconds : float
        Total time of one attempt.
    root : path, optional
        Folder that relative file names in cells start from.

    Examples
    --------
    >>> plan = Reranker(cache=None).plan("a red dress", ["red dress, size M", "blue shoe"], "text")
    >>> plan.pairs, plan.requests, plan.cost < 0.001
    (2, 1, True)
    """

    model: str = "qwen3-vl-rerank"
    instruct: str | None = None
    region: Region = "beijing"
    api_key: str | None = field(default=None, repr=False)
    workspace: str | None = None
    cache: Any = "auto"
    timeout_seconds: float = 120.0
    root: Path | str | None = None

    def __post_init__(self) -> None:
        find_reranker(self.model)
        check_region(self.region)
        if self.region not in self.spec.regions:
            raise ValueError(
                f"Model {self.model!r} is not offered in {self.region!r}; it is in {self.spec.regions[0]!r}."
            )

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "api_key": None}

    def __dask_tokenize__(self) -> object:
        return ["mmembed.Reranker", self.model, self.instruct, self.region, str(self.root)]

    def __sklearn_clone__(self) -> Self:
        return self

    @property
    def spec(self) -> ModelSpec:
        """Limits and prices of the model."""
        return find_reranker(self.model)

    def plan(self, query: Any, cells: Sequence[Any], modality: Modality = "auto") -> RerankPlan:
        """Return what reranking these cells for a query, or for each of a list of queries, would send and cost.

        Nothing is sent, and no key is needed. A search reranks at most ``rerank_depth`` rows a query.
        """
        documents = [one for one in read_contents(cells, modality, root=self._root) if isinstance(one, Content)]
        queries = [_query_content(one) for one in (query if isinstance(query, list | tuple) else [query])]
        return self._plan([(one, documents) for one in queries])

    def _plan(self, pairs: Sequence[tuple[Content, Sequence[Content]]]) -> RerankPlan:
        requests = cached = total = 0
        tokens = np.zeros((2, 3), np.int64)
        for query, documents in pairs:
            known = self._known(query, documents)
            left = [one for one, score in zip(documents, known, strict=True) if np.isnan(score)]
            total, cached = total + len(documents), cached + len(documents) - len(left)
            if left:
                requests += len(batches_of(query, left, self.spec))
                tokens += count_tokens(query, left, self.spec)
        text, media = tokens.tolist()
        price = price_tokens(TokenEstimate(*text), TokenEstimate(*media), self.spec)
        return RerankPlan(
            model=self.model,
            queries=len(pairs),
            pairs=total,
            cached=cached,
            requests=requests,
            tokens=price.tokens.likely,
            tokens_range=(price.tokens.low, price.tokens.high),
            cost=price.likely,
            cost_range=(price.low, price.high),
        )

    def score(
        self, queries: Sequence[Content], documents: Sequence[Sequence[Content]], *, max_cost: float | None = None
    ) -> tuple[list[FloatVector], list[ContentError]]:
        """Return the scores of each query's documents, NaN where there is none, and why.

        Raises
        ------
        BudgetError
            Before anything is sent, if the lowest price is over ``max_cost``.
        MissingCredentialsError
            If pairs are to be sent and there is no key.
        ServiceError
            If nothing else can succeed; what was scored is kept.
        """
        pairs = list(zip(queries, documents, strict=True))
        if max_cost is not None:
            plan = self._plan(pairs)
            if plan.cost_range[0] > max_cost:
                raise BudgetError(
                    f"Reranking {plan.pairs - plan.cached} pairs costs at least {amount(plan.cost_range[0])} CNY, more "
                    f"than max_cost={max_cost:g}. Lower rerank_depth, or raise max_cost."
                )
        failures: list[ContentError] = []
        known = [self._known(query, of_query) for query, of_query in pairs]
        if not any(np.isnan(scores).any() for scores in known):
            return known, failures
        client = self._client()
        try:
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="mmembed-rerank") as pool:
                work = [
                    pool.submit(self._fill, client, *pair, scores) for pair, scores in zip(pairs, known, strict=True)
                ]
                try:
                    for future in work:
                        failures += future.result()
                except BaseException:
                    client.stop()
                    for future in work:
                        future.cancel()
                    raise
        finally:
            client.close()
        return known, failures

    def _fill(
        self, client: JsonClient, query: Content, documents: Sequence[Content], scores: FloatVector
    ) -> list[ContentError]:
        """Score what is missing, keep it, and return why some documents have no score."""
        missing = np.flatnonzero(np.isnan(scores)).tolist()
        if not missing:
            return []
        cache = self._open_cache()
        keys = self._keys(query, [documents[one] for one in missing])

        def keep(positions: Sequence[int], found: FloatVector) -> None:
            if cache is not None:
                cache.store([keys[one] for one in positions], np.asarray(found)[:, None])

        done = score_documents(
            query, [documents[one] for one in missing], client, self.spec, instruct=self.instruct, keep=keep
        )
        scores[missing] = done.scores
        return list(done.failures.values())

    def _known(self, query: Content, documents: Sequence[Content]) -> FloatVector:
        """Return the scores that the cache has; NaN for the others."""
        cache = self._open_cache()
        if cache is None or not documents:
            return np.full(len(documents), np.nan, np.float32)
        return np.asarray(cache.lookup(self._keys(query, documents), 1)[0][:, 0], np.float32)

    def _keys(self, query: Content, documents: Sequence[Content]) -> list[bytes]:
        from mmembed.providers.dashscope.provider import base_address, foreign_server

        server = foreign_server(base_address(self.region, self.workspace))
        options = {"instruct": self.instruct, "server": server}
        digests = [digest_of("reranked pair", query.digest, one.digest) for one in documents]
        return content_keys(digests, space=self.model, options=options)

    def _client(self) -> JsonClient:
        from mmembed.providers.dashscope.connection import workspace_headers
        from mmembed.providers.dashscope.provider import DashScopeProvider, base_address

        settings = ModelSettings(api_key=self.api_key, region=self.region, workspace=self.workspace)
        return JsonClient(
            f"{base_address(self.region, self.workspace)}/{PATH}",
            DashScopeProvider(settings, self.spec).api_key(),
            headers=workspace_headers(self.workspace),
            timeout_seconds=self.timeout_seconds,
            connections=_AT_ONCE,
            not_found=" Check DASHSCOPE_HTTP_BASE_URL, and that the region has the model.",
            verdict_of=verdict_of,
        )

    def _open_cache(self) -> Cache | None:
        from mmembed.embedding.embedder import Embedder

        return Embedder(model="local", cache=self.cache).open_cache()

    @property
    def _root(self) -> Root:
        return None if self.root is None else Path(self.root)


def reranker_of(given: Any, embedder: Embedder | None = None) -> Reranker | Score:
    """Return what ``rerank=`` was given as what scores pairs.

    Parameters
    ----------
    given : str, Reranker, CrossEncoder or callable
        A name has the key and the workspace of the embedder, where both are asked in one region.
    embedder : Embedder, optional
        Settings of the search.

    Raises
    ------
    TypeError, ValueError
        If it is nothing that does.
    """
    if isinstance(given, str):
        named = Reranker(model=given)
        if embedder is None or embedder.region != named.region:
            return named
        return replace(named, api_key=embedder.api_key, workspace=embedder.workspace)
    if isinstance(given, Reranker):
        return given
    if callable(getattr(given, "predict", None)) and callable(getattr(given, "rank", None)):
        return lambda query, documents: given.predict([(query, one) for one in documents])  # a CrossEncoder
    if callable(given):
        return given  # type: ignore[no-any-return]  # checked as it is called
    raise TypeError(
        f"rerank is of type {type(given).__name__}. Give 'qwen3-vl-rerank', a Reranker, or a callable: "
        "rerank(query, documents) returns a score for each document."
    )


def score_by_callable(
    call: Score, query: Content, documents: Sequence[Content]
) -> tuple[FloatVector, list[ContentError]]:
    """Return the scores that a callable gives; NaN for documents that cannot be opened, and why.

    Raises
    ------
    ModelError
        If it does not return a finite number for each document.
    """
    opened, failures = [], []
    scores = np.full(len(documents), np.nan, np.float32)
    places = []
    for place, document in enumerate(documents):
        try:
            opened.append(opened_content(document))
            places.append(place)
        except ContentError as error:
            failures.append(error)
    if not opened:
        return scores, failures
    given = call(opened_content(query), opened)
    try:
        found: npt.NDArray[Any] = np.asarray(given.detach().cpu() if hasattr(given, "detach") else given, np.float64)
    except (TypeError, ValueError) as error:
        raise ModelError(f"rerank returned {type(given).__name__}, which is no list of numbers: {error}.") from error
    if found.shape != (len(opened),) or not np.isfinite(found).all():
        raise ModelError(
            f"rerank returned an array of shape {found.shape} for {len(opened)} documents; expected one finite number "
            "for each, the higher the better."
        )
    scores[places] = found
    return scores, failures


def opened_content(content: Content) -> Any:
    """Return a content as a callable gets it: a text, a picture of Pillow, or the frames of a clip."""
    if content.media is None:
        return content.text
    return open_picture(content.media) if content.kind == "image" else load_frames(content.media)


def _query_content(query: Any, modality: Modality = "auto", root: Root = None) -> Content:
    """Return a query as a content; a string is a text unless the modality says otherwise."""
    how: Modality = "text" if modality == "auto" and isinstance(query, str) else modality
    content = read_content(query, how, root=root)
    if content is None:
        raise ContentError("EmptyQuery", "The query is empty; expected a text, a picture or a video.")
    return content


def score_hits(
    rerank: Reranker | Score,
    queries: Sequence[Any],
    cells: Sequence[Sequence[Any]],
    *,
    modality: Modality,
    query_modality: Modality = "auto",
    root: Path | str | None = None,
    max_cost: float | None = None,
) -> tuple[list[FloatVector], list[ContentError]]:
    """Return the scores of each query's cells, NaN where a cell cannot be read or scored, and why.

    Parameters
    ----------
    queries : sequence of q contents as they were given
    cells : sequence of q sequences
        The cells of each query's hits.
    modality, query_modality : str
        How cells and queries are read.
    """
    folder: Root = None if root is None else Path(root)
    asked = [_query_content(query, query_modality, folder) for query in queries]
    read = [read_contents(of_query, modality, root=folder) for of_query in cells]
    contents = [[one for one in of_query if isinstance(one, Content)] for of_query in read]
    failures = [one for of_query in read for one in of_query if isinstance(one, ContentError)]
    if isinstance(rerank, Reranker):
        scores, refused = rerank.score(asked, contents, max_cost=max_cost)
    else:
        done = [score_by_callable(rerank, query, of_query) for query, of_query in zip(asked, contents, strict=True)]
        scores, refused = [one for one, _ in done], [error for _, errors in done for error in errors]
    rows = []
    for of_query, found in zip(read, scores, strict=True):
        following = iter(found.tolist())
        rows.append(np.array([next(following) if isinstance(one, Content) else np.nan for one in of_query], np.float32))
    return rows, failures + refused


__all__ = ["RerankPlan", "Reranker", "Score", "opened_content", "reranker_of", "score_by_callable", "score_hits"]
