"""What the service answers to a query with documents, written from its page on text rerank (15 March 2026).

The page leaves open how kinds that are mixed share a request, and how many bytes a picture may have; nothing is refused
for these here. Scores stand for no model: words that occur, and how much of a colour a picture holds.
"""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np

from .contents import count_image_tokens, count_text_tokens
from .media import address_bytes, image_bytes
from .models import MODELS, QWEN_VIDEO_FORMATS
from .protocol import BodyLimits, Refusal, invalid

MOST = {"text": 100, "image": 40, "video": 4}
ITEM_TOKENS = 8_000
REQUEST_TOKENS = 120_000
MODEL = "qwen3-vl-rerank"
_COLOURS = ("red", "green", "blue")


def documents_of(body: bytes) -> list[Any] | None:
    """Return the documents of a request, for the record; None where they cannot be read."""
    try:
        found = json.loads(body)["input"]["documents"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, list) else None


def rerank(body: bytes, request_id: str, limits: BodyLimits) -> dict[str, Any]:
    """Return the answer to a request, with the name of the model.

    Raises
    ------
    Refusal
        If the page does not allow the request.
    """
    try:
        value = json.loads(body)
        model, query, documents = value["model"], value["input"]["query"], value["input"]["documents"]
    except (ValueError, KeyError, TypeError):
        raise invalid("Required body invalid, please check the request body format.") from None
    if model != MODEL:
        raise Refusal(404, "ModelNotFound", f"Model not exist: {model}.")
    parameters = value.get("parameters", {})
    if unknown := set(parameters) - {"return_documents", "top_n", "instruct", "fps"}:
        raise invalid(f"unknown parameters: {sorted(unknown)}")
    if not isinstance(documents, list) or not documents:
        raise invalid("input.documents must be a list that is not empty.")
    asked = {"text": query} if isinstance(query, str) else query
    kinds = [_kind(one, f"input.documents[{place}]") for place, one in enumerate(documents)]
    for kind, most in MOST.items():
        if kinds.count(kind) > most:
            raise invalid(f"batch size is invalid, it should not be larger than {most}.: input.documents")
    of_query = _tokens(asked, "input.query", limits)
    tokens = [_tokens(one, f"input.documents[{place}]", limits) for place, one in enumerate(documents)]
    total = of_query * len(documents) + sum(tokens)
    if total > REQUEST_TOKENS:
        raise invalid(f"the request has {total} tokens, more than {REQUEST_TOKENS}.")
    scores = [_score(asked, one, limits) for one in documents]
    best = sorted(range(len(documents)), key=lambda place: (-scores[place], place))[
        : parameters.get("top_n", len(documents))
    ]
    results: list[dict[str, Any]] = [{"index": place, "relevance_score": scores[place]} for place in best]
    if parameters.get("return_documents"):
        results = [{**one, "document": documents[one["index"]]} for one in results]
    return {
        "model": model,
        "output": {"results": results},
        "usage": {"total_tokens": total},
        "request_id": request_id,
    }


def _kind(value: object, where: str) -> str:
    if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in MOST:
        raise invalid(f"{where} must be an object of one of text, image and video.")
    return str(next(iter(value)))


def _tokens(value: dict[str, Any], where: str, limits: BodyLimits) -> int:
    kind = _kind(value, where)
    held = value[kind]
    if kind == "text":
        return min(ITEM_TOKENS, count_text_tokens(held))
    if kind == "video":
        address_bytes(held, QWEN_VIDEO_FORMATS, where)
        return ITEM_TOKENS
    return count_image_tokens(image_bytes(held, MODELS["qwen3-vl-embedding"], where, limits))


def _score(query: dict[str, Any], document: dict[str, Any], limits: BodyLimits) -> float:
    words = str(query.get("text", "red")).split()
    if "text" in document:
        return sum(word in document["text"] for word in words) / max(1, len(words))
    if "video" in document:
        return 0.25
    from PIL import Image

    data = image_bytes(document["image"], MODELS["qwen3-vl-embedding"], "input.documents", limits)
    if data.startswith(b"http"):
        return 0.25
    with Image.open(io.BytesIO(data)) as picture:
        mean = np.asarray(picture.convert("RGB")).reshape(-1, 3).mean(axis=0) / 255
    return float(max((mean[_COLOURS.index(word)] for word in words if word in _COLOURS), default=0.1))
