"""The verbs that group or label rows: clusters, maps, labels, and the comparison of columns for a label set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import numpy as np
import pandas as pd

from mmembed._progress import progress_bar
from mmembed.accessor.arguments import Kinds, kinds_of_rows, map_columns, text_or_source, texts_of
from mmembed.accessor.cluster_names import check_names_source, named_by_rule
from mmembed.contents.content import Modality
from mmembed.embedding.embedder import Embedder
from mmembed.embedding.queries import embed_queries
from mmembed.errors import listed
from mmembed.frames import Written, as_list, column_of
from mmembed.providers.models import known_model
from mmembed.vectors import VectorArray, VectorDtype, as_vector_array

if TYPE_CHECKING:
    from mmembed.analysis.clusters.result import Clusters


class ClusterOptions(TypedDict, total=False):
    """What :meth:`AnalysisVerbs.cluster` takes by keyword, for the verb on Dask."""

    n_clusters: int | None
    text: str | Sequence[str] | Literal[False] | None
    kinds: Kinds
    names: Any
    vocabulary: Sequence[str] | None
    language: Literal["auto", "zh", "en"]
    rename: Mapping[int, str] | None
    rewrite: Callable[[Mapping[int, Any]], Mapping[int, str]] | None
    min_cluster_size: int | None
    assign_noise: bool
    levels: Literal[1, 2]
    random_state: int | None
    max_cost: float | None
    embedder: Embedder | None
    progress: bool | None
    name: str


class ProjectOptions(TypedDict, total=False):
    """What :meth:`AnalysisVerbs.project` takes by keyword, for the verb on Dask."""

    dimensions: Literal[2, 3]
    n_neighbors: int
    min_dist: float
    spread: float
    target: str | None
    densmap: bool
    like: Any
    kinds: Kinds
    random_state: int | None
    name: str


class AnalysisVerbs:
    """Clustering and mapping: the verbs that work on anyone's vectors."""

    _df: pd.DataFrame

    def cluster(
        self,
        column: str,
        method: Any = "auto",
        *,
        n_clusters: int | None = None,
        text: str | Sequence[str] | Literal[False] | None = None,
        kinds: Kinds = None,
        names: Any = "auto",
        vocabulary: Sequence[str] | None = None,
        language: Literal["auto", "zh", "en"] = "auto",
        rename: Mapping[int, str] | None = None,
        rewrite: Callable[[Mapping[int, Any]], Mapping[int, str]] | None = None,
        min_cluster_size: int | None = None,
        assign_noise: bool = False,
        like: Any = None,
        levels: Literal[1, 2] = 1,
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
        text : str, list of str or False, optional
            Columns of texts that name the clusters. By default the cells of ``x`` do it for ``x_vector`` if they are
            texts; False is none.
        kinds : str or False, optional
            A column that says which kind of content each row's vector is of; each kind's mean is removed first, so
            that rows group by meaning rather than by kind. By default the cells of ``x`` say it for ``x_vector``, if
            they are texts and pictures or videos (objects, bytes or paths), with one warning; False treats all alike.
        names : {"auto", "text", "space"}, "qwen-vl" or ChatModel
            What names come from. ``"text"``: the texts alone. ``"space"``: a vocabulary of some 1,900 things and
            topics, embedded with the column's own model. A paid one charges some 8,400 tokens (0.006 CNY with
            qwen3-vl-embedding) once: the cache keeps them. ``"auto"``: the texts, and the vocabulary where they have no
            word in common or there are none, but only if it costs nothing: with the local model, or when the cache has
            it. Otherwise a cluster without a name is called by its number. A group whose rows have nothing in common
            that could be said is called mixed, with examples of what is in it. A language model that sees
            (``"qwen-vl"``, ``"qwen-vl-plus"``, or a :class:`mmembed.ChatModel`) rewrites these names: it is sent terms,
            typical texts and small pictures of all clusters, and charges for that. With ``levels=2`` it is asked once
            for the clusters and once for the subclusters, of which it is told what they are within.
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
        like : Clusters, path, mapping or Report, optional
            Earlier clusters to go on from: a fitted result, the ``.npz`` file of its ``save``, or an earlier report or
            its JSON. Known groups keep number, name and rows, new rows go where their neighbours are, and those that
            form a group of their own are a new cluster.
        levels : {1, 2}
            With 2, the smaller groups that clusters fall into are added, too: ``subcluster``, ``subcluster_score`` and
            ``subcluster_name``, which begins with the name of its cluster. The two are neighbours among the levels of
            the data, ``fit_clusters(…).levels``; a warning tells where there is one only. ``rename`` and ``rewrite``
            are of the clusters alone; a model that writes ``names`` writes those of both.
        random_state : int, optional
            Seed; the same seed gives the same clusters, and so does None.
        max_cost : float, optional
            The most that naming may cost, in CNY, where the vocabulary is embedded with a paid model, or a model names
            (with ``levels=2``, the names of each level).
        embedder : Embedder, optional
            Settings for embedding the vocabulary; the column's model if not given.
        progress : bool, optional
            Show which step is in work; by default in notebooks and terminals only.
        name : str
            First part of the new columns' names.
        """
        from mmembed.accessor.named_clusters import earlier_clusters
        from mmembed.analysis.clusters.fit import fit_clusters
        from mmembed.analysis.clusters.record import remember_settings
        from mmembed.analysis.clusters.two_levels import add_two, parents, two_levels

        if levels not in (1, 2):
            raise ValueError(f"levels={levels!r} is no number of levels. Give 1, or 2 for clusters and subclusters.")
        vectors = column_of(self._df, column)
        for one in (name, f"sub{name}")[:levels]:
            Written.by("cluster", one).check(self._df)
        texts = texts_of(self._df, text_or_source(self._df, column, text))
        check_names_source(names, texts)
        with progress_bar(0, show=progress, unit="step", description="cluster") as bar:
            fitted = fit_clusters(
                vectors,
                method,
                n_clusters=n_clusters,
                kinds=kinds_of_rows(self._df, column, kinds),
                min_cluster_size=min_cluster_size,
                assign_noise=assign_noise,
                like=earlier_clusters(like),
                random_state=random_state,
                on_step=lambda step: bar.set_description_str(f"cluster: {step}"),
            )

        def named(clusters: Clusters, **by_hand: Any) -> Clusters:
            return named_by_rule(
                clusters,
                vectors,
                texts,
                names=names,
                vocabulary=vocabulary,
                language=language,
                embedder=embedder,
                max_cost=max_cost,
                pictures=lambda clusters: self._pictures(clusters, column, embedder),
                **by_hand,
            )

        if levels == 1:
            added = named(fitted, rename=rename, rewrite=rewrite).add_to(self._df, name=name)
        else:
            upper, lower = two_levels(fitted)
            upper = named(upper, rename=rename, rewrite=rewrite)
            within = {below: upper.names[above] for below, above in parents(upper, lower).items()}
            added = add_two(self._df, upper, named(lower, within=within), name)
        asked = {
            "method": method if isinstance(method, str) and method != "auto" else None,
            "n_clusters": n_clusters,
            "min_cluster_size": min_cluster_size,
            "assign_noise": assign_noise or None,
            "levels": levels if levels > 1 else None,
            "random_state": random_state,
        }
        remember_settings(added[name], {option: value for option, value in asked.items() if value is not None})
        return added

    def _pictures(self, clusters: Any, column: str, embedder: Embedder | None) -> Any:
        from mmembed.accessor.chat_names import pictures_of_clusters

        return pictures_of_clusters(clusters, self._df, column, None if embedder is None else embedder.root)

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
    ) -> pd.DataFrame:
        """Add map coordinates ``map_x``, ``map_y`` (and ``map_z``).

        Parameters
        ----------
        column : str
            A vector column.
        method : {"umap", "umap-learn", "pca"} or scikit-learn estimator
            How the map is drawn; see :func:`mmembed.fit_projection`.
        dimensions : {2, 3}
            Number of coordinates.
        n_neighbors : int
            Neighbours of each row that UMAP arranges: few show small groups, many the whole.
        min_dist, spread : float
            How near rows come on a map of UMAP, and at which distance they stop belonging together.
        target : str, optional
            A column of labels, or of fractional numbers, that a supervised map parts rows by; made by umap-learn.
        densmap : bool
            Whether dense groups are to be small on the map; made by umap-learn.
        like : str or Projection, optional
            An earlier map to go on from: the ``name`` of its columns in this frame (``"map"`` for ``map_x`` and
            ``map_y``), in which new rows have no number yet, or the fitted map. Old rows stay, new ones lie beside
            their neighbours.
        kinds : str or False, optional
            As in :meth:`cluster`.
        random_state : int, optional
            Seed; the same seed gives the same map, and so does None.
        name : str
            First part of the new columns' names.
        """
        from mmembed.analysis.maps.fit import fit_projection

        vectors = column_of(self._df, column)
        Written.by("project", name).check(self._df, map_columns(name, dimensions))
        if isinstance(like, str):
            axes = [column_of(self._df, one) for one in map_columns(like, dimensions)]
            like = np.column_stack([axis.to_numpy(dtype=np.float32, na_value=np.nan) for axis in axes])
        return fit_projection(
            vectors,
            method,
            dimensions=dimensions,
            n_neighbors=n_neighbors,
            min_dist=min_dist,
            spread=spread,
            target=None if target is None else column_of(self._df, target),
            densmap=densmap,
            like=like,
            kinds=kinds_of_rows(self._df, column, kinds),
            random_state=random_state,
        ).add_to(self._df, name=name)


Labels = Sequence[str] | Mapping[Any, str | Sequence[str]]


class ClassifyOptions(TypedDict, total=False):
    """What :meth:`ClassificationVerbs.classify` takes by keyword, for the verb on Dask."""

    target: str | None
    labels: Labels | None
    kinds: str | None
    groups: str | None
    threshold: float | None
    estimator: Any
    class_weight: Any
    random_state: int | None
    embedder: Embedder | None
    judge: Any
    judge_rows: int
    judge_on: str | Mapping[str, Any] | None
    name: str | None


class ClassificationVerbs:
    """Labels for rows: learnt from rows that have one, from words, from both; and what a label set is worth."""

    _df: pd.DataFrame

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
        judge: Any = None,
        judge_rows: int = 200,
        judge_on: str | Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> pd.DataFrame:
        """Add a label to each row: learnt from the rows that have one, from the labels' own words, or from both.

        ``mmembed.fit_classifier(df[column], df[target])`` gives the same predictions with the experiment: accuracy with
        its interval beside baselines, confusion, learning curve, doubtful labels.

        Parameters
        ----------
        column : str
            A vector column.
        target : str, optional
            A column with labels for some or all rows; gives ``<target>_predicted`` and ``<target>_score``. Where its
            cells are lists, each row may have several labels, and ``<target>_predicted`` holds lists.
        labels : list of str, {label: description} or {label: [descriptions]}, optional
            Alone, zero-shot: each row gets the label whose words, in any language of the model, are nearest in the
            column's own space; gives ``label`` and ``label_score``. With ``target``, for few labelled rows: each class
            is learnt from its rows and from its words, and some 50 rows drawn at random bring scores close to the
            truth.
        kinds : str, optional
            For zero-shot, a column that says which kind of content each row is of; each kind's mean is removed. See
            :func:`mmembed.zero_shot` for when it helps.
        groups : str, optional
            With ``target``, a column of what belongs together; it is held out together.
        threshold : float, optional
            Rows whose score is lower get no label. With ``target`` scores are probabilities. Of labels alone only their
            order is to be trusted: ``df["label"].where(df["label_score"].rank(pct=True) > 0.5)`` keeps the surest half.
        estimator : scikit-learn classifier, optional
            Instead of the default one; it is cloned.
        class_weight : None, "balanced" or dict, optional
            With ``target``, how much each class counts. ``"balanced"`` finds more rows of rare classes, and its scores
            are probabilities of a table in which all classes are as frequent.
        random_state : int, optional
            Seed.
        embedder : Embedder, optional
            Settings for embedding the labels; the column's model if not given.
        judge : callable, "qwen-vl" or ChatModel, optional
            With ``labels`` alone: ``judge(contents, labels)`` says of some rows, drawn at random, which label is right,
            such as a person or a language model that is right most of the time; it gets up to 20 texts, pictures or
            lists of frames and returns a label, or None, for each. All rows then get the label that is learned from
            that, and ``label_score`` is the probability that it is right, not that the judge would say so.
        judge_rows : int
            How many rows it is asked about.
        judge_on : str or {column: modality}, optional
            The column of contents that it is shown; ``x`` for the vectors ``x_vector`` if not given.
        name : str, optional
            First part of the new columns' names.

        Raises
        ------
        ValueError
            If neither target nor labels are given, or an option that does not go with them.
        """
        check_asked(target, labels, kinds=kinds, estimator=estimator, groups=groups, class_weight=class_weight)
        check_judge(judge, target=target, kinds=kinds)
        array = as_vector_array(column_of(self._df, column))
        written_by_classify(target, name).check(self._df)
        described = None if labels is None else embedded_labels(labels, array, embedder)
        if judge is not None:
            from mmembed.accessor.judge import judged_answers
            from mmembed.analysis.labels.judged import fit_judged

            answers = judged_answers(
                self._df,
                column,
                array,
                list(described or {}),
                judge,
                rows=judge_rows,
                on=judge_on,
                random_state=random_state,
                root=None if embedder is None else embedder.root,
            )
            learned = fit_judged(array, answers, descriptions=described, random_state=random_state, threshold=threshold)
            return learned.add_to(self._df, name="label" if name is None else name)
        if target is None:
            from mmembed.analysis.labels.zero_shot import zero_shot

            found = zero_shot(
                array,
                as_vector_array([vector for vectors in (described or {}).values() for vector in vectors]),
                [label for label, vectors in (described or {}).items() for _ in vectors],
                kinds=None if kinds is None else column_of(self._df, kinds),
                threshold=threshold,
            )
            return found.add_to(self._df, name="label" if name is None else name)
        from mmembed.analysis.labels.fit import fit_classifier

        fitted = fit_classifier(
            array,
            column_of(self._df, target),
            descriptions=described,
            groups=None if groups is None else column_of(self._df, groups),
            estimator=estimator,
            class_weight=class_weight,
            random_state=random_state,
        )
        return fitted.add_to(self._df, name=target if name is None else name, threshold=threshold)


def check_asked(target: Any, labels: Any, *, kinds: Any, estimator: Any, groups: Any, class_weight: Any = None) -> None:
    """Refuse options of :meth:`ClassificationVerbs.classify` that do not go together.

    Raises
    ------
    ValueError
        If neither target nor labels are given, or an option that does not go with them.
    """
    if target is None and labels is None:
        raise ValueError("classify needs target= (a column of labels), labels= (words), or both.")
    learning = {"estimator": estimator, "groups": groups, "class_weight": class_weight}
    if target is None and (bad := [name for name, value in learning.items() if value is not None]):
        raise ValueError(f"{listed(bad)} need target=: labels alone are not learned from examples.")
    if target is not None and kinds is not None:
        raise ValueError("kinds= is for labels= alone. Leave it out: a classifier learns from kinds what they tell.")


def check_judge(judge: Any, *, target: Any, kinds: Any) -> None:
    """Refuse options that do not go with a judge.

    Raises
    ------
    ValueError
        If one is given; names it.
    """
    if judge is None:
        return
    if target is not None:
        raise ValueError("judge= is for labels= alone. Leave it out: the target says what is right.")
    if kinds is not None:
        raise ValueError("kinds= does not go with judge=. Leave it out: a classifier learns from kinds what they tell.")


def written_by_classify(target: str | None, name: str | None) -> Written:
    """Return the columns that :meth:`ClassificationVerbs.classify` writes."""
    if target is None:
        return Written.by("classify by words", "label" if name is None else name)
    return Written.by("classify", target if name is None else name)


def embedded_labels(labels: Labels, array: VectorArray, embedder: Embedder | None) -> dict[Any, VectorArray]:
    """Return the vectors of each label's descriptions; all of them are embedded in one run."""
    prompts = dict(_prompts(labels))
    if not prompts:
        raise ValueError("There is no label to choose from. Give at least one.")
    words = [word for each in prompts.values() for word in each]
    vectors = embed_queries(words, array, modality="text", embedder=embedder)
    found, at = {}, 0
    for label, each in prompts.items():
        found[label] = vectors[at : at + len(each)]
        at += len(each)
    return found


