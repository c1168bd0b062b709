"""The default classifier beside tuned peers: all rows, one rare class, labels that are mistaken, few described labels.

Tuned on which set: the number of landmarks on digits, emoji-names-zh, sayings, texture, verb-glosses, chatbot,
reviews-zh and heavy-tails-development; that few landmarks show where the penalty has to be, and that nothing beside it
is tried on all rows, on digits, sayings, emoji-names-en, emoji-names-zh, laws-zh, computing-terms, verb-glosses and
texture; a class's own factor on emoji-names-zh, emoji-names-en, sayings and verb-glosses with 20 rows of one class; the
order of label issues and the level of what is returned on digits, emoji-names-zh, sayings, verb-glosses,
computing-terms and laws-zh; the share of descriptions on emoji-names-zh, emoji-names-en, sayings and verb-glosses.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from mmembed.analysis import fit_classifier
from mmembed.analysis.labels.kernel_classifier import KernelClassifier
from mmembed.analysis.labels.scores import calibration_error, reliability

Matrix = npt.NDArray[np.float32]
Codes = npt.NDArray[np.intp]
FEW, BESIDE, DRAWS = 20, 1000, 5
SHARES = {"the most similar class": 0.04, "any class": 0.02}


def beside_peers(rows: Matrix, y: Codes) -> None:
    """Print accuracy and processor time beside three methods, each tuned by a grid and five folds, on one split."""
    enough = np.bincount(y)[y] >= 10
    rows, y = rows[enough], np.unique(y[enough], return_inverse=True)[1]
    known, held, truth, asked = train_test_split(rows, y, train_size=0.8, stratify=y, random_state=0)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    peers: dict[str, Any] = {
        "ours": KernelClassifier(random_state=0),
        "logistic regression": GridSearchCV(
            LogisticRegression(max_iter=2000), {"C": [0.01, 0.1, 1, 10, 100]}, cv=folds
        ),
        "RBF SVC": GridSearchCV(SVC(), {"C": [1, 10, 100], "gamma": ["scale", 1.0]}, cv=folds),
        "kNN": GridSearchCV(KNeighborsClassifier(metric="cosine"), {"n_neighbors": [3, 5, 10, 20]}, cv=folds),
    }
    scores, seconds = {}, {}
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        for name, one in peers.items():
            begin = time.process_time()
            one.fit(known, truth)
            seconds[name] = time.process_time() - begin
            scores[name] = float(one.score(held, asked))
    noise = (scores["ours"] * (1 - scores["ours"]) / len(asked)) ** 0.5
    print("  beside peers: " + "; ".join(f"{one} {scores[one]:.4f} in {seconds[one]:.2f} s" for one in peers))
    print(
        f"    bar: {scores['ours'] - max(list(scores.values())[1:]):+.4f} to the best peer (one standard error "
        f"{noise:.4f}); 1/{seconds['logistic regression'] / seconds['ours']:.1f} and 1/"
        f"{seconds['RBF SVC'] / seconds['ours']:.1f} of the two grid searches' time",
        flush=True,
    )


def rare_draws(rows: Matrix, y: Codes) -> Iterator[tuple[int, Matrix, Codes, Matrix, Codes]]:
    """Yield a class, what is learned with twenty rows of it, and what is asked; nothing where no class has the rows."""
    for seed in range(DRAWS if np.bincount(y).max() >= 3 * FEW else 0):
        random = np.random.default_rng(seed)
        rare = int(random.choice(np.flatnonzero(np.bincount(y) >= 3 * FEW)))
        held = np.zeros(len(y), dtype=bool)
        held[random.permutation(len(y))[: len(y) // 3]] = True
        mine = random.permutation(np.flatnonzero((y == rare) & ~held))[:FEW]
        known = np.append(mine, random.permutation(np.flatnonzero((y != rare) & ~held))[:BESIDE])
        yield rare, rows[known], y[known], rows[held], y[held]


def rare_methods() -> dict[str, Any]:
    return {
        "ours": KernelClassifier(random_state=0),
        "ours, balanced": KernelClassifier(class_weight="balanced", random_state=0),
        "logistic regression, C = 10": LogisticRegression(C=10, max_iter=1000),
        "logistic regression, C = 100": LogisticRegression(C=100, max_iter=1000),
    }


def likelihoods(one: Any, known: Matrix, y: Codes, asked: Matrix) -> npt.NDArray[np.float64]:
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        return np.asarray(one.fit(known, y).predict_proba(asked))


def rare_class(rows: Matrix, y: Codes) -> None:
    """Print recall and precision of a class with 20 labelled rows beside a thousand others, and calibration."""
    sums: dict[str, list[npt.NDArray[np.float64]]] = {}
    for rare, known, truth, asked, label in rare_draws(rows, y):
        is_rare = label == rare
        for name, one in rare_methods().items():
            likely = likelihoods(one, known, truth, asked)
            said = one.classes_[likely.argmax(axis=1)]
            right = (said == label)[~is_rare]
            counts = [((said == rare) & is_rare).sum(), (said == rare).sum(), is_rare.sum()]
            error = calibration_error(reliability(likely.max(axis=1)[~is_rare], right))
            sums.setdefault(name, []).append(np.array([*counts, right.mean(), error]))
    if not sums:
        print("  no class has the rows for twenty labelled ones and a test")
        return
    print(f"  one class with {FEW} labelled rows beside {BESIDE:,} others, {DRAWS} draws:")
    for name, lines in sums.items():
        hits, called, there = np.sum([one[:3] for one in lines], axis=0)
        others, error = np.mean([one[3:] for one in lines], axis=0)
        print(
            f"    {name:30} recall {hits / there:.3f}, precision {hits / max(called, 1):.3f}; others right "
            f"{others:.3f}, calibration error {error:.3f}",
            flush=True,
        )


def rare_recall(rows: Matrix, y: Codes) -> tuple[float, float]:
    """Return the recall of a rare class at the precision of logistic regression, and that one's, all draws together.

    Of the two strengths the one with the higher recall counts. Rows are called the class from that level of its odds
    against the likeliest other on that gives the same precision.
    """
    odds: list[Any] = []
    hits: list[Any] = []
    theirs: dict[str, list[Any]] = {}
    for rare, known, truth, asked, label in rare_draws(rows, y):
        for name, one in rare_methods().items():
            if name == "ours, balanced":
                continue
            likely = likelihoods(one, known, truth, asked)
            own = likely[:, list(one.classes_).index(rare)]
            others = np.where(one.classes_ == rare, 0, likely).max(axis=1)
            if name == "ours":
                odds.append(np.log(own + 1e-12) - np.log(others + 1e-12))
                hits.append(label == rare)
            else:
                theirs.setdefault(name, []).append((((own > others) & (label == rare)).sum(), (own > others).sum()))
    is_rare = np.concatenate(hits)
    found, called = max((np.sum(one, axis=0) for one in theirs.values()), key=lambda one: one[0])
    ordered = is_rare[np.argsort(-np.concatenate(odds), kind="stable")]
    precisions = np.cumsum(ordered) / np.arange(1, len(ordered) + 1)
    enough = np.flatnonzero(precisions >= found / max(1, called))
    ours = ordered[: enough[-1] + 1].sum() if len(enough) else 0
    return float(ours / is_rare.sum()), float(found / is_rare.sum())


def issue_precisions(rows: Matrix, y: Codes, kind: str, draws: int = 3) -> tuple[float, float]:
    """Return the precision of as many rows as labels were mistaken: ours, and by the label's own held-out probability.

    The latter is cleanlab's default order on the same probabilities.
    """
    shares = []
    for seed in range(draws):
        labels = mistaken(rows, y, kind, seed)
        planted = labels != y
        every = fit_classifier(rows, pd.Series(labels)).label_issues(len(y))
        hits = planted[every["position"].to_numpy()]
        theirs = np.argsort(every["label_probability"].to_numpy(), kind="stable")
        shares.append([hits[: planted.sum()].mean(), hits[theirs[: planted.sum()]].mean()])
    ours, own = np.mean(shares, axis=0)
    return float(ours), float(own)


def share_of_search(rows: Matrix, y: Codes) -> tuple[float, float]:
    """Return our processor time as a share of a five-fold grid search's, and by how much accuracy is above its."""
    enough = np.bincount(y)[y] >= 10
    rows, y = rows[enough], np.unique(y[enough], return_inverse=True)[1]
    known, held, truth, asked = train_test_split(rows, y, train_size=0.8, stratify=y, random_state=0)
    split = StratifiedKFold(5, shuffle=True, random_state=0)
    search = GridSearchCV(LogisticRegression(max_iter=2000), {"C": [0.01, 0.1, 1, 10, 100]}, cv=split)
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        KernelClassifier(random_state=0).fit(known[:200], truth[:200])  # imports
        ours = []
        for _ in range(3):
            begin = time.process_time()
            fitted = KernelClassifier(random_state=0).fit(known, truth)
            ours.append(time.process_time() - begin)
        begin = time.process_time()
        search.fit(known, truth)
        theirs = time.process_time() - begin
    return float(np.median(ours)) / theirs, float(fitted.score(held, asked) - search.score(held, asked))


