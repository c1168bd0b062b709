"""What hatchling asks when it builds the packages: the page of the project on an index, and its addresses.

The repository does not say where it is published. Who publishes says it in ``PROJECT_ADDRESS``; then the packages have
the project's addresses, and links of the README are whole, because an index shows the README without its neighbours.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(!?)(\[[^\]]*\])\((?!\w+:|#)([^)\s]+)\)")


class PackageMetadata(MetadataHookInterface):
    """Sets ``readme`` and, where the address is known, ``urls``."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Read ``README.md`` and ``PROJECT_ADDRESS``, for example ``https://forge.example/team/mmembed``."""
        readme = (Path(self.root) / "README.md").read_text("utf-8")
        address = os.environ.get("PROJECT_ADDRESS", "").rstrip("/")
        if address:
            version = re.search(
                r'^__version__ = "([^"]+)"',
                (Path(self.root) / "src/mmembed/__init__.py").read_text("utf-8"),
                re.MULTILINE,
            )
            if version is None:
                raise ValueError("src/mmembed/__init__.py has no __version__.")
            readme = whole_links(readme, address, f"v{version[1]}")
            metadata["urls"] = {
                "Source": address,
                "Changelog": f"{address}/blob/v{version[1]}/CHANGELOG.md",
                "Documentation": f"{address}/blob/v{version[1]}/docs/index.md",
                "Issues": f"{address}/issues",
            }
        metadata["readme"] = {"content-type": "text/markdown", "text": readme}


def whole_links(text: str, address: str, tag: str) -> str:
    """Return Markdown whose links to files of the repository lead to a tag of it on a forge."""

    def whole(link: re.Match[str]) -> str:
        road = "raw" if link[1] else "blob"
        return f"{link[1]}{link[2]}({address}/{road}/{tag}/{link[3]})"

    return _LINK.sub(whole, text)
