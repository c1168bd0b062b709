"""Naming as a part of the clusters' result: name again, rename, and look at what names rest on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from mmembed.analysis.names.names import Naming
from mmembed.analysis.names.naming import name_clusters

if TYPE_CHECKING:
    import pandas as pd

    from mmembed.analysis.names.renaming import ClusterDraft


class NamedClusters:
    """What clusters can do with their names; each method returns another result and leaves this one alone."""

    # The result that inherits from this is a frozen dataclass with these fields.
    labels: Any
    scores: Any
    names: Mapping[int, str]
    vectors: Any
    kinds: Any

    def named(
        self,
        text: Any = None,
        *,
        embed: Callable[[list[str]], Any] | None = None,
        vocabulary: Sequence[str] | None = None,
        language: str = "auto",
        rename: Mapping[int, str] | None = None,
        rewrite: Callable[[Mapping[int, ClusterDraft]], Mapping[int, str]] | None = None,
    ) -> Self:
        """Return the same clusters with names made anew, without clustering again.

        Parameters
        ----------
        text : sequence of str, length n, optional
            Texts that name the clusters.
        embed : callable, optional
            Takes a list of phrases and returns their vectors in the space of the clustered ones: clusters can then be
            named by a vocabulary of things and topics, without texts.
        vocabulary : sequence of str, optional
            Phrases of your own, beside the shipped ones.
        language : {"auto", "zh", "en"}
            Language of the names.
        rename : mapping of int to str, optional
            Names to give to some clusters.
        rewrite : callable, optional
            Rewrites all names at once; see :meth:`mmembed.analysis.names.names.Naming.rewrite`.

        Raises
        ------
        ValueError
            As :func:`mmembed.analysis.name_clusters`, and if a given or rewritten name is no short line of its own.
        """
        naming = name_clusters(
            self.labels,
            text,
            scores=self.scores,
            vectors=self.vectors,
            kinds=self.kinds,
            embed=embed,
            vocabulary=vocabulary,
            language=language,
        )
        naming = naming if rename is None else naming.rename(rename)
        naming = naming if rewrite is None else naming.rewrite(rewrite)
        return replace(self, names=naming)  # type: ignore[type-var]  # a dataclass inherits from this

    def rename(self, names: Mapping[int, str]) -> Self:
        """Return the same clusters with some names replaced: ``{label: name}``; the others keep theirs."""
        return replace(self, names=Naming.of(self.names).rename(names))  # type: ignore[type-var]  # as above

    def audit(self) -> pd.DataFrame:
        """Return what each name rests on; see :meth:`mmembed.analysis.names.names.Naming.audit`."""
        return Naming.of(self.names).audit()
