# ruff: noqa: SLF001 - the names of other expressions' tasks are private by spelling only
"""A table with vectors to come, as an expression of Dask, and its tasks.

Tasks survey a partition, permit the whole, embed a partition, and raise its failures. Embedding looks at each row by
itself, so a selection of rows, or of columns without vectors, is made first, and the rest is not sent.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from dask._task_spec import List, Task, TaskRef
from dask.dataframe.dask_expr._expr import Expr, Head, Index, Partitions, Projection, Tail
from dask.sizeof import sizeof

from mmembed.distributed.embed_job import Allowance, EmbedJob
from mmembed.distributed.quota_client import sharing_here, warn_here
from mmembed.embedding.plan import EmbedPlan, Survey, join_surveys
from mmembed.embedding.run import check_errors, describe_errors
from mmembed.errors import BudgetError, EmbeddingWarning, MissingCredentialsError
from mmembed.providers.costs import Budget, TokenEstimate, price_tokens

__all__ = [
    "EmbeddedPart",
    "EmbeddedTable",
    "EmbeddingErrors",
    "SurveyedTable",
    "allow",
    "embed_partition",
    "errors_of",
    "finish",
    "plan",
    "raise_failures",
    "survey",
]


class EmbeddedTable(Expr):
    """The rows of a frame with the vectors of a job.

    Each partition is embedded by itself. With ``errors="raise"`` all wait for the failures of all, as on pandas; with
    ``"coerce"`` each goes on as soon as it is there. With ``max_cost`` the whole table is priced before the first
    request.
    """

    _parameters = ["frame", "job"]  # noqa: RUF012  as Dask declares them
    _is_length_preserving = True

    @functools.cached_property
    def _meta(self) -> pd.DataFrame:
        return self.job.add_empty(self.frame._meta)  # type: ignore[no-any-return]

    def _divisions(self) -> tuple[Any, ...]:
        return self.frame.divisions  # type: ignore[no-any-return]

    @functools.cached_property
    def _name(self) -> str:
        return f"embed-{self.deterministic_token}"

    def __str__(self) -> str:
        return f"EmbeddedTable({self.frame}, {self.job})"

    def key(self, step: str, partition: int = 0) -> tuple[str, int]:
        """Return the name of a task."""
        return f"{step}-{self._name}", partition

    def _layer(self) -> dict[Any, Task]:
        job: EmbedJob = self.job
        numbers = range(self.npartitions)
        frames = [TaskRef((self.frame._name, one)) for one in numbers]
        layer: dict[Any, Task] = {}

        def add(key: Any, function: Any, *arguments: Any) -> TaskRef:
            layer[key] = Task(key, function, *arguments)
            return TaskRef(key)

        allowance = None
        if job.max_cost is not None:
            surveys = [add(self.key("survey", one), survey, frames[one], job) for one in numbers]
            allowance = add(self.key("allow"), allow, List(*surveys), job)
        embedded = [add(self.key("embed", one), embed_partition, frames[one], job, allowance, one) for one in numbers]
        raised = add(self.key("raise"), raise_failures, List(*embedded), job) if job.errors == "raise" else None
        for one in numbers:
            add((self._name, one), finish, frames[one], embedded[one], one, raised)
        return layer

    def _simplify_up(self, parent: Any, dependents: Any) -> Any:  # noqa: ARG002  Dask's interface
        if isinstance(parent, Partitions | Head | Tail):
            return type(self)(type(parent)(self.frame, *parent.operands[1:]), self.job)
        if isinstance(parent, Index):
            return Index(self.frame)
        if isinstance(parent, Projection):
            return self._project_columns(parent)
        return None

    def _project_columns(self, parent: Any) -> Any:
        """Leave out what is neither asked for nor embedded; send nothing if no vectors are asked for."""
        wanted = list(parent.columns)
        if not set(wanted) & set(self.job.new_columns):
            return type(parent)(self.frame, *parent.operands[1:])
        needed = [one for one in self.frame.columns if one in wanted or one in self.job.columns]
        if needed == list(self.frame.columns):
            return None
        return type(parent)(type(self)(self.frame[needed], self.job), *parent.operands[1:])


class SurveyedTable(Expr):
    """The plan of a table: one value, an ``EmbedPlan``."""

    _parameters = ["frame", "job"]  # noqa: RUF012  as Dask declares them

    @functools.cached_property
    def _meta(self) -> int:
        return 0

    def _divisions(self) -> tuple[None, None]:
        return None, None

    @functools.cached_property
    def _name(self) -> str:
        return f"embed-plan-{self.deterministic_token}"

    def _layer(self) -> dict[Any, Task]:
        numbers = range(self.frame.npartitions)
        layer: dict[Any, Task] = {}
        for one in numbers:
            key = (f"survey-{self._name}", one)
            layer[key] = Task(key, survey, TaskRef((self.frame._name, one)), self.job)
        key = (self._name, 0)
        surveys = List(*[TaskRef((f"survey-{self._name}", one)) for one in numbers])
        layer[key] = Task(key, plan, surveys, self.job)
        return layer


class EmbeddingErrors(Expr):
    """The failures of an embedded table in one frame; shares the table's tasks."""

    _parameters = ["table"]  # noqa: RUF012  as Dask declares them

    @functools.cached_property
    def _meta(self) -> pd.DataFrame:
        from mmembed.embedding.run import error_frame

        return error_frame([], pd.RangeIndex(0), [])

    def _divisions(self) -> tuple[None, None]:
        return None, None

    @functools.cached_property
    def _name(self) -> str:
        return f"embedding-errors-{self.deterministic_token}"

    def _layer(self) -> dict[Any, Task]:
        embedded = [TaskRef(self.table.key("embed", one)) for one in range(self.table.npartitions)]
        key = (self._name, 0)
        return {key: Task(key, errors_of, List(*embedded))}


