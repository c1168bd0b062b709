"""Files that appear whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Give the path of an empty file to write, which becomes the target when the block ends without an error.

    It lies in the target's folder and ends like the target; others may read the target as they may read any new file.

    Raises
    ------
    OSError
        If the folder does not exist or cannot be written to.
    """
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}-", suffix=target.suffix)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o644)  # mkstemp lets only the owner read
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
