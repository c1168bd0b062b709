"""Embedding on Dask: equal to pandas, lazy, paid once, errors of all partitions in one frame."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import multiprocessing
import os
import pickle
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cloudpickle
import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from dask.base import tokenize

from dashscope_server import ONE_CONTENT, TRANSIENT, WHOLE_JOB, containing
from dashscope_server.reaching import KEY
from mmembed import Embedder, VectorDtype
from mmembed.cache.local import CacheWarning
from mmembed.distributed import embed_job, embedding_errors, quota_client
from mmembed.errors import (
    BudgetError,
    ColumnNotFoundError,
    EmbeddingError,
    EmbeddingWarning,
    MissingCredentialsError,
    MMEmbedError,
    ModalityError,
)

MODEL = "qwen3-vl-embedding"
DATA = Path(__file__).parents[2] / "data"


@pytest.fixture
def on_workers(server, cluster, tmp_path):
    """Return the client of two workers that have the key, the address and a cache in their own environment."""
    names = {
        "MMEMBED_CACHE_DIR": str(tmp_path / "cache"),
        "DASHSCOPE_API_KEY": KEY,
        "DASHSCOPE_HTTP_BASE_URL": server.base_url,
    }
    cluster.run(exec, f"import os; os.environ.update({names!r})")
    with cluster.as_current():
        yield cluster
    cluster.run(exec, f"import os; [os.environ.pop(name, None) for name in {list(names)!r}]")


@pytest.fixture
def processes():
    """Return two processes for Dask's scheduler of that name, which would start new ones for each computation."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


def texts(n, *, distinct=None):
    return pd.DataFrame(
        {"text": [f"第{number % (distinct or n)}条 review {number % (distinct or n)}" for number in range(n)]}
    )


def fast(**settings):
    """Return an embedder without the published rates, which would slow a test down."""
    given = {"dimension": 256, **settings}
    return Embedder(model=MODEL, requests_per_minute=60_000, tokens_per_minute=10**9, **given)


def assert_equal(ours, theirs):
    """Compare a Dask result with the pandas one; Dask has its own type for texts."""
    assert list(ours.dtypes.index) == list(theirs.dtypes.index)
    for name, column in theirs.items():
        if isinstance(column.dtype, VectorDtype):
            assert ours[name].dtype == column.dtype
            matrices = (one.mmembed.to_matrix() for one in (ours[name], column))
            np.testing.assert_allclose(*matrices, atol=1e-6, equal_nan=True)  # batches are cut differently
        else:
            assert ours[name].fillna("").tolist() == column.fillna("").tolist()


def test_the_demo_table_gets_the_vectors_of_pandas(cluster, tmp_path):
    """Texts and pictures by the local model, on two processes and on threads, in columns of the same names."""
    df = pd.read_csv(DATA / "demo.csv").iloc[:8, 1:4]
    df.loc[4:, "image"] = None  # one process is enough to load the model of pictures
    columns = {"text_zh": "text", "image": "image"}
    ours, theirs = (
        Embedder(model="local", cache=tmp_path / who, root=DATA, workers=workers)
        for who, workers in (("dask", None), ("pandas", 1))
    )
    right = df.mmembed.embed(columns, embedder=theirs, name={"image": "picture"})
    ddf = dd.from_pandas(df, npartitions=2).mmembed.embed(columns, embedder=ours, name={"image": "picture"})
    assert ddf.dtypes["picture"] == right["picture"].dtype
    with cluster.as_current():
        assert_equal(ddf.compute(), right)
    assert_equal(ddf.compute(scheduler="threads"), right)


@pytest.mark.usefixtures("on_workers")
@pytest.mark.parametrize("scheduler", ["sync", "threads", "cluster"])
def test_equal_contents_of_all_partitions_are_bought_once(server, scheduler):
    """Whatever scheduler runs, rows and vectors are pandas', each content is paid once, and again nothing."""
    df = texts(120, distinct=50)
    ddf = dd.from_pandas(df, npartitions=6).mmembed.embed("text", "text", embedder=fast())
    assert not server.requests
    how = {} if scheduler == "cluster" else {"scheduler": scheduler}
    out = ddf.compute(**how)
    right = np.array([server.vector({"text": text}, MODEL, dimension=256) for text in df["text"]], np.float32)
    np.testing.assert_allclose(out["text_vector"].mmembed.to_matrix(), right, atol=1e-6)
    assert out["text"].tolist() == df["text"].tolist()
    assert server.bill.vectors == server.bill.distinct == 50
    ddf.compute(**how)
    assert server.bill.vectors == 50


