"""Label errors that are planted: how many are found, and how many could be found by whoever knew the true labels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

from mmembed.analysis import fit_classifier
from mmembed.analysis.graphs.graph import shared_graph
from mmembed.analysis.labels.review import find_label_issues

Codes = npt.NDArray[np.intp]
SHARE = 0.02
PARTS = 5
TAUGHT = 20


@dataclass(frozen=True)
class Oracle:
    """What is known of each row to somebody who has all true labels but its own.

    Attributes
    ----------
    y : numpy.ndarray of int, shape (n,)
    probabilities : numpy.ndarray, shape (n, c)
        By a classifier that learned true labels, of rows held out.
    votes : numpy.ndarray, shape (n, c)
        Shares of true labels among the ten nearest rows.
    """

    y: Codes
    probabilities: npt.NDArray[np.float64]
    votes: npt.NDArray[np.float64]

    def features(self, labels: Codes) -> npt.NDArray[np.float64]:
        """Return what speaks for and against each label, shape (n, 6)."""
        at = np.arange(len(labels))
        columns = []
        for table in (self.probabilities, self.votes):
            others = table.copy()
            others[at, labels] = -1
            columns += [table[at, labels], others.max(axis=1)]
        entropy = -(self.probabilities * np.log(self.probabilities + 1e-9)).sum(axis=1)
        return np.column_stack([*columns, entropy, np.bincount(self.y, minlength=labels.max() + 1)[labels]])

    def rank(self, draws: list[Codes]) -> list[Codes]:
        """Return the rows of each draw of labels, most doubtful first.

        A gradient boosting is taught on other draws which labels are planted, each row by models that saw no label of
        it: no order of rows by these features is much better.
        """
        part = np.random.default_rng(7).integers(PARTS, size=len(self.y))
        taught = [plant(self.y, 1000 + seed) for seed in range(TAUGHT if len(self.y) > 500 else 5 * TAUGHT)]
        told = [self.features(one) for one in taught]
        scores = np.zeros((len(draws), len(self.y)))
        asked = [self.features(one) for one in draws]
        for held in range(PARTS):
            inside = part == held
            x = np.concatenate([one[~inside] for one in told])
            is_planted = np.concatenate([(one != self.y)[~inside] for one in taught])
            model = HistGradientBoostingClassifier(max_depth=3, max_iter=100, random_state=0).fit(x, is_planted)
            for at, one in enumerate(asked):
                scores[at, inside] = model.predict_proba(one[inside])[:, 1]
        return [np.argsort(-one, kind="stable") for one in scores]


def plant(y: Codes, seed: int) -> Codes:
    """Return the labels with 2 % of them replaced by another one, each other one as likely."""
    random = np.random.default_rng(seed)
    rows = random.choice(len(y), max(1, round(SHARE * len(y))), replace=False)
    wrong = y.copy()
    n_classes = int(y.max()) + 1
    wrong[rows] = (y[rows] + random.integers(1, n_classes, len(rows))) % n_classes
    return wrong


def planted_errors(frame: pd.DataFrame) -> None:
    """Print the precision among the most doubtful 2 %, beside what true labels would find."""
    y = pd.Categorical(frame["label"]).codes.astype(np.intp)
    n_classes, matrix = int(y.max()) + 1, frame["vector"].array.matrix
    true = fit_classifier(frame["vector"], pd.Series(y)).held_out
    votes = np.eye(n_classes)[y][shared_graph(matrix, 10).indices].mean(axis=1)
    oracle = Oracle(y, np.nan_to_num(true.probabilities.astype(np.float64), nan=1 / n_classes), votes)
    draws = [plant(y, seed) for seed in range(100 if len(y) < 500 else 3 if len(y) < 5000 else 1)]
    taught = oracle.rank(draws)
    found, same, best, suggested = [], [], [], []
    for labels, ranked in zip(draws, taught, strict=True):
        planted = np.flatnonzero(labels != y)
        issues = fit_classifier(frame["vector"], pd.Series(labels)).label_issues(len(planted))
        hits = np.isin(issues["position"], planted)
        found.append(hits.sum() / len(planted))
        known = find_label_issues(replace(true, y=labels), matrix)["row"][: len(planted)]
        same.append(np.isin(known, planted).sum() / len(planted))
        best.append(np.isin(ranked[: len(planted)], planted).mean())
        right = issues["suggested"].to_numpy(dtype=int) == y[issues["position"]]
        suggested.append(right[hits].mean() if hits.any() else np.nan)
    error = f" ± {2 * np.std(found, ddof=1) / len(found) ** 0.5:.3f}" if len(found) > 1 else ""
    ceiling = max(np.mean(same), np.mean(best))
    print(
        f"  {SHARE:.0%} planted errors ({len(planted)} rows, {len(draws)} draw(s)): precision among the first "
        f"{SHARE:.0%} {np.mean(found):.3f}{error}; with the true labels of other rows {np.mean(same):.3f} by the "
        f"same ranking, {np.mean(best):.3f} by one taught on planted errors: {np.mean(found) / ceiling:.0%} of what "
        f"true labels find; true label suggested for {np.nanmean(suggested):.0%}",
        flush=True,
    )
