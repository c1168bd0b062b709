"""Maps by umap-learn itself, of the column's own neighbours: what our layout does not do, and the reference for it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.analysis.maps.umap import NeighborMap, going_on

if TYPE_CHECKING:
    from mmembed.analysis.cosines import ChosenRows
    from mmembed.analysis.graphs.graph import NeighborGraph
    from mmembed.analysis.maps.earlier import EarlierPlaces
    from mmembed.analysis.maps.umap import MapSettings
    from mmembed.arrays import FloatMatrix, Positions

_UNKNOWN = -1  # umap-learn's own sign for a row without a label


class Target:
    """Labels or numbers that a supervised map parts rows by, one for each different row.

    Attributes
    ----------
    codes_or_numbers : numpy.ndarray, shape (u,)
        Codes of labels, -1 where there is none, or float32 numbers.
    metric : {"categorical", "l2"}
        umap-learn's name for what they are.
    """

    def __init__(self, codes_or_numbers: npt.NDArray[Any], metric: str) -> None:
        self.codes_or_numbers = codes_or_numbers
        self.metric = metric

    @classmethod
    def of(cls, target: Any, present: Positions, groups: Positions, n_rows: int) -> Target:
        """Read a target of all rows of a table.

        Fractions are numbers, of which equal vectors get the mean. All else is labels (also whole numbers, as floats,
        which is what pandas makes of integers with gaps); equal vectors with different labels count as unlabelled.

        Raises
        ------
        ValueError
            If it has another length than the table, or numbers are missing.
        """
        values = pd.Series(target).reset_index(drop=True)
        if len(values) != n_rows:
            raise ValueError(f"target has {len(values)} values for {n_rows} rows. Give one for each row.")
        values = values.iloc[present]
        n_groups = int(groups.max(initial=-1)) + 1
        if pd.api.types.is_float_dtype(values.dtype):
            numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
            known = numbers[~np.isnan(numbers)]
            if (known != np.floor(known)).any():
                return cls._of_numbers(numbers, groups, n_groups)
        codes = pd.factorize(values)[0]
        labels = np.full(n_groups, _UNKNOWN, dtype=np.int64)
        has_label = codes >= 0
        labels[groups[has_label]] = codes[has_label]
        differs = has_label & (labels[groups] != codes)
        labels[groups[differs]] = _UNKNOWN
        return cls(labels, "categorical")

    @classmethod
    def _of_numbers(cls, numbers: npt.NDArray[np.float64], groups: Positions, n_groups: int) -> Target:
        if not np.isfinite(numbers).all():
            raise ValueError(
                f"target has {int((~np.isfinite(numbers)).sum())} missing numbers, and umap-learn needs all. "
                "Fill them, or cut the numbers into classes, of which some rows may have none."
            )
        sums = np.bincount(groups, weights=numbers, minlength=n_groups)
        return cls((sums / np.bincount(groups, minlength=n_groups)).astype(np.float32), "l2")


@np.errstate(under="ignore")
def fit_umap_learn(
    rows: FloatMatrix,
    source: FloatMatrix | ChosenRows,
    settings: MapSettings,
    *,
    target: Target | None = None,
    densmap: bool = False,
    earlier: EarlierPlaces | None = None,
) -> NeighborMap:
    """Make a map of different rows by umap-learn, from the neighbours that all products of the column share.

    It starts as umap-learn does by default, from the spectrum of the fuzzy set. Going on from an earlier map,
    umap-learn makes the fuzzy set, and the layout is ours: its own stretches each start to a square.

    Parameters
    ----------
    rows, source, settings, earlier
        As in :meth:`NeighborMap.fit`.
    target : Target, optional
        Of a supervised map.
    densmap : bool
        Whether groups that are dense are to be small on the map.

    Returns
    -------
    NeighborMap
        Its ``umap`` is umap-learn's estimator. New rows are placed by our layout, because umap-learn needs an index of
        its own for it.
    """
    graph = settings.graph(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImportWarning)  # of packages that umap-learn would like to have
        from umap import UMAP
    options: dict[str, Any] = {}
    if target is not None:
        options["target_metric"] = target.metric
    if earlier is not None:
        options["n_epochs"], options["init"] = 0, "random"
    estimator = UMAP(
        n_neighbors=min(settings.n_neighbors, len(rows) - 1),  # it refuses to count all
        n_components=settings.dimensions,
        metric="cosine",
        min_dist=settings.min_dist,
        spread=settings.spread,
        a=settings.curve.a,  # its own solver finds no curve of a wide spread
        b=settings.curve.b,
        densmap=densmap,
        random_state=settings.seed,
        n_jobs=1,
        precomputed_knn=_prepend_self(graph),
        **options,
    )
    with warnings.catch_warnings():
        # Its transform needs an index that it would build; ours does not.
        warnings.filterwarnings("ignore", message=r"precomputed_knn\[2\]")
        estimator.fit(rows, None if target is None else target.codes_or_numbers)
    if earlier is None:
        places = np.ascontiguousarray(estimator.embedding_, dtype=np.float32)
    else:
        places = going_on(rows, estimator.graph_.astype(np.float32).tocsr(), settings, earlier)
    return NeighborMap(rows, places, graph, settings, estimator)


def _prepend_self(graph: NeighborGraph) -> tuple[npt.NDArray[np.int32], FloatMatrix]:
    """Return the neighbours as umap-learn wants them: each row first, at distance 0."""
    itself = np.arange(len(graph), dtype=np.int32)[:, np.newaxis]
    distances = np.maximum(1 - graph.similarities, 0, dtype=np.float32)
    distances = np.where(graph.indices < 0, np.inf, distances).astype(np.float32)
    return np.hstack([itself, graph.indices]), np.hstack([np.zeros_like(distances[:, :1]), distances])
