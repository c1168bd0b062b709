"""What tests of several folders ask for."""

import pytest
from hypothesis import settings

from dashscope_server.reaching import reachable

# No verdict hangs on how fast the machine is.
settings.register_profile("mmembed", deadline=None)
settings.load_profile("mmembed")


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Return the service, with its address, a key and an empty cache in the environment of this process."""
    with reachable(monkeypatch, tmp_path / "cache") as running:
        yield running
