"""Where the API is called: the region's own address, or the one that the environment names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

__all__ = ["ADDRESSES", "ADDRESS_VARIABLE", "base_address", "foreign_server"]

ADDRESSES: Mapping[str, str] = {
    "beijing": "https://dashscope.aliyuncs.com/api/v1",
    "singapore": "https://dashscope-intl.aliyuncs.com/api/v1",
}
ADDRESS_VARIABLE = "DASHSCOPE_HTTP_BASE_URL"
_OWNER = "aliyuncs.com"


def base_address(region: str) -> str:
    """Return the root of the API: ``DASHSCOPE_HTTP_BASE_URL`` as it is now, or the region's own."""
    return os.environ.get(ADDRESS_VARIABLE, "").rstrip("/") or ADDRESSES[region]


def foreign_server(region: str) -> str | None:
    """Return host and port of the server that is called, or None if it is Alibaba Cloud's own.

    What another server calls by a model's name need not be that model, so its vectors are not taken for the service's.
    """
    address = urlsplit(base_address(region))
    host = (address.hostname or "").rstrip(".")
    if host == _OWNER or host.endswith(f".{_OWNER}"):
        return None
    return address.netloc.rpartition("@")[2].lower()  # without a name and a password, if there are any
