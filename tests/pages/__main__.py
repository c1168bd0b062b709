"""``python -m pages docs/tutorial.md …`` with ``tests`` on the path: write the real output into pages."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import mmembed  # noqa: F401  registers the accessor that the pages use
from own_models import own_models_forgotten
from pages.running import rewrite_page
from pages.sitting import seated, warm


def main(pages: list[str]) -> None:
    """Run each page in a fresh folder and rewrite the output that it shows; read it before you commit it."""
    paths = [Path(name).resolve() for name in pages]
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        warm(cache)
        for number, path in enumerate(paths):
            desk = Path(folder) / str(number)
            desk.mkdir()
            with seated(desk, cache), own_models_forgotten():
                rewrite_page(path)


if __name__ == "__main__":
    main(sys.argv[1:])
