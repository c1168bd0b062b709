"""What tests of several folders ask for."""

import atexit
import gc
import os
import signal

import pytest
from hypothesis import HealthCheck, settings
from threadpoolctl import threadpool_limits

# Workers side by side share the cores, or the threads of linear algebra of one wait for those of another and take twice
# the processor time. Before numpy is loaded: it is then that these are counted.
if _workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // _workers)))

from dashscope_server.reaching import reachable
from own_models import own_models_forgotten

# No verdict hangs on how fast the machine is, and no change is refused for an example that chance found in it; whoever
# looks for more gives --hypothesis-profile=search.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("mmembed", _PATIENT, derandomize=True)
settings.register_profile("search", _PATIENT, max_examples=1000)
settings.load_profile("mmembed")

# A shell starts background jobs with Ctrl-C ignored, and processes hand that on; tests send it to theirs.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Look for garbage after collecting only, and not among the modules and tests: they stay to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
        atexit.register(gc.unfreeze)


@pytest.fixture(autouse=True)
def no_models_left():
    """Forget the models of one's own that a test registered."""
    with own_models_forgotten():
        yield


@pytest.fixture
def two_threads():
    """Let linear algebra use two threads, whatever the workers' share: sums are then made in parts."""
    import numpy as np  # noqa: F401  loads what is limited
    import scipy.linalg  # noqa: F401

    with threadpool_limits(2, user_api="blas"):
        yield


@pytest.fixture(scope="session")
def first_demo(tmp_path_factory):
    """Return the demo's first run, in English and without a cache; for tests of the group "pages"."""
    from pages.sitting import run_demo

    return run_demo(tmp_path_factory.mktemp("demo"), "en")


@pytest.fixture(scope="session")
def warm_cache(first_demo):
    """Return a cache folder that holds the local vectors of the sample data; for tests of the group "pages"."""
    from pages.sitting import warm

    warm(first_demo.cache)
    return first_demo.cache


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Return the service, with its address, a key and an empty cache in the environment of this process."""
    with reachable(monkeypatch, tmp_path / "cache") as running:
        yield running
