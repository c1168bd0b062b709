"""The result of clustering: labels with names and scores, what was compared, where new vectors belong, and its file.

A file is one ``.npz`` archive of plain arrays and a JSON text. Nothing in it is code, and none is run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed._files import whole_file
from mmembed.analysis.clusters.choice import no_candidates
from mmembed.analysis.clusters.exemplars import Exemplars
from mmembed.analysis.clusters.hierarchy import Hierarchy
from mmembed.analysis.clusters.matching import ClusterRecord, match
from mmembed.analysis.clusters.membership import LabelledRows, nearest_centroids
from mmembed.analysis.clusters.named_groups import NamedClusters, keep_names
from mmembed.analysis.clusters.overview import MOST_TYPICAL, clusters_html, summarise_clusters
from mmembed.analysis.clusters.record import remember_clusters
from mmembed.analysis.clusters.row_figures import RowFigures, labels_array
from mmembed.analysis.cosines import distinct_directions
from mmembed.analysis.names.names import Naming
from mmembed.analysis.names.naming import name_clusters
from mmembed.analysis.names.terms import Evidence
from mmembed.analysis.preparation import Preparation
from mmembed.errors import at_least_one
from mmembed.frames import Written, beside, index_of, with_columns
from mmembed.vectors import VectorArray, VectorDtype, as_vector_array, check_comparable

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix, FloatVector, Positions


def _renumber(current: Clusters, numbers: npt.NDArray[np.int64], previous: Clusters) -> Clusters:
    new_of = {int(old): int(new) for old, new in zip(current.numbers, numbers, strict=True)}

    def renumber(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return np.array([new_of.get(int(label), int(label)) for label in labels], dtype=np.int64)

    labels = current.labels.copy()
    present = ~np.asarray(labels.isna())
    labels[present] = renumber(labels[present].to_numpy(dtype=np.int64))
    return replace(
        current,
        labels=labels,
        names=keep_names(current.names, previous.names, new_of),
        numbers=numbers,
        grouped=replace(
            current.grouped,
            labels=renumber(current.grouped.labels),
            landmark_labels=renumber(current.grouped.landmark_labels),
        ),
        raw_numbers={raw: new_of[number] for raw, number in current.raw_numbers.items()},
    )


@dataclass(frozen=True, eq=False)
class Clusters(NamedClusters):
    """Groups of similar vectors.

    Attributes
    ----------
    labels : pandas array of Int64, shape (n,)
        0 is the largest cluster (of equal ones, the one whose first row comes first); -1 is noise; ``<NA>`` is a row
        without a vector.
    scores : numpy.ndarray, shape (n,), float32
        Cosine with the centroid of the row's own cluster, not below 0: 1 is the centre. NaN for noise and for rows
        without a vector, 0 for noise that was assigned.
    names : mapping of int to str
        Name of each label that occurs.
    method : str
        What made the labels: ``"leiden"``, ``"kmeans"``, ``"hdbscan"``, or the class name of a given estimator.
    candidates : pandas.DataFrame
        What was compared: method, n_clusters, resolution of communities, stability (mean adjusted Rand index with
        groupings of four fifths of the rows), silhouette, coverage (share of rows that are not noise), separation (the
        chance that two rows are in different clusters), modularity (share of ties between neighbours within clusters
        beyond that of random ties), beyond (share of the ties that as many groups of a structureless cloud would cut
        and these do not), width (over how many doublings of the resolution there are so many communities),
        score (stability times modularity times the cube root of beyond) and a note that says which was chosen.
        Empty when there was no choice.
    centroids : numpy.ndarray, shape (n_clusters, d), float32
        Mean direction of each cluster.
    numbers : numpy.ndarray of int, shape (n_clusters,)
        The label of each centroid: 0, 1, 2, … until :meth:`match` gives others.
    stability : float
        Of the whole, as in ``candidates``: near 1 the groups would be found again in other rows, below .5 they are
        largely chance. Of one cluster that was not parted, that of its best split. NaN where nothing was run again.
    stabilities : numpy.ndarray, shape (n_clusters,), float32
        Of each cluster: the mean Jaccard similarity with its like in resampled rows. NaN where nothing was run again,
        as with ``like=``: what was measured on an earlier table does not hold for this one.
    note : str
        What to know of the choice, or nothing.
    assigned : numpy.ndarray of bool, shape (n,)
        Rows that were noise and were put in a cluster by ``assign_noise=True``.
    hierarchy : Hierarchy
        ``.cut(n)`` gives the labels at another level, ``.levels`` the numbers that stand by themselves.
    estimator : object
        The fitted estimator, where one was given; it works on unit rows.
    vanished : mapping of int to str
        Where these go on from earlier clusters: numbers and names of those that no row is in any more.
    pictures : mapping of int to str
        Thumbnails of typical rows as data URIs, by position; what a notebook shows. A file does not keep them.
    """

    labels: pd.api.extensions.ExtensionArray = field(repr=False)
    scores: npt.NDArray[np.float32] = field(repr=False)
    names: Mapping[int, str]
    method: str
    candidates: pd.DataFrame = field(repr=False)
    estimator: Any = field(repr=False)
    centroids: FloatMatrix = field(repr=False)
    numbers: Positions = field(repr=False)
    stability: float
    stabilities: FloatVector = field(repr=False)
    note: str
    assigned: npt.NDArray[np.bool_] = field(repr=False)
    hierarchy: Hierarchy = field(repr=False)
    # The position among the centroids of the nearest other cluster of each row, and by how much it is less near.
    rivals: Positions = field(repr=False)
    margins: FloatVector = field(repr=False)
    # What predict needs to tell rows of the fit again and to number a given estimator's labels as the result does.
    grouped: LabelledRows = field(repr=False)
    preparation: Preparation = field(repr=False)
    dtype: VectorDtype = field(repr=False)
    raw_numbers: Mapping[int, int] = field(repr=False)
    # What names can be made from again; a file does not keep it.
    vectors: VectorArray | None = field(repr=False)
    kinds: Any = field(repr=False)
    # Labels of the rows, where the vectors were a Series, and the file that the result was read from has them.
    index: pd.Index | None = field(default=None, repr=False)
    # Names of the earlier clusters that these go on from, which stay; a file does not keep them.
    earlier_names: Naming | None = field(default=None, repr=False)
    vanished: Mapping[int, str] = field(default_factory=dict, repr=False)
    pictures: Mapping[int, str] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        noise = int((self._filled_labels == -1).sum())
        stable = "" if np.isnan(self.stability) else f", stability={self.stability:.2f}"
        note = f"; {self.note}" if self.note else ""
        return (
            f"Clusters({len(self.centroids)} by {self.method}, rows={len(self)}, noise={noise}{stable}{note}); "
            "see .summary(), .candidates and .add_to(df)"
        )

    @cached_property
    def _filled_labels(self) -> npt.NDArray[np.int64]:
        """Labels with -2 in place of missing ones."""
        return np.asarray(pd.Series(self.labels).fillna(-2), dtype=np.int64)

    def summary(self) -> pd.DataFrame:
        """Return one row a cluster: what it is called, how large and how tight it is, and what is next to it.

        Returns
        -------
        pandas.DataFrame
            ``cluster``; ``name``; ``size`` in rows; ``share`` of the rows with a vector; ``cohesion``, the mean score;
            ``nearest``, the label of the cluster with the most similar centroid; ``stability``, how like itself it is
            in resampled rows, NaN with ``like=``. Noise, if any, is the last row.
        """
        values, order = self._filled_labels, np.argsort(self.numbers)
        inside = [values == label for label in self.numbers[order]]
        return summarise_clusters(
            self.names,
            self.numbers[order],
            sizes=np.array([rows.sum() for rows in inside], dtype=np.int64),
            cohesions=np.array([self.scores[rows].mean(dtype=np.float64) for rows in inside]),
            centroids=self.centroids[order],
            stabilities=self.stabilities[order],
            noise=int((values == -1).sum()),
        )

    def _repr_html_(self) -> str:
        shown = {
            label: [self.pictures[row] for row in rows.tolist() if row in self.pictures]
            for label, rows in (self.exemplars(MOST_TYPICAL) if self.pictures else {}).items()
        }
        return clusters_html(repr(self), self.summary(), Naming.of(self.names).texts, shown)

    def exemplars(self, n: int = 3) -> Exemplars:
        """Return, for each cluster, the positions of the ``n`` rows nearest to its centroid, nearest first.

        ``clusters.exemplars().add_to(df)`` gives the rows themselves, with the cluster's name and their rank in it.
        """
        n = at_least_one("n", n, "asks for no exemplar")
        order = np.lexsort((np.arange(len(self)), -self.scores))
        values = self._filled_labels[order]
        found = {label: order[values == label][:n] for label in np.sort(self.numbers).tolist()}
        return Exemplars(found, self.names, len(self), self.index)

    def borderline(self, n: int = 10) -> pd.DataFrame:
        """Return the ``n`` rows that are the least clearly in their cluster, the least clear first.

        Returns
        -------
        pandas.DataFrame
            ``row``, a position; ``cluster``; ``nearest``, the other cluster with the most similar centroid; ``margin``,
            the cosine with the own centroid less that with the other, negative where the other is nearer.
        """
        n = at_least_one("n", n, "asks for no row")
        rows = np.flatnonzero(~np.isnan(self.margins))
        rows = rows[np.lexsort((rows, self.margins[rows]))][:n]
        return pd.DataFrame(
            {
                "row": rows,
                "cluster": self._filled_labels[rows],
                "nearest": self.numbers[self.rivals[rows]] if len(rows) else np.empty(0, dtype=np.int64),
                "margin": self.margins[rows],
            }
        )

    def _make_names(
        self,
        text: Any,
        *,
        embed: Callable[[list[str]], Any] | None,
        embed_terms: Callable[[list[str]], Any] | None,
        vocabulary: Sequence[str] | None,
        language: str,
    ) -> Naming:
        naming = name_clusters(
            self.labels,
            beside(text, self.index, argument="text"),
            scores=self.scores,
            vectors=self.vectors,
            kinds=self.kinds,
            embed=embed,
            embed_terms=embed_terms,
            vocabulary=vocabulary,
            language=language,
        )
        if self.earlier_names is None:
            return naming
        return keep_names(naming, self.earlier_names, {number: number for number in self.numbers.tolist()})

    def predict(self, vectors: Any, *, kinds: Any = None) -> pd.api.extensions.ExtensionArray:
        """Return the cluster of each vector.

        A vector of the fit gets the label it got there. A new one gets, after k-means, the cluster with the nearest
        centroid; after an estimator that can predict, what it predicts; else the label, noise included, that most of
        its 15 nearest neighbours of the fit have.

        Parameters
        ----------
        vectors : vector column, shape (m, d)
        kinds : sequence of length m, optional
            Needed exactly if the fit was given kinds.

        Returns
        -------
        pandas array of Int64, shape (m,)
            ``<NA>`` for rows without a vector.
        """
        array = as_vector_array(vectors)
        check_comparable(array, self.empty_vectors)
        rows = self.preparation.rows(array, beside(kinds, index_of(vectors), argument="kinds"))
        found, is_new = self.grouped.known(rows)
        if is_new.any():
            found[is_new] = self.predict_rows(rows[is_new])
        return labels_array(found, array.isna())

    @property
    def empty_vectors(self) -> VectorArray:
        """An array without rows that new vectors must be comparable with."""
        nothing = np.empty((0, self.dtype.dimension), dtype=np.float32)
        return VectorArray.from_matrix(nothing, space=self.dtype.space)

    def predict_rows(self, rows: FloatMatrix) -> npt.NDArray[np.int64]:
        """Return the cluster of each prepared row that was not in the fit; see :meth:`predict`."""
        if hasattr(self.estimator, "predict") and len(self.grouped.labels):
            raw = self.estimator.predict(rows)
            return np.array([self.raw_numbers.get(int(label), -1) for label in raw], dtype=np.int64)
        if self.method == "kmeans" and len(self.centroids):
            return np.asarray(self.numbers[nearest_centroids(rows, self.centroids)], dtype=np.int64)
        return self.grouped.vote(rows)

    @property
    def levels(self) -> list[int]:
        """The numbers of clusters that the data have levels at, from few to many, that of the fit among them.

        Each stands over a wide stretch of the resolution and is found again in resampled rows: a level for
        :meth:`cut` and :meth:`at`. Where the clusters are not communities that were chosen, there is that of the fit.
        """
        return list(self.hierarchy.levels) or [self.hierarchy.n_clusters]

    def cut(self, n_clusters: int) -> pd.api.extensions.ExtensionArray:
        """Return the labels of ``n_clusters`` clusters, numbered by size; noise stays noise.

        Fewer than the fit merges its clusters, more splits them, and no border moves. Communities fall into smaller
        communities, other clusters into parts by k-means.

        Raises
        ------
        ValueError
            If the hierarchy has no such level.
        """
        return self.hierarchy.cut(n_clusters)

    def at(self, n_clusters: int) -> Clusters:
        """Return the clusters of another level, with scores and centroids of their own and named by numbers.

        Parameters
        ----------
        n_clusters : int
            One of :attr:`levels`, or any number that :meth:`cut` takes.

        Raises
        ------
        ValueError
            If there is no such level, or if the result was read from a file, which does not keep the vectors.
        """
        labels = self.cut(n_clusters)
        if self.vectors is None:
            raise ValueError(
                "Clusters that were read from a file have no vectors to make another level of. "
                "cut(n) gives its labels; fit_clusters gives a result with all of it."
            )
        missing = np.asarray(labels.isna())
        distinct = distinct_directions(self.preparation.source(self.vectors, self.kinds))
        by_row = np.asarray(pd.Series(labels).fillna(0), dtype=np.int64)[~missing]
        figures = RowFigures.of(distinct, by_row[distinct.first], missing)
        return replace(
            self,
            names=name_clusters(labels, None, scores=figures.scores),
            estimator=None,
            # What was measured is of the level of the fit.
            stability=float("nan"),
            stabilities=np.full(len(figures.centroids), np.nan, dtype=np.float32),
            hierarchy=replace(self.hierarchy, n_clusters=len(figures.centroids)),
            raw_numbers={},
            **figures.by_name,
        )

    def match(self, previous: Clusters, *, threshold: float = 0.5) -> Clusters:
        """Return the result with the labels and names of an earlier one where the clusters are the same.

        A cluster without a partner gets a new number and keeps its own name, with a number after it if that name is
        taken; one that is called by its number is called by the new one. ``.audit()`` shows for each name what speaks
        for it in the current fit, or where that has neither texts nor a vocabulary, in the previous one.

        Parameters
        ----------
        previous : Clusters
            Of the same space; its rows may be others.
        threshold : float
            How alike two clusters must be to be one, 0 to 1: by the rows they share where the earlier fit knew a
            fifth of them (Dice), else by the cosine of their centroids, less what all have in common.

        Raises
        ------
        ValueError
            If the threshold is out of range.
        SpaceMismatchError, DimensionMismatchError
            If the vectors cannot be compared.
        """
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold={threshold} is no likeness. Give a number from 0 to 1.")
        check_comparable(self.empty_vectors, previous.empty_vectors)
        now, noise_now = self._records()
        then, noise_then = previous._records()
        pairs = match(now, then, threshold=threshold, noise_now=noise_now, noise_then=noise_then)
        numbers = np.full(len(now), -1, dtype=np.int64)
        for place, partner in pairs.items():
            numbers[place] = previous.numbers[partner]
        new = np.flatnonzero(numbers < 0)
        numbers[new] = np.arange(len(new)) + 1 + int(max(previous.numbers.max(initial=-1), numbers.max(initial=-1)))
        return _renumber(self, numbers, previous)

    def _records(self) -> tuple[list[ClusterRecord], set[Hashable]]:
        """Return what is known of each cluster, in the order of the centroids, and the rows that are noise."""
        keys: dict[int, set[Hashable]] = {int(number): set() for number in self.numbers}
        noise: set[Hashable] = set()
        for digest, label in self.grouped.by_digest.items():
            (noise if label < 0 else keys[label]).add(digest)
        centroids = np.asarray(self.centroids, dtype=np.float64)
        records = [
            ClusterRecord(self.names[label], len(rows), rows, centroid)
            for (label, rows), centroid in zip(keys.items(), centroids, strict=True)
        ]
        return records, noise

    def save(self, path: str | Path) -> Path:
        """Write the result to one ``.npz`` file of plain numbers and text; ``load_clusters`` reads it.

        The rows that new vectors are compared with are in the file, the estimator is not.
        """
        return save_clusters(self, path)

    def add_to(self, df: pd.DataFrame, *, name: str = "cluster") -> pd.DataFrame:
        """Return the frame with ``cluster``, ``cluster_score`` and ``cluster_name``; ``name`` renames all three."""
        called = pd.Series(self.labels).map(dict(self.names))
        columns = {name: self.labels, f"{name}_score": self.scores, f"{name}_name": called}
        added = with_columns(df, columns, len(self), owner=Written.by("cluster", name), index=self.index)
        return remember_clusters(added, name, self)


_FORMAT = "mmembed clusters 1"

_PLAIN = ("scores", "centroids", "numbers", "stabilities", "assigned", "rivals", "margins")


def save_clusters(clusters: Clusters, path: str | Path) -> Path:
    """Write clusters to a file, whole or not at all; the suffix ``.npz`` is added where there is none.

    Raises
    ------
    TypeError
        If kinds are neither str, int, float, bool nor missing.
    """
    target = Path(path)
    if not target.suffix:
        target = target.with_suffix(".npz")
    means = clusters.preparation.means
    kinds = None if means is None else list(means)
    for kind in kinds or []:
        if not isinstance(kind, (str, int, float, bool, type(None))):
            raise TypeError(f"Kind {kind!r} is a {type(kind).__name__}, which no file keeps. Fit with kinds of text.")
    naming = Naming.of(clusters.names)
    about = {
        "format": _FORMAT,
        "method": clusters.method,
        "stability": clusters.stability,
        "note": clusters.note,
        "names": {str(label): name for label, name in clusters.names.items()},
        "origins": {str(label): origin for label, origin in naming.origins.items()},
        "evidence": {str(label): [asdict(one) for one in found] for label, found in naming.evidence.items()},
        "candidates": json.loads(clusters.candidates.to_json(orient="records", double_precision=15)),
        "dimension": clusters.dtype.dimension,
        "space": clusters.dtype.space,
        "kinds": kinds,
        "vanished": {str(label): name for label, name in clusters.vanished.items()},
        "level": clusters.hierarchy.n_clusters,
        "levels": list(clusters.hierarchy.levels),
    }
    missing = np.asarray(clusters.labels.isna())
    arrays: dict[str, Any] = {name: getattr(clusters, name) for name in _PLAIN}
    arrays |= {
        "about": np.frombuffer(json.dumps(about, ensure_ascii=False).encode(), dtype=np.uint8),
        "labels": np.asarray(pd.Series(clusters.labels).fillna(0), dtype=np.int64),
        "missing": missing,
        "leaves": clusters.hierarchy.leaves,
        "merges": clusters.hierarchy.merges,
        "digests": clusters.grouped.digests,
        "grouped": clusters.grouped.labels,
        "landmarks": clusters.grouped.landmarks,
        "landmark_labels": clusters.grouped.landmark_labels,
    }
    # Labels of plain numbers, dates and texts are kept, others are not: rows then go by position.
    if (labels := _plain_labels(clusters.index)) is not None:
        arrays["index"] = labels
    if means is not None:
        arrays["means"] = np.array(list(means.values()), dtype=np.float64).reshape(len(means), -1)
    with whole_file(target) as part, part.open("wb") as file:
        np.savez(file, **arrays)
    return target


def _plain_labels(index: pd.Index | None) -> npt.NDArray[Any] | None:
    if index is None or isinstance(index, pd.MultiIndex):
        return None
    labels = index.to_numpy()
    if labels.dtype == object and all(isinstance(label, str) for label in labels):
        labels = labels.astype(np.str_)
    return labels if labels.dtype.kind in "iufMU" and pd.Index(labels).equals(index) else None


def load_clusters(path: str | Path) -> Clusters:
    """Read clusters that ``Clusters.save`` wrote.

    Labels, names and what they rest on, scores, levels and where known and new vectors belong are as they were. A given
    estimator is not in the file, so that new vectors then go where most of their neighbours are; nor is all that names
    could be made from again, but :meth:`mmembed.analysis.Clusters.named` takes texts.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no file of clusters, or of a newer version.
    """
    source = Path(path)
    try:
        with np.load(source, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        about = json.loads(arrays["about"].tobytes().decode())
        is_ours = about["format"] == _FORMAT
    except FileNotFoundError:
        raise
    except (BadZipFile, EOFError, KeyError, OSError, TypeError, ValueError) as error:
        raise ValueError(f"{source.name} is no file of clusters. Give one that Clusters.save wrote.") from error
    if not is_ours:
        raise ValueError(
            f"{source.name} has the format {about['format']!r}; this version reads {_FORMAT!r}. Fit and save again."
        )
    kinds = about["kinds"]
    candidates = pd.DataFrame(about["candidates"], columns=no_candidates().columns)
    means = None if kinds is None else dict(zip(kinds, arrays["means"], strict=True))
    return Clusters(
        labels=pd.arrays.IntegerArray(arrays["labels"], arrays["missing"]),
        names=_naming(about),
        method=about["method"],
        candidates=candidates,
        estimator=None,
        stability=about["stability"],
        note=about["note"],
        hierarchy=Hierarchy(
            # Files of version 0.1 know no other level.
            *(arrays["leaves"], arrays["merges"], about["level"]),
            tuple(about.get("levels", ())),
        ),
        grouped=LabelledRows(arrays["digests"], arrays["grouped"], arrays["landmarks"], arrays["landmark_labels"]),
        preparation=Preparation(means),
        dtype=VectorDtype(about["dimension"], about["space"]),
        raw_numbers={},
        vectors=None,
        kinds=None,
        index=pd.Index(arrays["index"]) if "index" in arrays else None,
        # Files of before know of none.
        vanished={int(label): name for label, name in about.get("vanished", {}).items()},
        **{name: arrays[name] for name in _PLAIN},
    )


def _naming(about: dict[str, Any]) -> Naming:
    names = {int(label): name for label, name in about["names"].items()}
    # Files of before have names only.
    origins = {int(label): origin for label, origin in about.get("origins", {}).items()}
    evidence = {
        int(label): tuple(Evidence(**one | {"examples": tuple(one["examples"])}) for one in found)
        for label, found in about.get("evidence", {}).items()
    }
    return Naming(names, dict.fromkeys(names, "given") | origins, evidence)