def _prompts(labels: Labels) -> Iterator[tuple[Any, list[str]]]:
    if isinstance(labels, str):
        raise TypeError(f"labels={labels!r} is one text. Give a list of labels, or a dict {{label: description}}.")
    if not isinstance(labels, Mapping):
        if repeated := sorted({str(label) for label in labels if list(labels).count(label) > 1}):
            raise ValueError(f"Labels occur twice: {listed(repeated)}. Give each label once.")
        yield from ((label, [label]) for label in labels)
        return
    for label, words in labels.items():
        each = [words] if isinstance(words, str) else list(words)
        if not each:
            raise ValueError(f"Label {label!r} has no description. Give at least one text.")
        yield label, each


class CompareOptions(TypedDict, total=False):
    """What :meth:`ComparisonVerbs.compare` takes by keyword beside the target, for the verb on Dask."""

    models: Sequence[Any] | None
    dimensions: Sequence[int] | None
    modality: Modality
    groups: str | None
    estimator: Any
    random_state: int | None
    max_cost: float | None
    progress: bool | None
    root: Path | str | None


class ComparisonVerbs:
    """Which column, model and dimension a label set is learned best from, and what it costs."""

    _df: pd.DataFrame

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
    ) -> pd.DataFrame:
        """Return one table of accuracy against column, model, dimension and price.

        Parameters
        ----------
        columns : str or list of str, optional
            Vector columns to compare; all of the frame if not given. With ``models``, one or more columns of contents,
            each embedded by every model.
        target : str
            The column of labels.
        models : list of str, ModelSpec or Embedder, optional
            Models to embed ``columns`` with. Each is asked once, for its vectors of default length, and the cache keeps
            them: shorter dimensions are cut here, as Matryoshka models allow.
        dimensions : list of int, optional
            Shorter lengths to try beside the whole vectors.
        modality : str
            How contents are read, as in :meth:`embed`.
        groups : str, optional
            A column of what is held out together.
        estimator, random_state
            As in :func:`mmembed.fit_classifier`.
        max_cost : float, optional
            The most that embedding may cost, in CNY, for each model.
        progress, root
            As in :meth:`embed`.

        Returns
        -------
        pandas.DataFrame
            One line a column, model and dimension: ``column``, ``model``, ``dimension``, ``rows``, ``accuracy`` with
            its interval ``low`` to ``high``, ``balanced_accuracy``, ``macro_f1``, ``log_loss``, ``bytes_a_row``,
            ``seconds``; ``text_price`` and ``media_price``, CNY for 1,000 tokens, missing for unknown models; with
            ``models``, ``cost``, CNY for embedding this column once without a cache.

        Raises
        ------
        ValueError
            If there is nothing to compare.
        """
        from mmembed.analysis.labels.column_choice import compare_vectors

        labels = column_of(self._df, target)
        names = compared_columns(self._df, columns, needs_vectors=models is None)
        vectors: dict[str, Any] = {}
        costs: dict[str, float] = {}
        origins: dict[str, str] = {}
        for name in names:
            if models is None:
                vectors[name], origins[name] = column_of(self._df, name), name
                continue
            for model in models:
                embedder = model if isinstance(model, Embedder) else Embedder(model=model, root=root)
                key = f"{name}, {embedder.spec.name}, {embedder.dimension}"
                run = embedder.embed(column_of(self._df, name), modality, max_cost=max_cost, progress=progress)
                vectors[key], origins[key] = run.checked("raise").vectors, name
                costs[key] = run.usage.cost_otherwise
        found = compare_vectors(
            vectors,
            labels,
            dimensions=dimensions,
            groups=None if groups is None else column_of(self._df, groups),
            estimator=estimator,
            random_state=random_state,
        )
        specs = [known_model(model) for model in found["model"]]
        found["text_price"] = [np.nan if spec is None else spec.text_price for spec in specs]
        found["media_price"] = [np.nan if spec is None else spec.media_price for spec in specs]
        if models is not None:
            found["cost"] = found["column"].map(costs)
        found["column"] = found["column"].map(origins)
        return found


def compared_columns(df: Any, columns: str | Sequence[str] | None, *, needs_vectors: bool) -> list[str]:
    """Return the columns to compare: the given ones, or all vector columns of a frame.

    Raises
    ------
    ValueError
        If columns of contents are not named, or there is no vector column.
    """
    if columns is not None:
        return as_list(df, columns)
    if not needs_vectors:
        raise ValueError("models= embed columns of contents. Name the columns, such as compare('title', models=…).")
    found = [name for name, dtype in df.dtypes.items() if isinstance(dtype, VectorDtype)]
    if not found:
        raise ValueError(
            f"The frame has no vector column; its columns: {listed(df.columns)}. Embed one first, or give "
            "columns of contents with models=[…]."
        )
    return [str(name) for name in found]
