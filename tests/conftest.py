"""What tests of several folders ask for."""

import signal

import pytest
from hypothesis import settings

from dashscope_server.reaching import reachable
from own_models import own_models_forgotten

# No verdict hangs on how fast the machine is.
settings.register_profile("mmembed", deadline=None)
settings.load_profile("mmembed")

# A shell starts background jobs with Ctrl-C ignored, and processes hand that on; tests send it to theirs.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_models_left():
    """Forget the models of one's own that a test registered."""
    with own_models_forgotten():
        yield


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Return the service, with its address, a key and an empty cache in the environment of this process."""
    with reachable(monkeypatch, tmp_path / "cache") as running:
        yield running
