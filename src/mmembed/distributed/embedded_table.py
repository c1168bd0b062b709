# ruff: noqa: SLF001 - the names of other expressions' tasks are private by spelling only
"""A table with vectors to come, as an expression of Dask: its tasks, and what need not be bought.

Embedding looks at each row by itself, so that a selection of rows, or of columns without vectors, is made first.
"""

from __future__ import annotations

import functools
from typing import Any

import pandas as pd
from dask._task_spec import List, Task, TaskRef
from dask.dataframe.dask_expr._expr import Expr, Head, Index, Partitions, Projection, Tail

from mmembed.distributed import embedding_tasks as tasks
from mmembed.distributed.embed_job import EmbedJob

__all__ = ["EmbeddedTable", "EmbeddingErrors", "SurveyedTable"]


class EmbeddedTable(Expr):
    """The rows of a frame with the vectors of a job.

    Each partition is bought by itself. With ``errors="raise"`` all wait for the judgement of all, as on pandas; with
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
            surveys = [add(self.key("survey", one), tasks.survey, frames[one], job) for one in numbers]
            allowance = add(self.key("allow"), tasks.allow, List(*surveys), job)
        bought = [add(self.key("buy", one), tasks.buy, frames[one], job, allowance, one) for one in numbers]
        judged = add(self.key("judge"), tasks.judge, List(*bought), job) if job.errors == "raise" else None
        for one in numbers:
            add((self._name, one), tasks.finish, frames[one], bought[one], one, judged)
        return layer

    def _simplify_up(self, parent: Any, dependents: Any) -> Any:  # noqa: ARG002  Dask's interface
        if isinstance(parent, Partitions | Head | Tail):
            return type(self)(type(parent)(self.frame, *parent.operands[1:]), self.job)
        if isinstance(parent, Index):
            return Index(self.frame)
        if isinstance(parent, Projection):
            return self._projected(parent)
        return None

    def _projected(self, parent: Any) -> Any:
        """Leave out what is neither asked for nor embedded; buy nothing if no vectors are asked for."""
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
            layer[key] = Task(key, tasks.survey, TaskRef((self.frame._name, one)), self.job)
        key = (self._name, 0)
        surveys = List(*[TaskRef((f"survey-{self._name}", one)) for one in numbers])
        layer[key] = Task(key, tasks.plan, surveys, self.job)
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
        bought = [TaskRef(self.table.key("buy", one)) for one in range(self.table.npartitions)]
        key = (self._name, 0)
        return {key: Task(key, tasks.errors_of, List(*bought))}
