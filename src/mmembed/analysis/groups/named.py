"""Naming as a part of the clusters' result: name again, rename, and look at what names rest on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from mmembed.analysis.names.names import Naming

if TYPE_CHECKING:
    import pandas as pd

    from mmembed.analysis.names.renaming import ClusterDraft


class NamedClusters:
    """What clusters can do with their names; each method returns another result and leaves this one alone."""

    # The result that inherits from this is a frozen dataclass with this field.
    names: Mapping[int, str]

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
            Texts that name the clusters; on Dask a column of the frame that was clustered.
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
        naming = self._make_names(text, embed=embed, vocabulary=vocabulary, language=language)
        naming = naming if rename is None else naming.rename(rename)
        return self._with_names(naming if rewrite is None else naming.rewrite(rewrite))

    def rename(self, names: Mapping[int, str]) -> Self:
        """Return the same clusters with some names replaced: ``{label: name}``; the others keep theirs."""
        return self._with_names(Naming.of(self.names).rename(names))

    def audit(self) -> pd.DataFrame:
        """Return what each name rests on; see :meth:`mmembed.analysis.names.names.Naming.audit`."""
        return Naming.of(self.names).audit()

    def _make_names(
        self,
        text: Any,
        *,
        embed: Callable[[list[str]], Any] | None,
        vocabulary: Sequence[str] | None,
        language: str,
    ) -> Naming:
        """Return names made from texts or a vocabulary."""
        raise NotImplementedError

    def _with_names(self, naming: Naming) -> Self:
        """Return the same clusters under these names."""
        return replace(self, names=naming)  # type: ignore[type-var]  # a dataclass inherits from this
