"""Labels by words: zero-shot, and words together with few labelled rows."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import pandas as pd
from labelled.descriptions import descriptions

from mmembed.analysis import zero_shot
from mmembed.analysis.cosines import unit_rows
from mmembed.analysis.labels.kernel_classifier import KernelClassifier
from mmembed.analysis.labels.prototypes import DescribedClassifier, ShrunkenPrototypes
from mmembed.analysis.labels.scores import calibration_error, reliability

SHOTS = (1, 2, 3, 5, 10, 20, 50)
LABELLED = (20, 50, 100)
DRAWS = 5
Matrix = npt.NDArray[np.float32]
Codes = npt.NDArray[np.intp]


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
            surest = np.argsort(-found.scores, kind="stable")
            covered = [right[surest[: max(1, round(share * len(right)))]].mean() for share in (0.75, 0.5, 0.25)]
            lines.append(
                f"{right.mean():.3f} (surest 3/4, 1/2, 1/4: {', '.join(f'{one:.3f}' for one in covered)}), mean score "
                f"{found.scores.mean():.3f}, calibration error {error:.3f}"
                + ("" if found.agreement is None else f", descriptions agree on {found.agreement:.0%}")
            )
        print(f"  zero-shot, {language}: {lines[0]}; mean removed {lines[1]}", flush=True)


def few_shots(name: str, rows: Matrix, y: Codes, classes: list[str]) -> None:
    described = words(name, "en", classes)
    center = rows.mean(axis=0)
    bare = (unit_rows(rows - center) @ unit_rows(described - described.mean(axis=0)).T).argmax(axis=1)
    print(
        f"  few-shot, mean of {DRAWS} draws; rows a class: words and rows | prototypes of both | of rows alone | "
        "default without words | words alone"
    )
    for shots in (one for one in SHOTS if one <= 20 or one * len(classes) <= len(y) // 2):
        scores = []
        for seed in range(DRAWS):
            random = np.random.default_rng(seed)
            known = np.concatenate(
                [random.permutation(np.flatnonzero(y == one))[:shots] for one in range(len(classes))]
            )
            rest = np.setdiff1d(np.arange(len(y)), known)
            makers = [
                DescribedClassifier(descriptions=described, center=center, random_state=0),
                ShrunkenPrototypes(descriptions=described, center=center),
                ShrunkenPrototypes(center=center),
                KernelClassifier(random_state=0) if shots > 2 else ShrunkenPrototypes(center=center),
            ]
            found = [one.fit(rows[known], y[known]).score(rows[rest], y[rest]) for one in makers]
            scores.append((*found, (bare == y)[rest].mean()))
        means = np.mean(scores, axis=0)
        print(f"    {shots:3}: " + " | ".join(f"{one:.3f}" for one in means), flush=True)
    print("  words and rows drawn from the whole table: accuracy, mean score, calibration error on the others")
    for count in (one for one in LABELLED if one <= 3 * len(y) // 4):
        scores = []
        for seed in range(DRAWS):
            order = np.random.default_rng(seed).permutation(len(y))
            known, rest = order[:count], order[count:]
            fitted = DescribedClassifier(descriptions=described, center=center, random_state=0)
            fitted.fit(rows[known], y[known])
            probabilities = fitted.predict_proba(rows[rest])
            best, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == y[rest]
            scores.append((right.mean(), best.mean(), calibration_error(reliability(best, right))))
        means = np.mean(scores, axis=0)
        print(f"    {count:3}: {means[0]:.3f}, {means[1]:.3f}, {means[2]:.3f}", flush=True)


def gain_by_words(name: str, rows: Matrix, y: Codes, classes: list[str], shots: int = 20) -> float:
    """Return by how much accuracy is higher with descriptions than without, of so many rows a class at most."""
    described = words(name, "en", classes)
    center = rows.mean(axis=0)
    gains = []
    for seed in range(DRAWS):
        random = np.random.default_rng(seed)
        known = np.concatenate([random.permutation(np.flatnonzero(y == one))[:shots] for one in range(len(classes))])
        rest = np.setdiff1d(np.arange(len(y)), known)
        makers = (
            DescribedClassifier(descriptions=described, center=center, random_state=0),
            KernelClassifier(random_state=0),
        )
        ours, bare = (one.fit(rows[known], y[known]).score(rows[rest], y[rest]) for one in makers)
        gains.append(ours - bare)
    return float(np.mean(gains))
