"""Tables and what is asked of them: queries in other words than the rows', in their words, and for names and codes.

Rows of most tables are made from templates in ``asked_tables.json``, some with an order number, a person or a model at
the end; others are sets of :mod:`labelled`. ``asked_queries.tsv`` has the queries: the table, the kind, what is asked,
the topic of the rows that answer it, or a text that they have. In a query ``{so}``, ``{who1}`` and ``{model}`` stand
for numbers, persons and models that rows have.

Kinds: ``meaning`` says a topic in other words, ``words`` in words that rows have, ``exact`` is a name or a code alone,
``mixed`` is one within a sentence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

_HERE = Path(__file__).parent
_CODES, _WITH_DETAIL, _ASKED = 40, 0.6, 2


@dataclass(frozen=True)
class Query:
    """What is asked of a table, and which rows answer it: those of a topic, or those that have a text."""

    kind: str
    text: str
    topic: str
    has: str

    def answers(self, df: pd.DataFrame) -> pd.Series:
        """Return which rows answer the query."""
        if self.topic:
            return df["label"] == self.topic
        return df["text"].str.contains(self.has, case=False, regex=False)


def asked_tables(part: str) -> Iterator[tuple[str, pd.DataFrame, list[Query]]]:
    """Yield the name of each table, its rows with ``text``, ``label`` and ``vector``, and queries with an answer.

    Parts are "development", "held out" and "held out again".
    """
    made = json.loads((_HERE / "asked_tables.json").read_text(encoding="utf-8"))
    columns = ["table", "part", "kind", "text", "topic", "has"]
    asked = pd.read_csv(_HERE / "asked_queries.tsv", sep="\t", names=columns, keep_default_na=False)
    for name, rows in asked[asked["part"] == part].groupby("table"):
        if name in made:
            df, details = _made(made[name])
        elif name == "demo":
            demo = pd.read_csv(_HERE.parents[1] / "data" / "demo.csv")
            df, details = demo.rename(columns={"text_zh": "text", "category": "label"})[["text", "label"]], {}
        else:
            from labelled import load

            df, details = load(str(name))[["text", "label"]].reset_index(drop=True), {}
        df = df.mmembed.embed({"text": "text"}, model="local").rename(columns={"text_vector": "vector"})
        queries = [one for row in rows.itertuples() for one in _filled(row, details)]
        yield str(name), df, [one for one in queries if one.answers(df).any()]


def _made(table: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Return the rows of a table of templates, and which details stand in them."""
    draw = np.random.default_rng(7)
    words = {key: _codes(draw, values) if isinstance(values, str) else values
             for key, values in table["detail_words"].items()}  # fmt: skip
    rows: dict[str, str] = {}
    for topic, of in table["topics"].items():
        before = len(rows)
        for _ in range(50 * of["rows"]):
            text = _fill(draw, _one(draw, of["texts"]), {**table["words"], **of["words"]})
            if draw.random() < _WITH_DETAIL:
                text += _fill(draw, _one(draw, table["details"]), words)
            rows.setdefault(text, topic)
            if len(rows) - before == of["rows"]:
                break
    kept = list(rows)
    order = [kept[place] for place in draw.permutation(len(kept))]
    df = pd.DataFrame({"text": order, "label": [rows[text] for text in order]})
    there = {key: [one for one in values if df["text"].str.contains(one, regex=False).any()]
             for key, values in words.items()}  # fmt: skip
    return df, there


def _codes(draw: np.random.Generator, form: str) -> list[str]:
    head, digits = re.fullmatch(r"(.*)\{(\d)\}", form).groups()
    return [head + "".join(map(str, draw.integers(0, 10, int(digits)))) for _ in range(_CODES)]


def _one(draw: np.random.Generator, values: list[str]) -> str:
    return values[int(draw.integers(len(values)))]


def _fill(draw: np.random.Generator, text: str, words: dict[str, list[str]]) -> str:
    while slot := re.search(r"\{(\w+)\}", text):
        text = text[: slot.start()] + _one(draw, words[slot.group(1)]) + text[slot.end() :]
    return text


def _filled(row: Any, details: dict[str, list[str]]) -> Iterator[Query]:
    slot = re.search(r"\{(\w+)\}", row.text)
    if slot is None:
        yield Query(row.kind, row.text, row.topic, row.has)
        return
    for value in details[slot.group(1)][:_ASKED]:
        yield Query(row.kind, row.text.replace(slot.group(), value), row.topic, value)
