"""Models of the service that score how well contents answer a query: which requests a query needs, and their scores.

The figures are those of the service's page on text rerank; what it leaves open is said where it counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

import numpy as np

from mmembed.arrays import FloatVector
from mmembed.contents.content import Content
from mmembed.errors import ContentError, Verdict, listed
from mmembed.providers.bisection import Bisection
from mmembed.providers.costs import estimate_all
from mmembed.providers.dashscope.answer import RequestFailure
from mmembed.providers.dashscope.faults import classify_failure
from mmembed.providers.dashscope.request_body import wire_content
from mmembed.providers.json_client import JsonClient
from mmembed.providers.models import MODELS, ModelSpec

PATH = "services/rerank/text-rerank/text-rerank"

_ITEM_TOKENS = 8_000  # what is longer is cut by the service

# No page says how many megabytes a picture may have: the limit of the embedding model of the same family.
RERANKERS: Mapping[str, ModelSpec] = MappingProxyType(
    {
        "qwen3-vl-rerank": ModelSpec(
            name="qwen3-vl-rerank",
            dimensions=(1,),
            image_mb=MODELS["qwen3-vl-embedding"].image_mb,
            image_formats=MODELS["qwen3-vl-embedding"].image_formats,
            max_contents=None,
            max_texts=100,
            max_images=40,
            max_videos=4,
            request_tokens=120_000,
            media_price=0.0018,
            text_price=0.0007,
            image_pixels_a_token=1_024,
            most_image_tokens=1_800,
            languages="33, among them Chinese, English, Japanese, Korean, French and German",
            sends_dimension=False,
            takes_fps=False,
            documented=date(2026, 3, 15),
        )
    }
)


def find_reranker(name: str) -> ModelSpec:
    """Return the entry of a model that reranks.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if name in RERANKERS:
        return RERANKERS[name]
    raise ValueError(
        f"rerank={name!r} is no model that reranks. Known: {listed(RERANKERS)}. Or give a callable: "
        "rerank(query, documents) returns a score for each."
    )


def batches_of(query: Content, documents: Sequence[Content], spec: ModelSpec) -> list[list[int]]:
    """Return batches of positions in ``documents``: each within the model's limits of one request.

    Kinds that are mixed share one request in proportion, since no page says how many of each it may hold then.
    """
    asked = min(_ITEM_TOKENS, int(_high_tokens([query], spec)[0]))
    tokens = np.minimum(_high_tokens(documents, spec), _ITEM_TOKENS) + asked
    most = {"text": spec.max_texts, "image": spec.max_images, "video": spec.max_videos}
    batches: list[list[int]] = []
    share, count = math.inf, 0
    for position, document in enumerate(documents):
        of_request = 1 / (most[document.kind] or math.inf)
        is_full = share + of_request > 1 + 1e-9 or count + tokens[position] > (spec.request_tokens or math.inf)
        if is_full:
            batches.append([])
            share, count = 0.0, 0
        batches[-1].append(position)
        share += of_request
        count += int(tokens[position])
    return batches


def _high_tokens(contents: Sequence[Content], spec: ModelSpec) -> Any:
    return estimate_all(contents, spec)[:, :, 2].sum(axis=1)


def count_tokens(query: Content, documents: Sequence[Content], spec: ModelSpec) -> Any:
    """Return what a query with documents counts, shape (2, 3): of texts and of media; low, likely and high.

    The query counts once for each document, as the page has it for the limit of a request.
    """
    asked = np.minimum(estimate_all([query], spec)[0], _ITEM_TOKENS)
    of_documents = np.minimum(estimate_all(documents, spec), _ITEM_TOKENS)
    return of_documents.sum(axis=0) + len(documents) * asked


@dataclass(frozen=True)
class Scored:
    """Scores of the documents, NaN where there is none, why, and the tokens that were counted."""

    scores: FloatVector
    failures: Mapping[int, ContentError] = field(default_factory=dict)
    tokens: int = 0


def score_documents(
    query: Content,
    documents: Sequence[Content],
    client: JsonClient,
    spec: ModelSpec,
    *,
    instruct: str | None = None,
    keep: Callable[[Sequence[int], FloatVector], None] = lambda _, __: None,
) -> Scored:
    """Score documents for one query; one that cannot be sent, or is refused, fails alone.

    Parameters
    ----------
    keep : callable
        Is given positions and their scores as soon as they are there, before anything else is sent.

    Raises
    ------
    ServiceError
        If nothing else can succeed either.
    ContentError
        If the query itself cannot be sent.
    """
    asked = wire_content(query, spec)
    sent_query = asked["text"] if query.kind == "text" else asked
    scores = np.full(len(documents), np.nan, np.float32)
    failures: dict[int, ContentError] = {}
    wire: dict[int, dict[str, Any]] = {}
    for position, document in enumerate(documents):
        try:
            wire[position] = wire_content(document, spec)
        except ContentError as error:
            failures[position] = error
    counted = 0

    def send(positions: Sequence[int]) -> None:
        nonlocal counted
        parameters: dict[str, Any] = {"return_documents": False, "top_n": len(positions)}
        if instruct is not None:
            parameters["instruct"] = instruct
        body = {
            "model": spec.name,
            "input": {"query": sent_query, "documents": [wire[one] for one in positions]},
            "parameters": parameters,
        }
        found, tokens = client.ask(
            body,
            lambda answer: _scores_of(answer, len(positions)),
            most_bytes=len(positions) * 1_000,
            wanted=f"{len(positions)} scores of model {spec.name!r}",
        )
        scores[list(positions)] = found
        keep(positions, found)
        counted += tokens

    def give_up(position: int, refusal: ContentError) -> None:
        failures[position] = refusal

    bisection = Bisection(send, ContentError, give_up)
    sendable = list(wire)
    for batch in batches_of(query, [documents[one] for one in sendable], spec):
        bisection.run([sendable[one] for one in batch], blames_size=lambda error: error.code == "BadRequest.TooLarge")
    return Scored(scores, failures, counted)


def _scores_of(answer: Any, count: int) -> tuple[FloatVector, int]:
    """Return the scores of an answer in the order of what was asked, and its tokens."""
    scores = np.full(count, np.nan, np.float32)
    results = answer["output"]["results"]
    if len(results) != count:
        raise ValueError(f"it holds {len(results)} scores for {count} documents")
    for result in results:
        index, score = result["index"], float(result["relevance_score"])
        if not isinstance(index, int) or not 0 <= index < count or np.isfinite(scores[index]):
            raise ValueError(f"its index {index!r} is none of 0 to {count - 1}, or comes twice")
        if not math.isfinite(score):
            raise ValueError(f"its score {score!r} is no number")
        scores[index] = score
    usage = answer.get("usage")
    tokens = usage.get("total_tokens", 0) if isinstance(usage, Mapping) else 0
    return scores, tokens if isinstance(tokens, int) and tokens > 0 else 0


def verdict_of(code: str, message: str) -> Verdict | None:
    """Return whom a refusal of the service concerns by its code; None where the code says nothing."""
    if code.startswith("HTTP"):
        return None
    return classify_failure(RequestFailure(code, message, status=400)).verdict
