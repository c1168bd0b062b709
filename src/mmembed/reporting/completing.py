"""Clusters and a map for a report on a frame that lacks them, with notes that say what was computed and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from mmembed.analysis.clusters.fit import fit_clusters
from mmembed.analysis.maps.projection import fit_projection
from mmembed.analysis.names.terms import Language

_CLUSTERED: dict[Language, str] = {
    "zh": "原表没有 cluster 列，由本报告用默认设置计算（method={method}，random_state={seed}）。",
    "en": "The frame had no column 'cluster'; computed with the defaults (method={method}, random_state={seed}).",
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
    """
    notes: list[str] = []
    seed = 0 if random_state is None else random_state
    if "cluster" not in df.columns:
        spoken = language if text is None else "auto"
        clusters = fit_clusters(vectors, kinds=kinds, random_state=random_state).named(
            text, embed=embed, language=spoken
        )
        df = clusters.add_to(df)
        notes.append(clustered_note(language, clusters.method, seed))
    if not {"map_x", "map_y"} <= set(df.columns):
        projection = fit_projection(vectors, kinds=kinds, random_state=random_state)
        df = projection.add_to(df)
        notes.append(projected_note(language, projection.method, seed))
    return df, notes


def clustered_note(language: Language, method: str, seed: int) -> str:
    """Return what a report says of clusters that it computed."""
    return _CLUSTERED[language].format(method=method, seed=seed)


def projected_note(language: Language, method: str, seed: int) -> str:
    """Return what a report says of a map that it computed."""
    return _PROJECTED[language].format(method=method, seed=seed)
