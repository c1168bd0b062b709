"""Reading and counting texts part by part: the same as if the table had been one."""

from __future__ import annotations

from functools import reduce
from operator import add

import numpy as np

from mmembed.analysis.names.keywords import count_terms, keywords, merge_samples, rank_terms, sample_texts, tally_known

WORDS = "red blue dress shoe shoes chair table wooden silver 连衣裙 沙发 of a".split()  # noqa: SIM905


def rows(n, words=6, seed=0):
    """Return labels, texts (some missing or blank) and weights."""
    random = np.random.default_rng(seed)
    texts = [" ".join(random.choice(WORDS, words)) for _ in range(n)]
    texts[0], texts[1] = None, "  "
    return random.integers(-1, 3, n), texts, random.random(n)


def test_texts_are_read_alike_in_parts():
    """Of a table that is too large to be read, the parts' samples merge to the sample of the whole."""
    labels, texts, weights = rows(6000, words=180)
    whole = sample_texts(labels, texts, weights)
    assert not whole.is_whole
    assert sum(len(text.encode()) for text in whole.texts) < 4_010_000
    cuts = [slice(0, 10), slice(10, 5500), slice(5500, 6000)]
    parts = [sample_texts(labels[at], texts[at], weights[at], first=at.start) for at in cuts]
    merged = merge_samples([merge_samples(parts[:2]), parts[2]])
    assert not merged.is_whole
    assert set(zip(merged.positions, merged.labels, merged.texts, merged.weights, strict=True)) == set(
        zip(whole.positions, whole.labels, whole.texts, whole.weights, strict=True)
    )


def test_counts_of_parts_add_up():
    """Terms counted part by part have the counts, and the ranks, that they have in the whole table."""
    labels, texts, weights = rows(400)
    sample = sample_texts(labels, texts, weights)
    counted = count_terms(sample)
    tally = counted.tally(sample)
    known = {"names": tally.labels, "terms": counted.terms, "spellings": counted.spellings}
    cuts = [slice(0, 1), slice(1, 250), slice(250, 400)]
    parts = [tally_known(labels[at], texts[at], weights[at], **known) for at in cuts]
    total = reduce(add, parts)
    np.testing.assert_array_equal(total.plain.toarray(), tally.plain.toarray())
    np.testing.assert_allclose(total.weighted.toarray(), tally.weighted.toarray())
    np.testing.assert_array_equal(total.texts, tally.texts)
    ranked = rank_terms(tally, counted.examples(sample), counted.writing(sample))
    assert ranked == keywords(labels, texts, weights)
    assert {label: [one.term for one in found] for label, found in ranked.items()}
