"""The accessor on Dask frames, and the verbs that it has not."""

from __future__ import annotations

import inspect
import pickle
from typing import TypedDict, Unpack

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from tests.distributed.tables import clustered, cut

import mmembed.distributed
from mmembed.accessor.frame import FrameAccessor
from mmembed.accessor.series import SeriesAccessor
from mmembed.analysis.clusters.result import Clusters
from mmembed.distributed import DaskFrameAccessor, DaskSeriesAccessor, DistributedClusters
from mmembed.distributed.clusters import ABSENT_OF_CLUSTERS
from mmembed.distributed.frame import ABSENT, ABSENT_OF_SERIES
from mmembed.distributed.twins import as_on_pandas

# What only one of the twins takes; all else is the same, defaults and order, too.
ADDED = {
    "classify": ["sample_rows"],
    "cluster": ["sample_rows"],
    "compare": ["sample_rows"],
    "embed": ["deduplicate"],
    "fuse": ["deduplicate"],
    "plot": ["sample_rows"],
    # Those of the drawing function, which the pandas verbs take with all its options.
    "plot_clusters": ["cluster", "name"],
    "plot_dendrogram": ["cluster", "name"],
    "plot_similarity": ["name"],
    "project": ["sample_rows"],
    "report": ["sample_rows"],
}
LACKING = {
    "cluster": ["like"],
    "report": ["kinds"],
}


class Options(TypedDict, total=False):
    """What the body below takes of its twin."""

    b: int
    c: str


def verbs(accessor):
    return {name for name in dir(accessor) if not name.startswith("_")}


def twins():
    """Yield each verb of frames and series on Dask with the pandas one."""
    for there, here, added, lacking in (
        (DaskFrameAccessor, FrameAccessor, ADDED, LACKING),
        (DaskSeriesAccessor, SeriesAccessor, {}, {}),
    ):
        for name in sorted(verbs(there)):
            if callable(getattr(there, name)):
                pair = getattr(there, name), getattr(here, name)
                yield pytest.param(*pair, added.get(name, []), lacking.get(name, []), id=f"{here.__name__}.{name}")


@pytest.mark.parametrize(("verb", "twin", "added", "lacking"), list(twins()))
def test_a_verb_takes_the_parameters_of_its_pandas_twin(verb, twin, added, lacking):
    """Names, order, kinds and defaults are those of pandas but for the listed ones, and the words speak of all."""
    mine, theirs = inspect.signature(verb).parameters, inspect.signature(twin).parameters
    assert [name for name in mine if name not in theirs] == added
    assert [name for name in theirs if name not in mine] == lacking
    shared = [name for name in mine if name in theirs]
    assert shared == [name for name in theirs if name in mine]
    assert [(mine[name].kind, mine[name].default) for name in shared] == [
        (theirs[name].kind, theirs[name].default) for name in shared
    ]
    if "Parameters\n" in (twin.__doc__ or ""):
        assert [name for name in mine if name != "self" and name not in verb.__doc__] == []
    assert "Examples" not in verb.__doc__


def test_options_of_a_verb_are_those_that_it_was_called_with_and_the_defaults_of_pandas():
    """The body gets every option; unknown, missing and absent ones are refused with the verb's name and the reason."""

    def twin(_self, a: int, *, b: int = 2, c: str = "c", d: int = 4):
        """Do.

        Parameters
        ----------
        a, b : int
            Both.
        c : str
            The third.
        d : int
            Only here.
        """

    def body(_self, a: int, *, e: int = 5, **options: Unpack[Options]):
        """Do it on Dask.

        Parameters
        ----------
        b : int
            Of each partition.
        e : int
            The fifth.
        """
        return a, e, options

    verb = as_on_pandas(twin, adds="e", lacks={"d": "rows are far away"})(body)
    assert verb(None, 1, c="x") == (1, 5, {"b": 2, "c": "x"})
    assert str(inspect.signature(verb)).replace("'", "") == "(_self, a: int, *, b: int = 2, c: str = c, e: int = 5)"
    assert verb.__doc__ == (
        "Do it on Dask.\n\nParameters\n----------\na : int\n    Both.\nb : int\n    Of each partition.\n"
        "c : str\n    The third.\ne : int\n    The fifth."
    )
    with pytest.raises(TypeError, match=r"body\(\) takes no d= on Dask: rows are far away\."):
        verb(None, 1, d=4)
    with pytest.raises(TypeError, match=r"body\(\) got an unexpected keyword argument 'f'"):
        verb(None, 1, f=4)
    with pytest.raises(TypeError, match=r"body\(\) missing a required argument: 'a'"):
        verb(None)
    with pytest.raises(TypeError, match=r"body takes \['e'\], which pandas does not"):
        as_on_pandas(twin)(body)


@pytest.mark.parametrize(("verb", "arguments"), [("report", {"kinds": "kind"}), ("embed", {"rows": 3}), ("plan", {})])
def test_a_wrong_call_says_what_is_wrong(verb, arguments):
    """Before anything is computed: an absent parameter with the way out, an unknown one, a missing one."""
    wanted = {"report": r"takes no kinds= on Dask: .*cluster\(column, kinds=…\)", "embed": "'rows'", "plan": "'column'"}
    ddf = dd.from_pandas(pd.DataFrame({"a": [1]}), npartitions=1)
    with pytest.raises(TypeError, match=wanted[verb]):
        getattr(ddf.mmembed, verb)(*(["a"] if arguments else []), **arguments)


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


@pytest.mark.parametrize("name", sorted(ABSENT_OF_SERIES))
def test_an_absent_verb_of_a_column_says_why(name):
    """A verb that would bring all vectors into one process says so, with the way out."""
    column = dd.from_pandas(pd.DataFrame({"a": [1]}), npartitions=1)["a"]
    with pytest.raises(AttributeError, match=f"{name!r} does not work on a Dask Series: .*compute"):
        getattr(column.mmembed, name)


@pytest.fixture(scope="module")
def clusters():
    """Return clusters of a small table in partitions."""
    return mmembed.distributed.fit_clusters(cut(clustered(120), [50])["v"], "kmeans", n_clusters=3)


@pytest.mark.parametrize("name", sorted(ABSENT_OF_CLUSTERS))
def test_what_clusters_in_partitions_cannot_do_says_why(clusters, name):
    """Saving, matching and cutting need single rows; the error names the call that gives them."""
    assert hasattr(Clusters, name) or name in Clusters.__dataclass_fields__
    with pytest.raises(AttributeError, match=f"{name!r} does not work on DistributedClusters: .*(ddf|add_to)"):
        getattr(clusters, name)


def test_a_misspelt_name_of_clusters_gets_a_hint_and_copies_work(clusters):
    """Other names are unknown, with the nearest known one; pickling and copying do not ask for them."""
    with pytest.raises(AttributeError, match=r"DistributedClusters has no 'sumary'\. Did you mean 'summary'"):
        _ = clusters.sumary
    assert not hasattr(DistributedClusters, "save")
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(clusters)).sizes, clusters.sizes)


def test_the_summary_of_partitions_is_that_of_pandas(clusters):
    """One function makes both: columns, types and figures are the same where all rows are fitted on."""
    there, here = clusters.summary(), mmembed.fit_clusters(clustered(120)["v"], "kmeans", n_clusters=3).summary()
    pd.testing.assert_frame_equal(there, here, rtol=1e-4)
