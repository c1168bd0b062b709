"""``mmembed.accessor`` on tables of Polars, Arrow and Hugging Face: every verb, and the like of what was given."""

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import mmembed
from mmembed.accessor import FrameAccessor, TableAccessor
from mmembed.errors import ColumnNotFoundError, VectorError

PICTURES = Path(__file__).parents[2] / "data" / "images"
SPACE = "local-conse-2"
COUNT = 24
FIXED_SIZE_MAY_MISS = int(pa.__version__.split(".")[0]) >= 26


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Keep vectors in a folder of the test."""
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def table():
    """Return a Polars table with columns of types that pandas does not have, and vectors in two groups."""
    rng = np.random.default_rng(0)
    centres = np.repeat(np.eye(2, 8), COUNT // 2, axis=0)
    return pl.DataFrame({
        "text": [f"a dog {n}" if n < COUNT // 2 else f"a train {n}" for n in range(COUNT)],
        "kind": pl.Series(["animal"] * (COUNT // 2) + ["vehicle"] * (COUNT // 2), dtype=pl.Enum(["animal", "vehicle"])),
        "count": pl.Series([None, *range(COUNT - 1)], dtype=pl.Int16),
        "added": [dt.date(2024, 1, 1 + n) for n in range(COUNT)],
        "tags": [[n, n + 1] for n in range(COUNT)],
        "v": pl.Series(centres + rng.normal(scale=0.1, size=(COUNT, 8)), dtype=pl.Array(pl.Float32, 8)),
    })  # fmt: skip


def grouped(table):
    return mmembed.accessor(mmembed.accessor(table).cluster("v", n_clusters=2, random_state=0))


def mapped(table):
    return mmembed.accessor(grouped(table).project("v", "pca"))


CALLS = {
    "classify": lambda t: mmembed.accessor(t).classify("v", target="kind"),
    "cluster": lambda t: mmembed.accessor(t).cluster("v", n_clusters=2, random_state=0),
    "compare": lambda t: mmembed.accessor(t).compare("v", target="kind"),
    "deduplicate": lambda t: mmembed.accessor(t).deduplicate("v", threshold=0.9999),
    "duplicate_levels": lambda t: mmembed.accessor(t).duplicate_levels("v"),
    "duplicates": lambda t: mmembed.accessor(t).duplicates("v", threshold=0.9),
    "embed": lambda t: mmembed.accessor(t).embed("text", "text", model="local"),
    "explore": lambda t: mapped(t).explore(text="text"),
    "fuse": lambda t: mmembed.accessor(t).fuse(text="text", model="local"),
    "join": lambda t: mmembed.accessor(t).join(t, "v", "v", k=1),
    "outliers": lambda t: mmembed.accessor(t).outliers("v"),
    "plan": lambda t: mmembed.accessor(t).plan("text", "text", model="qwen3-vl-embedding"),
    "plot": lambda t: mapped(t).plot(color="kind", hover=["text", "added", "count"]),
    "plot_clusters": lambda t: grouped(t).plot_clusters("v"),
    "plot_dendrogram": lambda t: grouped(t).plot_dendrogram("v"),
    "plot_neighbors": lambda t: mmembed.accessor(CALLS["search"](t)).plot_neighbors(text="text"),
    "plot_select": lambda t: mapped(t).plot_select(text="text"),
    "plot_similarity": lambda t: mmembed.accessor(t).plot_similarity("v", by="kind"),
    "project": lambda t: mmembed.accessor(t).project("v", "pca"),
    "report": lambda t: mapped(t).report("v", text="text", breakdown="kind", date="added"),
    "search": lambda t: mmembed.accessor(t).search(np.eye(8)[0], "v", k=3),
    "to_arrow": lambda t: mmembed.accessor(t).to_arrow(),
}
OTHERS = {"explore", "plan", "report", "to_arrow", *(name for name in CALLS if name.startswith("plot"))}


def test_every_verb_of_pandas_is_tried_here():
    """A new verb needs a line in this file."""
    assert set(CALLS) == {name for name in dir(FrameAccessor) if not name.startswith("_")}


@pytest.mark.parametrize("verb", CALLS)
def test_a_frame_that_a_verb_returns_is_one_of_polars(table, verb):
    """Columns of the table keep their types, whatever pandas makes of them on the way; vectors are arrays."""
    found = CALLS[verb](table)
    assert isinstance(found, pl.DataFrame) == (verb not in OTHERS)
    if verb in OTHERS or verb in {"compare", "duplicate_levels"}:
        return
    assert dict(found.schema).items() >= dict(table.schema).items()
    for name, kind in found.schema.items():
        assert not name.endswith("vector") or kind == pl.Array(pl.Float32, 512)
    if len(found) == len(table):
        assert found.select(table.columns).sort("added").equals(table)


def test_verbs_give_what_they_give_on_pandas(table):
    """The same numbers in the same order."""
    frame = mmembed.accessor(table).to_pandas()
    found = mmembed.accessor(table).search(table["v"][3].to_numpy(), "v", k=5)
    wanted = frame.mmembed.search(table["v"][3].to_numpy(), "v", k=5)
    assert found["similarity"].to_list() == wanted["similarity"].tolist()
    assert found["text"].to_list() == wanted["text"].tolist()
    clusters = mmembed.accessor(table).cluster("v", n_clusters=2, random_state=0)["cluster"].to_list()
    assert clusters == [0] * (COUNT // 2) + [1] * (COUNT // 2)


def test_rows_can_be_masked_by_an_expression_or_a_column(table):
    """``where=`` takes what Polars filters by."""
    for where in (pl.col("kind") == "vehicle", table["kind"] == "vehicle", (table["kind"] == "vehicle").to_list()):
        found = mmembed.accessor(table).search(np.eye(8)[0], "v", k=3, where=where)
        assert found["kind"].to_list() == ["vehicle"] * 3


def test_words_need_the_space_of_the_vectors(table):
    """Polars does not keep it: the error says how to give it, and with it the search is that of pandas."""
    embedded = mmembed.accessor(table).embed("text", "text", model="local")
    with pytest.raises(VectorError, match=r"mmembed.accessor\(table, space=…\)"):
        mmembed.accessor(embedded).search("a dog", "text_vector")
    for space in (SPACE, {"text_vector": SPACE}):
        found = mmembed.accessor(embedded, space=space).search("a dog", "text_vector", k=2)
        assert found["kind"].to_list() == ["animal"] * 2
    with pytest.raises(ColumnNotFoundError):
        mmembed.accessor(embedded, space={"texts_vector": SPACE})


def test_a_second_run_needs_the_space_to_know_its_column(table):
    """A column of unknown vectors is not replaced; with its space it is known as the verb's own."""
    embedded = mmembed.accessor(table).embed("text", "text", model="local")
    with pytest.raises(mmembed.errors.ColumnExistsError):
        mmembed.accessor(embedded).embed("text", "text", model="local")
    again = mmembed.accessor(embedded, space=SPACE).embed("text", "text", model="local")
    assert again.equals(embedded)


