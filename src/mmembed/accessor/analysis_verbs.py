"""Clustering and mapping: the verbs that work on anyone's vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import pandas as pd

from mmembed.accessor.mixed_kinds import Kinds, kinds_of_rows
from mmembed.accessor.naming_arguments import check_names_source, naming_embedder, reader_language, texts_of
from mmembed.embedding.embedder import Embedder
from mmembed.embedding.progress import progress_bar
from mmembed.frames import column_of


class AnalysisVerbs:
    """Clustering and mapping: the verbs that work on anyone's vectors."""

    _df: pd.DataFrame

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
    ) -> pd.DataFrame:
        """Add ``cluster`` (−1 is noise, NA is no vector), ``cluster_score`` and ``cluster_name``.

        Parameters
        ----------
        column : str
            A vector column.
        method : {"auto", "kmeans", "hdbscan", "leiden"} or scikit-learn estimator
            How rows are grouped; see :func:`mmembed.fit_clusters`.
        n_clusters : int, optional
            The number of clusters, where it is known.
        text : str or list of str, optional
            Columns of texts that name the clusters.
        kinds : str or False, optional
            A column that says which kind of content each row's vector is of; each kind's mean is removed first, so
            that rows group by meaning rather than by kind. By default the cells of ``x`` say it for ``x_vector``, if
            they are texts and pictures or videos (objects, bytes or paths), with one warning; False treats all alike.
        names : {"auto", "text", "space"}
            What names come from. ``"text"``: the texts alone. ``"space"``: a vocabulary of some 1,900 things and
            topics, embedded with the column's own model. A paid one charges some 8,400 tokens (0.006 CNY with
            qwen3-vl-embedding) once: the cache keeps them. ``"auto"``: the texts, and the vocabulary where they have no
            word in common or there are none, but only if it costs nothing: with the local model, or when the cache has
            it. Otherwise a cluster without a name is called by its number.
        vocabulary : list of str, optional
            Phrases of your own to name clusters by, beside the shipped ones; they are embedded even if that costs.
        language : {"auto", "zh", "en"}
            Language of the names; by default that of the texts and, without texts, of the reader: Chinese if the
            locale is, English otherwise.
        rename : {label: name}, optional
            Names for some clusters; the same seed gives the same labels.
        rewrite : callable, optional
            Gets ``{label: ClusterDraft}`` with name, terms and texts of all clusters and returns ``{label: name}``,
            such as a call of a language model.
        min_cluster_size : int, optional
            The smallest group that counts as a cluster, for ``"auto"``, ``"leiden"`` and ``"hdbscan"``.
        assign_noise : bool
            Put noise in the nearest cluster, with a score of 0.
        random_state : int, optional
            Seed; the same seed gives the same clusters, and so does None.
        max_cost : float, optional
            The most that naming may cost, in CNY, where the vocabulary is embedded with a paid model.
        embedder : Embedder, optional
            Settings for embedding the vocabulary; the column's model if not given.
        progress : bool, optional
            Show which step is in work; by default in notebooks and terminals only.
        name : str
            First part of the new columns' names.
        """
        from mmembed.analysis.clusters.fit import fit_clusters

        vectors = column_of(self._df, column)
        texts = texts_of(self._df, text)
        source = check_names_source(names, texts)
        buys = source == "space" or vocabulary is not None
        with progress_bar(0, show=progress, unit="step", description="cluster") as bar:
            fitted = fit_clusters(
                vectors,
                method,
                n_clusters=n_clusters,
                kinds=kinds_of_rows(self._df, column, kinds),
                min_cluster_size=min_cluster_size,
                assign_noise=assign_noise,
                random_state=random_state,
                on_step=lambda step: bar.set_description_str(f"cluster: {step}"),
            )
        return fitted.named(
            None if source == "space" else texts,
            embed=naming_embedder(vectors, source, buys=buys, embedder=embedder, max_cost=max_cost),
            vocabulary=vocabulary,
            language=language if language != "auto" or texts is not None else reader_language(),
            rename=rename,
            rewrite=rewrite,
        ).add_to(self._df, name=name)

    def project(
        self,
        column: str,
        method: Any = "umap",
        *,
        dimensions: Literal[2, 3] = 2,
        kinds: Kinds = None,
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
        kinds : str or False, optional
            As in :meth:`cluster`.
        random_state : int, optional
            Seed; the same seed gives the same map, and so does None.
        name : str
            First part of the new columns' names.
        """
        from mmembed.analysis.maps.projection import fit_projection

        return fit_projection(
            column_of(self._df, column),
            method,
            dimensions=dimensions,
            kinds=kinds_of_rows(self._df, column, kinds),
            random_state=random_state,
        ).add_to(self._df, name=name)
