"""The verbs that show what other verbs computed: figures, and the report.

A report on a frame without clusters or a map gets both here, with notes that say what was computed and how.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import numpy as np
import pandas as pd

from mmembed._progress import progress_bar
from mmembed.accessor.arguments import Kinds, kinds_of_rows, source_of, text_or_source
from mmembed.accessor.cluster_names import naming_embedder
from mmembed.accessor.copied_contents import Contents, alike_by_contents
from mmembed.analysis.names.terms import Language
from mmembed.embedding.queries import free_term_embedder
from mmembed.errors import ContentError, EmbeddingWarning
from mmembed.frames import as_list, column_of
from mmembed.vectors import VectorDtype, as_vector_array

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from mmembed.analysis.clusters.result import Clusters
    from mmembed.analysis.finding.duplicates import Duplicates
    from mmembed.analysis.labels.classifier import Classifier
    from mmembed.arrays import FloatVector
    from mmembed.embedding.run import EmbeddingRun
    from mmembed.figures.explorer import Explorer
    from mmembed.report.report import Report


class DrawingVerbs:
    """Figures: the verbs that draw what other verbs computed; none fits anything."""

    _df: pd.DataFrame

    def plot(self, *, color: str | None = None, hover: Any = None, image: str | None = None, **layout: Any) -> Figure:
        """Return a plotly figure of the map that :meth:`project` computed; see :func:`mmembed.plot`."""
        from mmembed.figures.map import plot

        return plot(self._df, color=color, hover=hover, image=image, **layout)

    def explore(self, column: str | None = None, *, text: Any = None, **options: Any) -> Explorer:
        """Show the map in a notebook, to look, search and choose rows; see :func:`mmembed.explore`.

        By default ``column`` is the frame's only vector column, and ``text`` the column ``x`` for ``x_vector``.
        """
        from mmembed.figures.explorer import explore

        if column is None:
            vectors = [name for name, dtype in self._df.dtypes.items() if isinstance(dtype, VectorDtype)]
            column = str(vectors[0]) if len(vectors) == 1 and isinstance(vectors[0], str) else None
        if column is not None:
            text = text_or_source(self._df, column, text)
        return explore(self._df, column, text=None if text is False else text, **options)

    def plot_select(self, **options: Any) -> Explorer:
        """Show the map in a notebook so that rows can be lassoed: another name for :meth:`explore`."""
        if options.get("z") is not None:
            from mmembed.figures.explorer import plot_select

            return plot_select(self._df, **options)
        return self.explore(**options)

    def plot_similarity(self, column: str, *, by: str | None = None, **options: Any) -> Figure:
        """Return a heat map of the cosines of rows, or of groups; see :func:`mmembed.plot_similarity`."""
        from mmembed.figures.similarity import plot_similarity

        return plot_similarity(self._df, column, by=by, **options)

    def plot_clusters(self, column: str, **options: Any) -> Figure:
        """Return bars of the clusters' sizes, coloured by cohesion; see :func:`mmembed.plot_clusters`."""
        from mmembed.figures.clusters import plot_clusters

        return plot_clusters(self._df, column, **options)

    def plot_dendrogram(self, column: str, **options: Any) -> Figure:
        """Return the tree of the clusters' centroids; see :func:`mmembed.plot_dendrogram`."""
        from mmembed.figures.clusters import plot_dendrogram

        return plot_dendrogram(self._df, column, **options)

    def plot_neighbors(self, *, image: str | None = None, text: str | None = None, **options: Any) -> Figure:
        """Return a gallery of the rows, which :meth:`search` found; see :func:`mmembed.plot_neighbors`."""
        from mmembed.figures.neighbors import plot_neighbors

        return plot_neighbors(self._df, image=image, text=text, **options)


class ReportOptions(TypedDict, total=False):
    """What :meth:`ReportingVerbs.report` takes by keyword of any frame, for the verb on Dask."""

    text: str | Sequence[str] | Literal[False] | None
    image: str | None
    video: str | None
    title: str | None
    language: Literal["auto", "zh", "en"]
    breakdown: str | None
    date: str | None
    color: str | Sequence[str] | None
    filter: str | Sequence[str] | None
    duplicates: Any
    outliers: Any
    label_issues: Any
    run: EmbeddingRun | Sequence[EmbeddingRun] | None
    compare: Any
    random_state: int | None
    budget_bytes: int
    max_points: int
    root: Path | str | None


