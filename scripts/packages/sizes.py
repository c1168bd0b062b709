"""Print what each package of this environment takes, as JSON; run by scripts/check_packages.py."""

from __future__ import annotations

import json
import os
from importlib.metadata import distributions


def main() -> None:
    """Print name, version and bytes of each package, the largest first; compiled Python files are not counted."""
    found = []
    for distribution in distributions():
        size = 0
        for file in distribution.files or []:
            path = distribution.locate_file(file)
            if file.suffix != ".pyc" and os.path.exists(path):  # noqa: PTH110  the path may be of any kind
                size += os.path.getsize(path)  # noqa: PTH202
        found.append((size, distribution.name, distribution.version))
    print(json.dumps(sorted(found, reverse=True)))


if __name__ == "__main__":
    main()
