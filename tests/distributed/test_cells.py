"""Pictures as the ecosystem keeps them, on Dask: structs of Arrow, buffers, float arrays and addresses in a store."""

import io
from pathlib import Path

import dask
import dask.dataframe as dd
import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

import mmembed.distributed

FILE = Path(__file__).parents[2] / "data" / "images" / "000.webp"
STRUCT = pd.ArrowDtype(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))


def floats():
    """Return the picture as numbers from 0 to 1, which loses nothing of its eight bits."""
    return np.asarray(Image.open(FILE).convert("RGB"), dtype=np.float32) / 255


CELLS = {
    "struct of bytes": lambda: pd.Series([{"bytes": FILE.read_bytes(), "path": None}], dtype=STRUCT),
    "struct of a path": lambda: pd.Series([{"bytes": None, "path": str(FILE)}], dtype=STRUCT),
    "dict": lambda: pd.Series([{"bytes": FILE.read_bytes(), "path": "a.webp"}], dtype=object),
    "buffer": lambda: pd.Series([io.BytesIO(FILE.read_bytes())], dtype=object),
    "floats": lambda: pd.Series([floats()], dtype=object),
    "address": lambda: pd.Series(["memory://dask/1.webp"]),
}


@pytest.mark.parametrize("form", CELLS)
def test_a_cell_has_the_vector_of_its_file(form, tmp_path, monkeypatch):
    """The same as on pandas, and as the file itself."""
    assert mmembed.distributed
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path))
    fsspec.filesystem("memory").pipe_file("/dask/1.webp", FILE.read_bytes())
    df = pd.DataFrame({"photo": CELLS[form]()})
    file = pd.DataFrame({"photo": [str(FILE)]}).mmembed.embed("photo", "image", model="local")
    wanted = file["photo_vector"].mmembed.to_matrix()
    here = df.mmembed.embed("photo", "image", model="local")["photo_vector"].mmembed.to_matrix()
    with dask.config.set({"dataframe.convert-string": False}):
        ddf = dd.from_pandas(df, npartitions=1).mmembed.embed("photo", "image", model="local")
        there = ddf.compute(scheduler="sync")["photo_vector"].mmembed.to_matrix()
    np.testing.assert_array_equal(there, here)
    np.testing.assert_allclose(there, wanted, atol=0 if form != "floats" else 1e-6)
