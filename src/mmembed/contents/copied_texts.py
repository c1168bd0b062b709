"""Whether two texts are copies of each other, told by their letters: no model takes part.

A copy adds words, leaves some out, puts them in another order or misspells them, and most of its letters in runs of
three are those of the other text. Where it has another word or number in the place of one, it says something else.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from mmembed.arrays import BoolVector, Positions

# Tuned on the development sets of benchmarks/labelled/copies.py.
_SHARED = 0.6  # of the runs of three letters of both texts, those that are rare counting more
_SHARED_BY_FAR = 0.9  # above it a word in the place of another one does not matter

_RARE = 20.0

_MOST_LETTERS = 10_000
_RUNS = 1 << 22
_PAIRS_AT_ONCE = 4096
_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")
_IDEOGRAPHS = r"\u2e80-\u2fdf\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
# Beside an ideograph a blank or a mark is a matter of taste.
_IDLE_BLANK = re.compile(f"(?<=[{_IDEOGRAPHS}]) | (?=[{_IDEOGRAPHS}])")
_PIECE = re.compile(f"[{_IDEOGRAPHS}]|[^{_IDEOGRAPHS}]+")
_LEAST_MISSPELT = 4  # letters; shorter words with another letter are other words


def compare_texts(texts: Sequence[str | None]) -> Callable[[Positions, Positions], BoolVector]:
    """Return what says of pairs of texts whether one is a copy of the other; None is no copy of anything.

    Examples
    --------
    >>> said = ["A red dress, size M", "a red dresss size M (new)", "A red dress, size L", "A blue dress, size M"]
    >>> compare_texts(said)(np.array([0, 0, 0]), np.array([1, 2, 3])).tolist()
    [True, False, False]
    """
    from scipy.sparse import csr_array

    plain = [unicodedata.normalize("NFKC", one or "")[:_MOST_LETTERS].casefold() for one in texts]
    runs = [_runs_of_three(one) for one in plain]
    starts = np.concatenate([[0], np.cumsum([len(one) for one in runs])])
    places = np.concatenate([*runs, np.empty(0, np.int32)])
    counts = np.bincount(places, minlength=1)
    # A run that many texts have tells little; those that one text in twenty has, or fewer, count alike.
    rarity = np.minimum(len(plain) / np.maximum(counts, 1), _RARE)
    weights = np.log1p(rarity).astype(np.float32)[places]
    weighed = csr_array((weights, places, starts), shape=(len(plain), _RUNS))
    present = csr_array((np.ones(len(places), np.float32), places, starts), shape=(len(plain), _RUNS))
    sizes = np.asarray(weighed.sum(axis=1)).ravel()

    def alike(left: Positions, right: Positions) -> BoolVector:
        shared = np.empty(len(left))
        for begin in range(0, len(left), _PAIRS_AT_ONCE):
            block = slice(begin, begin + _PAIRS_AT_ONCE)
            common = np.asarray(weighed[left[block]].multiply(present[right[block]]).sum(axis=1)).ravel()
            shared[block] = common / np.maximum(sizes[left[block]] + sizes[right[block]] - common, 1e-9)
        found = shared >= _SHARED
        for pair in np.flatnonzero(found & (shared < _SHARED_BY_FAR)):
            found[pair] = not _say_different_things(plain[left[pair]], plain[right[pair]])
        return found

    return alike


def _runs_of_three(text: str) -> npt.NDArray[np.int32]:
    """Return the different runs of three letters of a text without its marks, as numbers."""
    spaced = f" {_IDLE_BLANK.sub('', ' '.join(_WORD.findall(text)))} "
    letters = np.frombuffer(spaced.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    if len(letters) < 3:
        return np.empty(0, np.int32)
    mixed = (letters[:-2] * 0x9E3779B1 + letters[1:-1]) * 0x85EBCA77 + letters[2:]
    return np.unique((mixed ^ (mixed >> np.uint64(15))) % _RUNS).astype(np.int32)


def _say_different_things(one: str, other: str) -> bool:
    """Return whether each of two texts has words that the other has not, other than misspelt ones."""
    words, others = _words(one), _words(other)
    only, only_other = Counter(words) - Counter(others), Counter(others) - Counter(words)
    fewer, more = sorted((list(only.elements()), list(only_other.elements())), key=len)
    if not fewer:
        return False
    has_number = all(any(word[0].isdigit() for word in some) for some in (fewer, more))
    if not has_number and sorted("".join(fewer)) == sorted("".join(more)):
        return False  # letters changed places across a blank
    ends = {words[-1], others[-1]}
    for word in fewer:
        meant = next((one for one in more if _is_misspelt(word, one) or _is_cut(word, one, ends)), None)
        if meant is None:
            return True
        more.remove(meant)
    return False


def _words(text: str) -> list[str]:
    """Return the words of a text; where a script does without blanks, its letters."""
    return [piece for word in _WORD.findall(text) for piece in _PIECE.findall(word)]


def _is_misspelt(one: str, other: str) -> bool:
    """Return whether two words are one but for letters that changed places, or one letter."""
    if one[0].isdigit() or other[0].isdigit():
        return False
    if sorted(one) == sorted(other):
        return True
    if min(len(one), len(other)) < _LEAST_MISSPELT or abs(len(one) - len(other)) > 1:
        return False
    same = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    rest, rest_other = one[same:], other[same:]
    return rest[1:] == rest_other[1:] or rest[1:] == rest_other or rest == rest_other[1:]


def _is_cut(one: str, other: str, ends: set[str]) -> bool:
    """Return whether a word at the end of a text is the beginning of another one."""
    return (one in ends and other.startswith(one)) or (other in ends and one.startswith(other))
