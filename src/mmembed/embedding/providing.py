"""From settings to a provider: the one place that knows which provider serves which model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from mmembed.embedding.models import check_request, default_model, find_model
from mmembed.providers.protocol import Provider

Region = Literal["beijing", "singapore"]


def provider_for(
    model: Any,
    *,
    dimension: int | None = None,
    instruct: str | None = None,
    fps: float | None = None,
    region: Region = "beijing",
    workers: int | None = None,
    requests_per_minute: int | None = None,
    tokens_per_minute: int | None = None,
    timeout_seconds: float = 120.0,
    api_key: str | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Provider:
    """Return the provider of a model, after checking that the model has what is asked for.

    Parameters
    ----------
    model : str, ModelSpec or None
        None is the region's default model, which needs a key.

    Raises
    ------
    UnknownModelError
        If no model has that name; names the nearest.
    ValueError
        If the model does not have that dimension, region or option.
    MissingCredentialsError
        If the model needs a key and there is none.
    """
    spec = find_model(default_model(region) if model is None else model)
    check_request(spec, dimension=dimension, region=region, instruct=instruct, fps=fps)
    if spec.provider == "local":
        from mmembed.providers.local import LocalProvider

        return LocalProvider(workers=workers)
    from mmembed.embedding.sending import build_api_provider

    return build_api_provider(
        spec,
        dimension=dimension,
        instruct=instruct,
        fps=fps,
        region=region,
        workers=workers,
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        timeout_seconds=timeout_seconds,
        api_key=api_key,
        extra=extra or {},
    )
