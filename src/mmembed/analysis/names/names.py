"""The names of clusters as a result: a mapping that knows what each name rests on and can be changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from mmembed.analysis.names.composing import SEPARATOR
from mmembed.analysis.names.evidence import Evidence
from mmembed.analysis.names.renaming import ClusterDraft, check_names

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
            ``cluster``, ``name``, ``origin`` of the name; ``term``, a candidate, ``in_name``, ``source``, ``score``;
            ``inside``, ``inside_share``, ``outside``, ``outside_share``, how many rows of the cluster and of the others
            speak for it; ``examples``, positions of rows. A cluster without candidates has one row without a term.
        """
        lines = []
        for label, name in self.names.items():
            head = {"cluster": label, "name": name, "origin": self.origins[label]}
            found = self.evidence.get(label, ())
            parts = _NUMBER.sub("", name).split(SEPARATOR)
            lines += [
                head
                | {
                    "term": one.term,
                    "in_name": one.term in parts,
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


def _range(labels: Mapping[int, Any]) -> str:
    numbers = sorted(labels)
    return ", ".join(map(str, numbers)) if len(numbers) <= 12 else f"{numbers[0]} to {numbers[-1]}"
