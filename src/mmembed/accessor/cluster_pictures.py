"""Pictures of typical rows that a result of clustering carries, so that a notebook shows what its groups are."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from mmembed.analysis.clusters.overview import MOST_LINES, MOST_TYPICAL
from mmembed.contents.thumbnails import data_uri, make_thumbnails
from mmembed.frames import beside, is_missing

if TYPE_CHECKING:
    from mmembed.analysis.clusters.result import Clusters

_EDGE = 96
_MOST_BYTES = 4_000
_BUDGET_BYTES = 250_000


def illustrated(
    clusters: Clusters, *, image: Any = None, video: Any = None, root: str | PathLike[str] | None = None
) -> Clusters:
    """Return the same clusters with thumbnails of their typical rows.

    Parameters
    ----------
    clusters : Clusters, n rows
    image, video : sequence of length n, optional
        Pictures and clips; of a row with both, the picture is shown.
    root : path, optional
        Folder that relative paths start from; the working directory by default.

    Raises
    ------
    ValueError
        If there are more or fewer cells than rows, or under other index labels.
    """
    columns = {
        kind: pd.Series(list(beside(cells, clusters.index, argument=kind)), dtype=object)
        for kind, cells in (("image", image), ("video", video))
        if cells is not None
    }
    for kind, cells in columns.items():
        if len(cells) != len(clusters):
            raise ValueError(
                f"{kind}= has {len(cells)} cells, and there are {len(clusters)} vectors. Give one for each."
            )

    def cell_of(row: int) -> tuple[object, str]:
        kind = next((one for one, cells in columns.items() if not is_missing(cells.iloc[row])), "image")
        return columns[kind].iloc[row] if kind in columns else None, kind

    typical = list(clusters.exemplars(MOST_TYPICAL).values())[:MOST_LINES]
    # The first of each group comes before the second of any: the budget reaches all groups.
    ranked = [int(rows[rank]) for rank in range(MOST_TYPICAL) for rows in typical if rank < len(rows)]
    made, _ = make_thumbnails(
        ranked,
        cell_of,
        root=None if root is None else Path(root),
        edge=_EDGE,
        max_bytes=_MOST_BYTES,
        budget_bytes=_BUDGET_BYTES,
    )
    return replace(clusters, pictures={row: data_uri(data) for row, data in made.items()})
