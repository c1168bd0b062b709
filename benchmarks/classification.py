"""Measure classification on labelled sets: ``python benchmarks/classification.py [set …]``.

For each set: the experiment's accuracy, intervals and calibration; accuracy and time beside logistic regression tuned
by grid search on the same split; planted label errors; the few-shot curve beside rows alone and words alone; zero-shot
accuracy. Then the digits from 30 % of their rows, and 10,000 rows of 1,024 numbers.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from labelled import load
from labelled.descriptions import descriptions
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split

from mmembed.analysis import fit_classifier, zero_shot
from mmembed.analysis.labels.kernel_classifier import KernelClassifier
from mmembed.analysis.labels.prototypes import ShrunkenPrototypes
from mmembed.analysis.rows.cosine import unit_rows
from mmembed.vectors import as_vector_array

SETS = ("digits", "bbc-news", "demo-photographs", "emoji-names-zh", "noun-glosses")
# What a hurried expert would search, and what scikit-learn's own LogisticRegressionCV searches by default.
SEARCHES = {
    "4 strengths, 3 folds": ([1, 10, 100, 1000], 3, 1e-3),
    "10 strengths, 5 folds": (list(np.logspace(-4, 4, 10)), 5, 1e-4),
}
SHOTS = (1, 2, 3, 5, 10, 20)
DRAWS = 5
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


def beside_grid_search(rows: Matrix, y: Codes, runs: int) -> None:
    """Print accuracy and time beside both searches on the same splits of 80 and 20 %."""
    splits = []
    for seed in range(runs):
        stratified = y if np.bincount(y).min() > 1 else None
        splits.append(train_test_split(rows, y, test_size=0.2, stratify=stratified, random_state=seed))
    ours = fitted_on(splits, lambda: KernelClassifier(random_state=0))
    for name, settings in SEARCHES.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # classes of two rows, which not all folds can have
            theirs = fitted_on(splits, lambda settings=settings: tuned(*settings))
        print(
            f"  beside logistic regression, {name}, {runs} split(s): accuracy {ours[0]:.4f} against {theirs[0]:.4f} "
            f"({100 * (ours[0] - theirs[0]):+.1f} points); {ours[1]:.2f} s against {theirs[1]:.2f} s "
            f"(1/{theirs[1] / ours[1]:.1f} of the time)",
            flush=True,
        )


def fitted_on(splits: list[Any], make: Callable[[], Any]) -> tuple[float, float]:
    """Return the mean accuracy and the median seconds of fits."""
    lines = []
    for known, held, truth, asked in splits:
        took, fitted = timed(lambda known=known, truth=truth: make().fit(known, truth))
        lines.append((fitted.score(held, asked), took))
    return float(np.mean([line[0] for line in lines])), median(line[1] for line in lines)


def experiment(frame: pd.DataFrame) -> None:
    took, found = timed(lambda: fit_classifier(frame["vector"], frame["label"]))
    scores = found.scores()
    accuracy, f1, loss = (scores.loc[name] for name in ("accuracy", "macro_f1", "log_loss"))
    print(
        f"  experiment, {took:.1f} s: accuracy {accuracy['value']:.4f} "
        f"({accuracy['low']:.4f} to {accuracy['high']:.4f}), majority {accuracy['majority']:.4f}, nearest centroid "
        f"{accuracy['nearest_centroid']:.4f}; macro-F1 {f1['value']:.4f}; log loss {loss['value']:.4f}; "
        f"calibration error {scores.loc['calibration_error', 'value']:.4f}"
    )


def planted_errors(frame: pd.DataFrame, share: float = 0.02, draws: int = 3) -> None:
    """Print how many of the most doubtful rows are planted errors."""
    classes = sorted(set(frame["label"]))
    precisions, suggested = [], []
    for seed in range(draws):
        random = np.random.default_rng(seed)
        count = max(1, round(share * len(frame)))
        rows = random.choice(len(frame), count, replace=False)
        wrong = frame["label"].copy()
        for row in rows:
            wrong.iloc[row] = random.choice([one for one in classes if one != wrong.iloc[row]])
        issues = fit_classifier(frame["vector"], wrong).label_issues(count)
        hits = np.isin(issues["position"], rows)
        precisions.append(hits.mean() if len(hits) else 0.0)
        right = issues["suggested"].to_numpy() == frame["label"].to_numpy()[issues["position"]]
        suggested.append(right[hits].mean() if hits.any() else np.nan)
    print(
        f"  {share:.0%} planted errors: precision among the first {share:.0%} {np.mean(precisions):.3f} "
        f"(draws {', '.join(f'{one:.2f}' for one in precisions)}); true label suggested for {np.nanmean(suggested):.0%}"
    )


def words(name: str, language: str, classes: list[str]) -> tuple[Matrix, Mapping[str, list[str]]]:
    """Return the mean unit vector of each class's descriptions."""
    prompts = descriptions(name, language)
    means = []
    for one in classes:
        vectors = pd.Series(prompts[one]).mmembed.embed("text", model="local").array.matrix
        means.append(unit_rows(vectors).mean(axis=0))
    return unit_rows(np.stack(means)), prompts


