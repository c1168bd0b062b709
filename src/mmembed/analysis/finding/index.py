"""A persistent approximate index for millions of rows: built once, opened at once, with a measured recall."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from mmembed._optional import import_optional
from mmembed.analysis.cosines import pair_cosines
from mmembed.analysis.finding.search import SearchHits, as_queries
from mmembed.analysis.graphs.nearest import nearest_rows
from mmembed.arrays import places_for
from mmembed.errors import VectorError, at_least_one
from mmembed.frames import index_of
from mmembed.vectors import VectorArray, VectorDtype, as_vector_array, check_comparable

_K_OF_RECALL = 10
_SAMPLE = 200
_FINGERPRINT_ROWS = 64
_FORMAT = 1


@dataclass(frozen=True)
class IndexFacts:
    """What an index knows of the column it was built from."""

    dimension: int
    space: str | None
    n_rows: int
    fingerprint: str
    recall: float
    format: int = _FORMAT

    @property
    def dtype(self) -> VectorDtype:
        """The dtype of the column."""
        return VectorDtype(self.dimension, self.space)


@dataclass(frozen=True, eq=False)
class VectorIndex:
    """An index of a vector column; make one with :func:`build_index` or :meth:`load`.

    Attributes
    ----------
    facts : IndexFacts
        Dimension, space and number of rows of the column, and ``recall``: the share of the 10 true neighbours that the
        index found for a sample of the column's own rows.
    """

    facts: IndexFacts
    _graph: Any = field(repr=False)

    def search(self, queries: Any, vectors: Any, k: int = 10) -> SearchHits:
        """Find about the k most similar rows of each query.

        Parameters
        ----------
        queries : vector or vector column, shape (d,) or (q, d)
        vectors : vector column, shape (n, d)
            The column that the index was built from: similarities are measured on it.
        k : int

        Raises
        ------
        SpaceMismatchError, DimensionMismatchError
            If the queries or the column are of another space or dimension than the index.
        VectorError
            If the column is not the one that the index was built from.
        """
        k = at_least_one("k", k, "asks for no row")
        asked, single = as_queries(queries)
        array = as_vector_array(vectors)
        check_comparable(self.facts.dtype, asked)
        check_comparable(self.facts.dtype, array)
        if len(array) != self.facts.n_rows or _fingerprint(array) != self.facts.fingerprint:
            raise VectorError(
                f"The index was built from another column: {self.facts.n_rows} rows with other vectors or in another "
                f"order; this one has {len(array)} rows. Build it again with build_index(vectors)."
            )
        k = places_for(k, len(array))
        positions = np.full((len(asked), k), -1, dtype=np.int64)
        similarities = np.full((len(asked), k), np.nan, dtype=np.float32)
        answerable = np.flatnonzero(~asked.isna())
        wanted = min(k + k // 2 + 8, len(self._graph))
        if len(answerable) and wanted:
            query, row = _query_index(self._graph, asked.matrix[answerable], wanted)
            cosines = pair_cosines(asked.matrix, array.matrix, answerable[query], row)
            order = np.lexsort((row, -cosines, query))
            query, row, cosines = query[order], row[order], cosines[order]
            rank = np.arange(len(query)) - np.searchsorted(query, query)
            best = rank < k
            positions[answerable[query[best]], rank[best]] = row[best]
            similarities[answerable[query[best]], rank[best]] = cosines[best]
        return SearchHits(positions, similarities, len(array), single, index=index_of(vectors))

    def save(self, path: str | Path) -> Path:
        """Write the index to a folder, made if it is not there, and return its path."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        self._graph.save(str(folder / "vectors.usearch"))
        (folder / "index.json").write_text(json.dumps(asdict(self.facts), ensure_ascii=False), encoding="utf-8")
        return folder

    @classmethod
    def load(cls, path: str | Path) -> VectorIndex:
        """Open an index that :meth:`save` wrote; its vectors stay on disk until they are needed.

        Raises
        ------
        VectorError
            If there is no index, or one of another version.
        """
        usearch = _usearch()
        folder = Path(path)
        try:
            facts = IndexFacts(**json.loads((folder / "index.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise VectorError(f"{str(folder)!r} holds no index that can be read: {error}. Save one there.") from error
        file = folder / "vectors.usearch"
        graph = usearch.Index.restore(str(file), view=True) if file.is_file() else None
        if graph is None or facts.format != _FORMAT:
            raise VectorError(f"{str(folder)!r} holds an index that is damaged or of another version. Build it again.")
        return cls(facts, graph)

    def __len__(self) -> int:
        return self.facts.n_rows

    def __repr__(self) -> str:
        return (
            f"VectorIndex(rows={len(self)}, dimension={self.facts.dimension}, space={self.facts.space!r}, "
            f"recall@{_K_OF_RECALL}={self.facts.recall:.3f}); see .search(queries, vectors), .save(path)"
        )


def build_index(vectors: Any, *, connectivity: int = 16, effort: int = 128) -> VectorIndex:
    """Build an approximate index of a vector column: a navigable small world graph (usearch).

    Exact search needs no index and takes some 15 ms for 100,000 rows of 1,024 numbers; an index pays back after
    thousands of single queries, or where the rows do not fit into memory many times over.
    Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search", 2018.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
        Rows without a vector and zero vectors are not in the index, and so never found.
    connectivity : int
        Links of each row: more cost memory and time and raise the recall.
    effort : int
        How far the graph is searched while building and asking: more costs time and raises the recall.

    Raises
    ------
    MissingExtraError
        If usearch is not installed: ``pip install 'mmembed[index]'``.

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.random.default_rng(0).normal(size=(100, 8)).astype("float32")
    >>> index = build_index(vectors)
    >>> int(index.search(vectors[5], vectors, k=1).positions[0, 0])
    5
    """
    usearch = _usearch()
    array = as_vector_array(vectors)
    rows = np.flatnonzero(~array.isna() & np.nan_to_num(array.matrix).any(axis=1))
    graph = usearch.Index(
        ndim=array.dimension,
        metric="cos",
        dtype="f16",
        connectivity=connectivity,
        expansion_add=effort,
        expansion_search=effort,
    )
    if len(rows):
        graph.add(rows.astype(np.uint64), np.ascontiguousarray(array.matrix[rows]))
    recall = _recall(graph, array, rows)
    facts = IndexFacts(array.dimension, array.space, len(array), _fingerprint(array), recall)
    return VectorIndex(facts, graph)


def _recall(graph: Any, array: VectorArray, rows: Any) -> float:
    """Return which share of the true neighbours of a sample of rows the index finds."""
    if not len(rows):
        return 1.0
    sample = np.random.default_rng(0).choice(rows, min(_SAMPLE, len(rows)), replace=False)
    k = min(_K_OF_RECALL, len(rows))
    missing = np.ones(len(array), dtype=bool)
    missing[rows] = False
    true, cosines = nearest_rows(
        array.matrix[sample], array.matrix, k, queries_missing=np.zeros(len(sample), dtype=bool), missing=missing
    )
    query, row = _query_index(graph, array.matrix[sample], k)
    # Whatever is as near as the last true neighbour counts as found: among equal rows any is right.
    near = pair_cosines(array.matrix, array.matrix, sample[query], row) >= cosines[query, k - 1]
    return float(min(near.sum() / true.size, 1.0))


def _query_index(graph: Any, queries: Any, k: int) -> tuple[Any, Any]:
    """Return query and row of everything that the index finds."""
    matches = graph.search(np.ascontiguousarray(queries), k)
    keys = np.asarray(matches.keys).reshape(len(queries), -1).astype(np.int64)
    counts = np.asarray(getattr(matches, "counts", [keys.shape[1]])).reshape(-1)
    query, place = np.nonzero(np.arange(keys.shape[1]) < counts[:, np.newaxis])
    return query, keys[query, place]


def _fingerprint(array: VectorArray) -> str:
    """Return a digest of some rows, spread over the column, and of which rows are missing."""
    rows = np.unique(np.linspace(0, max(len(array) - 1, 0), _FINGERPRINT_ROWS).astype(np.int64))
    digest = blake2b(np.packbits(array.isna()).tobytes(), digest_size=16)
    digest.update(array.matrix[rows[rows < len(array)]].tobytes())
    return digest.hexdigest()


def _usearch() -> Any:
    return import_optional("usearch.index", extra="index", purpose="An approximate index")
