"""The finding verbs on the sample data, on two worker processes: every answer is that of pandas."""

from __future__ import annotations

from pathlib import Path

import dask.dataframe as dd
import pandas as pd
import pytest

import mmembed.distributed  # noqa: F401  registers the accessor
from distributed_tables import same

DEMO = Path(__file__).parents[2] / "data" / "demo.csv"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Return the sample data with vectors of both captions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MMEMBED_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        df = pd.read_csv(DEMO)
        yield df.mmembed.embed({"text_zh": "text", "text_en": "text"}, model="local")


CALLS = {
    "search": lambda df: df.mmembed.search("水果", "text_en_vector", k=5),
    "many queries": lambda df: df.mmembed.search(["a dog", "火车"], "text_zh_vector", k=3),
    "keywords": lambda df: df.mmembed.search("红色的花", "text_zh_vector", k=8, hybrid="text_zh", diverse=0.2),
    "filter": lambda df: df.mmembed.search(
        "something to eat", "text_en_vector", where=lambda df: df["category"] != "food", minus="fruit"
    ),
    "calibrated": lambda df: df.mmembed.search("tools", "text_zh_vector", k=6, calibrate="text_en_vector"),
    "join": lambda df: df.mmembed.join(df[["text_zh", "text_zh_vector"]], "text_en_vector", "text_zh_vector", k=2),
    "one to one": lambda df: df.mmembed.join(df, "text_en_vector", "text_zh_vector", k=5, one_to_one=True),
    "duplicates": lambda df: df.mmembed.duplicates("text_en_vector", 0.85),
    "leaks": lambda df: df.mmembed.duplicates("text_zh_vector", 0.8, across="category"),
    "deduplicate": lambda df: df.mmembed.deduplicate("text_zh_vector", 0.85, keep="text_en"),
    "levels": lambda df: df.mmembed.duplicate_levels("text_en_vector", [0.95, 0.85, 0.75], show="text_en"),
    "outliers": lambda df: df.mmembed.outliers("text_en_vector", k=5),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_answer_is_that_of_pandas(call, demo, cluster):
    """Rows, order, labels and numbers."""
    with cluster.as_current():
        same(call(dd.from_pandas(demo, npartitions=3)), call(demo), rtol=1e-5, atol=1e-6)
