"""Build the report of a frame and keep it as one page that can be saved, sent and shown in a notebook."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Literal

import pandas as pd

from mmembed.reporting.assembling import assemble
from mmembed.reporting.cells import as_list, require_column
from mmembed.reporting.page import Tile, render_page
from mmembed.reporting.request import Columns, Options

_CLUSTER = "df = df.mmembed.cluster('<vector column>')"
_PROJECT = "df = df.mmembed.project('<vector column>')"
_LEAST_BUDGET = 500_000


@dataclass(frozen=True, repr=False)
class Report:
    """A finished report: one self-contained HTML page.

    Attributes
    ----------
    title : str
        Heading of the page.
    language : {"zh", "en"}
        Language of its interface.
    tiles : tuple of Tile
        The numbers of its summary.
    """

    title: str
    language: str
    tiles: tuple[Tile, ...]
    _page: str = field(repr=False)

    def html(self) -> str:
        """Return the page."""
        return self._page

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file and return its path.

        The file appears whole or not at all: it is written under another name in the same folder and then renamed.

        Raises
        ------
        FileNotFoundError
            If the folder does not exist.
        """
        target = Path(path).expanduser()
        if not target.parent.is_dir():
            message = (
                f"Folder {str(target.parent)!r} for the report does not exist. Make it first, or choose another path."
            )
            raise FileNotFoundError(message)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
        part = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(self._page)
            part.chmod(0o644)  # mkstemp lets only the owner read, and a report is made to be shared
            part.replace(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return target

    def __repr__(self) -> str:
        size = len(self._page.encode()) / 1e6
        return f"Report({self.title!r}, {size:.1f} MB): call .save('report.html') and open the file in a browser"

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><th style='text-align:left'>{escape(tile.label)}</th><td>{escape(tile.value)}</td></tr>"
            for tile in self.tiles
        )
        size = len(self._page.encode()) / 1e6
        return (
            f"<div><strong>{escape(self.title)}</strong> ({size:.1f} MB)<table>{cells}</table>"
            "<code>.save(&quot;report.html&quot;)</code></div>"
        )


def build_report(
    df: pd.DataFrame,
    *,
    text: Hashable | Sequence[Hashable] | None = None,
    image: Hashable | None = None,
    video: Hashable | None = None,
    title: str | None = None,
    language: Literal["auto", "zh", "en"] = "auto",
    cluster: Hashable = "cluster",
    name: Hashable = "cluster_name",
    score: Hashable = "cluster_score",
    x: Hashable = "map_x",
    y: Hashable = "map_y",
    vector: Hashable | None = None,
    breakdown: Hashable | None = None,
    notes: Sequence[str] = (),
    parameters: Mapping[str, object] | None = None,
    budget_bytes: int = 8_000_000,
    max_points: int = 50_000,
    root: str | os.PathLike[str] | None = None,
    created: datetime | None = None,
) -> Report:
    """Build a report of a frame that already has clusters and a map.

    Parameters
    ----------
    df : pandas.DataFrame, n rows
        A frame with cluster and map columns; left unchanged.
    text : column name or list, optional
        Texts to read on the page; the first one is the headline of a row.
    image, video : column name, optional
        Pictures and clips to show as thumbnails: paths, bytes, images, arrays or data URIs. Web addresses are counted
        and never fetched.
    title : str, optional
        Heading of the page.
    language : {"auto", "zh", "en"}
        Language of the interface; ``"auto"`` is Chinese when most texts (or else cluster names) are.
    cluster, name, score : column name
        Labels (−1 is noise, missing is no vector), names and scores of the clusters. The last two may be absent.
    x, y : column name
        Map columns.
    vector : column name, optional
        The vector column, to count rows without a vector and to name its space. By default a row has a vector if it
        has a cluster.
    breakdown : column name, optional
        A column whose values are counted in each cluster, e.g. a category or a shop.
    notes : sequence of str
        Sentences for the appendix, e.g. what was computed on the way.
    parameters : mapping, optional
        Further parameters for the appendix.
    budget_bytes : int
        Most bytes of the page, at least 500,000. Thumbnails are left out, texts cut and, last, points thinned out to
        keep it; the appendix says how many.
    max_points : int
        Most points on the map; more rows are thinned out evenly.
    root : path, optional
        Folder that relative paths start from; the working directory by default.
    created : datetime.datetime, optional
        Time on the page; now by default.

    Raises
    ------
    ColumnNotFoundError
        If a column is not there; for clusters and map it names the call that makes them.
    ValueError
        If the language is unknown, or the budget or the number of points too small.

    Examples
    --------
    >>> df = pd.DataFrame({"map_x": [0.0, 1.0], "map_y": [1.0, 0.0], "cluster": [0, 1], "title": ["red", "blue"]})
    >>> build_report(df, text="title", title="Colours").title
    'Colours'
    """
    _check(language, budget_bytes, max_points)
    texts = as_list(df, text)
    columns = Columns(
        cluster=require_column(df, cluster, argument="cluster", remedy=_CLUSTER),
        x=require_column(df, x, argument="x", remedy=_PROJECT),
        y=require_column(df, y, argument="y", remedy=_PROJECT),
        texts=tuple(require_column(df, one, argument="text") for one in texts),
        names=_column_or_default(df, name, "cluster_name", argument="name"),
        scores=_column_or_default(df, score, "cluster_score", argument="score"),
        image=_column(df, image, argument="image"),
        video=_column(df, video, argument="video"),
        vector=_column(df, vector, argument="vector"),
        breakdown=_column(df, breakdown, argument="breakdown"),
    )
    options = Options(
        title=title,
        language=language,
        notes=tuple(notes),
        parameters=dict(parameters or {}),
        budget_bytes=budget_bytes,
        max_points=max_points,
        root=Path(root) if root is not None else Path.cwd(),
        created=created if created is not None else datetime.now().astimezone(),
    )
    contents = assemble(columns, options)
    return Report(contents.title, contents.words.language, tuple(contents.tiles), render_page(contents))


def _check(language: str, budget_bytes: int, max_points: int) -> None:
    if language not in {"auto", "zh", "en"}:
        message = (
            f"language={language!r} is unknown; expected 'auto', 'zh' or 'en'. Leave it out to choose by the texts."
        )
        raise ValueError(message)
    if budget_bytes < _LEAST_BUDGET:
        message = (
            f"budget_bytes={budget_bytes!r} is too small for a page; expected at least {_LEAST_BUDGET:,}. "
            "Leave it out for 8,000,000."
        )
        raise ValueError(message)
    if max_points < 1:
        message = f"max_points={max_points!r} leaves no map; expected 1 or more. Leave it out for 50,000."
        raise ValueError(message)


def _column(df: pd.DataFrame, column: Hashable | None, *, argument: str) -> pd.Series | None:
    return None if column is None else require_column(df, column, argument=argument)


def _column_or_default(df: pd.DataFrame, column: Hashable, default: str, *, argument: str) -> pd.Series | None:
    """Return a column; only one that nobody asked for by name may be absent."""
    if column == default and default not in df.columns:
        return None
    return require_column(df, column, argument=argument)
