"""Reading ``parameters`` and the frame of the request's body, as strictly as the documentation does."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from .protocol import BodyLimits, Refusal, invalid

if TYPE_CHECKING:
    from .models import Model


def parse_body(body: bytes, content_type: str, limits: BodyLimits, key: str = "contents") -> dict[str, Any]:
    """Return the JSON object of a request, which has ``key`` in its ``input``.

    Raises
    ------
    Refusal
        413 for a body that is too large, 400 for one that is not a JSON object with ``model`` and the input.
    """
    if len(body) > limits.whole:
        raise Refusal(413, "BadRequest.TooLarge", f"The body has more than {limits.whole} bytes.")
    if content_type.partition(";")[0].strip().lower() not in {"application/json", "text/event-stream"}:
        raise invalid(f"Content-Type must be application/json, not {content_type!r}.")
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except ValueError as error:
        raise invalid(f"The body is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise invalid("The body must be a JSON object.")
    encoded = _base64_length(value)
    if len(body) - encoded > limits.plain:
        raise Refusal(413, "BadRequest.TooLarge", f"The body has more than {limits.plain} bytes besides Base64 data.")
    if not value.get("model") or not isinstance(value["model"], str):
        raise invalid("The model is missing.", "BadRequest.EmptyModel")
    if not isinstance(value.get("input"), dict) or key not in value["input"]:
        raise invalid(f"input.{key} is missing.", "BadRequest.EmptyInput")
    if not isinstance(value.get("parameters", {}), dict):
        raise invalid("parameters must be an object.")
    return value


def texts_as_contents(texts: object) -> object:
    """Return the texts for a text model as contents; what is no list of texts is refused."""
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise invalid("input.texts must be a list of strings.")
    return [{"text": text} for text in texts]


def check_parameters(parameters: Mapping[str, Any], model: Model, accepted: Collection[str]) -> None:
    """Refuse a parameter that is unknown, that the model does not have, or that is out of its range.

    Parameters
    ----------
    accepted : collection of str
        Names outside the documentation that are to be let through unread.
    """
    for name, value in parameters.items():
        if name in accepted:
            continue
        check = _CHECKS.get(name)
        if check is None:
            raise invalid(f"parameters.{name} is not a known parameter.")
        expected = check(value, model)
        if expected is not None:
            raise invalid(f"parameters.{name} is {value!r}; {model.name} takes {expected}.")


def _dimension(value: object, model: Model) -> str | None:
    if model.fixed_dimension:
        return "no such parameter"
    return None if _is_integer(value) and value in model.dimensions else f"one of {model.dimensions}"


def _text_type(value: object, model: Model) -> str | None:
    if not model.text_model:
        return "no such parameter"
    return None if value in {"query", "document"} else "'query' or 'document'"


def _fps(value: object, model: Model) -> str | None:
    if model.text_model:
        return "no such parameter"
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    return None if good else "a number from 0 to 1"


def _instruct(value: object, model: Model) -> str | None:
    del model
    return None if isinstance(value, str) else "a string"


def _output_type(value: object, model: Model) -> str | None:
    del model
    return None if value == "dense" else "'dense'"


def _enable_fusion(value: object, model: Model) -> str | None:
    if not model.fusion_flag:
        return "no such parameter"
    return None if isinstance(value, bool) else "true or false"


def _resolution(value: object, model: Model) -> str | None:
    if not model.snapshot:
        return "no such parameter"
    return None if _is_integer(value) and value in range(4) else "0, 1, 2 or 3"


def _frames(value: object, model: Model) -> str | None:
    if not model.snapshot:
        return "no such parameter"
    return None if _is_integer(value) and value in range(1, 65) else "1 to 64"


_CHECKS: Mapping[str, Callable[[object, Model], str | None]] = {
    "dimension": _dimension,
    "fps": _fps,
    "text_type": _text_type,
    "instruct": _instruct,
    "output_type": _output_type,
    "enable_fusion": _enable_fusion,
    "res_level": _resolution,
    "max_video_frames": _frames,
}


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _base64_length(value: object) -> int:
    if isinstance(value, str):
        return len(value) if value.startswith("data:") else 0
    if isinstance(value, dict):
        return sum(_base64_length(one) for one in value.values())
    return sum(_base64_length(one) for one in value) if isinstance(value, list) else 0
