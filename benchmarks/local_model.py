"""Measure the local model on the demo table: what it finds, what it confuses, how fast it is.

    python benchmarks/local_model.py [--data data/demo.csv]

Retrieval asks for each caption whether one of the pictures with that caption is among the first 1, 5 and 10. Zero-shot
compares each row with the eight category descriptions below, as they are and with the mean of each side taken off
(centred: the modality gap of Liang et al. 2022). The descriptions are plain words and were not changed to fit the
figures. Speeds are of one worker.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.contents.content import Content
from mmembed.contents.media import Media
from mmembed.providers.local import LocalProvider
from mmembed.providers.protocol import Session

DEMO = Path(__file__).resolve().parents[1] / "data" / "demo.csv"
CATEGORIES = {
    "animals": ("animal", "动物"),
    "clothes": ("clothing", "衣服"),
    "food": ("food", "食物"),
    "hobbies": ("musical instrument", "乐器"),
    "household": ("household item", "家居用品"),
    "plants": ("plant, flower, tree", "植物"),
    "space": ("planet in outer space", "太空星球"),
    "vehicles": ("vehicle", "交通工具"),
}
# What is promised: (recall in the first ten, photographs labelled with category words, centred).
BARS = {"en": (0.74, 0.70), "zh": (0.69, 0.64)}
COLD_START = """
import sys, time
start = time.perf_counter()
from pathlib import Path
from mmembed.providers.local import LocalProvider
from mmembed.contents.content import Content
from mmembed.contents.media import Media
with LocalProvider(workers=1).session() as session:
    answer = session.embed([Content("text", text="a bird"), Content("image", media=Media(path=Path(sys.argv[1])))])
assert not answer.failures
print(time.perf_counter() - start)
"""

Matrix = npt.NDArray[np.float32]


def embed_all(session: Session, contents: Sequence[Content]) -> Matrix:
    """Embed contents batch by batch; a benchmark wants every row."""
    matrix = np.empty((len(contents), LocalProvider.dimension), np.float32)
    for batch in LocalProvider(workers=1).plan(contents):
        answer = session.embed([contents[position] for position in batch])
        if answer.failures:
            raise next(iter(answer.failures.values()))
        matrix[batch] = answer.matrix
    return matrix


def recall(texts: pd.Series, text_vectors: Matrix, image_vectors: Matrix) -> tuple[int, dict[int, float]]:
    """Return how many different captions there are, and the share of them that finds a picture of its own among k."""
    first = ~texts.duplicated().to_numpy()
    is_own = texts[first].to_numpy()[:, None] == texts.to_numpy()
    best = np.argsort(-(text_vectors[first] @ image_vectors.T), axis=1, kind="stable")
    hits = np.take_along_axis(is_own, best, axis=1)
    return int(first.sum()), {k: float(hits[:, :k].any(axis=1).mean()) for k in (1, 5, 10)}


def zero_shot(vectors: Matrix, labels: Matrix, truth: npt.NDArray[np.intp], *, is_centred: bool) -> float:
    """Return the share of rows whose nearest label is the right one."""
    if is_centred:
        vectors, labels = vectors - vectors.mean(axis=0), labels - labels.mean(axis=0)
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        labels = labels / np.linalg.norm(labels, axis=1, keepdims=True)
    return float(((vectors @ labels.T).argmax(axis=1) == truth).mean())


def main() -> None:
    """Embed the table, print the figures."""
    parser = argparse.ArgumentParser(description="Measure the local model on the demo table.")
    parser.add_argument("--data", type=Path, default=DEMO, help="table with category, text_en, text_zh, image, video")
    path = parser.parse_args().data
    df = pd.read_csv(path)
    pictures = [Content("image", media=Media(path=path.parent / name)) for name in df["image"]]
    has_clip = df["video"].notna().to_numpy()
    clips = [Content("video", media=Media(path=path.parent / name)) for name in df["video"].dropna()]
    seconds = [
        float(subprocess.check_output([sys.executable, "-c", COLD_START, str(path.parent / df["image"].iloc[0])]))  # noqa: S603 -- our own script
        for _ in range(3)
    ]
    with LocalProvider(workers=1).session() as session:
        session.embed([Content("text", text="warm up"), pictures[0]])
        start = time.perf_counter()
        images = embed_all(session, pictures)
        image_rate = len(pictures) / (time.perf_counter() - start)
        start = time.perf_counter()
        videos = embed_all(session, clips)
        clip_rate = len(clips) / (time.perf_counter() - start)
        texts = {}
        start = time.perf_counter()
        for language in ("en", "zh"):
            texts[language] = embed_all(session, [Content("text", text=text) for text in df[f"text_{language}"]])
        text_rate = 2 * len(df) / (time.perf_counter() - start)
        labels = [
            embed_all(session, [Content("text", text=words[position]) for words in CATEGORIES.values()])
            for position in (0, 1)
        ]

    print(
        f"{path.name}: {len(df)} rows, {len(clips)} clips, {df['category'].nunique()} categories, "
        f"majority {df['category'].value_counts(normalize=True).iloc[0]:.3f}"
    )
    for language in ("en", "zh"):
        count, shares = recall(df[f"text_{language}"], texts[language], images)
        print(
            f"text to image, {language}, {count} captions: "
            + ", ".join(f"R@{k} {share:.3f}" for k, share in shares.items())
            + f" (bar of R@10: {BARS[language][0]:.2f})"
        )
    truth = pd.Categorical(df["category"], categories=list(CATEGORIES)).codes.astype(np.intp)
    for name, vectors, right in (
        ("images", images, truth),
        ("texts en", texts["en"], truth),
        ("texts zh", texts["zh"], truth),
        ("clips", videos, truth[has_clip]),
    ):
        print(
            f"zero-shot, {name:8}: "
            + ", ".join(
                f"{language} labels {zero_shot(vectors, label, right, is_centred=False):.3f} "
                f"(centred {zero_shot(vectors, label, right, is_centred=True):.3f})"
                for language, label in zip(("English", "Chinese"), labels, strict=True)
            )
        )
    print(
        "bars of images with centred labels: "
        + ", ".join(f"{language} {bars[1]:.2f}" for language, bars in BARS.items())
    )
    print(f"one worker: {text_rate:.0f} texts/s, {image_rate:.1f} images/s, {clip_rate:.1f} clips/s")
    print(f"cold start to the first text and image: {min(seconds):.2f} s (best of {len(seconds)})")


if __name__ == "__main__":
    main()
