"""Lists of pictures as tables keep them: what Parquet makes of them is embedded and shown like a list."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from contents.samples import encoded, waves
from mmembed import Embedder
from mmembed.contents.content import read_content
from mmembed.contents.thumbnails import make_thumbnail
from mmembed.errors import ContentError

PICTURES = [encoded(waves(24, 16, phase=phase)) for phase in (0.0, 1.0, 2.0)]
WHOLE = read_content(PICTURES, "multi_images").digest


@pytest.fixture
def folder(tmp_path):
    """Return a folder with the three pictures, and a table of lists of their names, of their bytes and of records."""
    for number, data in enumerate(PICTURES):
        (tmp_path / f"{number}.png").write_bytes(data)
    names = [["0.png", "1.png", "2.png"], ["2.png"], [], None]
    data = [PICTURES, PICTURES[2:], [], None]
    records = [[{"bytes": one, "path": None} for one in row] if row is not None else None for row in data]
    pq.write_table(pa.table({"names": names, "data": data, "records": records}), tmp_path / "t.parquet")
    return tmp_path


def expected():
    """Return the vectors of the table's rows."""
    cells = pd.Series([PICTURES, PICTURES[2:], None, None])
    return Embedder(model="local", cache=None).embed(cells, "multi_images").vectors


def assert_same(vectors):
    """Compare vectors with those of the lists."""
    right = expected()
    assert vectors.isna().tolist() == right.isna().tolist() == [False, False, True, True]
    for found, wanted in zip(vectors[:2], right[:2], strict=True):
        np.testing.assert_allclose(np.asarray(found), np.asarray(wanted), atol=1e-6)


@pytest.mark.parametrize("column", ["names", "data", "records"])
@pytest.mark.parametrize("types", ["numpy", "pyarrow"])
def test_a_table_of_parquet_is_embedded(folder, column, types):
    """Cells are arrays of objects, or Arrow's lists; both are lists of pictures."""
    df = pd.read_parquet(folder / "t.parquet", **({} if types == "numpy" else {"dtype_backend": "pyarrow"}))
    embedder = Embedder(model="local", cache=None, root=folder)
    assert_same(df.mmembed.embed(column, "multi_images", embedder=embedder)[f"{column}_vector"])


@pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")
@pytest.mark.parametrize("column", ["names", "data", "records"])
def test_a_table_on_dask_is_embedded(folder, column):
    """Partitions of a Parquet file hold what pandas' frame holds."""
    dd = pytest.importorskip("dask.dataframe")
    pytest.importorskip("mmembed.distributed")
    ddf = dd.read_parquet(folder / "t.parquet")
    embedder = Embedder(model="local", cache=folder / "cache", root=folder, workers=1)
    done = ddf.mmembed.embed(column, "multi_images", embedder=embedder).compute(scheduler="sync")
    assert_same(done[f"{column}_vector"])


@pytest.mark.parametrize("column", ["names", "data", "records"])
def test_a_table_in_the_shell_is_embedded(folder, column, monkeypatch):
    """The command reads the file and writes the vectors."""
    from mmembed.cli import main

    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(folder / "cache"))
    monkeypatch.chdir(folder)
    call = ["embed", "t.parquet", "--column", column, "--modality", "multi_images", "--model", "local"]
    assert main([*call, "-o", "out.parquet"]) == 0
    assert_same(pd.read_parquet("out.parquet")[f"{column}_vector"])


@pytest.mark.parametrize(
    "cell",
    [
        tuple(PICTURES),
        np.array(PICTURES, dtype=object),
        pa.array([PICTURES])[0],
        np.array([{"bytes": one} for one in PICTURES], dtype=object),
        [io.BytesIO(one) for one in PICTURES],
        pd.Series(PICTURES, index=[7, 8, 9], dtype=object),
        pd.array(PICTURES, dtype="binary[pyarrow]"),
        pa.array(PICTURES),
        pa.chunked_array([PICTURES]),
    ],
)
def test_whatever_holds_several_pictures_is_one_content(cell):
    """Tuples, arrays of objects and Arrow lists are hashed as the list of the same pictures, and show the first."""
    assert read_content(cell, "multi_images").digest == WHOLE
    assert make_thumbnail(cell) == make_thumbnail(PICTURES[0])


def test_an_array_of_pictures_is_a_list_of_arrays():
    """Four axes are pictures, one under the other."""
    stack = np.stack([np.asarray(Image.open(io.BytesIO(one))) for one in PICTURES])
    digest = read_content(list(stack), "multi_images").digest
    assert read_content(stack, "multi_images").digest == digest
    assert make_thumbnail(stack) == make_thumbnail(stack[0])


@pytest.mark.parametrize("cell", [np.array([]), np.array([], dtype=object), pa.array([[]], pa.list_(pa.string()))[0]])
@pytest.mark.parametrize("modality", ["multi_images", "image", "auto"])
def test_an_empty_list_is_missing(cell, modality):
    """In every form."""
    assert read_content(cell, modality) is None


@pytest.mark.parametrize("cell", [np.array([1, 2, 3]), np.array([0.5]), waves(), "a.png", b"x", {"bytes": PICTURES[0]}])
def test_what_is_no_list_is_refused(cell):
    """Vectors, single pictures and texts are no lists of pictures."""
    with pytest.raises(ContentError, match="expected a list of pictures") as caught:
        read_content(cell, "multi_images")
    assert caught.value.code == "WrongType"
