"""The result of clustering over partitions: exact sizes and names, and labels for every row without computing them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import dask.dataframe as dd
import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.clusters.named_groups import NamedClusters
from mmembed.analysis.clusters.overview import clusters_html, summarise_clusters
from mmembed.distributed.columns import check_partitions, side_by_side, vector_dtype, vectors_of
from mmembed.distributed.naming import name_partitions
from mmembed.distributed.partitions import each, frame_of, reduced, shared
from mmembed.distributed.placement import (
    Labeller,
    PlacedRows,
    as_labels,
    borderline_of_part,
    exemplars_of_part,
    label_part,
    least_clear,
    nearest,
)
from mmembed.errors import at_least_one, did_you_mean
from mmembed.frames import Written
from mmembed.vectors import VectorArray, as_vector_array, check_comparable

if TYPE_CHECKING:
    from mmembed.analysis.names.names import Naming
    from mmembed.arrays import FloatMatrix, FloatVector, Positions
    from mmembed.distributed.placement import Placer


@dataclass(frozen=True, eq=False)
class DistributedClusters(NamedClusters):
    """Groups of similar vectors of a Dask DataFrame.

    ``save``, ``match`` and ``cut`` of pandas work on single rows: fit a computed sample with
    :func:`mmembed.fit_clusters` for those. Scores and labels of single rows are columns of :meth:`add_to`.

    Attributes
    ----------
    sizes : numpy.ndarray of int, shape (n_clusters,)
        Rows of each cluster, counted over all partitions; cluster 0 is the largest (of equal ones, the one whose first
        row comes first).
    noise, missing, assigned : int
        Rows in no cluster, rows without a vector, and rows that were noise and were put in a cluster.
    cohesions : numpy.ndarray, shape (n_clusters,), float64
        Mean cosine of all rows of each cluster with its centroid.
    names : mapping of int to str
        From the texts of all partitions; noise is -1.
    method : str
    candidates : pandas.DataFrame
        What was compared, measured on the sample.
    estimator : object
        The fitted estimator, where one was given; it works on unit rows.
    centroids : numpy.ndarray, shape (n_clusters, d), float32
        Mean direction of all rows of each cluster.
    stability, stabilities : float and numpy.ndarray, shape (n_clusters,)
        As on pandas, of the sample.
    note : str
    sample_rows : int
        How many rows were fitted on.
    """

    sizes: Positions = field(repr=False)
    noise: int
    missing: int
    assigned: int
    cohesions: npt.NDArray[np.float64] = field(repr=False)
    names: Mapping[int, str]
    method: str
    candidates: pd.DataFrame = field(repr=False)
    estimator: Any = field(repr=False)
    centroids: FloatMatrix = field(repr=False)
    stability: float
    stabilities: FloatVector = field(repr=False)
    note: str
    sample_rows: int
    # What labels are made from: the fit, the numbering, and the lazy columns and kept labels of all partitions.
    placer: Placer = field(repr=False)
    shared_placer: Any = field(repr=False)
    labeller: Labeller = field(repr=False)
    columns: Any = field(repr=False)
    placed: Any = field(repr=False)
    offsets: tuple[int, ...] = field(repr=False)

    def __getattr__(self, name: str) -> NoReturn:
        if name in ABSENT_OF_CLUSTERS:
            raise AttributeError(f"{name!r} does not work on DistributedClusters: {ABSENT_OF_CLUSTERS[name]}.")
        raise AttributeError(f"DistributedClusters has no {name!r}.{did_you_mean(name, dir(type(self)))}")

    @property
    def rows(self) -> int:
        """Rows in all."""
        return int(self.sizes.sum()) + self.noise + self.missing

    def __len__(self) -> int:
        return self.rows

    def __repr__(self) -> str:
        stable = "" if np.isnan(self.stability) else f", stability={self.stability:.2f}"
        note = f"; {self.note}" if self.note else ""
        return (
            f"DistributedClusters({len(self.sizes)} by {self.method}, rows={self.rows}, noise={self.noise}{stable}, "
            f"fitted on {self.sample_rows:,} rows{note}); see .summary(), .candidates and .add_to(ddf)"
        )

    def _repr_html_(self) -> str:
        return clusters_html(repr(self), self.summary(), getattr(self.names, "texts", {}))

    def summary(self) -> pd.DataFrame:
        """Return one row a cluster, as :meth:`mmembed.analysis.Clusters.summary`; sizes are exact.

        Returns
        -------
        pandas.DataFrame
            ``cluster``, ``name``, ``size``, ``share`` of the rows with a vector, ``cohesion``, ``nearest``,
            ``stability`` in resampled rows of the sample. Noise, if any, is the last row.
        """
        return summarise_clusters(
            self.names,
            np.arange(len(self.sizes), dtype=np.int64),
            sizes=self.sizes,
            cohesions=self.cohesions,
            centroids=self.centroids,
            stabilities=self.stabilities,
            noise=self.noise,
        )

    @property
    def labels(self) -> Any:
        """The label of each row as a lazy column, Int64, with the frame's index: -1 is noise, missing is no vector."""
        meta = _final_labels(self.placed._meta, labeller=self.labeller)  # noqa: SLF001 - Dask's own word
        divisions = self.columns.divisions if self.columns.known_divisions else None
        return frame_of(each(_final_labels, self.placed, labeller=self.labeller), meta, divisions)

    def predict(self, vectors: Any, *, kinds: Any = None) -> Any:
        """Return the cluster of each vector: of a Dask column as a lazy one, of a pandas column as an array.

        Parameters
        ----------
        vectors : vector column
        kinds : column of the same length, optional
            Needed exactly if the fit was given kinds.
        """
        if not isinstance(vectors, dd.Series):
            array = as_vector_array(vectors)
            check_comparable(array, self.empty_vectors)
            return as_labels(self.labeller.renumbered(self.placer.place(array, kinds)[0]))
        check_comparable(vector_dtype(vectors), self.empty_vectors)
        meta = pd.Series(as_labels(np.empty(0, dtype=np.int64)), name="cluster")
        both = (self.shared_placer, shared(self.labeller))
        return side_by_side(vectors, kinds=kinds).map_partitions(_predicted, *both, meta=meta)

    @property
    def empty_vectors(self) -> VectorArray:
        """An array without rows that new vectors must be comparable with."""
        return self._placed_rows.empty_vectors

    @property
    def _placed_rows(self) -> PlacedRows:
        return PlacedRows(self.columns, self.placed, self.labeller, self.sizes, self.noise, self.offsets)

    def add_to(self, ddf: Any, *, name: str = "cluster") -> Any:
        """Return the frame with ``cluster``, ``cluster_score`` and ``cluster_name``, lazily; ``name`` renames them.

        Raises
        ------
        ValueError
            If the frame has other partitions than the vectors that were grouped.
        """
        check_partitions(ddf, self.placed, what="the result was computed for")
        metas = (ddf._meta, self.columns._meta, self.placed._meta)  # noqa: SLF001 - Dask's own word
        Written.by("cluster", name).check(metas[0])
        return dd.map_partitions(
            label_part,
            ddf,
            self.columns,
            self.placed,
            labeller=shared(self.labeller),
            name=name,
            meta=label_part(*metas, labeller=self.labeller, name=name),
        )

    def exemplars(self, n: int = 3) -> dict[int, npt.NDArray[np.int64]]:
        """Return, for each cluster, the positions in the table of the ``n`` rows nearest to its centroid.

        All rows are looked at, in one pass over the vectors; the nearest comes first.
        """
        n = at_least_one("n", n, "asks for no exemplar")
        found = self._best(exemplars_of_part, partial(nearest, n=n), n)
        labels, rows = found["cluster"].to_numpy(), found["row"].to_numpy(dtype=np.int64)
        return {label: rows[labels == label] for label in range(len(self.sizes))}

    def borderline(self, n: int = 10) -> pd.DataFrame:
        """Return the ``n`` rows that are the least clearly in their cluster, of all rows, in one pass over the vectors.

        Returns
        -------
        pandas.DataFrame
            As :meth:`mmembed.analysis.Clusters.borderline`; ``row`` is a position in the table. Empty where there are
            less than two clusters.
        """
        n = at_least_one("n", n, "asks for no row")
        found: pd.DataFrame = self._best(borderline_of_part, partial(least_clear, n=n), n)
        return found if len(self.sizes) > 1 else found.iloc[:0]

    def _best(self, function: Callable[..., Any], add: Callable[..., pd.DataFrame], n: int) -> Any:
        calls = each(function, self.columns, self.placed, own=self.offsets, labeller=self.labeller, n=n)
        return reduced(calls, add)

    def _make_names(
        self,
        text: Any,
        *,
        embed: Callable[[list[str]], Any] | None,
        embed_terms: Callable[[list[str]], Any] | None,
        vocabulary: Sequence[str] | None,
        language: str,
    ) -> Naming:
        return name_partitions(
            self._placed_rows, text, embed=embed, embed_terms=embed_terms, vocabulary=vocabulary, language=language
        )

    def _with_names(self, naming: Naming) -> DistributedClusters:
        return replace(self, names=naming, labeller=replace(self.labeller, names=dict(naming)))


