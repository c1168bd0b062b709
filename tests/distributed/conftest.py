"""A cluster of two worker processes, started once and shared by all tests that ask for it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("dask.dataframe")


# Workers of a busy machine take their time to come up and to answer.
PATIENT = {"distributed.comm.timeouts.connect": "300s", "distributed.comm.timeouts.tcp": "300s"}


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items):
    """Run all tests that need the cluster in one process, so that it is started once.

    Dask itself still uses a keyword that pandas 3.1 gives up; its warnings are not about this package.
    """
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        item.add_marker(pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning"))
        if "cluster" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("cluster"))


@pytest.fixture(scope="session")
def cluster():
    """Return the client of a cluster of two worker processes with one thread each."""
    import dask
    from dask.distributed import Client, LocalCluster

    settings = {"distributed.logging.distributed": "error", "distributed.worker.daemon": True, **PATIENT}
    with (
        dask.config.set(settings),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs="ERROR") as workers,
        Client(workers, set_as_default=False) as client,
    ):
        yield client
