"""How ranked candidates become names that are short and differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mmembed.analysis.names.evidence import Evidence, Language
from mmembed.analysis.names.renaming import MOST_CHARACTERS
from mmembed.analysis.names.terms import overlap

SEPARATOR = " · "
NOISE_NAMES: Mapping[Language, str] = {"en": "noise", "zh": "噪声"}
NUMBERED: Mapping[Language, str] = {"en": "cluster {label}", "zh": "簇 {label}"}
# A term this much weaker than the first would only blur the name.
_WEAK = 0.4
# Terms that so few of the texts have are examples; what the rows have in common must stand before them.
_FEW = 0.2
# Rarer ones are not even that.
_CHANCE = 0.1
# A broad phrase of the vocabulary leads if so many of the rows are near to it.
_MOST = 0.5
# Terms that names are made of; those after them are much weaker, and names that collide get a number.
_TRIED = 40


def compose(
    labels: Iterable[int],
    text: Mapping[int, Sequence[Evidence]],
    vocabulary: Mapping[int, Sequence[Evidence]],
    *,
    language: Language,
    most_terms: int,
) -> tuple[dict[int, str], dict[int, str]]:
    """Return a name for each label, each once, and the origin of each.

    A broad phrase of the vocabulary that most rows are near to comes first, and then the terms of the texts that say
    what kind of it they are. Else the terms come first; where the best of them stands in less than a fifth of the
    texts, or in one only, the best phrase of the vocabulary comes before it; where none stands in a tenth, the
    vocabulary names the cluster alone.
    """
    if most_terms < 1:
        raise ValueError(f"most_terms={most_terms} leaves nothing to name a cluster by. Give at least 1.")
    names: dict[int, str] = {}
    origins: dict[int, str] = {}
    taken = {name.casefold() for name in NOISE_NAMES.values()}
    for label in labels:
        spoken, near = list(text.get(label, ())), list(vocabulary.get(label, ()))
        if near and (not _is_common(spoken) or _leads(near[0])):
            candidates, origins[label] = _after(near[0], spoken, near, most_terms), "vocabulary"
        else:
            candidates, origins[label] = _picked(spoken, most_terms), "text" if spoken else "number"
        names[label] = _first_free(candidates, taken, NUMBERED[language].format(label=label))
        taken.add(names[label].casefold())
    return names, origins


def _is_common(spoken: Sequence[Evidence]) -> bool:
    """Return whether the best term of the texts says what the rows have in common."""
    if not spoken:
        return False
    return spoken[0].inside_share == 1 or (spoken[0].inside > 1 and spoken[0].inside_share >= _FEW)


def _leads(phrase: Evidence) -> bool:
    """Return whether a phrase of the vocabulary says of most rows what they are, however they are worded."""
    return phrase.is_broad and phrase.inside_share >= _MOST and phrase.inside_share > phrase.outside_share


def _after(first: Evidence, spoken: Sequence[Evidence], near: Sequence[Evidence], most_terms: int) -> list[list[str]]:
    """Return the names to try that begin with a phrase of the vocabulary."""
    spoken = [one for one in spoken if one.inside_share >= _CHANCE]
    others = [one for one in spoken or near[1:] if not overlap(one.term, first.term)]
    if not others or most_terms == 1:
        return [[first.term], *([one.term] for one in near[1:])]
    # One phrase more says what kind of the first it is; a third of the vocabulary would be a guess too many.
    return [[first.term, *terms] for terms in _picked(others, most_terms - 1 if spoken else 1)]


def _picked(ranked: Sequence[Evidence], most_terms: int) -> list[list[str]]:
    """Return the names to try: the best terms that do not overlap, then the same with later terms in the last place."""
    distinct: list[Evidence] = []
    for one in ranked[:_TRIED]:
        # What one row has is no second thing to say of rows that have a first one in common.
        is_chance = bool(distinct) and one.inside == 1 < distinct[0].inside
        if not is_chance and not any(overlap(one.term, other.term) for other in distinct):
            distinct.append(one)
    if not distinct:
        return []
    best = [one.term for one in distinct[:most_terms] if one.score >= _WEAK * distinct[0].score]
    return [best, *([*best[:-1], other.term] for other in distinct[len(best) :])]


def _first_free(candidates: list[list[str]], taken: set[str], default: str) -> str:
    for terms in candidates:
        if (name := _joined(terms)).casefold() not in taken:
            return name
    base = _joined(candidates[0]) if candidates else default
    number = 1
    name = base
    while name.casefold() in taken:
        number += 1
        name = f"{base} ({number})"
    return name


def _joined(terms: Sequence[str]) -> str:
    """Join terms, leaving out the last ones if the name would be too long; six characters are left for a number."""
    name = terms[0]
    for term in terms[1:]:
        if len(name) + len(SEPARATOR) + len(term) > MOST_CHARACTERS - 6:
            break
        name = f"{name}{SEPARATOR}{term}"
    return name[: MOST_CHARACTERS - 6].strip()