def test_two_tables_are_joined_in_their_spaces(table):
    """An accessor stands for its table, space included: two spaces are not compared."""
    left, right = (mmembed.accessor(table, space={"v": space}) for space in ("one", "two"))
    with pytest.raises(mmembed.errors.SpaceMismatchError, match=r"'one'.*'two'"):
        left.join(right, "v", "v")
    assert len(left.join(left, "v", "v", k=1)) == COUNT


def test_a_table_of_arrow_keeps_the_space(table):
    """The metadata of the field carries it from verb to verb, and through a file."""
    arrow = table.to_arrow()
    embedded = mmembed.accessor(arrow).embed("text", "text", model="local")
    assert isinstance(embedded, pa.Table)
    assert embedded.schema.field("text_vector").metadata == {b"mmembed.space": SPACE.encode()}
    found = mmembed.accessor(embedded).search("a dog", "text_vector", k=2)
    assert found.column_names == [*embedded.column_names, "similarity"]
    assert found["kind"].to_pylist() == ["animal"] * 2
    assert found.schema.field("added").type == arrow.schema.field("added").type


def test_a_table_of_arrow_keeps_the_index_that_pandas_gave_it():
    """Labels that came in as pandas' metadata go out in the same way."""
    df = pd.DataFrame({"v": [[1.0, 0.0], [0.0, 1.0]]}, index=pd.Index(["x", "y"], name="id"))
    found = mmembed.accessor(pa.Table.from_pandas(df)).search([0, 1], "v", k=1)
    assert found["id"].to_pylist() == ["y"]
    assert found.to_pandas().index.tolist() == ["y"]