@pytest.mark.usefixtures("on_workers")
@pytest.mark.parametrize("cache", ["folder", "shared"])
def test_partitions_that_run_at_once_buy_the_same_contents_once(server, tmp_path, cache):
    """With a folder of this machine or a store that several machines see, also when all partitions hold the same."""
    df = texts(320, distinct=40)
    where = tmp_path / "team" if cache == "folder" else (tmp_path / "team").as_uri()
    ddf = dd.from_pandas(df, npartitions=8)
    out = ddf.mmembed.embed("text", "text", embedder=fast(cache=where)).compute()
    right = np.array([server.vector({"text": text}, MODEL, dimension=256) for text in df["text"]], np.float32)
    np.testing.assert_allclose(out["text_vector"].mmembed.to_matrix(), right, atol=1e-6)
    assert server.bill.vectors == 40
    assert ddf.mmembed.plan("text", "text", embedder=fast(cache=where)).requests == 0
    alone = ddf.mmembed.embed("text", "text", embedder=fast(cache=None), deduplicate="partition")
    assert alone.compute()["text_vector"].notna().all()
    assert server.bill.vectors == 40 + 8 * 40


def test_caches_of_several_machines_are_warned_of_once():
    """Each machine would buy for itself; nobody is told twice, and one machine is no cause."""
    quota_client._told.clear()
    quota_client.warn_of_several_hosts(1)
    with pytest.warns(CacheWarning, match=r"2 machines.*s3://"):
        quota_client.warn_of_several_hosts(2)
    quota_client.warn_of_several_hosts(2)


@pytest.mark.usefixtures("server")
def test_a_column_is_embedded_by_itself():
    """The vectors of a Dask Series, named and indexed as on pandas."""
    series = texts(12)["text"].rename("title")
    ours = dd.from_pandas(series, npartitions=3).mmembed.embed("text", embedder=fast())
    assert ours.dtype == VectorDtype(256, MODEL)
    ours, theirs = ours.compute(scheduler="sync"), series.mmembed.embed("text", embedder=fast())
    pd.testing.assert_series_equal(ours, theirs)


@pytest.mark.usefixtures("on_workers")
def test_rows_are_fused_as_on_pandas(server):
    """One vector a row of several columns; a row with one part, and one with none, are as on pandas."""
    df = texts(12).assign(image=[f"https://example.org/{number}.png" for number in range(10)] + [None, None])
    df.loc[11, "text"] = None
    ddf = dd.from_pandas(df, npartitions=3)
    out = ddf.mmembed.fuse(text="text", image="image", embedder=fast(), name="both").compute()
    before = server.bill.vectors
    assert_equal(out, df.mmembed.fuse(text="text", image="image", embedder=fast(), name="both"))
    assert before == server.bill.vectors == 11
    assert out["both"].isna().tolist() == [False] * 11 + [True]


def test_the_graph_is_built_without_key_and_buys_what_is_looked_at(server, monkeypatch):
    """Types are known before; head, tail, a partition, the length and other columns buy no more than they show."""
    monkeypatch.delenv("DASHSCOPE_API_KEY")
    ddf = dd.from_pandas(texts(60).assign(n=range(60)), npartitions=3)
    out = ddf.mmembed.embed("text", "text", embedder=fast())
    assert out.dtypes["text_vector"] == VectorDtype(256, MODEL)
    assert out.divisions == ddf.divisions
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
    with dask.config.set(scheduler="sync"):
        assert len(out) == 60
        assert out[["n"]].sum().compute()["n"] == 1770
        assert not server.requests
        assert out.head(4)["text_vector"].notna().all()
        assert server.bill.vectors == 4
        assert len(out.tail(3)) == 3
        assert server.bill.vectors == 7
        assert len(out.partitions[1].compute()) == 20
        assert server.bill.vectors == 27
        assert list(out[["text_vector"]].compute().columns) == ["text_vector"]
    assert server.bill.vectors == 60
    assert not server.bill.paid_twice


