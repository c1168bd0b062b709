"""Short names for clusters, from the words that set their captions apart from those of the other clusters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.terms import is_han, overlap, terms_of

NOISE_NAME = "noise"
SEPARATOR = " · "
# A term that is nearly always part of one longer term says less than that one.
_NEARLY_ALWAYS = 0.75
# A term this much weaker than the first would only blur the name.
_WEAK = 0.4


def name_clusters(labels: Any, text: Any = None, *, scores: Any = None, most_terms: int = 3) -> dict[int, str]:
    """Name each cluster by up to three terms, each name once.

    Terms are ranked by class-based TF-IDF (Grootendorst, "BERTopic", 2022) over the captions that contain them, must be
    more frequent in the cluster than elsewhere, and come into the name while they are not much weaker than the first.
    Spaced languages give words and pairs of words. Chinese gives whole short captions, and stretches of 2 to 6
    characters that occur in several captions and are not just pieces of a longer stretch.

    Parameters
    ----------
    labels : sequence of int, length n
        -1 is noise; missing labels are left out.
    text : sequence of str, length n, optional
        Captions; missing ones are left out. Without it, and where no term stands out, a cluster is called by its label.
    scores : sequence of float, length n, optional
        How typical each row is of its cluster: where no term is shared, as in a table of one-word captions, those of
        typical rows come first.
    most_terms : int
        Terms in a name at most.

    Returns
    -------
    dict of int to str
        In order of the labels.

    Examples
    --------
    >>> name_clusters([0, 0, 1, 1], ["red dress", "long dress", "running shoe", "leather shoe"], most_terms=1)
    {0: 'dress', 1: 'shoe'}
    >>> name_clusters([0, 1, -1])
    {0: 'cluster 0', 1: 'cluster 1', -1: 'noise'}
    """
    values = pd.Series(labels).astype("Int64").array
    present = sorted({int(label) for label in values if label is not pd.NA}, key=lambda one: (one < 0, one))
    clusters = [label for label in present if label >= 0]
    ranked: Mapping[int, Mapping[str, float]] = {}
    if text is not None:
        captions = list(text)
        if len(captions) != len(values):
            raise ValueError(f"text has {len(captions)} captions for {len(values)} rows. Give one for each row.")
        weights = np.ones(len(values)) if scores is None else np.asarray(scores, dtype=float)
        if len(weights) != len(values):
            raise ValueError(f"scores has {len(weights)} values for {len(values)} rows. Give one for each row.")
        ranked = _ranked_terms(_captions_by_cluster(values, captions, weights))
    names: dict[int, str] = {}
    taken = {NOISE_NAME}
    for label in clusters:
        names[label] = _first_free(_picked(ranked.get(label, {}), most_terms), taken, f"cluster {label}")
        taken.add(names[label])
    if -1 in present:
        names[-1] = NOISE_NAME
    return names


def _captions_by_cluster(
    labels: Any, captions: list[Any], weights: npt.NDArray[np.float64]
) -> dict[int, list[tuple[str, float]]]:
    """Return the captions of each cluster with their weights; blank and missing ones are left out."""
    grouped: dict[int, list[tuple[str, float]]] = {}
    for label, caption, weight in zip(labels, captions, weights, strict=True):
        if label is not pd.NA and label >= 0 and isinstance(caption, str) and caption.strip():
            # Weights tell captions apart, but none is so atypical that it does not count.
            grouped.setdefault(int(label), []).append((caption, 0.5 + 0.5 * float(np.nan_to_num(weight))))
    return grouped


def _ranked_terms(captions: Mapping[int, list[tuple[str, float]]]) -> dict[int, dict[str, float]]:
    """Return the terms of each cluster that stand out there with their scores, best first."""
    weights: dict[int, Counter[str]] = {}
    whole: Counter[str] = Counter()
    everywhere: Counter[str] = Counter()
    for label, group in captions.items():
        found: Counter[str] = Counter()
        for caption, weight in group:
            # A caption counts once for each of its terms, so that one long caption cannot name a cluster.
            terms = dict(sorted(terms_of(caption), key=lambda pair: pair[1]))
            everywhere.update(terms.keys())
            whole.update(term for term, is_whole in terms.items() if is_whole)
            for term in terms:
                found[term] += weight  # type: ignore[assignment]  # a Counter of floats
        weights[label] = found
    average = sum(everywhere.values()) / max(1, len(captions))
    totals = {label: sum(weight for _, weight in group) for label, group in captions.items()}
    ranked = {}
    for label, found in weights.items():
        scores = {}
        for term, weight in _without_pieces(found).items():
            share = weight / totals[label]
            elsewhere = sum(other[term] for at, other in weights.items() if at != label)
            other_share = elsewhere / max(1e-9, sum(totals.values()) - totals[label])
            if share > other_share and (whole[term] or everywhere[term] > 1):
                scores[term] = (share - other_share) * np.log1p(average / everywhere[term])
        ranked[label] = dict(sorted(scores.items(), key=lambda pair: (-round(pair[1], 9), -len(pair[0]), pair[0])))
    return ranked


def _without_pieces(counts: Counter[str]) -> Counter[str]:
    """Return the counts without terms that are nearly always part of one longer term."""
    kept = Counter(counts)
    by_length = sorted(counts, key=len, reverse=True)
    for longer in by_length:
        for piece in _pieces(longer):
            if piece in kept and counts[longer] >= _NEARLY_ALWAYS * counts[piece]:
                del kept[piece]
    return kept


def _pieces(term: str) -> Iterable[str]:
    """Return the proper parts of a term that could be terms."""
    if not is_han(term):
        words = term.split()
        return words if len(words) > 1 else []
    return {term[i:j] for i in range(len(term)) for j in range(i + 2, len(term) + 1) if j - i < len(term)}


def _picked(ranked: Mapping[str, float], most_terms: int) -> list[list[str]]:
    """Return the names to try: the best terms that do not overlap, then the same with later terms in the last place."""
    distinct: list[str] = []
    for term in ranked:
        if not any(overlap(term, one) for one in distinct):
            distinct.append(term)
    if not distinct:
        return []
    least = _WEAK * ranked[distinct[0]]
    best = [term for term in distinct[:most_terms] if ranked[term] >= least]
    return [best, *([*best[:-1], other] for other in distinct[len(best) :])]


def _first_free(candidates: list[list[str]], taken: set[str], default: str) -> str:
    for terms in candidates:
        if (name := SEPARATOR.join(terms)) not in taken:
            return name
    base = SEPARATOR.join(candidates[0]) if candidates else default
    number = 1
    name = base
    while name in taken:
        number += 1
        name = f"{base} ({number})"
    return name