class FakeDataset:
    """``datasets.Dataset`` 5.2 as far as it is used: made of an Arrow table; rows by format; features with a schema."""

    def __init__(self, arrow_table, info=None, split=None, indices_table=None, fingerprint=None):
        self.data, self.info, self.split = arrow_table, info, split
        self.indices_table, self.fingerprint, self.format = indices_table, fingerprint, None
        metadata = {b"huggingface": json.dumps({"info": {"features": {"photo": {"_type": "Image"}}}}).encode()}
        schema = pa.schema([field.remove_metadata() for field in arrow_table.schema], metadata)
        self.features = SimpleNamespace(arrow_schema=schema)

    def __len__(self):
        return len(self.data)

    def with_format(self, type=None, columns=None, output_all_columns=False, **format_kwargs):  # noqa: A002, ARG002  its signature
        made = FakeDataset(self.data)
        made.format = type
        return made

    def __getitem__(self, key):
        assert self.format == "arrow"
        return self.data.replace_schema_metadata(None)[key]


@pytest.fixture
def dataset():
    """Return a data set of pictures as Hugging Face keeps them: a struct of bytes and path."""
    photos = [{"bytes": (PICTURES / f"00{n}.webp").read_bytes(), "path": None} for n in range(3)]
    photos += [{"bytes": None, "path": str(PICTURES / "003.webp")}, None]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    return FakeDataset(pa.table({"photo": pa.array(photos, kind), "label": [0, 0, 1, 1, 0]}))


def test_a_data_set_of_hugging_face_comes_back_as_one(dataset):
    """Pictures are read from their structs; the result keeps the features, and the space while it is in memory."""
    embedded = mmembed.accessor(dataset).embed("photo", "image", model="local")
    assert isinstance(embedded, FakeDataset)
    assert embedded.data.column_names == ["photo", "label", "photo_vector"]
    assert b"huggingface" in embedded.data.schema.metadata
    assert embedded.data["photo_vector"].null_count == 1
    kind = pa.list_(pa.float32(), 512) if FIXED_SIZE_MAY_MISS else pa.large_list(pa.float32())  # a row is missing
    assert embedded.data.schema.field("photo_vector").type == kind
    found = mmembed.accessor(embedded).search((PICTURES / "001.webp"), "photo_vector", k=1, modality="image")
    assert found.data["photo"].to_pylist()[0]["bytes"] == (PICTURES / "001.webp").read_bytes()


def test_several_tables_or_none_yet_are_refused(dataset):
    """What holds several tables, or rows that are not there yet, is told how to give one."""

    class FakeDatasetDict(dict):
        def with_format(self):
            raise NotImplementedError

    class FakeIterableDataset:
        features = None

        def with_format(self):
            raise NotImplementedError

    assert issubclass(FakeDatasetDict, Mapping)
    with pytest.raises(TypeError, match=r"holds several tables. Take one: data\['test'\]"):
        mmembed.accessor(FakeDatasetDict(test=dataset))
    with pytest.raises(TypeError, match=r"has no rows yet. Take some: .*take\(1000\)"):
        mmembed.accessor(FakeIterableDataset())
    with pytest.raises(TypeError, match=r"has no rows yet. Collect it first: mmembed.accessor\(frame.collect\(\)\)"):
        mmembed.accessor(pl.LazyFrame({"a": [1]}))


def test_a_space_is_not_given_to_what_knows_it(table):
    """A pandas column has a place for it."""
    with pytest.raises(TypeError, match="as_vectors"):
        mmembed.accessor(pd.DataFrame(), space="toy")  # type: ignore[call-overload]
    with pytest.raises(VectorError, match="contradicts"):
        mmembed.accessor(mmembed.accessor(table, space={"v": "one"}).to_arrow(), space={"v": "two"})


def test_the_door_says_what_is_behind_it(table):
    """Names complete, words are those of pandas, and a name that is none is corrected."""
    verbs = mmembed.accessor(table, space="toy")
    assert isinstance(verbs, TableAccessor)
    assert repr(verbs) == f"<mmembed accessor of a table of polars, {COUNT} rows; vector columns: 'v'>"
    assert {"embed", "search", "to_pandas"} <= set(dir(verbs))
    assert verbs.search.__doc__ == FrameAccessor.search.__doc__
    with pytest.raises(AttributeError, match="Did you mean 'search'"):
        verbs.serch("a dog")
