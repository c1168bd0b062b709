"""The verbs that group or label rows, on Dask: they fit at once, and the columns that they add are lazy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed._progress import progress_bar
from mmembed.accessor import FrameAccessor
from mmembed.accessor.arguments import Text, are_texts, count_texts, map_columns, source_of, texts_of
from mmembed.accessor.cluster_names import check_names_source, named_by_rule
from mmembed.accessor.group_verbs import (
    ClassifyOptions,
    ClusterOptions,
    CompareOptions,
    ProjectOptions,
    check_asked,
    check_judge,
    compared_columns,
    embedded_labels,
    written_by_classify,
)
from mmembed.distributed.columns import align, no_vectors, vector_dtype
from mmembed.distributed.partitions import each, reduced
from mmembed.distributed.samples import SAMPLE_ROWS, check_sample_rows, draw_labelled, warn_of_cut
from mmembed.distributed.twins import as_on_pandas
from mmembed.frames import Written, as_list, column_of
from mmembed.vectors import as_vector_array


class GroupVerbs:
    """Clusters and maps on Dask."""

    _ddf: Any

    @as_on_pandas(
        FrameAccessor.cluster,
        adds="sample_rows",
        lacks={
            "like": "what is news is told by the neighbours of every row, which lie in all partitions. Go on with a "
            "sample, clusters = mmembed.fit_clusters(ddf[column].sample(frac=…).compute(), like=…), and place all rows "
            "with ddf[column].map_partitions(lambda part: pd.Series(clusters.predict(part), index=part.index))"
        },
    )
    def cluster(
        self, column: str, method: Any = "auto", *, sample_rows: int = SAMPLE_ROWS, **options: Unpack[ClusterOptions]
    ) -> Any:
        """Add ``cluster`` (−1 is noise, NA is no vector), ``cluster_score`` and ``cluster_name``.

        Fitting computes, and so does naming; the new columns are lazy. See
        :func:`mmembed.distributed.fit_clusters` for what is fitted on a sample and what is exact.

        Parameters
        ----------
        kinds : str, optional
            A column that says which kind of content each row's vector is of; each kind's mean is removed first. On
            Dask kinds are not found in the cells of ``x``.
        levels : int
            1: subclusters are not made on Dask.
        sample_rows : int
            Rows that are fitted on; a table of no more is grouped exactly as on pandas.

        Returns
        -------
        dask DataFrame
        """
        from mmembed.distributed.clustering import fit_unnamed

        if options["levels"] != 1:
            raise ValueError(
                f"levels={options['levels']!r}, but on Dask clusters have one level. Leave levels out, or cluster a "
                "sample with pandas."
            )

        vectors, kinds = column_of(self._ddf, column), options["kinds"]
        vector_dtype(vectors)
        Written.by("cluster", options["name"]).check(self._ddf._meta)  # noqa: SLF001 - Dask's own word
        texts = joined_texts(self._ddf, text_or_source(self._ddf, column, options["text"]))
        check_names_source(options["names"], texts)
        with progress_bar(0, show=options["progress"], unit="step", description="cluster") as bar:
            fitted = fit_unnamed(
                vectors,
                method,
                n_clusters=options["n_clusters"],
                kinds=None if kinds is None or kinds is False else column_of(self._ddf, kinds),
                min_cluster_size=options["min_cluster_size"],
                assign_noise=options["assign_noise"],
                random_state=options["random_state"],
                sample_rows=sample_rows,
                on_step=lambda step: bar.set_description_str(f"cluster: {step}"),
            )
            bar.set_description_str("cluster: names")
            fitted = named_by_rule(
                fitted,
                fitted.empty_vectors,
                texts,
                names=options["names"],
                vocabulary=options["vocabulary"],
                language=options["language"],
                rename=options["rename"],
                rewrite=options["rewrite"],
                embedder=options["embedder"],
                max_cost=options["max_cost"],
            )
        return fitted.add_to(self._ddf, name=options["name"])

    @as_on_pandas(FrameAccessor.project, adds="sample_rows")
    def project(
        self, column: str, method: Any = "umap", *, sample_rows: int = SAMPLE_ROWS, **options: Unpack[ProjectOptions]
    ) -> Any:
        """Add map coordinates ``map_x``, ``map_y`` (and ``map_z``).

        Fitting computes; the new columns are lazy. See :func:`mmembed.distributed.fit_projection`.

        Parameters
        ----------
        sample_rows : int
            Rows that the map is made of; a table of no more has the map of pandas.

        Returns
        -------
        dask DataFrame
        """
        from mmembed.distributed.projection import fit_projection

        vectors, target, kinds = column_of(self._ddf, column), options["target"], options["kinds"]
        dimensions, like = options["dimensions"], options["like"]
        Written.by("project", options["name"]).check(self._ddf._meta, map_columns(options["name"], dimensions))  # noqa: SLF001
        if isinstance(like, str):
            like = [column_of(self._ddf, one) for one in map_columns(like, dimensions)]
        return fit_projection(
            vectors,
            method,
            dimensions=dimensions,
            n_neighbors=options["n_neighbors"],
            min_dist=options["min_dist"],
            spread=options["spread"],
            target=None if target is None else column_of(self._ddf, target),
            densmap=options["densmap"],
            like=like,
            kinds=None if kinds is None or kinds is False else column_of(self._ddf, kinds),
            random_state=options["random_state"],
            sample_rows=sample_rows,
        ).add_to(self._ddf, name=options["name"])


def text_or_source(ddf: Any, column: str, text: Text) -> str | Sequence[str] | None:
    """Return the columns of texts to name by, as on pandas; the cells of ``x`` are looked at in one pass."""
    if text is not None:
        return None if text is False else text
    source = source_of(ddf.columns, column)
    if source is None or not (pd.api.types.is_object_dtype(ddf.dtypes[source]) or _is_string(ddf.dtypes[source])):
        return None
    found: npt.NDArray[np.int64] = reduced(each(_counted_texts, ddf[source]))
    return source if are_texts(*found.tolist()) else None


def _is_string(dtype: Any) -> bool:
    return isinstance(dtype, pd.StringDtype) or str(dtype) == "string"


def _counted_texts(cells: pd.Series) -> npt.NDArray[np.int64]:
    return np.array(count_texts(cells), dtype=np.int64)


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

    @as_on_pandas(FrameAccessor.classify, adds="sample_rows")
    def classify(self, column: str, *, sample_rows: int = SAMPLE_ROWS, **options: Unpack[ClassifyOptions]) -> Any:
        """Add a label to each row: learnt from the rows that have one, from the labels' own words, or from both.

        Learning computes; the new columns are lazy. :func:`mmembed.distributed.fit_classifier` gives the same
        predictions with the experiment. Without ``target``, one pass over the vectors learns how much cosines of all
        rows with the labels differ, after one for the mean of each kind; where each label has several descriptions, one
        more asks how often they agree, and a warning comes as on pandas. A judge is asked here, about rows that are
        drawn from the whole table.

        Parameters
        ----------
        sample_rows : int
            About how many labelled rows are learned from, with ``target``; of each class in proportion, and at least
            20. A warning says so where there are more.

        Returns
        -------
        dask DataFrame
        """
        from mmembed.distributed.labels import fit_classifier, zero_shot

        target, labels, kinds, groups = options["target"], options["labels"], options["kinds"], options["groups"]
        fit = {"estimator": options["estimator"], "class_weight": options["class_weight"]}
        check_asked(target, labels, kinds=kinds, groups=groups, **fit)
        check_judge(options["judge"], target=target, kinds=kinds)
        vectors, threshold, name = column_of(self._ddf, column), options["threshold"], options["name"]
        array = no_vectors(vector_dtype(vectors))
        written_by_classify(target, name).check(self._ddf._meta)  # noqa: SLF001 - Dask's own word
        asked = {one: column_of(self._ddf, one) for one in (target, kinds, groups) if one is not None}
        described = None if labels is None else embedded_labels(labels, array, options["embedder"])
        if options["judge"] is not None:
            from mmembed.distributed.judged import add_judged

            return add_judged(
                self._ddf,
                column,
                list(described or {}),
                options["judge"],
                descriptions=described or {},
                rows=options["judge_rows"],
                on=options["judge_on"],
                random_state=options["random_state"],
                root=None if options["embedder"] is None else options["embedder"].root,
                threshold=threshold,
                name="label" if name is None else name,
            )
        if target is None:
            return zero_shot(
                vectors,
                as_vector_array([vector for vectors in (described or {}).values() for vector in vectors]),
                [label for label, vectors in (described or {}).items() for _ in vectors],
                kinds=None if kinds is None else asked[kinds],
                threshold=threshold,
            ).add_to(self._ddf, name="label" if name is None else name)
        fitted = fit_classifier(
            vectors,
            asked[target],
            descriptions=described,
            groups=None if groups is None else asked[groups],
            random_state=options["random_state"],
            sample_rows=sample_rows,
            **fit,
        )
        warn_of_cut("classify learned from", len(fitted.sample), fitted.labelled, stacklevel=3)
        return fitted.add_to(self._ddf, name=target if name is None else name, threshold=threshold)

    @as_on_pandas(FrameAccessor.compare, adds="sample_rows")
    def compare(
        self,
        columns: str | Sequence[str] | None = None,
        *,
        target: str,
        sample_rows: int = SAMPLE_ROWS,
        **options: Unpack[CompareOptions],
    ) -> pd.DataFrame:
        """Return one table of accuracy against column, model, dimension and price, from a sample of the labelled rows.

        With ``models``, the rows of the sample are embedded, and ``cost`` is theirs; ``rows`` are those of the sample.

        Parameters
        ----------
        sample_rows : int
            About how many labelled rows are drawn; of each class in proportion, and at least 20. A warning says so
            where there are more.

        Returns
        -------
        pandas.DataFrame
            As on pandas.
        """
        check_sample_rows(sample_rows)
        ddf, groups, is_of_vectors = self._ddf, options["groups"], options["models"] is None
        names = compared_columns(ddf, columns, needs_vectors=is_of_vectors)
        asked = {"target": column_of(ddf, target)}
        if groups is not None:
            asked["groups"] = column_of(ddf, groups)
        what = "vector" if is_of_vectors else "content"
        keys = {f"{what} {at}" if at else what: name for at, name in enumerate(names)}
        compared = {key: column_of(ddf, name) for key, name in keys.items()}
        dtype = vector_dtype(next(iter(compared.values()))) if is_of_vectors else None
        drawn = draw_labelled(align(compared | asked, dtype), sample_rows, seed=options["random_state"] or 0)
        warn_of_cut("compare measured", len(drawn.frame), drawn.of, stacklevel=3)
        sample = pd.DataFrame(
            {name: drawn.frame[key] for key, name in keys.items()}
            | {name: drawn.frame[key] for key, name in (("target", target), ("groups", groups)) if name is not None}
        )
        return FrameAccessor(sample).compare(names, target=target, **options)
