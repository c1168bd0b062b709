"""Short names for clusters: from the words of their texts, from a vocabulary in their own space, or by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmembed.analysis.names.names import NOISE_NAMES, Naming, compose
from mmembed.analysis.names.near_terms import rank_by_nearness
from mmembed.analysis.names.terms import LANGUAGES, Evidence, Language, has_han
from mmembed.errors import one_of
from mmembed.frames import beside, index_of
from mmembed.vectors import as_vector_array, check_comparable

if TYPE_CHECKING:
    from mmembed.arrays import Positions

# Texts of each cluster that are kept for whoever rewrites the names, and how much of each.
_SAMPLE_TEXTS = 5
_SAMPLE_CHARACTERS = 200
_AUDITED = 8


def name_clusters(
    labels: Any,
    text: Any = None,
    *,
    scores: Any = None,
    vectors: Any = None,
    kinds: Any = None,
    embed: Callable[[list[str]], Any] | None = None,
    embed_terms: Callable[[list[str]], Any] | None = None,
    vocabulary: Sequence[str] | None = None,
    language: str = "auto",
    most_terms: int = 3,
) -> Naming:
    """Name each cluster by up to three terms of its texts, or of a vocabulary; no two clusters get one name.

    Terms of texts are ranked by class-based TF-IDF contrasted with the sibling clusters, and come into the name while
    they are not much weaker than the first. They lead where a fifth of the texts have the first one. Else the name
    begins with a phrase of a vocabulary, if it is known how to embed phrases and if one is clear: half of the rows are
    near to it, and hardly a row elsewhere. Else a term leads that one in 25 of the texts have. A cluster without
    anything in common is called mixed, with up to three examples. Names are one line of at most 80 characters, whatever
    the cells hold.

    Parameters
    ----------
    labels : sequence of int, length n
        -1 is noise; missing labels are left out.
    text : sequence of str, length n, optional
        Texts in Chinese, English or other languages with spaces between words; missing ones are left out. Without
        it, and where no term stands out, a cluster is called by its label.
    scores : sequence of float, length n, optional
        How typical each row is of its cluster, 0 to 1: of terms that are equally frequent, as in a table of one-word
        captions, those of typical rows come first.
    vectors : vector column, shape (n, d), optional
        What was clustered; needed to name clusters by the vocabulary.
    kinds : sequence of length n, optional
        Kind of content of each row, as for the clusters.
    embed : callable, optional
        Takes a list of phrases and returns their vectors, in the space of ``vectors``. It is called once, with both
        wordings of some 1,900 phrases: some 8,400 tokens, which a paid model charges unless a cache has them.
    embed_terms : callable, optional
        The same for terms of the texts, some 20 a cluster; give it where that costs nothing. Terms that are near to the
        middle of the cluster, and farther from the others', then come before others that are as frequent.
    vocabulary : sequence of str, optional
        Phrases of your own, beside the shipped ones; needs ``embed``.
    language : {"auto", "zh", "en"}
        Only terms of this language, and the vocabulary in it. ``"auto"`` takes terms of either, and the vocabulary in
        the language of most texts, in English without texts.
    most_terms : int
        Terms in a name at most.

    Returns
    -------
    Naming
        A mapping of label to name, in order of the labels, with ``.audit()``, ``.rename()`` and ``.rewrite()``.

    Examples
    --------
    >>> dict(name_clusters([0, 0, 1, 1], ["red dress", "long dress", "running shoe", "leather shoe"], most_terms=1))
    {0: 'dress', 1: 'shoe'}
    >>> dict(name_clusters([0, 1, -1]))
    {0: 'cluster 0', 1: 'cluster 1', -1: 'noise'}
    """
    from mmembed.analysis.names.keywords import keywords

    index = index_of(labels) if index_of(vectors) is None else index_of(vectors)
    text, scores, kinds = (
        beside(one, index, argument=argument)
        for one, argument in ((text, "text"), (scores, "scores"), (kinds, "kinds"))
    )
    values = _labels(beside(labels, index, argument="labels"))
    wanted = checked_language(language)
    texts = _row_values("text", text, len(values))
    weights = np.ones(len(values)) if scores is None else np.asarray(_row_values("scores", scores, len(values)), float)
    spoken = wanted or _language_of(texts)
    ranked = {} if texts is None else keywords(values, texts, weights, language=wanted)
    array = _check_vectors(vectors, len(values), needed=embed is not None or embed_terms is not None)
    if embed_terms is not None and ranked:
        ranked = rank_by_nearness(ranked, *_means_of_clusters(values, array, kinds), array, embed_terms)
    near = _find_near_phrases(values, array, kinds, embed=embed, vocabulary=vocabulary, language=spoken)
    present = np.unique(values[values >= 0]).tolist()
    names, origins = compose(present, ranked, near, language=spoken, most_terms=most_terms)
    if (values == -1).any():
        names[-1], origins[-1] = NOISE_NAMES[spoken], "number"
    return Naming(
        names,
        origins,
        {label: audited(ranked.get(label, ()), (near or {}).get(label, ())) for label in present},
        {} if texts is None else _sample_texts(values, texts, weights),
    )


def checked_language(language: str) -> Language | None:
    """Return the language, or None for ``"auto"``."""
    known = one_of("language", language, LANGUAGES)
    return None if known == "auto" else known  # type: ignore[return-value]  # checked above


def audited(ranked: Sequence[Evidence], near: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """Return the candidates of one cluster that the audit shows: the best terms and phrases, and what rows show.

    Each is shown once a source. What several rows show, or what is a phrase of the cluster, too, is one candidate.
    """
    phrases = _each_once([one for one in near if not one.is_thing])
    told = {one.shown for one in phrases}
    things = _each_once([one for one in near if one.is_thing and one.shown not in told])
    return (*_each_once(ranked)[:_AUDITED], *phrases[: max(0, _AUDITED - len(things))], *things)


def _each_once(candidates: Sequence[Evidence]) -> list[Evidence]:
    """Return the candidates without those that are shown like a better one."""
    first: dict[str, Evidence] = {}
    for one in candidates:
        first.setdefault(one.shown, one)
    return list(first.values())


def _check_vectors(vectors: Any, n_rows: int, *, needed: bool) -> Any:
    if not needed:
        return None
    if vectors is None:
        raise ValueError("embed= was given without vectors=, the vectors that were clustered.")
    array = as_vector_array(vectors)
    if len(array) != n_rows:
        raise ValueError(f"vectors has {len(array)} rows for {n_rows} labels. Give one for each row.")
    return array


def _find_near_phrases(
    labels: Positions, array: Any, kinds: Any, *, embed: Any, vocabulary: Any, language: Language
) -> dict[int, list[Evidence]] | None:
    """Return the phrases of the vocabulary that are near to each cluster, or None if phrases cannot be embedded."""
    if embed is None:
        if vocabulary is not None:
            raise ValueError("vocabulary= needs embed=, a function that embeds phrases in the space of the vectors.")
        return None
    from mmembed.analysis.names.phrases import near_phrases
    from mmembed.analysis.names.vocabulary import phrases_with, wordings

    phrases = phrases_with(vocabulary)
    if not (labels >= 0).any():
        return {}
    made = as_vector_array(embed(wordings(phrases)))
    check_comparable(array, made)
    if len(made) != len(wordings(phrases)) or made.isna().any():
        raise ValueError(f"embed= returned {len(made)} vectors for {len(wordings(phrases))} phrases, or missing ones.")
    return near_phrases(labels, array, kinds=kinds, phrases=phrases, texts=made, language=language)


def _means_of_clusters(labels: Positions, array: Any, kinds: Any) -> tuple[Positions, Any]:
    """Return the labels of the clusters that have vectors, and the mean centred row of each."""
    from mmembed.analysis.names.centred_rows import centred_clusters, cluster_sums

    rows, _, names, codes = centred_clusters(labels, array, kinds)
    return names, cluster_sums(rows, codes, len(names)) / np.bincount(codes, minlength=len(names))[:, None]


def _language_of(texts: Sequence[Any] | None) -> Language:
    """Return the language of most texts: Chinese if most of them have a Han character."""
    written = [text[:_SAMPLE_CHARACTERS] for text in texts or () if isinstance(text, str) and text.strip()]
    return "zh" if sum(map(has_han, written)) * 2 > len(written) else "en"


def _labels(labels: Any) -> Positions:
    """Return labels as int64, missing ones as -2."""
    return np.asarray(pd.Series(labels).astype("Int64").fillna(-2), dtype=np.int64)


def _row_values(name: str, values: Any, n_rows: int) -> Sequence[Any] | None:
    if values is None:
        return None
    listed = list(values)
    if len(listed) != n_rows:
        raise ValueError(f"{name} has {len(listed)} values for {n_rows} rows. Give one for each row.")
    return listed


def _sample_texts(labels: Positions, texts: Sequence[Any], weights: Any) -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    order = np.lexsort((np.arange(len(labels)), -np.nan_to_num(weights)))
    for label in np.unique(labels[labels >= 0]).tolist():
        kept: dict[str, None] = {}
        for position in order[labels[order] == label].tolist():
            text = texts[position]
            if isinstance(text, str) and text.strip():
                kept[" ".join(text[:_SAMPLE_CHARACTERS].split())] = None
            if len(kept) == _SAMPLE_TEXTS:
                break
        found[label] = tuple(kept)
    return found
