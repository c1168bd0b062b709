"""Short names for clusters: from the words of their texts, from a vocabulary in their own space, or by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmembed.analysis.composing import NOISE_NAMES, compose
from mmembed.analysis.evidence import Evidence, Language
from mmembed.analysis.keywords import keywords
from mmembed.analysis.renaming import ClusterDraft, check_names
from mmembed.errors import did_you_mean

if TYPE_CHECKING:
    from mmembed.analysis.cosine import Positions

_LANGUAGES = ("auto", "zh", "en")
# Texts of each cluster that are kept for whoever rewrites the names, and how much of each.
_SAMPLE_TEXTS = 5
_SAMPLE_CHARACTERS = 200
_AUDITED = 8


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
            ``cluster``, ``name``, ``origin`` of the name; ``term``, a candidate, ``in_name``, ``source``, ``score``;
            ``inside``, ``inside_share``, ``outside``, ``outside_share``, how many rows of the cluster and of the others
            speak for it; ``examples``, positions of rows. A cluster without candidates has one row without a term. See
            :class:`mmembed.analysis.evidence.Evidence`.
        """
        lines = []
        for label, name in self.names.items():
            head = {"cluster": label, "name": name, "origin": self.origins[label]}
            found = self.evidence.get(label, ())
            lines += [
                head
                | {
                    "term": one.term,
                    "in_name": one.term in name,
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
                terms=tuple(one.term for one in self.evidence.get(label, ())),
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


def name_clusters(
    labels: Any,
    text: Any = None,
    *,
    scores: Any = None,
    language: str = "auto",
    most_terms: int = 3,
) -> Naming:
    """Name each cluster by up to three terms of its texts; no two clusters get one name.

    Terms are ranked by class-based TF-IDF contrasted with the sibling clusters (see
    :func:`mmembed.analysis.keywords.keywords`) and come into the name while they are not much weaker than the first.
    Names are one line of letters of at most 80 characters, whatever the cells hold.

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
    language : {"auto", "zh", "en"}
        Only terms of this language; ``"auto"`` takes those of either.
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
    values = _labels(labels)
    wanted = checked_language(language)
    texts = _row_values("text", text, len(values))
    weights = np.ones(len(values)) if scores is None else np.asarray(_row_values("scores", scores, len(values)), float)
    ranked = {} if texts is None else keywords(values, texts, weights, language=wanted)
    spoken: Language = wanted or "en"
    present = np.unique(values[values >= 0]).tolist()
    names, origins = compose(present, ranked, {}, language=spoken, most_terms=most_terms)
    if (values == -1).any():
        names[-1], origins[-1] = NOISE_NAMES[spoken], "number"
    return Naming(
        names,
        origins,
        {label: tuple(evidence[:_AUDITED]) for label, evidence in ranked.items()},
        {} if texts is None else _sample_texts(values, texts, weights),
    )


def checked_language(language: str) -> Language | None:
    """Return the language, or None for ``"auto"``."""
    if language not in _LANGUAGES:
        raise ValueError(
            f"language={language!r} is unknown; expected 'auto', 'zh' or 'en'.{did_you_mean(language, _LANGUAGES)}"
        )
    return None if language == "auto" else language  # type: ignore[return-value]  # checked above


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


def _range(labels: Mapping[int, Any]) -> str:
    numbers = sorted(labels)
    return ", ".join(map(str, numbers)) if len(numbers) <= 12 else f"{numbers[0]} to {numbers[-1]}"