def mistaken(rows: Matrix, y: Codes, kind: str, seed: int) -> Codes:
    """Return the labels with a share replaced by the class whose mean is nearest, or by any other."""
    random = np.random.default_rng(seed)
    n_classes = int(y.max()) + 1
    planted = random.choice(len(y), round(SHARES[kind] * len(y)), replace=False)
    wrong = y.copy()
    if kind == "any class":
        wrong[planted] = (y[planted] + random.integers(1, n_classes, len(planted))) % n_classes
        return wrong
    means = np.stack([rows[y == one].mean(axis=0) for one in range(n_classes)])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    near = (rows - rows.mean(axis=0)) @ (means - means.mean(axis=0)).T
    near[np.arange(len(y)), y] = -np.inf
    wrong[planted] = near[planted].argmax(axis=1)
    return wrong


def mistaken_labels(rows: Matrix, y: Codes) -> None:
    """Print the precision of the first rows, and of what is returned without a number, beside other orders.

    cleanlab is given the held-out probabilities of our classifier, with its defaults (scores by the label's own
    probability, issues by pruning by the noise rate), and with the margin. It sees no neighbours.
    """
    for kind in SHARES:
        labels = mistaken(rows, y, kind, 0)
        planted = labels != y
        count = int(planted.sum())
        found = fit_classifier(rows, pd.Series(labels))
        every = found.label_issues(len(y))
        own, rival = every["label_probability"], every["suggested_probability"]
        # The order before: the label's own probability and votes alone.
        before = ((own + 1e-3) * (every["label_votes"] + 0.1)).to_numpy()
        orders = {
            "ours": np.arange(len(every)),
            "own probability and votes (before)": np.argsort(before, kind="stable"),
            "margin": np.argsort((own - rival).to_numpy(), kind="stable"),
        }
        hits = planted[every["position"].to_numpy()]
        precisions = {name: hits[order[:count]].mean() for name, order in orders.items()}
        theirs = beside_cleanlab(labels, found, planted, precisions)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            returned = planted[found.label_issues()["position"].to_numpy()]
        print(
            f"  {count} labels mistaken for {kind}, classifier right for {found.accuracy:.3f}; precision of as many: "
            + ", ".join(f"{name} {share:.3f}" for name, share in precisions.items())
            + f"; without a number {len(returned)} rows"
            + (f", {returned.mean():.3f} of them planted" if len(returned) else "")
            + (", and a warning that the classifier is too weak" if said else "")
            + theirs,
            flush=True,
        )


def beside_cleanlab(labels: Codes, found: Any, planted: npt.NDArray[np.bool_], precisions: dict[str, float]) -> str:
    """Add the precision of cleanlab's orders, and return what it says without a number; a note where it is missing."""
    try:
        from cleanlab.filter import find_label_issues
        from cleanlab.rank import get_label_quality_scores
    except ModuleNotFoundError:
        return "; cleanlab is not installed (pip install cleanlab)"
    held = found.held_out
    measured = np.flatnonzero(held.measured)
    likely = held.probabilities[measured].astype(np.float64)
    likely /= likely.sum(axis=1, keepdims=True)
    given, is_planted, count = labels[measured], planted[measured], int(planted.sum())
    for method, name in (("self_confidence", "cleanlab"), ("normalized_margin", "cleanlab, margin")):
        worst = np.argsort(get_label_quality_scores(given, likely, method=method), kind="stable")
        precisions[name] = float(is_planted[worst[:count]].mean())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        issues = find_label_issues(given, likely, n_jobs=1)
    share = f", {is_planted[issues].mean():.3f} of them planted" if issues.any() else ""
    return f"; cleanlab without a number {int(issues.sum())} rows{share}"
