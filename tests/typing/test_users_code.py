"""What a user writes, as a strict type checker and an editor see it: ``make types`` checks this file like the source.

``assert_type`` fails there where a door gives another type than told, or Any; the ignored errors must be errors.
"""

from __future__ import annotations

import inspect
import typing
from pathlib import Path
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
import pytest

import mmembed
from mmembed.accessor import FrameAccessor, SeriesAccessor, TableAccessor
from mmembed.analysis import Classifier, Clusters, MultiLabelClassifier, NeighborGraph, Projection, SearchHits
from mmembed.report.report import Report


@pytest.fixture
def df(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path))
    frame = pd.DataFrame({"title": ["a dog", "小狗", "a cat", "a train", "火车", "a lorry"]})
    frame["kind"] = ["animal"] * 3 + ["vehicle"] * 3
    return assert_type(mmembed.accessor(frame).embed("title", "text", model="local"), pd.DataFrame)


def test_verbs_on_a_frame_have_types(df: pd.DataFrame) -> None:
    """Each is known to a checker, and is at run time what it told."""
    verbs = assert_type(mmembed.accessor(df), FrameAccessor)
    assert_type(verbs.search("puppy", "title_vector", k=2), pd.DataFrame)
    assert_type(verbs.plan("title", "text", model="local"), mmembed.EmbedPlan)
    assert_type(verbs.classify("title_vector", labels=["animal", "vehicle"]), pd.DataFrame)
    assert_type(verbs.duplicates("title_vector", threshold=0.7), pd.DataFrame)
    mapped = assert_type(verbs.cluster("title_vector", n_clusters=2, random_state=0), pd.DataFrame)
    mapped = assert_type(mmembed.accessor(mapped).project("title_vector", "pca"), pd.DataFrame)
    report = assert_type(mmembed.accessor(mapped).report("title_vector", text="title"), Report)
    assert "小狗" in assert_type(report.html(), str)


def test_verbs_on_a_column_have_types(df: pd.DataFrame) -> None:
    """A matrix is one of float32, a vector column a Series."""
    column = assert_type(mmembed.accessor(df["title_vector"]), SeriesAccessor)
    assert_type(column.to_matrix(), npt.NDArray[np.float32])
    assert_type(column.dimension, int)
    assert_type(column.space, str | None)
    assert_type(column.vectors, mmembed.VectorArray)
    assert mmembed.accessor(column.truncate(8)).dimension == 8
    assert mmembed.accessor(df["title"]).embed("text", model="local").notna().all()


def test_functions_and_estimators_have_types(df: pd.DataFrame) -> None:
    """The names that load late are known like the others."""
    vectors = df["title_vector"]
    assert_type(mmembed.fit_clusters(vectors, n_clusters=2), Clusters)
    assert_type(mmembed.fit_projection(vectors, "pca"), Projection)
    assert_type(mmembed.neighbors(vectors, 2), NeighborGraph)
    assert_type(mmembed.search(np.ones(512), vectors, 2), SearchHits)
    fitted = mmembed.fit_classifier(vectors, df["kind"], descriptions=None, near_duplicates=None)
    assert_type(fitted, Classifier | MultiLabelClassifier)
    run = assert_type(mmembed.Embedder(model="local").embed(df["title"], "text"), mmembed.EmbeddingRun)
    assert_type(run.usage.cost, float)
    assert_type(mmembed.models(), pd.DataFrame)
    step = assert_type(
        mmembed.EmbeddingTransformer("text", model="local").fit(df["title"]), mmembed.EmbeddingTransformer
    )
    assert_type(step.transform(df["title"]), npt.NDArray[np.float32])
    assert_type(mmembed.VectorMatrix("title_vector").fit(df).transform(df), npt.NDArray[np.float32])


def test_a_table_of_polars_has_its_own_door(df: pd.DataFrame) -> None:
    """What comes back is a table of Polars, which no checker knows, and a frame of pandas where one is asked for."""
    table = pl.DataFrame({"title": df["title"].tolist()})
    verbs = assert_type(mmembed.accessor(table, space={}), TableAccessor)
    assert_type(verbs.to_pandas(), pd.DataFrame)
    assert verbs.embed("title", "text", model="local").schema["title_vector"] == pl.Array(pl.Float32, 512)


def test_wrong_calls_are_type_errors(df: pd.DataFrame) -> None:
    """A checker finds what would be refused at run time; an ignore that is not needed is an error, too."""
    with pytest.raises(TypeError, match=r"takes a pandas DataFrame or Series, .*; got list"):
        mmembed.accessor(["a dog"])  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="n_cluster"):
        mmembed.accessor(df).cluster("title_vector", n_cluster=3)  # type: ignore[call-arg]
    with pytest.raises(mmembed.errors.ModalityError):
        mmembed.accessor(df).embed("title", "txt", model="local")  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="serch"):
        mmembed.serch  # type: ignore[attr-defined]  # noqa: B018


def test_both_doors_are_one(df: pd.DataFrame) -> None:
    """What is registered on pandas objects is of the same classes; a checker takes ``df.mmembed`` for a column."""
    assert_type(df.mmembed, pd.Series)
    assert isinstance(getattr(df, "mmembed"), FrameAccessor)  # noqa: B009
    assert isinstance(getattr(df["title"], "mmembed"), SeriesAccessor)  # noqa: B009


@pytest.mark.parametrize("door", [FrameAccessor, SeriesAccessor])
def test_every_verb_tells_its_type_and_has_a_docstring(door: type) -> None:
    """So that an editor completes what comes after it, and shows what it does."""
    public = [name for name in vars(door) if not name.startswith("_")]
    for parent in door.__mro__[1:-1]:
        public += [name for name in vars(parent) if not name.startswith("_")]
    assert len(public) > 8
    for name in public:
        member: Any = inspect.getattr_static(door, name)
        function: Any = member.fget if isinstance(member, property) else member
        told = inspect.get_annotations(function).get("return")
        assert told not in (None, "Any", typing.Any), name
        assert inspect.getdoc(function), name
