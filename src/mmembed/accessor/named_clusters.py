"""Clusters with names as the verb ``cluster`` gives them: the function ``mmembed.fit_clusters``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mmembed._progress import progress_bar
from mmembed.accessor.cluster_names import named_by_rule
from mmembed.accessor.cluster_pictures import illustrated
from mmembed.embedding.embedder import Embedder

if TYPE_CHECKING:
    from mmembed.analysis.clusters.result import Clusters


def fit_clusters(
    vectors: Any,
    method: Any = "auto",
    *,
    n_clusters: int | None = None,
    text: Any = None,
    image: Any = None,
    video: Any = None,
    root: str | PathLike[str] | None = None,
    kinds: Any = None,
    names: Any = "auto",
    vocabulary: Sequence[str] | None = None,
    language: Literal["auto", "zh", "en"] = "auto",
    random_state: int | None = None,
    min_cluster_size: int | None = None,
    assign_noise: bool = False,
    like: Any = None,
    max_cost: float | None = None,
    embedder: Embedder | None = None,
    on_step: Callable[[str], None] | None = None,
    progress: bool | None = None,
) -> Clusters:
    """Group similar vectors, and name the groups as ``df.mmembed.cluster`` does.

    It is :func:`mmembed.analysis.fit_clusters`, which knows no model and names by texts alone, and then the one rule
    for names: texts first, and a vocabulary embedded with the vectors' own model where that costs nothing.

    Parameters
    ----------
    vectors : vector column, shape (n, d)
        Rows without a vector get no label. Lengths do not matter: rows are normalised first.
    method : {"auto", "kmeans", "hdbscan", "leiden"} or scikit-learn estimator
        As in :func:`mmembed.analysis.fit_clusters`, which says what each does.
    n_clusters : int, optional
        The number of clusters, where it is known: k-means or communities with exactly that many.
    text : sequence of str, length n, optional
        Texts that the clusters are named from.
    image, video : sequence, length n, optional
        Pictures and clips of the rows: a notebook then shows thumbnails of typical rows beside the names. Files that
        the cells name are read.
    root : path, optional
        Folder that relative paths of pictures start from; the working directory by default.
    kinds : sequence, length n, optional
        Kind of content of each row. The mean of each kind is removed first, so that clusters do not part texts from
        pictures.
    names, vocabulary, language, max_cost, embedder
        What names come from, in which language, and what they may cost: as for the verb.
    random_state : int, optional
        Seed; None is 0, so that the same call gives the same answer.
    min_cluster_size : int, optional
        Fewest rows of a cluster; smaller groups are noise. Not for k-means.
    assign_noise : bool
        Put each row of noise in the cluster that most of its nearest neighbours are in.
    like : Clusters, path, mapping or Report, optional
        Earlier clusters to go on from: the result itself, the file of its ``save``, or an earlier report, which keeps a
        sample of its rows, by itself or as its ``to_json()``. Known groups keep number, name and rows; new rows that
        form a group of their own are a new cluster; see :func:`mmembed.analysis.fit_clusters`.
    on_step : callable, optional
        Is called with the name of each step as it begins.
    progress : bool, optional
        Show which step is in work; by default in notebooks and terminals only.

    Returns
    -------
    Clusters
        Equal vectors (of one kind) share a label, and the groups do not depend on the order of the rows.

    Raises
    ------
    ValueError
        If the method is unknown, if an option does not belong to it, if there are fewer different vectors than
        ``n_clusters``, or if there are not as many pictures as rows.

    Examples
    --------
    >>> import numpy as np
    >>> vectors = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1], [1, 0]], dtype="float32")
    >>> fit_clusters(vectors, "kmeans", n_clusters=2).labels.tolist()
    [0, 0, 1, 1, 0]
    """
    with progress_bar(0, show=progress, unit="step", description="cluster") as bar:
        from mmembed.analysis.clusters.fit import fit_clusters as fit

        def tell(step: str) -> None:
            bar.set_description_str(f"cluster: {step}")
            if on_step is not None:
                on_step(step)

        fitted = fit(
            vectors,
            method,
            n_clusters=n_clusters,
            kinds=kinds,
            random_state=random_state,
            min_cluster_size=min_cluster_size,
            assign_noise=assign_noise,
            like=earlier_clusters(like),
            on_step=tell,
        )
    named = named_by_rule(
        fitted,
        vectors,
        text,
        names=names,
        vocabulary=vocabulary,
        language=language,
        embedder=embedder,
        max_cost=max_cost,
    )
    return named if image is None and video is None else illustrated(named, image=image, video=video, root=root)


def earlier_clusters(like: Any) -> Clusters | None:
    """Return the clusters that others are to go on from.

    Parameters
    ----------
    like : Clusters, path, mapping, Report or None
        Clusters, the file of their ``save``, or an earlier report, by itself or as its ``to_json()``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is neither, or if the report was made without vectors or by a version that keeps no sample.
    """
    from mmembed.analysis.clusters.result import Clusters, load_clusters

    if like is None or isinstance(like, Clusters):
        return like
    if isinstance(like, str | PathLike) and Path(like).suffix.lower() == ".npz":
        return load_clusters(Path(like))
    from mmembed.report.comparison import clusters_of_report, read_facts

    if not (isinstance(like, str | PathLike | Mapping) or hasattr(like, "to_json")):
        raise TypeError(f"like= is a {type(like).__name__}. Give clusters, their file, or an earlier report.")
    found = clusters_of_report(read_facts(like, argument="like"))
    if found is None:
        raise ValueError(
            "like= is a report without a sample of its rows: it is of an earlier version, has no vectors, or its "
            "clusters are no numbers. Give clusters, or the file that Clusters.save wrote."
        )
    return found
