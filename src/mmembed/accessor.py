"""The doors on pandas objects: ``df.mmembed`` and ``series.mmembed``; each method a few lines on the layers below."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from mmembed.embedding.content import Modality
from mmembed.embedding.embedder import Embedder
from mmembed.embedding.querying import embed_queries, is_many
from mmembed.embedding.run import EmbeddingRun, Errors, check_errors
from mmembed.errors import ColumnNotFoundError, ModalityError, did_you_mean, listed
from mmembed.vectors import VectorArray, VectorDtype, as_vector_array

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa
    from plotly.graph_objects import Figure

    from mmembed.reporting.report import Report

Columns = str | Sequence[str] | Mapping[str, Modality]


def column_of(df: pd.DataFrame, column: Hashable) -> pd.Series:
    """Return one column, or raise an error that names the nearest.

    Raises
    ------
    ColumnNotFoundError
        If the frame has no such column, or has it twice.
    """
    if column not in df.columns:
        hint = did_you_mean(column, df.columns)
        raise ColumnNotFoundError(f"Column {column!r} is not in the frame. Available: {listed(df.columns)}.{hint}")
    found = df[column]
    if isinstance(found, pd.DataFrame):
        raise ColumnNotFoundError(f"The frame has {found.shape[1]} columns named {column!r}; rename all but one.")
    return found


@pd.api.extensions.register_dataframe_accessor("mmembed")
class FrameAccessor:
    """Embed, search, cluster, name, map and report on a frame; every verb returns a new frame.

    Examples
    --------
    >>> import mmembed
    >>> df = pd.DataFrame({"title": ["a dog", "一只狗", "a train"]})
    >>> df = df.mmembed.embed("title", "text", model="local")
    >>> df.mmembed.search("puppy", "title_vector", k=1)["title"].tolist()
    ['a dog']
    """

    def __init__(self, df: pd.DataFrame) -> None:
        self._df = df

    def __repr__(self) -> str:
        vectors = [name for name, dtype in self._df.dtypes.items() if isinstance(dtype, VectorDtype)]
        return f"<mmembed accessor of {len(self._df)} rows; vector columns: {listed(vectors)}>"

    def embed(
        self,
        column: Columns,
        modality: Modality = "auto",
        *,
        model: Any = None,
        dimension: int | None = None,
        instruct: str | None = None,
        fps: float | None = None,
        name: str | Mapping[str, str] | None = None,
        errors: Errors = "raise",
        embedder: Embedder | None = None,
        progress: bool | None = None,
        root: Path | str | None = None,
    ) -> pd.DataFrame:
        """Add a vector column for each column of contents.

        Parameters
        ----------
        column : str, list of str or dict
            The column to embed; several as a list, or as ``{column: modality}``. They share one plan.
        modality : {"auto", "text", "image", "video", "multi_images"}
            How cells are read; a cell of text is never taken for a file.
        model, dimension, instruct, fps
            As in :class:`Embedder`; ``model="local"`` needs no key and no network.
        name : str or dict, optional
            Name of the new column (``{column: name}`` for several); ``<column>_vector`` if not given.
        errors : {"raise", "coerce"}
            ``"raise"``: embed and keep every good row, then raise one error that lists the bad ones. ``"coerce"``:
            bad rows have no vector, with one warning.
        embedder : Embedder, optional
            Shared settings instead of single ones.
        progress : bool, optional
            Show a bar; by default in notebooks and terminals.
        root : path, optional
            Folder that relative file names start from.

        Returns
        -------
        pandas.DataFrame
            The frame with one ``vector[d, space]`` column more for each column embedded.

        Raises
        ------
        EmbeddingError
            If cells failed and ``errors="raise"``.
        ColumnNotFoundError, ModalityError, UnknownModelError, MissingCredentialsError
            Before anything is read or sent.
        """
        wanted = _modalities(column, modality)
        columns = {one: column_of(self._df, one) for one in wanted}
        names = _names(name, list(wanted))
        used = _embedder(
            embedder, model=model, dimension=dimension, instruct=instruct, fps=fps, root=root
        )
        runs = used.embed_many(columns, wanted, progress=progress)
        check_errors(_all_errors(runs), len(self._df) * len(columns), errors)
        return self._df.assign(**{names[one]: run.vectors.array for one, run in runs.items()})

    def fuse(
        self,
        *,
        text: str | None = None,
        image: str | None = None,
        video: str | None = None,
        model: Any = None,
        dimension: int | None = None,
        instruct: str | None = None,
        fps: float | None = None,
        name: str = "fused_vector",
        errors: Errors = "raise",
        embedder: Embedder | None = None,
        progress: bool | None = None,
        root: Path | str | None = None,
    ) -> pd.DataFrame:
        """Add one vector a row made of several columns of different kinds; a missing part is left out.

        Parameters
        ----------
        text, image, video : str
            The columns that hold each kind; at least one.
        name : str
            Name of the new column.
        model, dimension, instruct, fps, errors, embedder, progress, root
            As in :meth:`embed`.
        """
        given: dict[Modality, str | None] = {"text": text, "image": image, "video": video}
        parts: dict[Modality, pd.Series] = {
            kind: column_of(self._df, one) for kind, one in given.items() if one is not None
        }
        if not parts:
            raise ModalityError("fuse needs at least one column: text=, image= or video=.")
        used = _embedder(
            embedder, model=model, dimension=dimension, instruct=instruct, fps=fps, root=root
        )
        return used.fuse(parts, name, progress=progress).checked(errors).add_to(self._df)

    def search(
        self,
        query: Any,
        column: str,
        k: int = 10,
        *,
        modality: Modality = "auto",
        embedder: Embedder | None = None,
    ) -> pd.DataFrame:
        """Return the rows nearest to a query, best first, with their cosine similarity.

        Parameters
        ----------
        query : str, path, picture, Vector, ndarray, or a list of these
            Contents are embedded with the column's own model. A list gives a long frame with ``query`` and ``rank``.
        column : str
            A vector column.
        k : int
            How many rows; fewer if fewer have a vector.
        modality : str
            How a query that is no vector is read. A string is a text unless this says otherwise.
        embedder : Embedder, optional
            Settings for embedding the query; the column's model if not given.
        """
        from mmembed.analysis.searching import search

        vectors = as_vector_array(column_of(self._df, column))
        queries = embed_queries(query, vectors, modality=_query_modality(query, modality), embedder=embedder)
        if is_many(query):
            return search(queries, vectors, k).add_to(self._df, queries=list(query))
        return search(queries[0], vectors, k).add_to(self._df)

    def cluster(
        self,
        column: str,
        method: Any = "auto",
        *,
        n_clusters: int | None = None,
        text: str | None = None,
        kinds: str | None = None,
        min_cluster_size: int | None = None,
        random_state: int | None = None,
        name: str = "cluster",
    ) -> pd.DataFrame:
        """Add ``cluster`` (−1 is noise, NA is no vector), ``cluster_score`` and ``cluster_name``.

        Parameters
        ----------
        column : str
            A vector column.
        method : {"auto", "kmeans", "hdbscan"} or scikit-learn estimator
            How rows are grouped; see :func:`mmembed.fit_clusters`.
        n_clusters : int, optional
            The number of clusters, where it is known.
        text : str, optional
            A column of texts that names the clusters.
        kinds : str, optional
            A column that says which kind of content each row's vector is of; each kind's mean is removed first, so
            that rows group by meaning rather than by kind.
        min_cluster_size : int, optional
            The smallest group that counts as a cluster, for ``"hdbscan"`` and ``"auto"``.
        random_state : int, optional
            Seed; the same seed gives the same clusters, and so does None.
        name : str
            First part of the new columns' names.
        """
        from mmembed.analysis.clustering import fit_clusters

        return fit_clusters(
            column_of(self._df, column),
            method,
            n_clusters=n_clusters,
            text=None if text is None else column_of(self._df, text),
            kinds=None if kinds is None else column_of(self._df, kinds),
            min_cluster_size=min_cluster_size,
            random_state=random_state,
        ).add_to(self._df, name=name)

    def classify(
        self,
        column: str,
        *,
        target: str | None = None,
        labels: Sequence[str] | Mapping[str, str] | None = None,
        kinds: str | None = None,
        estimator: Any = None,
        random_state: int | None = None,
        embedder: Embedder | None = None,
        name: str | None = None,
    ) -> pd.DataFrame:
        """Add a label to each row: learnt from the rows that have one, or from the labels' own words.

        Parameters
        ----------
        column : str
            A vector column.
        target : str, optional
            A column with labels for some or all rows; gives ``<target>_predicted`` and ``<target>_score``.
        labels : list of str or {label: description}, optional
            Zero-shot: each row gets the label whose words are nearest in the column's own space; gives ``label`` and
            ``label_score``.
        kinds : str, optional
            For zero-shot, a column that says which kind of content each row is of; each kind's mean is removed.
        estimator : scikit-learn classifier, optional
            Instead of the default one; it is cloned.
        random_state : int, optional
            Seed.
        embedder : Embedder, optional
            Settings for embedding the labels; the column's model if not given.
        name : str, optional
            First part of the new columns' names.

        Raises
        ------
        ValueError
            If neither or both of target and labels are given.
        """
        if (target is None) == (labels is None):
            raise ValueError("classify needs either target= (a column of labels) or labels= (words), not both.")
        vectors = column_of(self._df, column)
        if target is not None:
            from mmembed.analysis.classifying import fit_classifier

            fitted = fit_classifier(vectors, column_of(self._df, target), estimator=estimator, random_state=random_state)
            return fitted.add_to(self._df, name=name or target)
        from mmembed.analysis.labelling import zero_shot

        described = dict(labels) if isinstance(labels, Mapping) else {label: label for label in labels or ()}
        array = as_vector_array(vectors)
        words = embed_queries(list(described.values()), array, modality="text", embedder=embedder)
        groups = None if kinds is None else column_of(self._df, kinds)
        return zero_shot(array, words, list(described), kinds=groups).add_to(self._df, name=name or "label")

    def project(
        self,
        column: str,
        method: Any = "umap",
        *,
        dimensions: Literal[2, 3] = 2,
        kinds: str | None = None,
        random_state: int | None = None,
        name: str = "map",
    ) -> pd.DataFrame:
        """Add map coordinates ``map_x``, ``map_y`` (and ``map_z``).

        Parameters
        ----------
        column : str
            A vector column.
        method : {"umap", "pca"} or scikit-learn estimator
            How the map is drawn.
        dimensions : {2, 3}
            Number of coordinates.
        kinds : str, optional
            A column that says which kind of content each row is of; each kind's mean is removed first.
        random_state : int, optional
            Seed; the same seed gives the same map, and so does None.
        name : str
            First part of the new columns' names.
        """
        from mmembed.analysis.projecting import fit_projection

        return fit_projection(
            column_of(self._df, column),
            method,
            dimensions=dimensions,
            kinds=None if kinds is None else column_of(self._df, kinds),
            random_state=random_state,
        ).add_to(self._df, name=name)

    def plot(self, *, color: str | None = None, hover: Any = None, image: str | None = None, **layout: Any) -> Figure:
        """Return a plotly figure of the map that :meth:`project` computed; see :func:`mmembed.plot`."""
        from mmembed.reporting.plotting import plot

        return plot(self._df, color=color, hover=hover, image=image, **layout)

    def report(
        self,
        column: str,
        *,
        text: str | Sequence[str] | None = None,
        image: str | None = None,
        video: str | None = None,
        title: str | None = None,
        language: Literal["auto", "zh", "en"] = "auto",
        breakdown: str | None = None,
        random_state: int | None = None,
        root: Path | str | None = None,
    ) -> Report:
        """Return a report on the clusters of a vector column: one offline HTML page.

        Clusters and map are taken from the frame; where they are missing they are computed with the default settings,
        and the report says so.

        Parameters
        ----------
        column : str
            A vector column.
        text : str or list of str, optional
            Columns of texts to show.
        image, video : str, optional
            Columns of pictures and clips to show as thumbnails.
        title : str, optional
            Title of the page.
        language : {"auto", "zh", "en"}
            Language of the page; by default that of most of the texts.
        breakdown : str, optional
            A column whose shares each cluster's card shows.
        random_state : int, optional
            Seed for what has to be computed.
        root : path, optional
            Folder that relative file names start from.
        """
        from mmembed.reporting.completing import complete_for_report
        from mmembed.reporting.report import build_report

        vectors = column_of(self._df, column)
        first_text = text if isinstance(text, str) or text is None else next(iter(text), None)
        words = None if first_text is None else column_of(self._df, first_text)
        df, notes = complete_for_report(self._df, vectors, text=words, random_state=random_state)
        return build_report(
            df,
            text=text,
            image=image,
            video=video,
            title=title,
            language=language,
            breakdown=breakdown,
            notes=notes,
            root=root,
        )


@pd.api.extensions.register_series_accessor("mmembed")
class SeriesAccessor:
    """Embed a column of contents, or look into a column of vectors.

    Examples
    --------
    >>> import mmembed
    >>> vectors = pd.Series([[3.0, 4.0], None]).mmembed.as_vectors(space="toy")
    >>> vectors.mmembed.normalize().mmembed.to_matrix()
    array([[0.6, 0.8],
           [nan, nan]], dtype=float32)
    """

    def __init__(self, series: pd.Series) -> None:
        self._series = series

    def __repr__(self) -> str:
        return f"<mmembed accessor of a column of {self._series.dtype}>"

    def embed(
        self,
        modality: Modality = "auto",
        *,
        model: Any = None,
        dimension: int | None = None,
        instruct: str | None = None,
        fps: float | None = None,
        errors: Errors = "raise",
        embedder: Embedder | None = None,
        progress: bool | None = None,
        root: Path | str | None = None,
    ) -> pd.Series:
        """Return the vectors of the cells as a vector column; parameters as in ``df.mmembed.embed``."""
        used = _embedder(
            embedder, model=model, dimension=dimension, instruct=instruct, fps=fps, root=root
        )
        return used.embed(self._series, modality, progress=progress).checked(errors).vectors

    @property
    def vectors(self) -> VectorArray:
        """The column as a VectorArray."""
        return as_vector_array(self._series)

    @property
    def dimension(self) -> int:
        """Length d of the vectors."""
        return self.vectors.dimension

    @property
    def space(self) -> str | None:
        """Name of the model that made the vectors, or None if unknown."""
        return self.vectors.space

    def as_vectors(self, space: str | None = None) -> pd.Series:
        """Return a column of lists, arrays or Arrow lists as a vector column.

        Parameters
        ----------
        space : str, optional
            Name of the model that made the vectors, where the column does not know it.
        """
        return self._wrap(as_vector_array(self._series, space=space))

    def to_matrix(self) -> npt.NDArray[np.float32]:
        """Return the vectors as a read-only ``(n, d)`` float32 matrix without a copy; missing rows are NaN."""
        return self.vectors.matrix

    def to_arrow(self) -> pa.Array:
        """Return the vectors as an Arrow array of fixed-size float32 lists, for readers without mmembed."""
        return self.vectors.__arrow_array__()

    def similarity(self, query: Any, *, modality: Modality = "auto", embedder: Embedder | None = None) -> pd.Series:
        """Return the cosine similarity of each row with one query; NaN where there is no vector.

        Parameters
        ----------
        query : Vector, ndarray, text, path or picture
            Contents are embedded with the column's own model.
        """
        from mmembed.analysis.searching import similarity

        vectors = self.vectors
        found = embed_queries(query, vectors, modality=_query_modality(query, modality), embedder=embedder)
        return pd.Series(similarity(vectors, found[0]), index=self._series.index, name="similarity")

    def normalize(self) -> pd.Series:
        """Return the vectors with length 1; a zero vector stays zero."""
        vectors = self.vectors
        matrix = vectors.matrix
        lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
        return self._made_of(matrix / np.where(lengths == 0, 1, lengths))

    def truncate(self, dimension: int) -> pd.Series:
        """Keep the first dimensions and normalise: for models trained so that a prefix is a vector too (Matryoshka).

        Parameters
        ----------
        dimension : int
            How many to keep, 1 to the column's own.

        Raises
        ------
        ValueError
            If the column has fewer dimensions.
        """
        if not 1 <= dimension <= self.dimension:
            raise ValueError(f"dimension={dimension!r} is not between 1 and the column's {self.dimension}.")
        return self._made_of(self.vectors.matrix[:, :dimension]).mmembed.normalize()  # type: ignore[no-any-return]

    def _made_of(self, matrix: npt.NDArray[np.float32]) -> pd.Series:
        return self._wrap(VectorArray.from_matrix(matrix, space=self.space, mask=self.vectors.isna()))

    def _wrap(self, vectors: VectorArray) -> pd.Series:
        return pd.Series(vectors, index=self._series.index, name=self._series.name)


def _modalities(column: Columns, modality: Modality) -> dict[str, Modality]:
    if isinstance(column, Mapping):
        return dict(column)
    return dict.fromkeys([column] if isinstance(column, str) or not isinstance(column, Sequence) else column, modality)


def _names(name: str | Mapping[str, str] | None, columns: list[str]) -> dict[str, str]:
    if name is None or isinstance(name, Mapping):
        return {one: (name or {}).get(one, f"{one}_vector") for one in columns}
    if len(columns) != 1:
        raise ValueError(f"name={name!r} cannot name {len(columns)} columns; give a dict {{column: name}}.")
    return {columns[0]: name}


def _embedder(embedder: Embedder | None, *, root: Path | str | None, **settings: Any) -> Embedder:
    """Return the given embedder, or one of single settings; both at once would leave in doubt which counts."""
    given = {key: value for key, value in settings.items() if value is not None}
    if embedder is None:
        return Embedder(**given, root=root)
    if given:
        raise ValueError(f"Give either embedder= or {listed(given)}, not both; dataclasses.replace changes an Embedder.")
    return embedder if root is None else replace(embedder, root=root)


def _all_errors(runs: Mapping[str, EmbeddingRun]) -> pd.DataFrame:
    errors = [run.errors for run in runs.values() if len(run.errors)]
    return pd.concat(errors, ignore_index=True) if errors else next(iter(runs.values())).errors


def _query_modality(query: Any, modality: Modality) -> Modality:
    """A string that is searched for is a text, unless the caller says that it is a file or a URL."""
    texts = query if isinstance(query, list | tuple) else [query]
    return "text" if modality == "auto" and all(isinstance(one, str) for one in texts) else modality
