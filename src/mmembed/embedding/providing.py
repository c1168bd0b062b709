"""From settings to a provider: the one place that knows which provider serves which model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from mmembed.embedding.limiter import limiter_for
from mmembed.embedding.models import ModelSpec, check_request, default_model, find_model
from mmembed.embedding.sharing import LimiterSource
from mmembed.providers.protocol import Provider

Region = Literal["beijing", "singapore"]


def spec_of(model: Any, region: Region) -> ModelSpec:
    """Return the table's entry of a model; None is the region's default model."""
    return find_model(default_model(region) if model is None else model)


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
    needs_key: bool = True,
    limiters: LimiterSource = limiter_for,
) -> Provider:
    """Return the provider of a model, after checking that the model has what is asked for.

    Parameters
    ----------
    model : str, ModelSpec or None
        None is the region's default model, which needs a key.
    needs_key : bool
        Whether to insist on a key where the model needs one; planning does not.
    limiters : callable
        Gives the limiter of an account and model; by default the one of this process.

    Raises
    ------
    UnknownModelError
        If no model has that name; names the nearest.
    ValueError
        If the model does not have that dimension, region or option.
    MissingCredentialsError
        If the model needs a key and there is none.
    """
    spec = spec_of(model, region)
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
        needs_key=needs_key,
        limiters=limiters,
    )
