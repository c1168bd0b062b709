"""Short names for clusters, from the words that set their captions apart from those of the other clusters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from mmembed.analysis.terms import is_han, overlap, terms_of

NOISE_NAME = "noise"
SEPARATOR = " · "
# A term that is nearly always part of one longer term says less than that one.
_NEARLY_ALWAYS = 0.75


def name_clusters(labels: Any, text: Any = None, *, most_terms: int = 3) -> dict[int, str]:
    """Name each cluster by up to three terms, each name once.

    Terms are ranked by class-based TF-IDF (Grootendorst, "BERTopic", 2022) over the captions that contain them, and
    must be more frequent in the cluster than elsewhere. Spaced languages give words and pairs of words; Chinese,
    without spaces, gives stretches of 2 to 6 characters of which those that are only pieces of a longer one are
    dropped.

    Parameters
    ----------
    labels : sequence of int, length n
        -1 is noise; missing labels are left out.
    text : sequence of str, length n, optional
        Captions; missing ones are left out. Without it, and where no term stands out, a cluster is called by its label.
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
    ranked: Mapping[int, list[str]] = {}
    if text is not None:
        captions = list(text)
        if len(captions) != len(values):
            raise ValueError(f"text has {len(captions)} captions for {len(values)} rows. Give one for each row.")
        ranked = _ranked_terms(_captions_by_cluster(values, captions))
    names: dict[int, str] = {}
    taken = {NOISE_NAME}
    for label in clusters:
        names[label] = _first_free(_picked(ranked.get(label, []), most_terms), taken, f"cluster {label}")
        taken.add(names[label])
    if -1 in present:
        names[-1] = NOISE_NAME
    return names


def _captions_by_cluster(labels: Any, captions: list[Any]) -> dict[int, list[str]]:
    grouped: dict[int, list[str]] = {}
    for label, caption in zip(labels, captions, strict=True):
        if label is not pd.NA and label >= 0 and isinstance(caption, str) and caption.strip():
            grouped.setdefault(int(label), []).append(caption)
    return grouped


def _ranked_terms(captions: Mapping[int, list[str]]) -> dict[int, list[str]]:
    """Return the terms of each cluster that stand out there, best first."""
    # A caption counts once for each of its terms, so that one long caption cannot name a cluster.
    counts = {label: Counter(term for one in group for term in set(terms_of(one))) for label, group in captions.items()}
    everywhere: Counter[str] = Counter()
    for found in counts.values():
        everywhere.update(found)
    n_captions = sum(len(group) for group in captions.values())
    average = sum(everywhere.values()) / max(1, len(counts))
    ranked = {}
    for label, found in counts.items():
        size = len(captions[label])
        scores = {}
        for term, count in _without_pieces(found).items():
            elsewhere = everywhere[term] - count
            share, other_share = count / size, elsewhere / max(1, n_captions - size)
            if share > other_share and (count > 1 or size < 4):
                scores[term] = (share - other_share) * np.log1p(average / everywhere[term])
        ranked[label] = sorted(scores, key=lambda term: (-scores[term], -len(term), term))
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


def _picked(ranked: list[str], most_terms: int) -> list[list[str]]:
    """Return the names to try: the best terms that do not overlap, then the same with later terms in the last place."""
    distinct: list[str] = []
    for term in ranked:
        if not any(overlap(term, one) for one in distinct):
            distinct.append(term)
    best = distinct[:most_terms]
    if not best:
        return []
    return [best, *([*best[:-1], other] for other in distinct[most_terms:])]


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
