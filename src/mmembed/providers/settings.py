"""What a provider is told of how to embed: one frozen object, handed on as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mmembed.providers.models import ModelSpec, Region, check_request, default_model, find_model


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """Which model is asked, where, how, how fast and with which key; :class:`mmembed.Embedder` documents each.

    Attributes
    ----------
    spec : ModelSpec
        The entry of the model in the table.
    """

    model: Any = None
    dimension: int | None = None
    instruct: str | None = None
    fps: float | None = None
    region: Region = "beijing"
    workers: int | None = None
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    timeout_seconds: float = 120.0
    api_key: str | None = field(default=None, repr=False)
    workspace: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    upload: Literal["temporary"] | None = None

    def __getstate__(self) -> dict[str, Any]:
        # A pickle lies in files, and goes to other machines and into their logs: no place for a key.
        return {**vars(self), "api_key": None}

    @property
    def spec(self) -> ModelSpec:
        """The entry of the model in the table; None is the region's default model."""
        return find_model(default_model(self.region) if self.model is None else self.model)

    def checked_spec(self) -> ModelSpec:
        """Return the entry of the model, after checking that the model has what is asked for.

        Raises
        ------
        UnknownModelError
            If no model has that name; names the nearest.
        ValueError
            If the model does not have that dimension, region or option.
        """
        spec = self.spec
        check_request(spec, dimension=self.dimension, region=self.region, instruct=self.instruct, fps=self.fps)
        if self.upload is not None:
            self._check_upload(spec)
        return spec

    def _check_upload(self, spec: ModelSpec) -> None:
        if self.upload != "temporary":
            raise ValueError(f"upload is {self.upload!r}; expected 'temporary', or None to upload nothing.")
        if spec.provider != "dashscope" or "video" not in spec.kinds:
            reason = "takes no videos" if spec.provider == "dashscope" else "is none"
            raise ValueError(
                f"upload='temporary' is for models of the service that take videos; {spec.name!r} {reason}. "
                "Leave it out."
            )
