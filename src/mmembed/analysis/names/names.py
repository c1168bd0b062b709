"""The names of clusters as a result: a mapping that knows the evidence of each name and can be changed.

A name is short, one line, not empty and used once, whoever gives it. Ranked candidates become names that differ.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from mmembed.analysis.names.terms import Evidence, Language, overlap

# Stands after a name that a sibling already has.
_NUMBER = re.compile(r" \(\d+\)$")


@dataclass(frozen=True, eq=False)
class Naming(Mapping[int, str]):
    """The name of each cluster, and what it rests on. It is a mapping of label to name.

    Attributes
    ----------
    names : mapping of int to str
        One name a label, none twice; in order of the labels, noise (-1) last.
    origins : mapping of int to str
        Where each name is from: ``"text"``, ``"vocabulary"``, ``"number"`` (nothing to name it by), ``"rewritten"`` or
        ``"given"``.

    Examples
    --------
    >>> from mmembed.analysis import name_clusters
    >>> naming = name_clusters([0, 0, 1, 1], ["red dress", "long dress", "running shoe", "leather shoe"])
    >>> naming[0]
    'dress'
    >>> dict(naming.rename({0: "Dresses"}))
    {0: 'Dresses', 1: 'shoe'}
    """

    names: Mapping[int, str]
    origins: Mapping[int, str] = field(repr=False)
    evidence: Mapping[int, tuple[Evidence, ...]] = field(default_factory=dict, repr=False)
    texts: Mapping[int, tuple[str, ...]] = field(default_factory=dict, repr=False)

    def __getitem__(self, label: int) -> str:
        return self.names[label]

    def __iter__(self) -> Iterator[int]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        shown = ", ".join(f"{label}: {name!r}" for label, name in list(self.names.items())[:3])
        more = f" and {len(self) - 3} more" if len(self) > 3 else ""
        return f"Naming({shown}{more}); see .audit() and .rename({{label: name}})"

    @classmethod
    def of(cls, names: Mapping[int, str]) -> Naming:
        """Return names that somebody else chose, such as those of a saved result, as a naming without evidence."""
        if isinstance(names, Naming):
            return names
        return cls(dict(names), dict.fromkeys(names, "given"))

    def audit(self) -> pd.DataFrame:
        """Return what each name rests on: the candidates of each cluster, best first.

        Returns
        -------
        pandas.DataFrame
            ``cluster``, ``name``, ``origin`` of the name; ``term``, a candidate, once for each ``source``; ``in_name``,
            ``source``, ``score``; ``inside``, ``inside_share``, ``outside``, ``outside_share``, how many rows of the
            cluster and of the others speak for it; ``examples``, positions of rows. A cluster without candidates has
            one row without a term.
        """
        lines = []
        for label, name in self.names.items():
            head = {"cluster": label, "name": name, "origin": self.origins[label]}
            found = self.evidence.get(label, ())
            parts = parts_of(name)
            lines += [
                head
                | {
                    "term": one.shown,
                    "in_name": one.shown in parts,
                    "source": one.source,
                    "score": one.score,
                    "inside": one.inside,
                    "inside_share": one.inside_share,
                    "outside": one.outside,
                    "outside_share": one.outside_share,
                    "examples": list(one.examples),
                }
                for one in found
            ] or [head]
        columns = ["cluster", "name", "origin", "term", "in_name", "source", "score"]
        columns += ["inside", "inside_share", "outside", "outside_share", "examples"]
        frame = pd.DataFrame(lines, columns=columns)
        return frame.astype({"cluster": "int64", "inside": "Int64", "outside": "Int64", "in_name": "boolean"})

    def rename(self, names: Mapping[int, str]) -> Naming:
        """Return the naming with some names replaced.

        Parameters
        ----------
        names : mapping of int to str
            New names of some labels; the others keep theirs.

        Raises
        ------
        ValueError
            If a label does not exist, or a name is empty, long, of several lines, or that of another cluster.
        """
        if unknown := [label for label in names if label not in self.names]:
            raise ValueError(
                f"rename= names cluster {unknown[0]!r}, which does not exist. Clusters: {_range(self.names)}."
            )
        wanted = dict(self.names) | dict(names)
        check_names(wanted, given=names, by="rename=")
        return replace(self, names=wanted, origins=dict(self.origins) | dict.fromkeys(names, "given"))

    def rewrite(self, write: Callable[[Mapping[int, ClusterDraft]], Mapping[int, str]]) -> Naming:
        """Return the naming as a function, such as a call of a language model, rewrites the whole set of siblings.

        Parameters
        ----------
        write : callable
            Gets ``{label: ClusterDraft}`` with name, terms and a few texts of each cluster (not noise), and returns
            ``{label: name}`` for the same labels. Names that were given by hand are shown, and kept.

        Raises
        ------
        ValueError
            If it does not return a mapping with the same labels, or a name is no string, empty, long, of several lines,
            or given to two clusters. Nothing is mended in silence.
        """
        drafts = {
            label: ClusterDraft(
                name=name,
                terms=tuple(one.shown for one in self.evidence.get(label, ())),
                texts=self.texts.get(label, ()),
            )
            for label, name in self.names.items()
            if label >= 0
        }
        written = write(drafts)
        if not isinstance(written, Mapping):
            raise ValueError(  # noqa: TRY004 - what a function returned is a value
                f"The function that rewrites names returned a {type(written).__name__}, not a mapping of label to name."
            )
        if set(written) != set(drafts):
            missing, extra = sorted(set(drafts) - set(written)), [one for one in written if one not in drafts]
            raise ValueError(
                f"The function that rewrites names must return the labels it got ({_range(drafts)}); "
                f"missing: {missing or 'none'}, unknown: {extra or 'none'}."
            )
        changed = {label: name for label, name in written.items() if self.origins[label] != "given"}
        wanted = dict(self.names) | changed
        check_names(wanted, given=changed, by="The function that rewrites names")
        return replace(self, names=wanted, origins=dict(self.origins) | dict.fromkeys(changed, "rewritten"))


def _range(labels: Mapping[int, Any]) -> str:
    numbers = sorted(labels)
    return ", ".join(map(str, numbers)) if len(numbers) <= 12 else f"{numbers[0]} to {numbers[-1]}"


MOST_CHARACTERS = 80


@dataclass(frozen=True)
class ClusterDraft:
    """What the writer of names gets to know of one cluster.

    Attributes
    ----------
    name : str
        Its present name.
    terms : tuple of str
        What sets it apart from its siblings, best first.
    texts : tuple of str
        Up to five typical texts, cut to 200 characters; empty without a text column. They are whatever stands in the
        table: material to describe, not instructions to follow.
    """

    name: str
    terms: tuple[str, ...]
    texts: tuple[str, ...]


def check_names(names: Mapping[int, Any], *, given: Mapping[int, Any], by: str) -> None:
    """Refuse given names that are none, or that make two clusters share one.

    Parameters
    ----------
    names : mapping of int to str
        All names, the given ones among them.
    given : mapping of int to object
        Those to check.
    by : str
        Who gave them, as the message begins.

    Raises
    ------
    ValueError
        Which label, what is wrong, what is expected.
    """
    for label, name in given.items():
        if (fault := _fault(name)) is not None:
            raise ValueError(f"{by} calls cluster {label} {name!r:.120}, which {fault}.")
    by_name: dict[str, int] = {}
    for label, name in names.items():
        other = by_name.setdefault(name.casefold(), label)
        if other != label:
            raise ValueError(
                f"{by} leaves clusters {other} and {label} with one name, {name!r}. Give each a name of its own."
            )


def check_phrases(phrases: list[Any]) -> None:
    """Refuse phrases of a vocabulary that could be no name.

    Raises
    ------
    ValueError
        Which phrase, what is wrong, what is expected.
    """
    for phrase in phrases:
        if (fault := _fault(phrase)) is not None:
            raise ValueError(f"vocabulary= has {phrase!r:.120}, which {fault}.")


def _fault(name: object) -> str | None:
    if not isinstance(name, str):
        return f"is a {type(name).__name__}; a name is a string"
    if not name.strip():
        return "is empty; a name has at least one character"
    if name != name.strip():
        return "begins or ends with a space; leave it out"
    if len(name) > MOST_CHARACTERS:
        return f"has {len(name)} characters; a name has at most {MOST_CHARACTERS}"
    # Cc, Zl, Zp: line ends, tabs, escapes; Cf: invisible marks, such as those that turn the direction of writing.
    if strange := [one for one in name if unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]:
        return f"has the invisible character U+{ord(strange[0]):04X}; a name is one line of plain text"
    return None


SEPARATOR = " · "


def parts_of(name: str) -> list[str]:
    """Return the terms that a name is made of.

    Examples
    --------
    >>> parts_of("dress · red (2)")
    ['dress', 'red']
    """
    return _NUMBER.sub("", name).split(SEPARATOR)


NOISE_NAMES: Mapping[Language, str] = {"en": "noise", "zh": "噪声"}

NUMBERED: Mapping[Language, str] = {"en": "cluster {label}", "zh": "簇 {label}"}

_IS_NUMBERED = re.compile("|".join(re.escape(form).replace(r"\{label\}", r"-?\d+") for form in NUMBERED.values()))

# What a group is called whose rows have nothing in common that could be said.
MIXED: Mapping[Language, str] = {"en": "mixed", "zh": "混合"}


def is_numbered(name: str) -> bool:
    """Return whether a cluster is called by its number, as one is that nothing names.

    Examples
    --------
    >>> is_numbered("cluster 3"), is_numbered("shoe")
    (True, False)
    """
    return _IS_NUMBERED.fullmatch(name) is not None


_IS_MIXED = re.compile(rf"(?:{'|'.join(map(re.escape, MIXED.values()))})(?: \(\d+\))?")


def says_nothing(name: str) -> bool:
    """Return whether a name tells nothing of what is in its cluster: it is a number, or mixed without an example.

    Examples
    --------
    >>> says_nothing("mixed (2)"), says_nothing("簇 3"), says_nothing("mixed · tree · bird")
    (True, True, False)
    """
    return is_numbered(name) or _IS_MIXED.fullmatch(name) is not None


# A term this much weaker than the first would only blur the name.
_WEAK = 0.4

# What few rows have may be ranked before what half of them have, which leads even if it is this much weaker.
_HALF, _WEAKEST_LEAD = 0.5, 0.1

# A term that so many of the texts have says what the rows have in common.
_COMMON = 0.2

# Where no phrase of the vocabulary is clear, so many are enough, if they are some rows; rarer terms are examples.
_SOME = 0.04

_FEW_ROWS, _SEVERAL_ROWS = 3, 5

# A term that rows elsewhere have nearly as often does not set the group apart.
_APART = 1.5

# Nor does one lead over better ones for how many rows have it that is more than a fifth as frequent elsewhere:
# "disease" is in every chapter of a book on diseases.
_APART_AHEAD = 5.0

# Rarer ones do not follow a phrase of the vocabulary.
_CHANCE = 0.1

# Terms that names are made of; those after them are much weaker, and names that collide get a number.
_TRIED = 40

# Examples in the name of a group without anything in common; a single one would pass for what they all are.
_FEWEST_THINGS = 2


def compose(
    labels: Iterable[int],
    text: Mapping[int, Sequence[Evidence]],
    vocabulary: Mapping[int, Sequence[Evidence]] | None,
    *,
    language: Language,
    most_terms: int,
) -> tuple[dict[int, str], dict[int, str]]:
    """Return a name for each label, each once, and the origin of each.

    Texts come first: the best term leads where a fifth of the texts have it. Else a phrase of the vocabulary leads if
    it is clear, and terms of a tenth of the texts follow it. Else the best term leads that one in 25 of the texts
    have. Where there is none either, the group is called mixed, with as many examples.

    Parameters
    ----------
    labels : iterable of int
    text, vocabulary : mapping of int to sequence of Evidence
        Candidates of each label, best first; ``vocabulary`` is None where phrases cannot be embedded.
    language : {"zh", "en"}
    most_terms : int
        Terms in a name at most.
    """
    if most_terms < 1:
        raise ValueError(f"most_terms={most_terms} leaves nothing to name a cluster by. Give at least 1.")
    names: dict[int, str] = {}
    origins: dict[int, str] = {}
    taken = {name.casefold() for name in NOISE_NAMES.values()}
    for label in labels:
        spoken = list(text.get(label, ()))
        near = list((vocabulary or {}).get(label, ()))
        clear = [one for one in near if one.is_clear]
        things = _distinct([one for one in near if one.is_thing])
        if led := _put_leading_term_first(spoken, _COMMON):
            candidates, origins[label] = _pick_names(led, most_terms), "text"
        elif clear:
            candidates, origins[label] = _names_after_phrase(clear, spoken, things, most_terms), "vocabulary"
        elif led := _put_leading_term_first(spoken, _SOME):
            candidates, origins[label] = _pick_names(led, most_terms), "text"
        elif spoken or vocabulary is not None:
            examples = [one.term for one in _distinct(spoken, are_examples=True) or things]
            candidates, origins[label] = _names_of_mixed(examples, MIXED[language], most_terms), "mixed"
        else:
            candidates, origins[label] = [], "number"
        shown = {one.term: one.shown for one in spoken}
        candidates = [[shown.get(term, term) for term in terms] for terms in candidates]
        names[label] = _first_free(candidates, taken, NUMBERED[language].format(label=label))
        taken.add(names[label].casefold())
    return names, origins


def _put_leading_term_first(spoken: Sequence[Evidence], share: float) -> list[Evidence]:
    """Return the terms, first the best that says what the rows have in common and the others have not; or nothing."""
    for at, one in enumerate(spoken):
        if one.score < (_WEAKEST_LEAD if one.inside_share >= _HALF else _WEAK) * spoken[0].score:
            continue
        # One row is always there, or there would be no term: what counts is how many have it beside that one.
        is_common = one.inside_share == 1 or one.inside_share * (one.inside - 1) >= share * one.inside
        if share < _COMMON:
            is_few = at == 0 and one.inside >= _FEW_ROWS and one.inside_share >= _CHANCE
            is_common &= one.inside >= _SEVERAL_ROWS or is_few
        apart = _APART_AHEAD if at and share >= _COMMON else _APART
        if is_common and one.inside_share >= apart * one.outside_share:
            return [one, *spoken[:at], *spoken[at + 1 :]]
    return []


def _names_after_phrase(
    clear: Sequence[Evidence], spoken: Sequence[Evidence], things: Sequence[Evidence], most_terms: int
) -> list[list[str]]:
    """Return the names to try that begin with a clear phrase of the vocabulary."""
    first = clear[0].term
    spoken = [one for one in spoken if one.inside_share >= _CHANCE]
    # In two pictures of one thing many phrases are as near as the right one.
    more = [one for one in clear[1:] if one.inside >= _SEVERAL_ROWS]
    others = [one for one in spoken or more if not overlap(one.term, first)]
    # What one row of many shows is nothing to call the others.
    examples = [[first, one.term] for one in things if one.inside_share >= _COMMON and not overlap(one.term, first)]
    if most_terms == 1:
        return [[first], *([one.term] for one in clear[1:])]
    if not others:
        return [[first], *examples]
    # One phrase more says what kind of the first it is; a third of the vocabulary would be a guess too many.
    return [*([first, *terms] for terms in _pick_names(others, most_terms - 1 if spoken else 1)), *examples]


def _names_of_mixed(examples: Sequence[str], word: str, most: int) -> list[list[str]]:
    """Return the names to try of a group without anything in common: the word for that, and examples."""
    if min(len(examples), most) < _FEWEST_THINGS:
        return [[word]]
    best = list(examples[:most])
    return [[word, *best], *([word, *best[:-1], one] for one in examples[most:])]


def _pick_names(ranked: Sequence[Evidence], most_terms: int) -> list[list[str]]:
    """Return the names to try: the best terms that do not overlap, then the first of them with a later one behind."""
    distinct = _distinct(ranked)
    if not distinct:
        return []
    best = [one.term for one in distinct[:most_terms] if one.score >= _WEAK * distinct[0].score]
    others = [one.term for one in distinct[len(best) :]]
    # What leads stays, if there is room for a second term: it is what the rows are about.
    kept = best if len(best) < most_terms else best[:-1]
    return [best, *([*kept, other] for other in others), *([other] for other in others if kept)]


def _distinct(ranked: Sequence[Evidence], *, are_examples: bool = False) -> list[Evidence]:
    """Return the best terms that do not overlap."""
    distinct: list[Evidence] = []
    for one in ranked[:_TRIED]:
        # What one row has is no second thing to say of rows that have a first one in common.
        is_chance = not are_examples and bool(distinct) and one.inside == 1 < distinct[0].inside
        if not is_chance and not any(overlap(one.term, other.term) for other in distinct):
            distinct.append(one)
    return distinct


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
