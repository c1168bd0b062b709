"""Names as a part of the result of clustering: name again, rename, look at what names rest on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from mmembed.analysis.names.names import NUMBERED, Naming

if TYPE_CHECKING:
    from mmembed.analysis.names.names import ClusterDraft


class NamedClusters:
    """What clusters can do with their names; each method returns another result and leaves this one alone."""

    # The result that inherits from this is a frozen dataclass with this field.
    names: Mapping[int, str]

    def named(
        self,
        text: Any = None,
        *,
        embed: Callable[[list[str]], Any] | None = None,
        embed_terms: Callable[[list[str]], Any] | None = None,
        vocabulary: Sequence[str] | None = None,
        language: str = "auto",
        rename: Mapping[int, str] | None = None,
        rewrite: Callable[[Mapping[int, ClusterDraft]], Mapping[int, str]] | None = None,
    ) -> Self:
        """Return the same clusters with names made anew, without clustering again.

        Parameters
        ----------
        text : sequence of str, length n, optional
            Texts that name the clusters; on Dask a column of the frame that was clustered.
        embed : callable, optional
            Takes a list of phrases and returns their vectors in the space of the clustered ones: clusters can then be
            named by a vocabulary of things and topics, without texts.
        embed_terms : callable, optional
            The same for terms of the texts, where that costs nothing: those near to the middle of a cluster lead.
        vocabulary : sequence of str, optional
            Phrases of your own, beside the shipped ones.
        language : {"auto", "zh", "en"}
            Language of the names.
        rename : mapping of int to str, optional
            Names to give to some clusters.
        rewrite : callable, optional
            Rewrites all names at once; see :meth:`mmembed.analysis.Naming.rewrite`.

        Raises
        ------
        ValueError
            As :func:`mmembed.analysis.name_clusters`, and if a given or rewritten name is no short line of its own.
        """
        naming = self._make_names(text, embed=embed, embed_terms=embed_terms, vocabulary=vocabulary, language=language)
        naming = naming if rename is None else naming.rename(rename)
        return self._with_names(naming if rewrite is None else naming.rewrite(rewrite))

    def rename(self, names: Mapping[int, str]) -> Self:
        """Return the same clusters with some names replaced: ``{label: name}``; the others keep theirs."""
        return self._with_names(Naming.of(self.names).rename(names))

    def audit(self) -> pd.DataFrame:
        """Return what each name rests on; see :meth:`mmembed.analysis.Naming.audit`."""
        return Naming.of(self.names).audit()

    def _make_names(
        self,
        text: Any,
        *,
        embed: Callable[[list[str]], Any] | None,
        embed_terms: Callable[[list[str]], Any] | None,
        vocabulary: Sequence[str] | None,
        language: str,
    ) -> Naming:
        """Return names made from texts or a vocabulary."""
        raise NotImplementedError

    def _with_names(self, naming: Naming) -> Self:
        """Return the same clusters under these names."""
        return replace(self, names=naming)  # type: ignore[type-var]  # a dataclass inherits from this


def keep_names(now: Mapping[int, str], then: Mapping[int, str], new_of: Mapping[int, int]) -> Naming:
    """Return the names of clusters of which some are those of before: these keep their old names.

    Parameters
    ----------
    now, then : mapping of int to str
        Names now and before; noise is -1.
    new_of : mapping of int to int
        For each label now the one it gets: a cluster is one of before if ``then`` has a name for it. Others keep the
        name they have, with a number after it if that name is taken; one that is called by its number is called by the
        new one.
    """
    now, then = Naming.of(now), Naming.of(then)
    kept = {new: then[new] for new in new_of.values() if new in then}
    taken = set(kept.values())
    origins = {number: then.origins[number] for number in kept}
    for old, new in new_of.items():
        if new not in kept:
            own, again = _own_name(now[old], old, new), 1
            name = own
            while name in taken:
                again += 1
                name = f"{own} ({again})"
            kept[new] = name
            origins[new] = now.origins[old]
            taken.add(name)
    names = {number: kept[number] for number in sorted(kept)}
    if -1 in now:
        names[-1] = then.get(-1, now[-1])
        origins[-1] = then.origins.get(-1, now.origins[-1])
    # Where this fit has nothing to say of names, what the old one had: counts, but no rows, which were others.
    evidence = {
        new: now.evidence.get(old) or tuple(replace(one, examples=()) for one in then.evidence.get(new, ()))
        for old, new in new_of.items()
    }
    return Naming(names, origins, evidence, {new: now.texts.get(old, ()) for old, new in new_of.items()})


def _own_name(name: str, old: int, new: int) -> str:
    """Return the name of a new cluster: the one it has, but with its new number if it is called by a number."""
    for form in NUMBERED.values():
        if name == form.format(label=old):
            return form.format(label=new)
    return name