class ReportingVerbs:
    """Reports: the verb that writes a page."""

    _df: pd.DataFrame

    def report(
        self,
        column: str,
        *,
        text: str | Sequence[str] | Literal[False] | None = None,
        kinds: Kinds = None,
        image: str | None = None,
        video: str | None = None,
        title: str | None = None,
        language: Literal["auto", "zh", "en"] = "auto",
        breakdown: str | None = None,
        date: str | None = None,
        color: str | Sequence[str] | None = None,
        filter: str | Sequence[str] | None = None,  # noqa: A002 - what it is called on the page
        duplicates: Any = None,
        outliers: Any = None,
        label_issues: Any = None,
        run: EmbeddingRun | Sequence[EmbeddingRun] | None = None,
        compare: Any = None,
        random_state: int | None = None,
        budget_bytes: int = 8_000_000,
        max_points: int = 100_000,
        root: Path | str | None = None,
    ) -> Report:
        """Return a report on the clusters of a vector column: one offline HTML page.

        Clusters and map are taken from the frame; where they are missing they are computed with the default settings,
        and the report says so.

        Parameters
        ----------
        column : str
            A vector column.
        text : str, list of str or False, optional
            Columns of texts to show, and to name clusters by that are computed. By default the column ``x`` for
            ``x_vector`` if its cells are texts; False is none.
        kinds : str or False, optional
            For clusters and map that are computed: as in :meth:`cluster`. Kinds that are mixed in the column are seen,
            and the mean of each is removed.
        image, video : str, optional
            Columns of pictures and clips to show as thumbnails. Files that their cells name are read, and those of no
            other column.
        title : str, optional
            Title of the page.
        language : {"auto", "zh", "en"}
            Language of the page; by default that of most of the texts.
        breakdown : str, optional
            A column of categories, whose shares are compared with those of the whole table in each cluster.
        date : str, optional
            A column of dates that each cluster's card counts over time.
        color, filter : str or list of str, optional
            Columns that the reader can colour the map by, and filter it by: categories, numbers or dates.
            ``breakdown`` and ``date`` do both, whether named here or not.
        duplicates, outliers, label_issues : column, values, result or False, optional
            What :meth:`duplicates`, :meth:`outliers` and a classifier's ``label_issues()`` found; the columns
            ``duplicate_group`` and ``outlier_score`` are taken by themselves. What is not given is found here where
            that is cheap: near duplicates and outliers among up to 20,000 rows, doubtful values of ``breakdown`` among
            up to 4,000 rows where vectors predict them. False leaves it out.
        run : EmbeddingRun or list of them, optional
            What embedding took, for the cost.
        compare : path, mapping or Report, optional
            The ``to_json()`` of an earlier report: adds whose share rose or fell, what appeared and what vanished.
            Clusters that have to be computed go on from those of that report, if it is of the same space.
        random_state : int, optional
            Seed for what has to be computed.
        budget_bytes : int
            Most bytes of the page.
        max_points : int
            Most points on the map.
        root : path, optional
            Folder that relative file names start from.

        Warns
        -----
        MixedKindsWarning
            If clusters or map are computed from contents of several kinds.
        """
        from mmembed.figures.canvas_words import choose_language
        from mmembed.report.build import build_report
        from mmembed.report.request import Call

        vectors = column_of(self._df, column)
        asked = {"text": False if text is False else None, "kinds": kinds, "random_state": random_state}
        text = text_or_source(self._df, column, text)
        texts = as_list(self._df, text)
        words = column_of(self._df, texts[0]) if texts else None
        if language == "auto":
            language = choose_language([title or ""] if words is None else map(str, words.dropna()))
        named = "cluster" in self._df.columns
        is_complete = {"cluster", "map_x", "map_y"} <= set(self._df.columns)
        rows_kinds = None if is_complete else kinds_of_rows(self._df, column, kinds)
        df, notes = complete_for_report(
            self._df,
            vectors,
            text=words,
            kinds=rows_kinds,
            random_state=random_state,
            language=language,
            embed=None if named else naming_embedder(vectors, "auto", pays=False),
            embed_terms=None if named or words is None else free_term_embedder(as_vector_array(vectors)),
            like=None if named or compare is None else _comparable_clusters(compare, vectors),
        )
        given = {"duplicates": duplicates, "outliers": outliers, "label_issues": label_issues}
        found = find_for_report(
            df,
            vectors,
            given,
            breakdown=breakdown,
            kinds=rows_kinds,
            contents={image: "image"} if image is not None and source_of(df.columns, column) == image else None,
            root=root,
            random_state=random_state,
            language=language,
        )
        notes += found.notes
        return build_report(
            df,
            vector=column,
            text=text,
            image=image,
            video=video,
            title=title,
            language=language,
            breakdown=breakdown,
            date=date,
            color=color,
            filter=filter,
            duplicates=found.results["duplicates"],
            outliers=found.results["outliers"],
            label_issues=found.results["label_issues"],
            nearest=found.nearest,
            run=run,
            compare=compare,
            notes=notes,
            budget_bytes=budget_bytes,
            max_points=max_points,
            root=root,
            call=Call({**asked, **given, "run": run, "compare": compare, "root": root}, has_groups=named),
        )


