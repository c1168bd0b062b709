"""The accessor on Dask frames, and the verbs that it has not."""

from __future__ import annotations

import dask.dataframe as dd
import pandas as pd
import pytest

import mmembed.distributed
from mmembed.accessor.frame import FrameAccessor
from mmembed.distributed import DaskFrameAccessor
from mmembed.distributed.frame import ABSENT


def verbs(accessor):
    return {name for name in dir(accessor) if not name.startswith("_")}


def test_every_pandas_verb_has_a_twin_or_a_stated_absence():
    """A verb is there or is listed with a reason, never both, and nothing is listed that pandas has not."""
    there = verbs(DaskFrameAccessor)
    assert there <= verbs(FrameAccessor)
    assert there | set(ABSENT) == verbs(FrameAccessor)
    assert not there & set(ABSENT)
    assert all(len(reason) > 10 for reason in ABSENT.values())


@pytest.mark.parametrize("name", sorted(ABSENT))
def test_an_absent_verb_says_why(name):
    """Asking for a verb that does not work on Dask gives the reason, not a bare name."""
    ddf = dd.from_pandas(pd.DataFrame({"a": [1]}), npartitions=1)
    with pytest.raises(AttributeError, match=f"{name!r} does not work on a Dask DataFrame"):
        getattr(ddf.mmembed, name)


def test_a_misspelt_verb_gets_a_hint():
    """Names that are no verbs list those that are."""
    ddf = dd.from_pandas(pd.DataFrame({"a": [1]}), npartitions=1)
    with pytest.raises(AttributeError, match="has no verb 'serach'"):
        _ = ddf.mmembed.serach
    assert sorted(mmembed.distributed.__all__) == list(mmembed.distributed.__all__)
    assert all(hasattr(mmembed.distributed, name) for name in mmembed.distributed.__all__)
