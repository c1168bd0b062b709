"""Measure how much of an account's limit a cluster uses, with 1, 2 and 4 worker processes, and that it keeps it.

A server on this machine keeps 1,200 requests a minute, each second too, and refuses what is above. For each number of
workers a table is embedded for about half a minute; counted is what the server let in, after the first three seconds.

    python benchmarks/distributed_rate.py
    python benchmarks/distributed_rate.py --kill      # and one worker of two is killed after ten seconds
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path[:0] = [str(Path(__file__).parents[1] / "tests")]

KEY = "sk-benchmark"
LIMIT = 1200
SETTLED_AFTER_SECONDS = 3.0


def most_in_a_second(moments: np.ndarray) -> int:
    """Return the most requests in any span of a second."""
    return int((np.searchsorted(moments, moments + 1.0, side="left") - np.arange(len(moments))).max())


def measure(workers: int, seconds: float, latency_seconds: float, *, kill: bool) -> dict[str, float]:
    """Embed a table on a cluster of so many workers and return what the server saw."""
    import dask.dataframe as dd
    from dask.distributed import Client, LocalCluster

    import mmembed.distributed
    from dashscope_server import DashScopeServer, RateLimits

    rows = int(seconds * LIMIT / 60) * 20
    df = pd.DataFrame({"text": [f"第{number}条 review {number}" for number in range(rows)]})
    limits = RateLimits(requests_per_minute=LIMIT)
    with (
        tempfile.TemporaryDirectory() as folder,
        DashScopeServer(keys=(KEY,), limits=limits, latency=latency_seconds, keep_contents=False) as server,
    ):
        os.environ |= {
            "MMEMBED_CACHE_DIR": folder,
            "DASHSCOPE_API_KEY": KEY,
            "DASHSCOPE_HTTP_BASE_URL": server.base_url,
        }
        embedder = mmembed.Embedder(model="qwen3-vl-embedding", dimension=256, tokens_per_minute=10**9)
        with (
            LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=":0", silence_logs="ERROR"
            ) as local,
            Client(local) as client,
        ):
            processes = list(client.run(os.getpid).values())
            ddf = dd.from_pandas(df, npartitions=4 * workers).mmembed.embed("text", "text", embedder=embedder)
            if kill:
                threading.Timer(10.0, os.kill, (processes[0], signal.SIGKILL)).start()
            out = ddf.compute()
        sent = server.embedding_requests
        let_in = np.array(sorted(one.arrived for one in sent if one.status == 200))
        settled = let_in[(let_in > let_in[0] + SETTLED_AFTER_SECONDS) & (let_in < let_in[-1] - 0.5)]
        return {
            "workers": workers,
            "requests": len(sent),
            "refused": sum(one.status == 429 for one in sent),
            "most in a second": most_in_a_second(let_in),
            "share of the limit": (len(settled) - 1) / (settled[-1] - settled[0]) / (LIMIT / 60),
            "seconds": let_in[-1] - let_in[0],
            "without vector": int(out["text_vector"].isna().sum()),
            "bought again": server.bill.vectors - server.bill.distinct,
        }


def main() -> None:
    """Print one line for each number of workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds that the server takes for an answer")
    parser.add_argument("--kill", action="store_true", help="kill a worker in the middle")
    options = parser.parse_args()
    started = time.perf_counter()
    lines = [measure(one, options.seconds, options.latency, kill=options.kill) for one in options.workers]
    print(pd.DataFrame(lines).to_string(index=False, float_format=lambda value: f"{value:.3f}"))
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