@dataclass(frozen=True)
class EmbeddedPart:
    """The vectors of one partition by column, and its failures: the error of a cell is data, and stops nobody else."""

    vectors: dict[str, pd.Series]
    errors: pd.DataFrame
    cells: int
    rows: int


@sizeof.register(EmbeddedPart)
def _bytes_in_memory(embedded: EmbeddedPart) -> int:
    return sum(int(sizeof(vectors)) for vectors in embedded.vectors.values()) + int(sizeof(embedded.errors))


def survey(df: pd.DataFrame, job: EmbedJob) -> Survey:
    """Hash and price the contents of a partition."""
    return job.survey(df)


def plan(surveys: Sequence[Survey], job: EmbedJob) -> EmbedPlan:
    """Join the surveys of all partitions."""
    return join_surveys(surveys, job.embedder.provider(for_plan=True), job.embedder.spec)


def allow(surveys: Sequence[Survey], job: EmbedJob) -> Allowance:
    """Refuse the whole table if its lowest price is over ``max_cost``; else say what each partition may cost.

    Raises
    ------
    BudgetError
        Before anything is sent.
    """
    assert job.max_cost is not None  # noqa: S101 - only then there is this task
    spec = job.embedder.spec
    whole = plan(surveys, job)
    Budget(job.max_cost, spec).check_price(whole.cost_range[0], whole.cost)
    likely = []
    for one in surveys:
        text, media = one.tokens.sum(axis=0).tolist()
        likely.append(price_tokens(TokenEstimate(*text), TokenEstimate(*media), spec).likely)
    return Allowance(uuid.uuid4().hex, job.max_cost, likely)


def embed_partition(df: pd.DataFrame, job: EmbedJob, allowance: Allowance | None, partition: int) -> EmbeddedPart:
    """Embed one partition. Failed cells are in the outcome; what must stop the whole job is raised."""
    sharing, max_cost = sharing_here(job, allowance, partition)
    try:
        runs = job.run(df, sharing, max_cost=max_cost)
    except MissingCredentialsError as error:
        error.add_note("It was looked for in the environment of the process that runs the partition, a Dask worker.")
        raise
    except BudgetError as error:
        error.add_note(f"It was partition {partition} that came to the limit of the whole table.")
        raise
    errors = pd.concat([run.errors for run in runs.values()], ignore_index=True)
    return EmbeddedPart({name: run.vectors for name, run in runs.items()}, errors, len(df) * len(runs), len(df))


def errors_of(embedded: Sequence[EmbeddedPart]) -> pd.DataFrame:
    """Return the failures of all partitions in one frame; positions count over all of them."""
    gathered, start = [], 0
    for one in embedded:
        if len(one.errors):
            gathered.append(one.errors.assign(position=one.errors["position"] + start))
        start += one.rows
    return pd.concat(gathered, ignore_index=True) if gathered else embedded[0].errors


def raise_failures(embedded: Sequence[EmbeddedPart], job: EmbedJob) -> None:
    """Raise one error with the failures of all partitions, after all have been embedded.

    Raises
    ------
    EmbeddingError
        If there are any.
    """
    check_errors(errors_of(embedded), sum(one.cells for one in embedded), job.errors)


def finish(df: pd.DataFrame, embedded: EmbeddedPart, partition: int, are_raised: None = None) -> pd.DataFrame:  # noqa: ARG001  waits for the failures
    """Return the partition with its new columns; warns of failed cells that nobody raised."""
    if len(embedded.errors):
        summary = describe_errors(embedded.errors, embedded.cells)
        warn_here(f"Partition {partition}: {summary}\nThey have no vector.", EmbeddingWarning)
    columns = {name: pd.Series(one.array, index=df.index, copy=False) for name, one in embedded.vectors.items()}
    return df.assign(**columns)