_CLUSTERED: dict[Language, str] = {
    "zh": "原表没有 cluster 列，由本报告用默认设置计算（method={method}，random_state={seed}）。",
    "en": "The frame had no column 'cluster'; computed with the defaults (method={method}, random_state={seed}).",
}

_GONE_ON: dict[Language, str] = {
    "zh": "原表没有 cluster 列；主题沿用上一份报告的分组，不属于其中任何一组的新内容自成新主题。",
    "en": "The frame had no column 'cluster'; the topics go on from those of the last report, and news form new ones.",
}

_PROJECTED: dict[Language, str] = {
    "zh": "原表没有 map_x、map_y 列，由本报告用默认设置计算（method={method}，random_state={seed}）。",
    "en": "The frame had no columns 'map_x', 'map_y'; computed by default (method={method}, random_state={seed}).",
}


def complete_for_report(
    df: pd.DataFrame,
    vectors: pd.Series,
    *,
    text: pd.Series | None = None,
    kinds: pd.Series | None = None,
    random_state: int | None = None,
    language: Language = "en",
    embed: Callable[[list[str]], Any] | None = None,
    embed_terms: Callable[[list[str]], Any] | None = None,
    like: Clusters | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """Return the frame with cluster and map columns, and a note for each that had to be computed.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame to report on; it is not changed.
    vectors : pandas.Series
        Its vector column.
    text : pandas.Series, optional
        Texts that name the clusters.
    kinds : pandas.Series, optional
        Of which kind each row is, where they are mixed: the mean of each is removed from what has to be computed.
    random_state : int, optional
        Seed for what has to be computed.
    language : {"zh", "en"}
        Language of the notes, and of names that no text gives.
    embed : callable, optional
        Embeds phrases in the space of the vectors: names clusters where the texts do not.
    embed_terms : callable, optional
        Embeds terms of the texts, where that costs nothing.
    like : Clusters, optional
        Earlier clusters that clusters which have to be computed go on from, where there are no kinds.
    """
    notes: list[str] = []
    seed = 0 if random_state is None else random_state
    if "cluster" not in df.columns:
        spoken = language if text is None else "auto"
        from mmembed.analysis.clusters.fit import fit_clusters
        from mmembed.analysis.clusters.record import remember_settings

        goes_on = like is not None and kinds is None
        with progress_bar(0, show=None, unit="step", description="report") as bar:
            clusters = fit_clusters(
                vectors,
                kinds=kinds,
                random_state=random_state,
                like=like if goes_on else None,
                on_step=lambda step: bar.set_description_str(f"report: {step}"),
            )
        clusters = clusters.named(text, embed=embed, embed_terms=embed_terms, language=spoken)
        df = clusters.add_to(df)
        if random_state is not None:
            remember_settings(df["cluster"], {"random_state": random_state})
        notes.append(_GONE_ON[language] if goes_on else clustered_note(language, clusters.method, seed))
    if not {"map_x", "map_y"} <= set(df.columns):
        from mmembed.analysis.maps.fit import fit_projection

        projection = fit_projection(vectors, kinds=kinds, random_state=random_state)
        df = projection.add_to(df)
        notes.append(projected_note(language, projection.method, seed))
    return df, notes


def _comparable_clusters(compare: Any, vectors: pd.Series) -> Clusters | None:
    """Return the clusters of an earlier report if those of these vectors can go on from them."""
    from mmembed.report.comparison import clusters_of_report, read_facts

    found = clusters_of_report(read_facts(compare))
    return found if found is not None and found.dtype == as_vector_array(vectors).dtype else None


def clustered_note(language: Language, method: str, seed: int) -> str:
    """Return what a report says of clusters that it computed."""
    return _CLUSTERED[language].format(method=method, seed=seed)


def projected_note(language: Language, method: str, seed: int) -> str:
    """Return what a report says of a map that it computed."""
    return _PROJECTED[language].format(method=method, seed=seed)


_CHEAP_ROWS = 20_000
_CHEAP_LABELS = 4_000
_MOST_CLASSES = 30
# Of a class of fewer rows nobody can tell what is usual.
_FEWEST_OF_CLASS = 5


@dataclass(frozen=True)
class FoundForReport:
    """What a report shows of single rows.

    Attributes
    ----------
    results : mapping of argument to object
        What was given, or what was found in its place; None where there is nothing.
    notes : list of str
        What was found, and how.
    nearest : numpy.ndarray, shape (n,), or None
        Cosine of each row with the nearest other one, where outliers are shown that do not have it and that is cheap.
    """

    results: dict[str, Any]
    notes: list[str]
    nearest: FloatVector | None = None


def find_for_report(
    df: pd.DataFrame,
    vectors: pd.Series,
    given: Mapping[str, Any],
    *,
    breakdown: Hashable | None = None,
    kinds: pd.Series | None = None,
    contents: Contents = None,
    root: Path | str | None = None,
    random_state: int | None = None,
    language: Language = "en",
) -> FoundForReport:
    """Return near duplicates, outliers and doubted labels: those that were given, and others where that is cheap.

    Parameters
    ----------
    df : pandas.DataFrame
        The frame to report on.
    vectors : pandas.Series
        Its vector column.
    given : mapping
        ``duplicates``, ``outliers`` and ``label_issues``; None asks for what can be found, False for nothing.
    breakdown : column name, optional
        The column whose doubtful values are looked for.
    kinds : pandas.Series, optional
        Of which kind each row is, where they are mixed.
    contents, root : optional
        The contents that tell copies, as of :meth:`duplicates`; pictures that cannot be opened tell nothing.
    random_state : int, optional
        Seed of the experiment on labels.
    language : {"zh", "en"}
        Language of the notes.
    """
    from mmembed.analysis.finding.outliers import find_outliers, nearest_cosines
    from mmembed.report.words import Words, percent

    words, results, notes = Words(language), dict(given), list[str]()
    rows = int((~as_vector_array(vectors).isna()).sum())
    is_cheap = 2 <= rows <= _CHEAP_ROWS
    if is_cheap and results["duplicates"] is None and "duplicate_group" not in df.columns:
        copies = _find_copies(df, vectors, kinds, contents, root)
        results["duplicates"] = copies
        is_by_contents = copies.threshold_source == "pairs"
        note = "noted_copies" if is_by_contents else "noted_duplicates"
        notes.append(words(note, threshold=f"{copies.threshold:.3g}"))
    if is_cheap and results["outliers"] is None and "outlier_score" not in df.columns:
        results["outliers"] = find_outliers(vectors, kinds=kinds)
        notes.append(words("noted_outliers"))
    # The result of find_outliers has them; a column of scores has not.
    has_none = results["outliers"] is not False and not hasattr(results["outliers"], "closeness")
    nearest = nearest_cosines(vectors, kinds=kinds) if is_cheap and has_none else None
    if results["label_issues"] is None and breakdown is not None:
        fitted = _classifier_of(column_of(df, breakdown, argument="breakdown"), vectors, random_state)
        results["label_issues"] = fitted
        if fitted is not None:
            notes.append(words("noted_labels", column=str(breakdown), share=percent(fitted.accuracy)))
    return FoundForReport(results, notes, nearest)


def _find_copies(
    df: pd.DataFrame, vectors: pd.Series, kinds: pd.Series | None, contents: Contents, root: Path | str | None
) -> Duplicates:
    from mmembed.analysis.finding.duplicates import find_duplicates

    alike = alike_by_contents(df, vectors.name, contents, root=root)
    try:
        with warnings.catch_warnings():
            # The page says itself which pictures it could not show.
            warnings.simplefilter("ignore", EmbeddingWarning)
            return find_duplicates(vectors, kinds=kinds, alike=alike)
    except ContentError:
        return find_duplicates(vectors, kinds=kinds)


def _classifier_of(labels: pd.Series, vectors: pd.Series, random_state: int | None) -> Classifier | None:
    """Return a classifier of a column that is able to doubt its labels; None where there can be none cheaply."""
    from mmembed.analysis.labels.classifier import Classifier
    from mmembed.analysis.labels.fit import fit_classifier
    from mmembed.analysis.labels.review import WEAK

    known = labels[labels.notna().to_numpy() & ~np.asarray(as_vector_array(vectors).isna())]
    is_category = not (pd.api.types.is_float_dtype(labels.dtype) or pd.api.types.is_datetime64_any_dtype(labels.dtype))
    if not is_category or len(known) > _CHEAP_LABELS or not known.map(lambda cell: isinstance(cell, Hashable)).all():
        return None
    sizes = known.value_counts()
    if not 2 <= len(sizes) <= _MOST_CLASSES or sizes.iloc[1] < _FEWEST_OF_CLASS:
        return None
    try:
        with warnings.catch_warnings():
            # That rare classes are never predicted matters to who predicts, not to who reads a report.
            warnings.simplefilter("ignore", UserWarning)
            fitted = fit_classifier(vectors, labels, random_state=random_state)
    except ValueError:
        return None  # a column that no classifier learns from, such as numbers that are quantities
    return fitted if isinstance(fitted, Classifier) and fitted.accuracy >= WEAK else None