@pytest.mark.usefixtures("on_workers")
def test_a_plan_is_that_of_pandas_and_sends_nothing(server, monkeypatch):
    """Rows, distinct contents over all partitions, cached, invalid, tokens and cost; without a key."""
    monkeypatch.delenv("DASHSCOPE_API_KEY")
    df = pd.concat([texts(90, distinct=70), pd.DataFrame({"text": [None, 1.5, ""]})], ignore_index=True)
    with dask.config.set({"dataframe.convert-string": False}):
        ddf = dd.from_pandas(df, npartitions=4)
    mine, theirs = (one.mmembed.plan("text", "text", embedder=fast()) for one in (ddf, df))
    assert mine.requests >= theirs.requests
    assert mine == dataclasses.replace(theirs, requests=mine.requests, seconds=mine.seconds)
    assert (mine.rows, mine.cells, mine.unique, mine.invalid) == (93, 91, 70, 1)
    assert not server.requests
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
    ddf.partitions[[0]].mmembed.embed("text", "text", embedder=fast()).compute()
    after = ddf.mmembed.plan("text", "text", embedder=fast())
    assert (after.unique, after.cached) == (70, server.bill.vectors)


@pytest.mark.usefixtures("on_workers")
@pytest.mark.parametrize("scheduler", ["threads", "cluster"])
def test_video_files_are_uploaded_by_the_workers(server, scheduler, tmp_path):
    """The option travels, a plan counts a file of several partitions once, and each has the vector of its bytes."""
    clips = [b"\x00\x00\x00\x18ftypmp42" + bytes([number]) * 64 for number in range(4)]
    for number, clip in enumerate(clips):
        tmp_path.joinpath(f"{number}.mp4").write_bytes(clip)
    df = pd.DataFrame({"clip": [str(tmp_path / f"{number}.mp4") for number in (0, 1, 2, 3, 0, 1)]})
    ddf = dd.from_pandas(df, npartitions=3)
    plan = ddf.mmembed.plan("clip", "video", embedder=fast(upload="temporary"))
    assert (plan.uploads, plan.upload_mb) == (4, pytest.approx(4 * len(clips[0]) / 1e6))
    how = {} if scheduler == "cluster" else {"scheduler": scheduler}
    done = ddf.mmembed.embed("clip", "video", embedder=fast(upload="temporary")).compute(**how)
    assert sorted(server.uploads.values()) == clips
    names = {clip: name for name, clip in server.uploads.items()}
    for row, number in enumerate((0, 1, 2, 3, 0, 1)):
        right = server.vector({"video": f"oss://{names[clips[number]]}"}, MODEL, dimension=256)
        np.testing.assert_array_equal(np.asarray(done["clip_vector"].iloc[row]), np.array(right, np.float32))


@pytest.mark.usefixtures("on_workers")
@pytest.mark.parametrize("scheduler", ["threads", "cluster"])
def test_failures_of_all_partitions_come_in_one_error(server, scheduler):
    """A refused cell stops nobody: all others are bought, and one error has the failures of the whole table."""
    for number in (33, 71):
        server.misbehave(ONE_CONTENT[min(ONE_CONTENT)], containing(f"review {number}"))
    df = texts(80).set_index(pd.Index(range(1000, 1080)))
    how = {} if scheduler == "cluster" else {"scheduler": scheduler}
    ddf = dd.from_pandas(df, npartitions=4).mmembed.embed("text", "text", embedder=fast())
    with pytest.raises(EmbeddingError, match="2 of 80 cells") as caught:
        ddf.compute(**how)
    assert caught.value.errors[["position", "index", "column"]].to_numpy().tolist() == [
        [33, 1033, "text"],
        [71, 1071, "text"],
    ]
    assert server.bill.vectors == 78
    assert len(ddf.partitions[1:].partitions[[0]].tail(3, compute=False).compute(**how)) == 3  # rows 37 to 39
    assert server.bill.vectors == 78


def test_coerced_failures_are_missing_warned_of_and_in_one_frame(on_workers, server):
    """Each partition goes on; the client is warned, and the errors come with the table at no further cost."""
    server.misbehave(ONE_CONTENT[min(ONE_CONTENT)], containing("review 33"))
    ddf = dd.from_pandas(texts(60), npartitions=3).mmembed.embed("text", "text", embedder=fast(), errors="coerce")
    with pytest.warns(EmbeddingWarning, match="Partition 1: 1 of 20 cells"):
        out, errors = dask.compute(ddf, embedding_errors(ddf), scheduler="threads")
    assert out["text_vector"].isna().to_numpy().nonzero()[0].tolist() == [33]
    assert errors["position"].tolist() == [33]
    assert server.bill.vectors == 59
    told = []
    on_workers.subscribe_topic("warn", lambda event: told.append(pickle.loads(event[1]["message"])))
    assert ddf["text_vector"].isna().sum().compute() == 1
    while not told:
        on_workers.sync(asyncio.sleep, 0.01)  # until the scheduler has passed it on
    on_workers.unsubscribe_topic("warn")
    assert "1 of 20 cells" in told[0]
    with pytest.raises(ValueError, match="no vectors to come"):
        embedding_errors(dd.from_pandas(out, npartitions=1))


