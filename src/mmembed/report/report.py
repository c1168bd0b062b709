"""A finished report: one page that can be saved, sent and shown in a notebook, and its contents for other programs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmembed._files import whole_file
from mmembed.report.markdown import render_markdown
from mmembed.report.page import PageContents, render
from mmembed.report.summary import Tile

# A notebook holds all that it shows; a larger page is opened from its file.
_MOST_INLINE_BYTES = 3_000_000


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
    _contents: PageContents = field(repr=False)
    _facts: Mapping[str, Any] = field(repr=False)

    def html(self) -> str:
        """Return the page."""
        return self._page

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the report to a file and return its path.

        A name that ends in ``.md`` or ``.json`` gets the Markdown or the facts, every other one the page.

        The file appears whole or not at all: it is written under another name in the same folder and then renamed.

        Raises
        ------
        FileNotFoundError
            If the folder does not exist.
        """
        suffix = Path(path).suffix.lower()
        text = self.to_json() if suffix == ".json" else self.to_markdown() if suffix == ".md" else self._page
        return _write(text, path)

    def to_markdown(self) -> str:
        """Return summary, clusters, findings and appendix as Markdown, in the language of the page."""
        return render_markdown(self._contents)

    def to_json(self) -> str:
        """Return the facts of the report as JSON, whatever its language; ``compare=`` of a later report takes them.

        Rows are told by position and index label, so that a program can go back to the frame.
        """
        facts = {"title": self.title, "language": self.language, **self._facts}
        return json.dumps(facts, ensure_ascii=False, allow_nan=False, default=str)

    def __repr__(self) -> str:
        size = len(self._page.encode()) / 1e6
        return f"Report({self.title!r}, {size:.1f} MB): call .save('report.html') and open the file in a browser"

    def _repr_html_(self) -> str:
        size = len(self._page.encode())
        # A frame of its own without the notebook's rights: the page keeps its policy, and reaches nothing around it.
        page = self._page if size <= _MOST_INLINE_BYTES else None
        return render("notebook.html", title=self.title, size=f"{size / 1e6:.1f} MB", tiles=self.tiles, page=page)


def _write(text: str, path: str | os.PathLike[str]) -> Path:
    target = Path(path).expanduser()
    if not target.parent.is_dir():
        message = f"Folder {str(target.parent)!r} for the report does not exist. Make it first, or choose another path."
        raise FileNotFoundError(message)
    with whole_file(target) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
    return target
