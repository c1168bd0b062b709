"""Near duplicates of which the contents are compared, as the verbs do: ``mmembed.find_duplicates`` and its like.

The functions of ``analysis`` know vectors alone; here the contents that the vectors were made of stand beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

from mmembed.accessor.copied_contents import alike_by_cells

if TYPE_CHECKING:
    from mmembed.analysis.finding.copied_pairs import Alike
    from mmembed.analysis.finding.duplicate_threshold import Threshold
    from mmembed.analysis.finding.duplicates import DuplicateLevels, Duplicates
    from mmembed.analysis.finding.leaks import Leaks

CellModality = Literal["auto", "text", "image"]


def find_duplicates(
    vectors: Any,
    threshold: Threshold = "auto",
    *,
    contents: Any = None,
    modality: CellModality = "auto",
    root: str | PathLike[str] | None = None,
    kinds: Any = None,
    prefer: Any = None,
    alike: Alike | None = None,
) -> Duplicates:
    """Group rows whose cosine similarity reaches a threshold, without chaining.

    Rows are taken one after the other; one that no representative has within the threshold becomes a representative
    itself (leader clustering, Hartigan 1975), and every other row goes to its most similar representative. So no group
    drifts from one topic to the next over a chain of small steps, and what is dropped has a near twin that stays.

    Equal vectors are found by their hash; other pairs are read from the neighbour graph that clusters, maps and
    outliers of the same column share. A zero vector, which has no direction, is nobody's duplicate.

    A column of vectors does not hold what they were made of. With ``contents=`` the answer is that of
    ``df.mmembed.duplicates``; without it the vectors alone tell, and in many tables they cannot.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
    threshold : float or "auto"
        Least cosine, from -1 to 1. What is a copy depends on the model and on the kind of content. ``"auto"`` is the
        level above which pairs are copies by their contents; where no level parts these, they are taken themselves.
        Without contents it is the level where copies stand apart from other pairs of this table, but no farther than a
        quarter of the distance (one less the cosine) that two rows have on average; where none do, it is so strict that
        about one row in a hundred has another one within it, and 0.999 in tables of fewer than a hundred rows. The
        result's ``threshold_source`` says which it was. :func:`duplicate_levels` shows pairs at several levels.
    contents : column or sequence, length n, optional
        What the vectors were made of: texts are copies by their letters, pictures by their pixels.
    modality : {"auto", "text", "image"}
        What the cells of ``contents`` are. By default texts, or pictures in memory; names of files are opened with
        ``"image"`` alone.
    root : path, optional
        Folder that relative file names start from; the working directory by default.
    kinds : array-like, shape (n,), optional
        The kind of content of each row's vector; each kind's mean is removed first, and the threshold then applies to
        what is left.
    prefer : array-like of numbers, shape (n,), optional
        Rows with greater values become representatives first; missing values come last, ties in row order. Without
        it, the first row of a group represents it.
    alike : callable, optional
        In the place of ``contents``, what says which rows are copies: called with positions ``left`` and ``right``, of
        shape (p,), of rows that are near each other, it returns whether each pair is one of copies.

    Returns
    -------
    Duplicates

    Raises
    ------
    ValueError
        If the threshold is neither a cosine nor ``"auto"``; contents, kinds or prefer have another length; contents
        stand beside a cosine or ``alike``, or their cells are neither texts nor pictures.

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.array([[1, 0], [0, 1], [1, 0.4], [1, 0]], dtype="float32")
    >>> find_duplicates(vectors, threshold=0.9).representatives.tolist()
    [0, 1, 0, 0]
    >>> said = ["a red dress, size M", "a green hat", "a red dress, size L", "A red dress, size M!"]
    >>> find_duplicates(vectors, contents=said).representatives.tolist()
    [0, 1, 2, 0]
    """
    from mmembed.analysis.finding import duplicates

    alike = alike_by_cells(vectors, contents, modality, threshold, alike, root=root)
    return duplicates.find_duplicates(vectors, threshold, kinds=kinds, prefer=prefer, alike=alike)


def find_leaks(
    vectors: Any,
    parts: Any,
    threshold: Threshold = "auto",
    *,
    contents: Any = None,
    modality: CellModality = "auto",
    root: str | PathLike[str] | None = None,
    kinds: Any = None,
    alike: Alike | None = None,
) -> Leaks:
    """Find rows that have a near duplicate in another part, as between a training and a test set.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
    parts : array-like, shape (n,)
        The part of each row; a row of missing part, or without a vector, leaks nowhere.
    threshold : float or "auto"
        Least cosine, from -1 to 1; ``"auto"`` as in :func:`mmembed.find_duplicates`.
    contents, modality, root : optional
        What the vectors were made of, as in :func:`mmembed.find_duplicates`.
    kinds : array-like, shape (n,), optional
        The kind of content of each row; each kind's mean is removed first.
    alike : callable, optional
        As in :func:`mmembed.find_duplicates`.

    Returns
    -------
    Leaks

    Raises
    ------
    ValueError
        As in :func:`mmembed.find_duplicates`, and if there are fewer than two parts.

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.array([[1, 0], [0, 1], [1, 0.01]], dtype="float32")
    >>> find_leaks(vectors, ["train", "train", "test"], threshold=0.99).twins.tolist()
    [2, -1, 0]
    """
    from mmembed.analysis.finding import leaks

    alike = alike_by_cells(vectors, contents, modality, threshold, alike, root=root)
    return leaks.find_leaks(vectors, parts, threshold, kinds=kinds, alike=alike)


def duplicate_levels(
    vectors: Any,
    levels: Sequence[float] | None = None,
    *,
    examples: int = 3,
    contents: Any = None,
    modality: CellModality = "auto",
    root: str | PathLike[str] | None = None,
    kinds: Any = None,
    alike: Alike | None = None,
) -> DuplicateLevels:
    """Show what several thresholds would call near duplicates.

    A cosine means something else in each model, so no threshold is right for all: look at the least similar pairs of
    each level. The neighbour graph is computed once for all levels.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
    levels : sequence of float, optional
        Thresholds to try; without it the one of ``threshold="auto"`` and some about it.
    examples : int
        Pairs of each level: those just above it, and below the next stricter level.
    contents, modality, root, kinds, alike : optional
        As in :func:`mmembed.find_duplicates`; where no level agrees with the contents none is suggested.

    Returns
    -------
    DuplicateLevels

    Raises
    ------
    ValueError
        As in :func:`mmembed.find_duplicates`, and if there is no level, one is no cosine, or no example is asked for.

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.array([[1, 0], [0, 1], [1, 0.01], [1, 0.5]], dtype="float32")
    >>> duplicate_levels(vectors, [0.99, 0.85]).dropped
    (1, 2)
    """
    from mmembed.analysis.finding import duplicates

    alike = alike_by_cells(vectors, contents, modality, "auto", alike, root=root)
    return duplicates.duplicate_levels(vectors, levels, examples=examples, kinds=kinds, alike=alike)
