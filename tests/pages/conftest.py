"""A cache that knows the sample data, made once."""

from __future__ import annotations

import pytest

from pages.sitting import warm


@pytest.fixture(scope="session")
def warm_cache(tmp_path_factory):
    """Return a cache folder that holds the local vectors of the sample data."""
    folder = tmp_path_factory.mktemp("cache")
    warm(folder)
    return folder
