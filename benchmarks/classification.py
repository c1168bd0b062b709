"""Measure classification on labelled sets: ``python benchmarks/classification.py [set …]``.

A set is one of ``benchmarks/labelled`` or a file ``.npz`` with ``vectors`` and ``labels``. For each: the bars of
``label_bars.py`` beside tuned peers; accuracy and time beside logistic regression tuned by grid search on the same
splits, one thread each; the experiment's accuracy, intervals and calibration error, beside what perfect probabilities
would show by chance; planted label errors, beside what could be found by whoever knew the true labels; zero-shot
accuracy, calibration, and how right the surest are; words together with few labelled rows. Then the digits from 30 %
of their rows, the photographs from a third, and 10,000 rows of 1,024 numbers. Sets that only words are measured on
come last. Each set says whether methods were developed on it.

MNIST and the mails were chosen before anything was measured on them, as sets whose labels people are sure of.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from label_bars import beside_peers, mistaken_labels, rare_class
from labelled import load, sets
from labelled.descriptions import DESCRIBED
from planting import planted_errors
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from threadpoolctl import threadpool_limits
from wording import few_shots, zero_shots

from mmembed.analysis import fit_classifier
from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.labels.kernel_classifier import KernelClassifier
from mmembed.vectors import VectorArray

SETS = (
    *("digits", "bbc-news", "demo-photographs", "demo-fused", "mnist", "spam-mails"),
    *("emoji-pictures", "noun-glosses", "emoji-names-zh", "reviews-zh"),
)
ONLY_WORDS = ("debian-sections", "chinese-words", "clip-art", "sayings", "verb-glosses", "emoji-names-en")
# Both do what fit does here: choose the strength by held-out rows, then fit on all. The first is what GridSearchCV and
# LogisticRegression do by themselves, over a modest range; the second what someone in a hurry would make of it.
SEARCHES = {
    "5 strengths, 5 folds": ([0.01, 0.1, 1, 10, 100], 5, 1e-4),
    "4 strengths, 3 folds, loose tolerance": ([1, 10, 100, 1000], 3, 1e-3),
}
Matrix = npt.NDArray[np.float32]
Codes = npt.NDArray[np.intp]


def tuned(grid: list[float], folds: int, tolerance: float) -> GridSearchCV:
    """Return logistic regression with C chosen by cross-validation."""
    split = StratifiedKFold(folds, shuffle=True, random_state=0)
    return GridSearchCV(LogisticRegression(tol=tolerance, max_iter=2000), {"C": grid}, cv=split, n_jobs=1)


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    made = call()
    return time.perf_counter() - start, made


def beside_grid_search(rows: Matrix, y: Codes, runs: int, *, searches: int = 2, known: float = 0.8) -> None:
    """Print accuracy and time beside the searches on the same splits, with the interval of the mean difference."""
    stratified = y if np.bincount(y).min() > 1 else None
    makers = [lambda settings=settings: tuned(*settings) for settings in list(SEARCHES.values())[:searches]]
    makers.insert(0, lambda: KernelClassifier(random_state=0))
    scores, seconds = np.empty((runs, len(makers))), np.empty((runs, len(makers)))
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")  # classes of two rows, which not all folds can have
        for seed in range(runs):
            learned, held, truth, asked = train_test_split(
                rows, y, train_size=known, stratify=stratified, random_state=seed
            )
            for at, make in enumerate(makers):
                begin = time.perf_counter()
                fitted = make().fit(learned, truth)
                seconds[seed, at] = time.perf_counter() - begin
                scores[seed, at] = fitted.score(held, asked)
    took = np.median(seconds, axis=0)
    for at, name in enumerate(list(SEARCHES)[:searches], start=1):
        gaps = 100 * (scores[:, 0] - scores[:, at])
        error = f" ± {2 * gaps.std(ddof=1) / np.sqrt(runs):.1f}" if runs > 1 else ""
        print(
            f"  beside logistic regression, {name}, {runs} split(s) with {known:.0%} learned: accuracy "
            f"{scores[:, 0].mean():.4f} against {scores[:, at].mean():.4f} ({gaps.mean():+.1f}{error} points); "
            f"{took[0]:.3f} s against {took[at]:.3f} s (1/{took[at] / took[0]:.1f} of the time)",
            flush=True,
        )


def experiment(frame: pd.DataFrame) -> None:
    took, found = timed(lambda: fit_classifier(frame["vector"], frame["label"]))
    scores = found.scores()
    accuracy, f1, loss = (scores.loc[name] for name in ("accuracy", "macro_f1", "log_loss"))
    chance = scores.loc["calibration_error_by_chance"]
    print(
        f"  experiment, {took:.1f} s: accuracy {accuracy['value']:.4f} "
        f"({accuracy['low']:.4f} to {accuracy['high']:.4f}), majority {accuracy['majority']:.4f}, nearest centroid "
        f"{accuracy['nearest_centroid']:.4f}; macro-F1 {f1['value']:.4f}; log loss {loss['value']:.4f}; "
        f"calibration error {scores.loc['calibration_error', 'value']:.4f} (by chance {chance['value']:.4f}, "
        f"{chance['low']:.4f} to {chance['high']:.4f})",
        flush=True,
    )


def digits_from_a_third() -> None:
    frame = load("digits")
    rows = unit_rows(frame["vector"].array.matrix)
    y = frame["label"].to_numpy()
    scores = []
    for seed in range(5):
        known, rest, truth, asked = train_test_split(rows, y, train_size=0.3, stratify=y, random_state=seed)
        scores.append(KernelClassifier(random_state=0).fit(known, truth).score(rest, asked))
    print(f"digits, 30 % learned: {', '.join(f'{one:.4f}' for one in scores)} of the rest right (target .955)")


def read(path: str) -> pd.DataFrame:
    """Return the table in a file; ``background`` is the label of rows that have none, and they are left out."""
    found = np.load(path)
    is_labelled = found["labels"] != "background"
    vectors = VectorArray.from_matrix(np.ascontiguousarray(found["vectors"][is_labelled], dtype=np.float32))
    return pd.DataFrame({"vector": vectors, "label": found["labels"][is_labelled]})


def main() -> None:
    names = sys.argv[1:] or [*SETS, "heavy-tails", *ONLY_WORDS]
    marks = sets()["is_held_out"]
    for name in names:
        frame = read(name) if name.endswith(".npz") else load(name)
        classes = sorted(set(frame["label"]))
        rows = unit_rows(frame["vector"].array.matrix)
        y = pd.Categorical(frame["label"], categories=classes).codes.astype(np.intp)
        is_held_out = "held-out" in name if name.endswith(".npz") else marks[name]
        mark = "held out" if is_held_out else "methods were developed on it"
        print(f"{name} ({mark}): {len(frame)} rows of {rows.shape[1]} numbers, {len(classes)} classes", flush=True)
        if name not in ONLY_WORDS:
            beside_peers(rows, y)
            rare_class(rows, y)
            mistaken_labels(rows, y)
        if name.endswith(".npz"):
            continue
        if name not in ONLY_WORDS:
            beside_grid_search(rows, y, 1 if len(frame) > 5000 else 3)
            experiment(frame)
        if name not in ONLY_WORDS and name != "heavy-tails":
            planted_errors(frame)
        if name in DESCRIBED:
            zero_shots(name, frame, classes)
            few_shots(name, rows, y, classes)
        if name == "demo-photographs":
            beside_grid_search(rows, y, 100, searches=1, known=1 / 3)
        if name == "digits":
            digits_from_a_third()


if __name__ == "__main__":
    main()