@pytest.mark.usefixtures("on_workers")
@pytest.mark.parametrize("name", sorted(WHOLE_JOB)[:2])
def test_a_fault_of_the_account_stops_the_job(server, name):
    """The service's error comes from a worker as it is, and without the key."""
    server.misbehave(WHOLE_JOB[name], lambda _: True)
    with pytest.raises(MMEmbedError) as caught:
        dd.from_pandas(texts(400), npartitions=4).mmembed.embed("text", "text", embedder=fast()).compute()
    assert KEY not in str(caught.value)
    assert len(server.embedding_requests) <= 32


def test_workers_are_free_when_the_job_has_ended(on_workers, server):
    """A partition that waits for the service to come back ends with its job, not ten minutes later."""
    server.misbehave(TRANSIENT["HTML"], lambda _: True)
    job = on_workers.compute(dd.from_pandas(texts(40), npartitions=2).mmembed.embed("text", "text", embedder=fast()))
    while len(server.embedding_requests) < 3:
        on_workers.sync(asyncio.sleep, 0.01)
    job.cancel()
    for _ in range(3_000):
        busy = on_workers.run(lambda dask_worker: len(dask_worker.state.all_running_tasks))
        if not any(busy.values()):
            break
        on_workers.sync(asyncio.sleep, 0.01)
    assert not any(busy.values())


@pytest.mark.usefixtures("on_workers")
@pytest.mark.parametrize("scheduler", ["processes", "cluster"])
def test_the_budget_is_the_whole_tables(server, scheduler, request):
    """Refused before the first request by the price of all partitions; stopped by the bill of all partitions."""
    how = {} if scheduler == "cluster" else {"scheduler": scheduler}
    if scheduler == "processes":
        how["pool"] = request.getfixturevalue("processes")
    ddf = dd.from_pandas(texts(600), npartitions=4)
    low, high = ddf.mmembed.plan("text", "text", embedder=fast()).cost_range
    with pytest.raises(BudgetError, match="Nothing was sent"):
        ddf.mmembed.embed("text", "text", embedder=fast(), max_cost=low * 0.9).compute(**how)
    assert not server.requests
    with pytest.raises(BudgetError, match="was stopped at"):
        ddf.mmembed.embed("text", "text", embedder=fast(workers=1), max_cost=low * 1.01).compute(**how)
    a_request = server.bill.cost / server.bill.requests
    assert 0 < server.bill.cost < low * 1.01 + 8 * a_request
    ddf.mmembed.embed("text", "text", embedder=fast(), max_cost=high).compute(**how)
    assert server.bill.distinct == 600
    assert not server.bill.paid_twice


@pytest.mark.usefixtures("server")
def test_the_key_is_in_no_name_token_or_text(monkeypatch):
    """A key in the embedder is used in this process, and shows nowhere; another key is another task."""
    monkeypatch.delenv("DASHSCOPE_API_KEY")
    ddf = dd.from_pandas(texts(20), npartitions=2)
    wrong, right = (ddf.mmembed.embed("text", "text", embedder=fast(api_key=key)) for key in ("sk-wrong", KEY))
    shown = repr(right) + right.expr.tree_repr() + str(list(right.dask)) + str(right.expr) + right._repr_html_()
    shown += repr([tokenize(one) for one in right.expr.operands]) + repr(right.expr.job)
    assert KEY not in shown + repr(vars(embed_job))
    assert right.expr._name != wrong.expr._name
    assert right.expr._name == ddf.mmembed.embed("text", "text", embedder=fast(api_key=KEY)).expr._name
    with dask.config.set(scheduler="sync"):
        with pytest.raises(MMEmbedError) as caught:
            wrong.compute()
        assert "sk-wrong" not in str(caught.value)
        assert right.compute()["text_vector"].notna().all()
        with pytest.raises(MissingCredentialsError, match="DASHSCOPE_API_KEY") as missing:
            ddf.mmembed.embed("text", "text", embedder=fast(dimension=512)).compute()
    assert "worker" in missing.value.__notes__[0]


