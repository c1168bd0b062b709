"""Clusters and maps on Dask: the verbs fit, and the columns of the frame that they return are lazy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from mmembed.accessor.arguments import Kinds, check_names_source, naming_embedder, reader_language, texts_of
from mmembed.distributed.aligning import vector_dtype
from mmembed.distributed.sampling import SAMPLE_ROWS
from mmembed.embedding.embedder import Embedder
from mmembed.embedding.progress import progress_bar
from mmembed.frames import as_list, column_of


class GroupVerbs:
    """Clusters and maps on Dask."""

    _ddf: Any

    def cluster(
        self,
        column: str,
        method: Any = "auto",
        *,
        n_clusters: int | None = None,
        text: str | Sequence[str] | None = None,
        kinds: Kinds = None,
        names: Literal["auto", "text", "space"] = "auto",
        vocabulary: Sequence[str] | None = None,
        language: Literal["auto", "zh", "en"] = "auto",
        rename: Mapping[int, str] | None = None,
        rewrite: Callable[[Mapping[int, Any]], Mapping[int, str]] | None = None,
        min_cluster_size: int | None = None,
        assign_noise: bool = False,
        random_state: int | None = None,
        max_cost: float | None = None,
        embedder: Embedder | None = None,
        progress: bool | None = None,
        name: str = "cluster",
        sample_rows: int = SAMPLE_ROWS,
    ) -> Any:
        """Add ``cluster`` (−1 is noise, NA is no vector), ``cluster_score`` and ``cluster_name``.

        Fitting computes, and so does naming; the new columns are lazy. See
        :func:`mmembed.distributed.fit_clusters` for what is fitted on a sample and what is exact.

        Parameters
        ----------
        column : str
            A vector column.
        method, n_clusters, text, kinds, names, vocabulary, language, rename, rewrite
            As on pandas.
        min_cluster_size, assign_noise, random_state, max_cost, embedder, progress, name
            As on pandas.
        sample_rows : int
            Rows that are fitted on; a table of no more is grouped exactly as on pandas.

        Returns
        -------
        dask DataFrame
        """
        from mmembed.distributed.clustering import fit_clusters

        vectors = column_of(self._ddf, column)
        vector_dtype(vectors)
        texts = joined_texts(self._ddf, text)
        source = check_names_source(names, texts)
        buys = source == "space" or vocabulary is not None
        with progress_bar(0, show=progress, unit="step", description="cluster") as bar:
            fitted = fit_clusters(
                vectors,
                method,
                n_clusters=n_clusters,
                kinds=None if kinds is None or kinds is False else column_of(self._ddf, kinds),
                min_cluster_size=min_cluster_size,
                assign_noise=assign_noise,
                random_state=random_state,
                sample_rows=sample_rows,
                on_step=lambda step: bar.set_description_str(f"cluster: {step}"),
            )
            bar.set_description_str("cluster: names")
            fitted = fitted.named(
                None if source == "space" else texts,
                embed=naming_embedder(fitted.empty_vectors, source, buys=buys, embedder=embedder, max_cost=max_cost),
                vocabulary=vocabulary,
                language=language if language != "auto" or texts is not None else reader_language(),
                rename=rename,
                rewrite=rewrite,
            )
        return fitted.add_to(self._ddf, name=name)

    def project(
        self,
        column: str,
        method: Any = "umap",
        *,
        dimensions: Literal[2, 3] = 2,
        kinds: Kinds = None,
        random_state: int | None = None,
        name: str = "map",
        sample_rows: int = SAMPLE_ROWS,
    ) -> Any:
        """Add map coordinates ``map_x``, ``map_y`` (and ``map_z``).

        Fitting computes; the new columns are lazy. See :func:`mmembed.distributed.fit_projection`.

        Parameters
        ----------
        column : str
            A vector column.
        method, dimensions, kinds, random_state, name
            As on pandas.
        sample_rows : int
            Rows that the map is made of; a table of no more has the map of pandas.

        Returns
        -------
        dask DataFrame
        """
        from mmembed.distributed.projecting import fit_projection

        return fit_projection(
            column_of(self._ddf, column),
            method,
            dimensions=dimensions,
            kinds=None if kinds is None or kinds is False else column_of(self._ddf, kinds),
            random_state=random_state,
            sample_rows=sample_rows,
        ).add_to(self._ddf, name=name)


def joined_texts(ddf: Any, text: str | Sequence[str] | None) -> Any:
    """Return the texts of one column, or of several one under the other in each cell, as a lazy column."""
    if text is None:
        return None
    names = as_list(ddf, text)
    columns = [column_of(ddf, one) for one in names]
    if len(columns) == 1:
        return columns[0]
    meta = texts_of(ddf._meta, names)  # noqa: SLF001 - Dask's own word
    return ddf[names].map_partitions(texts_of, names, meta=meta)
