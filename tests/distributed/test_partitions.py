"""A function over all partitions, its answers put together, and values that all partitions share."""

from __future__ import annotations

import operator

import dask
import numpy as np
import pandas as pd
import pytest
from dask.delayed import delayed
from tests.distributed.tables import cut

from mmembed.distributed import partitions
from mmembed.distributed.partitions import combined, each, frame_of, reduced, shared

DF = pd.DataFrame({"n": range(30), "word": [f"w{at}" for at in range(30)]})


def described(part, *rest, unit=""):
    return [(len(part), *rest, unit)]


def largest(*parts):
    return max(parts)


@pytest.fixture(autouse=True)
def _in_this_thread():
    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.mark.parametrize("n_parts", [1, 2, 8, 9, 30])
def test_answers_are_put_together_in_the_order_of_the_partitions(n_parts):
    """However many there are, the answer is that of one sum from left to right."""
    ddf = cut(DF, list(range(1, n_parts)))
    assert reduced(each(lambda part: part["n"].tolist(), ddf)) == list(range(30))
    assert reduced(each(lambda part: int(part["n"].max()), ddf), largest) == 29
    assert reduced(each(lambda part: set(part["n"]), ddf), operator.or_) == set(range(30))
    assert combined(each(lambda part: int(part["n"].sum()), ddf)).compute() == sum(range(30))


def test_a_partition_gets_its_parts_its_own_value_and_what_is_common():
    """Frames by place, then the own value, then the rest by keyword; frames of other partitions are refused."""
    ddf = cut(DF, [10, 10])
    assert reduced(each(described, ddf, own=["a", "b", "c"], unit="rows")) == [
        (10, "a", "rows"),
        (0, "b", "rows"),
        (20, "c", "rows"),
    ]
    assert reduced(each(lambda one, other: [len(one) + len(other)], ddf["n"], ddf["word"])) == [20, 0, 40]
    with pytest.raises(ValueError, match="shorter"):
        each(described, ddf, cut(DF, [10]))
    with pytest.raises(ValueError, match="shorter"):
        each(described, ddf, own=["a"])


@pytest.mark.parametrize(
    "value", [[1, 2], (1, 2), {"a": [1]}, np.arange(3), DF], ids=lambda value: type(value).__name__
)
def test_what_is_shared_arrives_as_it_was(cluster, monkeypatch, value):
    """A small value travels with the plan, a large one goes to the workers first; the task gets the same of both."""
    ddf = cut(DF, [10, 20])
    for most in (5_000_000, 0):
        monkeypatch.setattr(partitions, "MOST_IN_A_PLAN", most)
        with cluster.as_current(), dask.config.set(scheduler=cluster.get):
            for given in (value, shared(value)):
                found = reduced(each(lambda _part, common: [common], ddf, common=given))
                for one in found:
                    assert type(one) is type(value)
                    assert str(one) == str(value)


def test_a_value_that_is_delayed_is_computed_once_for_all():
    """What is still to be computed is not wrapped again."""
    calls = []
    common = delayed(lambda: calls.append(1) or "made", pure=False)()
    assert reduced(each(lambda _part, common: [common], cut(DF, [10]), common=common)) == ["made", "made"]
    assert calls == [1]


def test_parts_become_a_frame_with_the_partitions_that_they_are():
    """Objects stay objects, and the divisions are those that were given."""
    ddf = dask.dataframe.from_pandas(DF, npartitions=3)
    made = frame_of(
        each(lambda part: part.assign(cell=[[1]] * len(part)), ddf), DF.iloc[:0].assign(cell=[]), ddf.divisions
    )
    assert (made.npartitions, made.divisions) == (3, ddf.divisions)
    assert made.compute()["cell"].tolist() == [[1]] * 30
