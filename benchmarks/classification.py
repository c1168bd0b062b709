"""Measure classification on labelled sets: ``python benchmarks/classification.py [set …]``.

For each set: the experiment's accuracy, intervals and calibration; accuracy and time beside logistic regression tuned
by grid search on the same splits, one thread each; planted label errors, beside what the same ranking finds with a
classifier that learned the true labels; the few-shot curve beside rows alone and words alone; zero-shot accuracy and
calibration. Then the digits from 30 % of their rows, the photographs from a third, and 10,000 rows of 1,024 numbers.
Each set says whether methods were developed on it.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from labelled import load, sets
from labelled.descriptions import DESCRIBED, descriptions
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from threadpoolctl import threadpool_limits

from mmembed.analysis import fit_classifier, zero_shot
from mmembed.analysis.labels.doubting import doubt_labels
from mmembed.analysis.labels.kernel_classifier import KernelClassifier
from mmembed.analysis.labels.prototypes import ShrunkenPrototypes
from mmembed.analysis.labels.scoring import calibration_error, reliability
from mmembed.analysis.rows.cosine import unit_rows

SETS = ("digits", "bbc-news", "demo-photographs", "emoji-pictures", "noun-glosses", "emoji-names-zh", "reviews-zh")
# Both do what fit does here: choose the strength by held-out rows, then fit on all. The first is what GridSearchCV and
# LogisticRegression do by themselves, over a modest range; the second what someone in a hurry would make of it.
SEARCHES = {
    "5 strengths, 5 folds": ([0.01, 0.1, 1, 10, 100], 5, 1e-4),
    "4 strengths, 3 folds, loose tolerance": ([1, 10, 100, 1000], 3, 1e-3),
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
    print(
        f"  experiment, {took:.1f} s: accuracy {accuracy['value']:.4f} "
        f"({accuracy['low']:.4f} to {accuracy['high']:.4f}), majority {accuracy['majority']:.4f}, nearest centroid "
        f"{accuracy['nearest_centroid']:.4f}; macro-F1 {f1['value']:.4f}; log loss {loss['value']:.4f}; "
        f"calibration error {scores.loc['calibration_error', 'value']:.4f}"
    )


def planted_errors(frame: pd.DataFrame, share: float = 0.02, draws: int = 3) -> None:
    """Print how many of the most doubtful rows are planted errors, and how many could be told by their vectors."""
    classes = sorted(set(frame["label"]))
    count = max(1, round(share * len(frame)))
    matrix = frame["vector"].array.matrix
    true = fit_classifier(frame["vector"], frame["label"]).held_out
    found, ceiling, suggested = [], [], []
    for seed in range(draws):
        random = np.random.default_rng(seed)
        rows = random.choice(len(frame), count, replace=False)
        wrong = frame["label"].copy()
        for row in rows:
            wrong.iloc[row] = random.choice([one for one in classes if one != wrong.iloc[row]])
        issues = fit_classifier(frame["vector"], wrong).label_issues(count)
        hits = np.isin(issues["position"], rows)
        found.append(hits.sum() / count)
        codes = pd.Categorical(wrong, categories=classes).codes.astype(np.intp)
        known = doubt_labels(replace(true, y=codes), matrix)["row"][:count]
        ceiling.append(np.isin(known, rows).sum() / count)
        right = issues["suggested"].to_numpy() == frame["label"].to_numpy()[issues["position"]]
        suggested.append(right[hits].mean() if hits.any() else np.nan)
    print(
        f"  {share:.0%} planted errors ({count} rows): precision among the first {share:.0%} {np.mean(found):.3f} "
        f"(draws {', '.join(f'{one:.2f}' for one in found)}); by a classifier that learned the true labels "
        f"{np.mean(ceiling):.3f}; true label suggested for {np.nanmean(suggested):.0%}",
        flush=True,
    )


def words(name: str, language: str, classes: list[str]) -> Matrix:
    """Return the mean unit vector of each class's descriptions."""
    prompts = descriptions(name, language)
    means = []
    for one in classes:
        vectors = pd.Series(prompts[one]).mmembed.embed("text", model="local").array.matrix
        means.append(unit_rows(vectors).mean(axis=0))
    return unit_rows(np.stack(means))


def zero_shots(name: str, frame: pd.DataFrame, classes: list[str]) -> None:
    truth = frame["label"].to_numpy()
    for language in ("en", "zh"):
        prompts = [(one, prompt) for one in classes for prompt in descriptions(name, language)[one]]
        vectors = pd.Series([prompt for _, prompt in prompts]).mmembed.embed("text", model="local")
        lines = []
        for kinds in (None, ["row"] * len(frame)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # descriptions that agree seldom: the agreement is printed
                found = zero_shot(frame["vector"], vectors, [one for one, _ in prompts], kinds=kinds)
            right = np.asarray(found.labels) == truth
            error = calibration_error(reliability(found.scores, right))
            sure = found.scores >= 0.5
            share = right[sure].mean() if sure.any() else np.nan
            lines.append(
                f"{right.mean():.3f}, mean score {found.scores.mean():.3f}, calibration error {error:.3f}, "
                f"score .5 or more for {sure.mean():.0%} of the rows, {share:.3f} of them right"
                + ("" if found.agreement is None else f"; descriptions agree on {found.agreement:.0%}")
            )
        print(f"  zero-shot, {language}: {lines[0]}; mean removed {lines[1]}")


def few_shots(name: str, rows: Matrix, y: Codes, classes: list[str]) -> None:
    described = words(name, "en", classes)
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
    marks = sets()["is_held_out"]
    for name in names:
        frame = load(name)
        classes = sorted(set(frame["label"]))
        rows = unit_rows(frame["vector"].array.matrix)
        y = pd.Categorical(frame["label"], categories=classes).codes.astype(np.intp)
        mark = "held out" if marks[name] else "methods were developed on it"
        print(f"{name} ({mark}): {len(frame)} rows of {rows.shape[1]} numbers, {len(classes)} classes", flush=True)
        large = len(frame) > 5000
        beside_grid_search(rows, y, 1 if large else 3)
        experiment(frame)
        if name == "heavy-tails":
            continue
        planted_errors(frame, draws=draws_for(len(frame)))
        if name in DESCRIBED:
            zero_shots(name, frame, classes)
            few_shots(name, rows, y, classes)
        if name == "demo-photographs":
            beside_grid_search(rows, y, 100, searches=1, known=1 / 3)
        sys.stdout.flush()
    if not sys.argv[1:] or "digits" in names:
        digits_from_a_third()


def draws_for(n_rows: int) -> int:
    """Return how often errors are planted: often where 2 % are few rows."""
    return 20 if n_rows < 500 else 3 if n_rows < 5000 else 1


if __name__ == "__main__":
    main()
