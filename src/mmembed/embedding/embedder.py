"""The settings of embedding as one frozen object, and the runs that it makes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from mmembed.contents.clips import check_video_frames, videos_as_pictures
from mmembed.contents.content import (
    Content,
    Modality,
    Read,
    check_modality,
    content_of_text,
    fused_of,
    read_contents,
    read_fused,
)
from mmembed.contents.media import Fence, Root
from mmembed.embedding.pipeline import ALONE, Sharing
from mmembed.embedding.run import EmbeddingRun, error_frame
from mmembed.errors import ContentError, listed
from mmembed.frames import extended
from mmembed.providers.costs import Budget, estimate_cost, estimate_each, longest_beginning
from mmembed.providers.dashscope.limiter import LimiterSource, limiter_for
from mmembed.providers.models import OWN_MODEL, ModelSpec, check_request, registered_elsewhere
from mmembed.providers.protocol import Provider
from mmembed.providers.settings import ModelSettings
from mmembed.vectors import VectorArray

if TYPE_CHECKING:
    from mmembed.cache.shared import Cache
    from mmembed.embedding.plan import EmbedPlan, Survey


def provider_for(
    settings: ModelSettings,
    *,
    needs_key: bool = True,
    limiters: LimiterSource = limiter_for,
    cache: Callable[[], Cache | None] = lambda: None,
) -> Provider:
    """Return the provider of a model, after checking that the model has what is asked for.

    Parameters
    ----------
    settings : ModelSettings
        The model and how it is asked; handed to the provider as they are.
    needs_key : bool
        Whether to insist on a key where the model needs one; planning does not.
    limiters : callable
        Gives the limiter of an account and model; by default the one of this process.
    cache : callable
        Returns the cache that remembers the weights of a model of one's own; none by default.

    Raises
    ------
    UnknownModelError
        If no model has that name; names the nearest.
    ValueError
        If the model does not have that dimension, region or option.
    MissingCredentialsError
        If the model needs a key and there is none.
    """
    spec = settings.checked_spec()
    if spec.provider != "dashscope":
        from mmembed.providers.custom import find_own

        own = settings.model if hasattr(settings.model, "spec") else find_own(spec.name)
        found: Provider = own.provider(settings, cache=cache, is_plan=not needs_key)
        return found

    from mmembed.providers.dashscope.provider import DashScopeProvider

    provider = DashScopeProvider.of(settings, spec, limiters)
    if needs_key:
        provider.api_key()  # refuse now what would fail when the session opens
    return provider


@dataclass(frozen=True, kw_only=True)
class Embedder(ModelSettings):
    """How contents become vectors; share one to embed many columns alike.

    Parameters
    ----------
    model : str, ModelSpec, CustomModel or encoder, optional
        ``"local"`` needs no key and no network; any name of ``mmembed.models()``. The default is the region's best
        documented model, and needs a key. A model of one's own: the name that :func:`mmembed.register_model` was
        given, the :class:`mmembed.CustomModel` itself, or an object with ``encode`` such as a ``SentenceTransformer``.
    dimension : int, optional
        Length of the vectors; the model's own default if not given.
    instruct : str, optional
        What the vectors are for, in English, for models that take it.
    fps : float, optional
        Share of video frames to sample, 0 to 1, for models that take it.
    region : {"beijing", "singapore"}
        Where the service is called; a key belongs to one region. ``DASHSCOPE_HTTP_BASE_URL`` replaces the address, and
        what ``dashscope.base_http_api_url`` was set to that of Beijing.
    workers : int, optional
        How many requests (or, for the local model, threads) are in work at once.
    requests_per_minute, tokens_per_minute : int, optional
        The account's limits, where they differ from the documented ones.
    timeout_seconds : float
        Total time of one attempt.
    cache : {"auto"}, path, address, VectorCache, SharedCache or None
        Where vectors are kept between runs: ``MMEMBED_CACHE_DIR`` or the platform's cache folder, a folder, an address
        that several machines see (``"s3://bucket/vectors"``; needs the extra ``dask``), or nowhere.
    api_key : str, optional
        If not given: ``DASHSCOPE_API_KEY``, then what the SDK was given (``dashscope.api_key``, the file of
        ``DASHSCOPE_API_KEY_FILE_PATH``, ``~/.dashscope/api_key``). It is never shown, logged or stored, and is left out
        when the embedder is pickled or copied by ``copy``: in another process (a Dask or joblib worker, a loaded
        pipeline) the variable of that process is read. ``dataclasses.replace`` and scikit-learn's ``clone`` keep it.
    workspace : str, optional
        The id of a workspace, for keys and quotas that belong to one.
    extra : mapping
        Further parameters of the request, passed on as they are.
    upload : {"temporary"}, optional
        Put video files of this machine, and nothing else, into the service's temporary storage, since it takes videos
        by address only. Files stay there for 48 hours, bound to the account and the model, whatever their row becomes.
        The service's page says that it is not for production, and names multimodal models in general, not embedding.
        Nothing is uploaded by default.
    truncate : bool
        Cut texts that are too long for the model, with a warning, instead of refusing their rows.
    video_frames : int, optional
        Embed video files of this machine by up to 8 of their frames, for models that take lists of pictures (the
        service takes videos by URL only); also in fused rows where the model fuses lists.
    root : path, optional
        Folder that relative file names in cells start from. It is no fence: ``../x.png``, absolute names, links and
        ``file://`` in a cell lead to any file that this process can read, and its content is sent to the service.
    strict_root : bool
        Refuse cells whose file is not below ``root``, whatever leads out of it; for columns that others wrote.

    Examples
    --------
    >>> Embedder(model="local").model
    'local'
    """

    cache: str | Path | Cache | None = "auto"
    truncate: bool = False
    video_frames: int | None = None
    root: Path | str | None = None
    strict_root: bool = False

    def __post_init__(self) -> None:
        if not (self.model is None or isinstance(self.model, str | ModelSpec)):
            from mmembed.providers.custom import own_model

            object.__setattr__(self, "model", own_model(self.model))
        if self.upload is not None and self.video_frames is not None:
            raise ValueError(
                "upload= and video_frames= are two ways to embed the same video files. Give one: upload='temporary' "
                "sends each file as it is, video_frames=8 a few of its frames."
            )
        if self.strict_root and self.root is None:
            raise ValueError("strict_root=True needs the folder to keep to. Give it as root=.")

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), **registered_elsewhere(self.model)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update({name: value for name, value in state.items() if name != OWN_MODEL})

    def __sklearn_clone__(self) -> Self:
        # Searches and cross-validation clone what they fit, within one process; a frozen object is its own clone.
        return self

    def embed(
        self,
        series: pd.Series,
        modality: Modality = "auto",
        *,
        max_cost: float | None = None,
        progress: bool | None = None,
    ) -> EmbeddingRun:
        """Embed the cells of one column; failed rows are in the run's errors, and nothing is raised for them."""
        name = str(series.name) if series.name is not None else "column"
        return self.embed_many({name: series}, {name: modality}, max_cost=max_cost, progress=progress)[name]

    def embed_many(
        self,
        columns: Mapping[str, pd.Series],
        modalities: Mapping[str, Modality],
        *,
        max_cost: float | None = None,
        progress: bool | None = None,
        sharing: Sharing = ALONE,
    ) -> dict[str, EmbeddingRun]:
        """Embed several columns of one frame in one plan; equal contents of all columns are sent once."""
        provider = self.provider(sharing=sharing)
        read = self._read(columns, modalities)
        index = next(iter(columns.values())).index
        return self._run(provider, read, index, max_cost=max_cost, progress=progress, sharing=sharing)

    def plan_many(self, columns: Mapping[str, pd.Series], modalities: Mapping[str, Modality]) -> EmbedPlan:
        """Return what :meth:`embed_many` would do and cost, without a request and without a key."""
        from mmembed.embedding.plan import plan_columns

        provider = self.provider(for_plan=True)
        return plan_columns(list(self._read(columns, modalities).values()), provider, self.spec, self.open_cache())

    def survey_many(self, columns: Mapping[str, pd.Series], modalities: Mapping[str, Modality]) -> Survey:
        """Return what a plan must know of one part of a table; ``join_surveys`` makes the plan of all parts."""
        return self._survey(list(self._read(columns, modalities).values()))

    def survey_fused(self, columns: Mapping[Modality, pd.Series]) -> Survey:
        """Return what a plan must know of rows to :meth:`fuse`."""
        return self._survey([self._read_fused(columns)])

    def _survey(self, read: list[list[Read]]) -> Survey:
        from mmembed.embedding.plan import survey_columns

        return survey_columns(read, self.provider(for_plan=True), self.spec, self.open_cache())

    def _read(self, columns: Mapping[str, pd.Series], modalities: Mapping[str, Modality]) -> dict[str, list[Read]]:
        checked = {name: check_modality(modalities[name]) for name in columns}
        check_request(self.spec, region=self.region, kinds=set(checked.values()) - {"auto"})
        read = {name: read_contents(cells, checked[name], root=self._root) for name, cells in columns.items()}
        if self.truncate:
            read = {name: cut_texts(contents, self.spec) for name, contents in read.items()}
        return {name: self._with_frames(contents) for name, contents in read.items()}

    def _with_frames(self, contents: list[Read]) -> list[Read]:
        if self.video_frames is None:
            return contents
        frames = check_video_frames(self.video_frames, most_pictures=self.spec.max_multi_images, model=self.spec.name)
        return videos_as_pictures(contents, frames)

    def fuse(
        self,
        columns: Mapping[Modality, pd.Series],
        name: str,
        *,
        max_cost: float | None = None,
        progress: bool | None = None,
        sharing: Sharing = ALONE,
    ) -> EmbeddingRun:
        """Embed each row's cells of several kinds into one vector."""
        provider = self.provider(sharing=sharing)
        read = {name: self._read_fused(columns)}
        index = next(iter(columns.values())).index
        done = self._run(provider, read, index, max_cost=max_cost, progress=progress, suffix="", sharing=sharing)
        return done[name]

    def _read_fused(self, columns: Mapping[Modality, pd.Series]) -> list[Read]:
        check_request(self.spec, region=self.region, kinds={"fused", *columns} if len(columns) > 1 else columns)
        rows = zip(*columns.values(), strict=True)
        read: list[Read] = []
        for row in rows:
            try:
                read.append(read_fused(dict(zip(columns, row, strict=True)), root=self._root))
            except ContentError as error:
                read.append(error)
        return self._with_frames(cut_texts(read, self.spec) if self.truncate else read)

    def provider(self, *, for_plan: bool = False, sharing: Sharing = ALONE) -> Provider:
        """Return the provider of this model with these settings; one that only plans needs no key."""
        return provider_for(self, needs_key=not for_plan, limiters=sharing.limiters, cache=self.open_cache)

    def open_cache(self) -> Cache | None:
        """Return the cache of these settings, or None."""
        from mmembed.cache.local import VectorCache
        from mmembed.cache.shared import Cache, shared_cache

        if self.cache is None or isinstance(self.cache, Cache):
            return self.cache
        if "://" in str(self.cache):
            return shared_cache(str(self.cache))
        return VectorCache(None if self.cache == "auto" else Path(self.cache))

    def _cost_otherwise(self, read: Mapping[str, list[Read]]) -> float:
        """Return the likely price without cache and deduplication; nothing is estimated where nothing is charged."""
        spec = self.spec
        if not (spec.text_price or spec.media_price):
            return 0.0
        cells = (cell for column in read.values() for cell in column if isinstance(cell, Content))
        return estimate_cost(cells, spec).likely

    @property
    def _root(self) -> Root:
        if self.root is None:
            return None
        return Fence(Path(self.root)) if self.strict_root else Path(self.root)

    def _run(
        self,
        provider: Provider,
        read: Mapping[str, list[Read]],
        index: pd.Index,
        *,
        max_cost: float | None,
        progress: bool | None,
        suffix: str = "_vector",
        sharing: Sharing = ALONE,
    ) -> dict[str, EmbeddingRun]:
        budget = None if max_cost is None else Budget(max_cost, self.spec)
        cells, cache = list(read.values()), self.open_cache()
        from mmembed.embedding.pipeline import embed_columns

        done = embed_columns(cells, provider, cache, budget=budget, progress=progress, sharing=sharing)
        usage = replace(done.bill, cost_otherwise=self._cost_otherwise(read))
        names = list(read)
        errors = error_frame(done.failures, index, names)
        runs = {}
        for name, matrix in zip(names, done.matrices, strict=True):
            vectors = VectorArray.from_matrix(matrix, space=provider.space)
            own = errors[[given == name for given in errors["column"]]].reset_index(drop=True)
            made = extended(name, suffix) if suffix else name
            runs[name] = EmbeddingRun(pd.Series(vectors, index=index, name=made, copy=False), usage, own)
        return runs


