"""Answers of language models, kept by what they were asked: a small file each, beside the cache of vectors."""

from __future__ import annotations

import contextlib
from pathlib import Path

from mmembed._files import whole_file
from mmembed.cache.store import default_folder

_FOLDER = "answers-1"  # a layout that older versions cannot read gets the next number


class AnswerCache:
    """Texts by 32-byte keys.

    Parameters
    ----------
    folder : path, optional
        Where the cache of vectors lies; ``MMEMBED_CACHE_DIR`` or the platform's cache folder if not given.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = (default_folder() if folder is None else folder) / _FOLDER

    def find(self, key: bytes) -> str | None:
        """Return the answer, or None; a file that cannot be read is no answer."""
        try:
            return (self._folder / f"{key.hex()}.txt").read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def keep(self, key: bytes, answer: str) -> None:
        """Keep an answer; a folder that cannot be written to keeps none."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with whole_file(self._folder / f"{key.hex()}.txt") as part:
                part.write_text(answer, "utf-8")
