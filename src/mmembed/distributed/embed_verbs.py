"""Embedding on Dask: the verbs that need a model for the cells of the frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from dask.dataframe.dask_expr import new_collection  # type: ignore[attr-defined]

from mmembed.accessor import FrameAccessor
from mmembed.accessor.arguments import Columns, modalities_of, names_of
from mmembed.contents.content import Modality, check_modality
from mmembed.distributed.embed_job import Deduplicate, EmbedJob
from mmembed.distributed.embedded_table import EmbeddedTable, EmbeddingErrors, SurveyedTable
from mmembed.distributed.twins import as_on_pandas
from mmembed.embedding.embedder import Embedder, embedder_of
from mmembed.embedding.plan import EmbedPlan
from mmembed.embedding.queries import model_of
from mmembed.embedding.run import Errors, check_errors_choice
from mmembed.errors import ModalityError, one_of
from mmembed.frames import Written
from mmembed.providers.costs import Budget
from mmembed.providers.models import check_request

if TYPE_CHECKING:
    import dask.dataframe as dd

__all__ = ["EmbeddingVerbs", "embedding_errors"]


class _How(TypedDict):
    errors: Errors
    max_cost: float | None
    deduplicate: Deduplicate


class EmbeddingVerbs:
    """Embedding: the verbs that need a model for the cells of the frame."""

    _ddf: dd.DataFrame

    @as_on_pandas(FrameAccessor.embed, adds="deduplicate")
    def embed(
        self,
        column: Columns,
        modality: Modality = "auto",
        *,
        model: Any = None,
        dimension: int | None = None,
        instruct: str | None = None,
        fps: float | None = None,
        name: str | Mapping[str, str] | None = None,
        errors: Errors = "raise",
        max_cost: float | None = None,
        deduplicate: Deduplicate = "global",
        embedder: Embedder | None = None,
        progress: bool | None = None,  # noqa: ARG002  as on pandas
        root: Path | str | None = None,
    ) -> dd.DataFrame:
        """Add a vector column for each column of contents, when it is computed, partition by partition.

        Nothing is read or sent, and no key is needed, until then; ``head()``, ``.partitions[…]`` and columns without
        vectors send no more than they show. Each worker process reads ``DASHSCOPE_API_KEY`` of its own environment: a
        key in the embedder is left out of the tasks, and is used only by the schedulers that run in this process
        (``"threads"``, ``"synchronous"``).

        Parameters
        ----------
        errors : {"raise", "coerce"}
            ``"raise"``: all partitions are embedded and kept, then one error lists the failed cells of all; until then
            no partition goes on, so that of a large table the vectors lie in the cluster's memory and disk.
            ``"coerce"``: each partition goes on by itself, with a warning if cells failed;
            :func:`embedding_errors` has them in one frame.
        max_cost : float, optional
            The most that the whole table may cost, in CNY. All partitions are read once before the first request.
        deduplicate : {"global", "partition"}
            ``"global"``: equal contents are paid for once, whatever partitions they are in. Partitions find each
            other's vectors in the cache, and leave to each other what is being embedded; workers on several machines
            need a cache that all see, ``Embedder(cache="s3://…")``. ``"partition"``: equal contents of partitions that
            run at once may be paid for by each; the only way with ``cache=None``.
        progress : bool, optional
            Without effect: Dask has progress bars and a dashboard of its own.
        root : path, optional
            Folder that relative file names start from, on each worker; by default this process's current folder.
            It is no fence: names in cells may lead out of it, unless the embedder has ``strict_root=True``.

        Returns
        -------
        dask.dataframe.DataFrame
            With one ``vector[d, space]`` column more for each column embedded.
        """
        wanted = modalities_of(self._ddf, column, modality)
        names = names_of(name, list(wanted))
        used = _for_workers(embedder, model=model, dimension=dimension, instruct=instruct, fps=fps, root=root)
        how = _How(errors=errors, max_cost=max_cost, deduplicate=deduplicate)
        return _embedded(self._ddf, EmbedJob(used, wanted, names, **how))

    @as_on_pandas(FrameAccessor.plan)
    def plan(
        self,
        column: Columns,
        modality: Modality = "auto",
        *,
        model: Any = None,
        dimension: int | None = None,
        instruct: str | None = None,
        fps: float | None = None,
        embedder: Embedder | None = None,
        root: Path | str | None = None,
    ) -> EmbedPlan:
        """Return what :meth:`embed` with the same arguments would send and cost; reads the table now, sends nothing.

        Contents are hashed where they lie; the hashes of all distinct ones, some hundred bytes each, come together.
        """
        wanted = modalities_of(self._ddf, column, modality)
        used = _for_workers(embedder, model=model, dimension=dimension, instruct=instruct, fps=fps, root=root)
        job = _check_arguments(EmbedJob(used, wanted, names_of(None, list(wanted))), self._ddf, pays=False)
        surveys = SurveyedTable(self._ddf[list(wanted)].expr, job)
        return new_collection(surveys).compute()  # type: ignore[no-any-return]

    @as_on_pandas(FrameAccessor.fuse, adds="deduplicate")
    def fuse(
        self,
        *,
        text: str | None = None,
        image: str | None = None,
        video: str | None = None,
        model: Any = None,
        dimension: int | None = None,
        instruct: str | None = None,
        fps: float | None = None,
        name: str = "fused_vector",
        errors: Errors = "raise",
        max_cost: float | None = None,
        deduplicate: Deduplicate = "global",
        embedder: Embedder | None = None,
        progress: bool | None = None,  # noqa: ARG002  as on pandas
        root: Path | str | None = None,
    ) -> dd.DataFrame:
        """Add one vector a row made of several columns of different kinds; a missing part is left out.

        Parameters
        ----------
        deduplicate : {"global", "partition"}
            As in :meth:`embed`.
        """
        given: dict[Modality, str | None] = {"text": text, "image": image, "video": video}
        columns = {one: kind for kind, one in given.items() if one is not None}
        if not columns:
            raise ModalityError("fuse needs at least one column: text=, image= or video=.")
        used = _for_workers(embedder, model=model, dimension=dimension, instruct=instruct, fps=fps, root=root)
        how = _How(errors=errors, max_cost=max_cost, deduplicate=deduplicate)
        job = EmbedJob(used, columns, dict.fromkeys(columns, name), is_fused=True, **how)
        return _embedded(self._ddf, job)


def embedding_errors(ddf: dd.DataFrame) -> dd.DataFrame:
    """Return the failed cells of an embedded table in one lazy frame: position, index, column, code, message, ….

    Computed together with the table, ``dask.compute(ddf, embedding_errors(ddf))``, it costs nothing more; alone, it
    embeds the table.

    Raises
    ------
    ValueError
        If the frame was not embedded, or is computed already.
    """
    tables = list(ddf.expr.find_operations(EmbeddedTable))
    if not tables:
        raise ValueError("The frame has no vectors to come. Give what ddf.mmembed.embed(…) or fuse(…) gave.")
    return new_collection(EmbeddingErrors(tables[0]))  # type: ignore[no-any-return]


def _for_workers(embedder: Embedder | None, *, root: Path | str | None, **settings: Any) -> Embedder:
    """Return settings that mean the same on every worker."""
    used = embedder_of(embedder, root=root, **settings)
    used = replace(used, root=str(Path(used.root or ".").resolve()))
    if used.spec.provider == "own":
        return replace(used, model=model_of(used))  # a worker need not know the name
    if used.workers is None and used.spec.provider == "local":
        return replace(used, workers=1)  # Dask has a thread for each partition
    return used


def _check_arguments(job: EmbedJob, ddf: dd.DataFrame, *, pays: bool = True) -> EmbedJob:
    """Refuse, before there is a graph, what pandas refuses before it reads."""
    check_errors_choice(job.errors)
    one_of("deduplicate", job.deduplicate, ("global", "partition"))
    if pays and job.deduplicate == "global" and job.embedder.cache is None:
        raise ValueError(
            "deduplicate='global' hands vectors from one partition to another through the cache, and cache=None has "
            "none. Leave cache out, or say deduplicate='partition'."
        )
    spec = job.embedder.spec
    kinds = {check_modality(modality) for modality in job.columns.values()} - {"auto"}
    if job.is_fused and len(job.columns) > 1:
        check_request(spec, region=job.embedder.region, kinds=kinds | {"fused"})
    else:
        check_request(spec, region=job.embedder.region, kinds=kinds)
    meta = ddf._meta  # noqa: SLF001  Dask's empty frame
    job.add_empty(meta)
    for name in job.names.values() if pays else ():
        Written.by("fuse" if job.is_fused else "embed", name).check(meta)
    if job.max_cost is not None:
        Budget(job.max_cost, spec)
    return job


def _embedded(ddf: dd.DataFrame, job: EmbedJob) -> dd.DataFrame:
    return new_collection(EmbeddedTable(ddf.expr, _check_arguments(job, ddf)))  # type: ignore[no-any-return]