_OF_A_SAMPLE = "Fit a computed sample with pandas: mmembed.fit_clusters(ddf.sample(frac=…).compute()[column])"

_TREE = f"the tree of groups is made of single rows, which lie in the partitions. {_OF_A_SAMPLE}"

ABSENT_OF_CLUSTERS: dict[str, str] = {
    "at": _TREE,
    "cut": _TREE,
    "levels": _TREE,
    "match": "it compares the labels that two results give to the rows, which lie in the partitions. "
    f"{_OF_A_SAMPLE}.match(previous)",
    "save": "the labels and vectors of all rows lie in the partitions. Store the table with its labels, "
    f"clusters.add_to(ddf).to_parquet(path). To keep a model for new rows, fit a sample. {_OF_A_SAMPLE}.save(path)",
    "scores": "the scores of all rows would come into this process. They are the column 'cluster_score' of "
    "clusters.add_to(ddf)",
}


def _final_labels(placed: pd.DataFrame, *, labeller: Labeller) -> pd.Series:
    return pd.Series(as_labels(labeller.labels(placed)), index=placed.index, name="cluster")


def _predicted(part: pd.DataFrame, placer: Placer, labeller: Labeller) -> pd.Series:
    labels, _ = placer.place(vectors_of(part), part.get("kinds"))
    return pd.Series(as_labels(labeller.renumbered(labels)), index=part.index, name="cluster")