def zero_shots(name: str, frame: pd.DataFrame, classes: list[str]) -> None:
    truth = frame["label"].to_numpy()
    for language in ("en", "zh"):
        means, _ = words(name, language, classes)
        lines = []
        for kinds in (None, ["row"] * len(frame)):
            found = zero_shot(
                frame["vector"], as_vector_array(means, space=frame["vector"].array.space), classes, kinds=kinds
            )
            right = np.asarray(found.labels) == truth
            sure = found.scores >= np.median(found.scores)
            lines.append(
                f"{right.mean():.3f} (the surer half {right[sure].mean():.3f}; mean score {found.scores.mean():.3f})"
            )
        print(f"  zero-shot, {language}: {lines[0]}; mean removed {lines[1]}")


def few_shots(name: str, rows: Matrix, y: Codes, classes: list[str]) -> None:
    described, _ = words(name, "en", classes)
    center = rows.mean(axis=0)
    bare = (unit_rows(rows - center) @ unit_rows(described - described.mean(axis=0)).T).argmax(axis=1)
    print(f"  few-shot, mean of {DRAWS} draws; rows a class: words and rows | rows alone | words alone")
    for shots in SHOTS:
        scores = []
        for seed in range(DRAWS):
            random = np.random.default_rng(seed)
            known = np.concatenate(
                [random.permutation(np.flatnonzero(y == one))[:shots] for one in range(len(classes))]
            )
            rest = np.setdiff1d(np.arange(len(y)), known)
            both = ShrunkenPrototypes(descriptions=described, center=center).fit(rows[known], y[known])
            alone = ShrunkenPrototypes(center=center).fit(rows[known], y[known])
            scores.append((both.score(rows[rest], y[rest]), alone.score(rows[rest], y[rest]), (bare == y)[rest].mean()))
        means = np.mean(scores, axis=0)
        print(f"    {shots:3}: {means[0]:.3f} | {means[1]:.3f} | {means[2]:.3f}")


def digits_from_a_third() -> None:
    frame = load("digits")
    rows = unit_rows(frame["vector"].array.matrix)
    y = frame["label"].to_numpy()
    scores = []
    for seed in range(5):
        known, rest, truth, asked = train_test_split(rows, y, train_size=0.3, stratify=y, random_state=seed)
        scores.append(KernelClassifier(random_state=0).fit(known, truth).score(rest, asked))
    print(f"digits, 30 % learned: {', '.join(f'{one:.4f}' for one in scores)} of the rest right (target .955)")


def main() -> None:
    names = sys.argv[1:] or [*SETS, "heavy-tails"]
    for name in names:
        frame = load(name)
        classes = sorted(set(frame["label"]))
        rows = unit_rows(frame["vector"].array.matrix)
        y = pd.Categorical(frame["label"], categories=classes).codes.astype(np.intp)
        print(f"{name}: {len(frame)} rows of {rows.shape[1]} numbers, {len(classes)} classes", flush=True)
        large = len(frame) > 5000
        beside_grid_search(rows, y, 1 if large else 3)
        experiment(frame)
        if name == "heavy-tails":
            continue
        planted_errors(frame, draws=1 if large else 3)
        if name != "digits":
            zero_shots(name, frame, classes)
            few_shots(name, rows, y, classes)
        sys.stdout.flush()
    if not sys.argv[1:] or "digits" in names:
        digits_from_a_third()


if __name__ == "__main__":
    main()