def test_the_key_is_in_no_task(server, on_workers, monkeypatch):
    """What goes to workers holds no key; they have their own, and where one has none the error says what to do."""

    def set_key(key):  # as docs/distributed.md has it
        os.environ["DASHSCOPE_API_KEY"] = key

    monkeypatch.delenv("DASHSCOPE_API_KEY")
    table = dd.from_pandas(texts(40), npartitions=4)
    ddf = table.mmembed.embed("text", "text", embedder=fast(api_key="sk-only-here"))
    fused = table.mmembed.fuse(text="text", embedder=fast(api_key="sk-only-here"))
    for lazy in (ddf, fused, ddf.optimize()):
        for graph in (dict(lazy.dask), lazy.expr, lazy):
            assert b"sk-only-here" not in cloudpickle.dumps(graph)
    assert ddf.compute()["text_vector"].notna().all()  # with the workers' key: this one would be refused
    assert server.bill.distinct == 40
    on_workers.run(exec, "import os; os.environ.pop('DASHSCOPE_API_KEY')")
    with pytest.raises(MissingCredentialsError, match=r"left out when an Embedder is pickled.*set DASHSCOPE_API_KEY"):
        table.mmembed.embed("text", "text", embedder=fast(api_key=KEY, dimension=512)).compute()
    on_workers.run(set_key, KEY)
    again = table.mmembed.embed("text", "text", embedder=fast(api_key="sk-only-here", dimension=512)).compute()
    assert again["text_vector"].notna().all()


@pytest.mark.parametrize(
    ("refused", "error", "message"),
    [
        (lambda ddf: ddf.mmembed.embed("txt", "text", model=MODEL), ColumnNotFoundError, "Did you mean 'text'"),
        (lambda ddf: ddf.mmembed.plan("txt", "text", model=MODEL), ColumnNotFoundError, "Did you mean 'text'"),
        (lambda ddf: ddf.mmembed.fuse(text="txt", model=MODEL), ColumnNotFoundError, "Did you mean 'text'"),
        (lambda ddf: ddf.mmembed.fuse(model=MODEL), ModalityError, "at least one column"),
        (lambda ddf: ddf.mmembed.embed("text", "txt", model=MODEL), ModalityError, "Did you mean 'text'"),
        (lambda ddf: ddf.mmembed.embed("text", "text", model=MODEL, errors="ignore"), ValueError, "'coerce'"),
        (lambda ddf: ddf.mmembed.embed("text", "text", model=MODEL, max_cost=-1), ValueError, "max_cost"),
        (lambda ddf: ddf.mmembed.embed("text", "text", embedder=fast(cache=None)), ValueError, "'partition'"),
        (lambda ddf: ddf.mmembed.embed("text", "text", model=MODEL, deduplicate="all"), ValueError, "'global'"),
        (lambda ddf: ddf.mmembed.embed("text", "text", model=MODEL, dimension=100), ValueError, "256, 512"),
        (lambda ddf: ddf.mmembed.embed("text", "multi_images", model="local"), ModalityError, "convert-string"),
    ],
)
def test_what_cannot_work_is_refused_before_there_is_a_graph(refused, error, message):
    """With the errors of pandas, and without a key."""
    with pytest.raises(error, match=message):
        refused(dd.from_pandas(texts(3), npartitions=1))


def test_pictures_that_dask_made_texts_of_are_refused():
    """The repr of a picture is not embedded as a text; as objects, pictures and bytes are embedded."""
    from PIL import Image

    file = DATA / "images" / "000.webp"
    df = pd.DataFrame({"photo": pd.Series([Image.open(file).copy(), Image.open(file).copy()], dtype=object)})
    for cell in (io.BytesIO(file.read_bytes()), {"bytes": file.read_bytes(), "path": None}):
        held = dd.from_pandas(pd.DataFrame({"photo": pd.Series([cell], dtype=object)}), npartitions=1)
        for modality in ("image", "auto"):
            with pytest.raises(ModalityError, match="convert-string"):
                held.mmembed.embed("photo", modality, model="local").compute(scheduler="sync")
    for modality in ("image", "auto"):
        ddf = dd.from_pandas(df, npartitions=1).mmembed.embed("photo", modality, model="local")
        with pytest.raises(ModalityError, match="convert-string"):
            ddf.compute(scheduler="sync")
    with dask.config.set({"dataframe.convert-string": False}):
        ddf = dd.from_pandas(df, npartitions=1).mmembed.embed("photo", model="local")
        assert ddf.compute(scheduler="sync")["photo_vector"].notna().all()
