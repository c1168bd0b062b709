"""What a result of clustering says of each cluster: a frame, and a small table for a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from mmembed.frames import one_line

if TYPE_CHECKING:
    from mmembed.arrays import FloatMatrix, FloatVector

MOST_LINES = 30
MOST_TYPICAL = 3
_TEXT_LENGTH = 60
_PICTURE_HEIGHT = 48


def summarise_clusters(
    names: Mapping[int, str],
    labels: npt.NDArray[np.int64],
    *,
    sizes: npt.NDArray[np.int64],
    cohesions: npt.NDArray[np.float64],
    centroids: FloatMatrix,
    stabilities: FloatVector,
    noise: int,
) -> pd.DataFrame:
    """Return the summary of a result, of one process or of partitions; see :meth:`Clusters.summary`.

    Parameters
    ----------
    names : mapping of int to str
        Noise is -1.
    labels, sizes, cohesions, centroids, stabilities : numpy.ndarray, length n_clusters
    noise : int
        Rows in no cluster.
    """
    total = max(1, int(sizes.sum()) + noise)
    closeness = centroids @ centroids.T
    np.fill_diagonal(closeness, -np.inf)
    frame = pd.DataFrame(
        {
            "cluster": labels.astype(np.int64),
            "name": [names[label] for label in labels.tolist()],
            "size": sizes.astype(np.int64),
            "share": sizes / total,
            "cohesion": cohesions.astype(np.float64),
            "nearest": pd.array(
                labels[closeness.argmax(axis=1)] if len(labels) > 1 else [pd.NA] * len(labels), dtype="Int64"
            ),
            "stability": stabilities.astype(np.float64),
        }
    )
    if noise:
        line = [-1, names[-1], noise, noise / total, np.nan, pd.NA, np.nan]
        last = pd.DataFrame([line], columns=frame.columns).astype(frame.dtypes.to_dict())
        frame = pd.concat([frame, last], ignore_index=True)
    return frame


def clusters_html(
    head: str,
    summary: pd.DataFrame,
    texts: Mapping[int, Sequence[str]],
    pictures: Mapping[int, Sequence[str]] | None = None,
) -> str:
    """Return clusters as a small HTML table without scripts: names, sizes, shares, up to three typical rows.

    Parameters
    ----------
    head : str
        One line about all of them.
    summary : pandas.DataFrame
        As :func:`summarise_clusters` returns it.
    texts : mapping of int to sequence of str
        Typical texts by label, where clusters were named from texts.
    pictures : mapping of int to sequence of str, optional
        Data URIs of typical rows by label.
    """
    shown = summary.head(MOST_LINES)
    table = shown[["cluster", "name", "size"]].assign(
        share=[f"{share:.1%}" for share in shown["share"]],
        stability=["" if np.isnan(one) else f"{one:.2f}" for one in shown["stability"]],
    )
    examples = [
        " / ".join(one_line(text, _TEXT_LENGTH) for text in texts.get(label, ())[:MOST_TYPICAL])
        for label in shown["cluster"].tolist()
    ]
    if any(examples):
        table["typical"] = examples
    left = len(summary) - len(shown)
    more = f"<p>{left:,} more; see .summary()</p>" if left > 0 else ""
    seen = [_images((pictures or {}).get(label, ())) for label in shown["cluster"].tolist()]
    cells: Any = table.map(lambda cell: escape(str(cell)))  # what is markup below is ours
    if any(seen):
        cells.insert(2, "pictures", seen)
    with pd.option_context("display.max_colwidth", None):
        body = cells.to_html(index=False, border=0, escape=False)
    return f"<div><p>{escape(head)}</p>{body}{more}</div>"


def _images(sources: Sequence[str]) -> str:
    return " ".join(f'<img src="{escape(one)}" alt="" height="{_PICTURE_HEIGHT}">' for one in sources[:MOST_TYPICAL])