def embedder_of(embedder: Embedder | None, *, root: Path | str | None, **settings: Any) -> Embedder:
    """Return the given embedder, or one of single settings; both at once would leave in doubt which counts."""
    given = {key: value for key, value in settings.items() if value is not None}
    if embedder is None:
        return Embedder(**given, root=root)
    if given:
        raise ValueError(
            f"Give either embedder= or {listed(given)}, not both; dataclasses.replace changes an Embedder."
        )
    return embedder if root is None else replace(embedder, root=root)


class TruncationWarning(UserWarning):
    """Texts were longer than the model takes, and were cut because ``truncate=True`` was asked for."""


def cut_texts(cells: Sequence[Read], spec: ModelSpec) -> list[Read]:
    """Return the cells with each text, also in fused rows, cut to the longest beginning that the model surely takes.

    Warns once, with how many texts were cut and how much the shortest remainder is.
    """
    most = spec.text_tokens
    if most is None:
        return list(cells)
    kept: list[float] = []
    is_long = _find_long_texts(cells, most)

    def cut(cell: Read) -> Read:
        if not isinstance(cell, Content):
            return cell
        if cell.text is not None:
            if cell.text not in is_long:
                return cell
            text = longest_beginning(cell.text, most)
            kept.append(len(text) / len(cell.text))
            return content_of_text(text)
        if cell.kind == "fused":
            parts = tuple(part for part in map(cut, cell.parts) if isinstance(part, Content))
            return cell if parts == cell.parts else fused_of(parts)
        return cell

    done = [cut(cell) for cell in cells]
    if kept:
        warnings.warn(
            f"Model {spec.name!r} takes {most} tokens: {len(kept)} longer texts are cut (truncate=True); what is left "
            f"of the longest is {math.floor(100 * min(kept))} % of its characters.",
            TruncationWarning,
            stacklevel=2,
        )
    return done


def _find_long_texts(cells: Sequence[Read], most: int) -> set[str]:
    """Return the texts, also of fused rows, that may be more than so many tokens."""
    contents = [cell for cell in cells if isinstance(cell, Content)]
    parts = [leaf for content in contents for leaf in content.leaves]
    # A token is at least a byte, so that most texts pass without counting.
    texts = [part.text for part in parts if part.text is not None and len(part.text) * 4 > most]
    highs = estimate_each(texts)[:, 2].tolist()
    return {text for text, high in zip(texts, highs, strict=True) if high > most}
