"""Clusters and maps on Dask: the verbs fit, and the columns of the frame that they return are lazy.

Labels on Dask: learned or asked for from words, and what a label set is worth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from mmembed.accessor import FrameAccessor
from mmembed.accessor.arguments import (
    Kinds,
    Text,
    are_texts,
    check_names_source,
    count_texts,
    map_columns,
    named_by_rule,
    source_of,
    texts_of,
)
from mmembed.accessor.group_verbs import Labels, check_asked, compared_columns, embedded_labels
from mmembed.contents.content import Modality
from mmembed.distributed.columns import align, no_vectors, vector_dtype
from mmembed.distributed.partitions import folded, on_partitions
from mmembed.distributed.samples import SAMPLE_ROWS, check_sample_rows, draw_labelled, warn_of_cut
from mmembed.embedding.embedder import Embedder
from mmembed.embedding.progress import progress_bar
from mmembed.frames import as_list, column_of
from mmembed.vectors import as_vector_array


class GroupVerbs:
    """Clusters and maps on Dask."""

    _ddf: Any

    def cluster(
        self,
        column: str,
        method: Any = "auto",
        *,
        n_clusters: int | None = None,
        text: str | Sequence[str] | Literal[False] | None = None,
        kinds: Kinds = None,
        names: Literal["auto", "text", "space"] = "auto",
        vocabulary: Sequence[str] | None = None,
        language: Literal["auto", "zh", "en"] = "auto",
        rename: Mapping[int, str] | None = None,
        rewrite: Callable[[Mapping[int, Any]], Mapping[int, str]] | None = None,
        min_cluster_size: int | None = None,
        assign_noise: bool = False,
        levels: int = 1,
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
        levels : int
            1: subclusters are not made on Dask.
        sample_rows : int
            Rows that are fitted on; a table of no more is grouped exactly as on pandas.

        Returns
        -------
        dask DataFrame
        """
        from mmembed.distributed.clustering import fit_unnamed

        if levels != 1:
            raise ValueError(
                f"levels={levels!r}, but on Dask clusters have one level. Leave levels out, or cluster a sample with "
                "pandas."
            )

        vectors = column_of(self._ddf, column)
        vector_dtype(vectors)
        texts = joined_texts(self._ddf, text_or_source(self._ddf, column, text))
        check_names_source(names, texts)
        with progress_bar(0, show=progress, unit="step", description="cluster") as bar:
            fitted = fit_unnamed(
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
            fitted = named_by_rule(
                fitted,
                fitted.empty_vectors,
                texts,
                names=names,
                vocabulary=vocabulary,
                language=language,
                rename=rename,
                rewrite=rewrite,
                embedder=embedder,
                max_cost=max_cost,
            )
        return fitted.add_to(self._ddf, name=name)

    def project(
        self,
        column: str,
        method: Any = "umap",
        *,
        dimensions: Literal[2, 3] = 2,
        n_neighbors: int = 15,
        min_dist: float = 0.1,
        spread: float = 1.0,
        target: str | None = None,
        densmap: bool = False,
        like: Any = None,
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
        method, dimensions, n_neighbors, min_dist, spread, target, densmap, like, kinds, random_state, name
            As on pandas.
        sample_rows : int
            Rows that the map is made of; a table of no more has the map of pandas.

        Returns
        -------
        dask DataFrame
        """
        from mmembed.distributed.projection import fit_projection

        vectors = column_of(self._ddf, column)
        if isinstance(like, str):
            like = [column_of(self._ddf, one) for one in map_columns(like, dimensions)]
        return fit_projection(
            vectors,
            method,
            dimensions=dimensions,
            n_neighbors=n_neighbors,
            min_dist=min_dist,
            spread=spread,
            target=None if target is None else column_of(self._ddf, target),
            densmap=densmap,
            like=like,
            kinds=None if kinds is None or kinds is False else column_of(self._ddf, kinds),
            random_state=random_state,
            sample_rows=sample_rows,
        ).add_to(self._ddf, name=name)


def text_or_source(ddf: Any, column: str, text: Text) -> str | Sequence[str] | None:
    """Return the columns of texts to name by, as on pandas; the cells of ``x`` are looked at in one pass."""
    if text is not None:
        return None if text is False else text
    source = source_of(ddf.columns, column)
    if source is None or not (pd.api.types.is_object_dtype(ddf.dtypes[source]) or _is_string(ddf.dtypes[source])):
        return None
    found: tuple[int, int] = folded(on_partitions(count_texts, ddf[source]), _summed)
    return source if are_texts(*found) else None


def _is_string(dtype: Any) -> bool:
    return isinstance(dtype, pd.StringDtype) or str(dtype) == "string"


def _summed(counts: list[tuple[int, int]]) -> tuple[int, int]:
    texts, others = zip(*counts, strict=True)
    return sum(texts), sum(others)


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


class LabelVerbs:
    """Labels on Dask: learned or asked for from words, and what a label set is worth."""

    _ddf: Any

    def classify(
        self,
        column: str,
        *,
        target: str | None = None,
        labels: Labels | None = None,
        kinds: str | None = None,
        groups: str | None = None,
        threshold: float | None = None,
        estimator: Any = None,
        class_weight: Any = None,
        random_state: int | None = None,
        embedder: Embedder | None = None,
        name: str | None = None,
        sample_rows: int = SAMPLE_ROWS,
    ) -> Any:
        """Add a label to each row: learnt from the rows that have one, from the labels' own words, or from both.

        Learning computes; the new columns are lazy. :func:`mmembed.distributed.fit_classifier` gives the same
        predictions with the experiment.

        Parameters
        ----------
        column : str
            A vector column.
        target, labels, kinds, groups, threshold, estimator, class_weight, random_state, embedder, name
            As on pandas. Without ``target``, one pass over the vectors learns how much cosines of all rows with the
            labels differ, after one for the mean of each kind; where each label has several descriptions, one more
            asks how often they agree, and a warning comes as on pandas.
        sample_rows : int
            About how many labelled rows are learned from, with ``target``; of each class in proportion, and at least
            20. A warning says so where there are more.

        Returns
        -------
        dask DataFrame
        """
        from mmembed.distributed.labels import fit_classifier, zero_shot

        check_asked(target, labels, kinds=kinds, estimator=estimator, groups=groups, class_weight=class_weight)
        vectors = column_of(self._ddf, column)
        array = no_vectors(vector_dtype(vectors))
        asked = {one: column_of(self._ddf, one) for one in (target, kinds, groups) if one is not None}
        described = None if labels is None else embedded_labels(labels, array, embedder)
        if target is None:
            return zero_shot(
                vectors,
                as_vector_array([vector for vectors in (described or {}).values() for vector in vectors]),
                [label for label, vectors in (described or {}).items() for _ in vectors],
                kinds=None if kinds is None else asked[kinds],
                threshold=threshold,
            ).add_to(self._ddf, name=name or "label")
        fitted = fit_classifier(
            vectors,
            asked[target],
            descriptions=described,
            groups=None if groups is None else asked[groups],
            estimator=estimator,
            class_weight=class_weight,
            random_state=random_state,
            sample_rows=sample_rows,
        )
        warn_of_cut("classify learned from", len(fitted.sample), fitted.labelled, stacklevel=2)
        return fitted.add_to(self._ddf, name=name or target, threshold=threshold)

    def compare(
        self,
        columns: str | Sequence[str] | None = None,
        *,
        target: str,
        models: Sequence[Any] | None = None,
        dimensions: Sequence[int] | None = None,
        modality: Modality = "auto",
        groups: str | None = None,
        estimator: Any = None,
        random_state: int | None = None,
        max_cost: float | None = None,
        progress: bool | None = None,
        root: Path | str | None = None,
        sample_rows: int = SAMPLE_ROWS,
    ) -> pd.DataFrame:
        """Return one table of accuracy against column, model, dimension and price, from a sample of the labelled rows.

        Parameters
        ----------
        columns, target, models, dimensions, modality, groups, estimator, random_state, max_cost, progress, root
            As on pandas. With ``models``, the rows of the sample are embedded, and ``cost`` is theirs.
        sample_rows : int
            About how many labelled rows are drawn; of each class in proportion, and at least 20. A warning says so
            where there are more.

        Returns
        -------
        pandas.DataFrame
            As on pandas; ``rows`` are those of the sample.
        """
        check_sample_rows(sample_rows)
        ddf = self._ddf
        names = compared_columns(ddf, columns, needs_vectors=models is None)
        asked = {"target": column_of(ddf, target)}
        if groups is not None:
            asked["groups"] = column_of(ddf, groups)
        what = "vector" if models is None else "content"
        keys = {f"{what} {at}" if at else what: name for at, name in enumerate(names)}
        compared = {key: column_of(ddf, name) for key, name in keys.items()}
        dtype = vector_dtype(next(iter(compared.values()))) if models is None else None
        seed = 0 if random_state is None else random_state
        drawn = draw_labelled(align(compared | asked, dtype), sample_rows, seed=seed)
        warn_of_cut("compare measured", len(drawn.frame), drawn.of, stacklevel=2)
        sample = pd.DataFrame(
            {name: drawn.frame[key] for key, name in keys.items()}
            | {name: drawn.frame[key] for key, name in (("target", target), ("groups", groups)) if name is not None}
        )
        return FrameAccessor(sample).compare(
            names, target=target, models=models, dimensions=dimensions, modality=modality, groups=groups,
            estimator=estimator, random_state=random_state, max_cost=max_cost, progress=progress, root=root,
        )  # fmt: skip
