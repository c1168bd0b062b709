"""What the tasks of an embedded table do: survey a partition, allow the whole, buy a partition, judge its failures."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from dask.sizeof import sizeof

from mmembed.distributed.embed_job import EmbedJob
from mmembed.distributed.surroundings import Allowance, sharing_here, warn_here
from mmembed.embedding.plan import EmbedPlan, Survey, join_surveys
from mmembed.embedding.run import check_errors, describe_errors
from mmembed.errors import BudgetError, EmbeddingWarning, MissingCredentialsError
from mmembed.providers.costs import Budget, TokenEstimate, price_tokens

__all__ = ["Bought", "allow", "buy", "errors_of", "finish", "judge", "plan", "survey"]


@dataclass(frozen=True)
class Bought:
    """The vectors of one partition by column, and its failures: the error of a cell is data, and stops nobody else."""

    vectors: dict[str, pd.Series]
    errors: pd.DataFrame
    cells: int
    rows: int


@sizeof.register(Bought)
def _bytes_in_memory(bought: Bought) -> int:
    return sum(int(sizeof(vectors)) for vectors in bought.vectors.values()) + int(sizeof(bought.errors))


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


def buy(df: pd.DataFrame, job: EmbedJob, allowance: Allowance | None, partition: int) -> Bought:
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
    return Bought({name: run.vectors for name, run in runs.items()}, errors, len(df) * len(runs), len(df))


def errors_of(bought: Sequence[Bought]) -> pd.DataFrame:
    """Return the failures of all partitions in one frame; positions count over all of them."""
    gathered, start = [], 0
    for one in bought:
        if len(one.errors):
            gathered.append(one.errors.assign(position=one.errors["position"] + start))
        start += one.rows
    return pd.concat(gathered, ignore_index=True) if gathered else bought[0].errors


def judge(bought: Sequence[Bought], job: EmbedJob) -> None:
    """Raise one error with the failures of all partitions, after all have been bought.

    Raises
    ------
    EmbeddingError
        If there are any.
    """
    check_errors(errors_of(bought), sum(one.cells for one in bought), job.errors)


def finish(df: pd.DataFrame, bought: Bought, partition: int, is_judged: None = None) -> pd.DataFrame:  # noqa: ARG001  waits for the judgement
    """Return the partition with its new columns; warns of failed cells that nobody judged."""
    if len(bought.errors):
        summary = describe_errors(bought.errors, bought.cells)
        warn_here(f"Partition {partition}: {summary}\nThey have no vector.", EmbeddingWarning)
    columns = {name: pd.Series(one.array, index=df.index, copy=False) for name, one in bought.vectors.items()}
    return df.assign(**columns)
