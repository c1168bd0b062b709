"""Measure the road to the API against a server on loopback: latency, throttling, the library's own CPU, and memory.

Run with ``python benchmarks/api_road.py``. The server runs in a process of its own, so that CPU is the client's alone.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import dataclasses
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from mmembed import Embedder
from mmembed.cache.local import VectorCache
from mmembed.contents.content import Content
from mmembed.embedding.pipeline import embed_columns
from mmembed.providers.models import ModelSpec, find_model

ROOT = Path(__file__).resolve().parents[1]
KEY = "sk-benchmark"
MODEL = "qwen3-vl-embedding"

_SERVER = """
import json, sys
sys.path.insert(0, sys.argv[1])
from dashscope_server import DashScopeServer, RateLimits
settings = json.loads(sys.argv[2])
limits = RateLimits(**settings.pop("limits")) if settings.get("limits") else settings.pop("limits", None)
with DashScopeServer(keys={"sk-benchmark"}, limits=limits, keep_contents=False, **settings) as server:
    print(server.base_url, flush=True)
    for line in sys.stdin:
        codes = [one.status for one in server.embedding_requests]
        counts = {"requests": len(codes), "refused": codes.count(429), "vectors": server.bill.vectors}
        print(json.dumps(counts), flush=True)
"""


class Server:
    """The test server in another process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("The server was started without pipes.")
        self._input, self._output = process.stdin, process.stdout
        self.base_url = self._output.readline().strip()

    def counts(self) -> dict[str, int]:
        """Return how many requests came, how many were refused, how many vectors were sold."""
        self._input.write("\n")
        self._input.flush()
        found: dict[str, int] = json.loads(self._output.readline())
        return found

    def stop(self) -> None:
        """End it."""
        self._input.close()


@contextlib.contextmanager
def server(**settings: object) -> Iterator[Server]:
    """Run a server and point the library to it."""
    command = [sys.executable, "-c", _SERVER, str(ROOT / "tests"), json.dumps(settings)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own script
        running = Server(process)
        os.environ["DASHSCOPE_HTTP_BASE_URL"] = running.base_url
        try:
            yield running
        finally:
            running.stop()


def texts(count: int, seed: str) -> list[Content]:
    """Return distinct short texts."""
    return [
        Content("text", text=f"商品 {seed} {number}", digest=f"{seed}{number}".encode().ljust(32))
        for number in range(count)
    ]


def run(
    count: int, seed: str, *, cache: VectorCache | None = None, model: str | ModelSpec = MODEL, **options: object
) -> tuple[float, float]:
    """Embed texts through the line, without a cache if none is given; return wall and CPU seconds."""
    provider = Embedder(model=model, api_key=KEY, **options).provider()  # type: ignore[arg-type]
    wall, cpu = time.perf_counter(), time.process_time()
    done = embed_columns([texts(count, seed)], provider, cache, progress=False)
    if done.failures:
        raise RuntimeError(f"Rows failed: {done.failures[:3]}")
    return time.perf_counter() - wall, time.process_time() - cpu


def floor(requests: int, workers: int, dimension: int) -> float:
    """Return the wall seconds of the same requests with nothing done but reading the bytes: the server's own share."""
    address = urlsplit(os.environ["DASHSCOPE_HTTP_BASE_URL"])
    path = f"{address.path}/services/embeddings/multimodal-embedding/multimodal-embedding"
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}

    def worker(number: int) -> None:
        connection = http.client.HTTPConnection(address.netloc)
        with contextlib.closing(connection):
            for one in range(number, requests, workers):
                contents = [{"text": f"floor {one} {place}"} for place in range(20)]
                body = {"model": MODEL, "parameters": {"dimension": dimension}, "input": {"contents": contents}}
                connection.request("POST", path, json.dumps(body), headers)
                answer = connection.getresponse()
                if len(answer.read()) < 20 * dimension or answer.status != 200:
                    raise RuntimeError(f"The server answered {answer.status}.")

    started = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        list(pool.map(worker, range(workers)))
    return time.perf_counter() - started


def latency(requests: int, workers: int, seconds: float) -> None:
    """Compare wall time with requests × latency ÷ workers, for short and for long vectors."""
    settings = {"workers": workers, "requests_per_minute": 1e9, "tokens_per_minute": 1e12}
    ideal = requests * seconds / workers
    for dimension in (256, 1024, 2560):
        with server(latency=seconds):
            run(20, "warm", dimension=dimension, **settings)
            wall, used = run(20 * requests, "latency", dimension=dimension, **settings)
            with tempfile.TemporaryDirectory() as folder, VectorCache(Path(folder)) as cache:
                stored, _ = run(20 * requests, "stored", cache=cache, dimension=dimension, **settings)
            bare = floor(requests, workers, dimension)
        print(
            f"latency {seconds * 1000:.0f} ms, {requests} requests of 20 × {dimension}, {workers} workers: "
            f"{wall:.2f} s, ideal {ideal:.2f} s, ratio {wall / ideal:.3f}, our CPU {used:.2f} s; "
            f"with an empty cache {stored / ideal:.3f}; reading the bytes alone takes {bare / ideal:.3f} of the ideal"
        )


def throttled(requests: int) -> None:
    """Send as fast as a server lets that takes ten requests a second: told so, told twice as much, and not told."""
    known = find_model(MODEL)
    for told, aligned in ((600, False), (600, True), (1200, False), (1200, True), (None, False), (None, True)):
        spec = dataclasses.replace(known, requests_per_minute=told, tokens_per_minute=None)
        with server(latency=0.05, limits={"requests_per_minute": 600, "aligned": aligned}) as running:
            wall, _ = run(20 * requests, f"throttled {told} {aligned}", model=spec)
            counts = running.counts()
        ideal = requests / 10
        share = counts["refused"] / counts["requests"]
        windows = "on whole seconds" if aligned else "any second"
        print(
            f"10/s ({windows}), told {told or 'nothing'} a minute, {requests} requests: {wall:.1f} s, "
            f"ideal {ideal:.1f} s, ratio {wall / ideal:.3f}, refused {share:.2%}",
            flush=True,
        )


def cpu(requests: int, rounds: int, dimension: int) -> None:
    """Compare our CPU time with that of bare SDK calls with the same batches and threads."""
    import dashscope

    def bare(batch: list[dict[str, str]]) -> None:
        answer = dashscope.MultiModalEmbedding.call(
            model=MODEL,
            input=batch,
            api_key=KEY,
            base_address=os.environ["DASHSCOPE_HTTP_BASE_URL"],
            dimension=dimension,
        )
        if len(answer.output["embeddings"]) != len(batch):
            raise RuntimeError("The bare SDK got an answer that does not fit.")

    ours, theirs = [], []
    with server():
        for number in range(rounds):
            contents = texts(20 * requests, f"cpu {number}")
            batches = [
                [{"text": str(one.text)} for one in contents[start : start + 20]]
                for start in range(0, len(contents), 20)
            ]
            before = time.process_time()
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                list(pool.map(bare, batches))
            theirs.append(time.process_time() - before)
            ours.append(
                run(
                    20 * requests, f"cpu {number}", dimension=dimension, requests_per_minute=1e9, tokens_per_minute=1e12
                )[1]
            )
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    print(
        f"CPU for {requests} requests of 20 × {dimension}: ours {statistics.median(ours):.2f} s, "
        f"bare SDK {statistics.median(theirs):.2f} s, median ratio {ratio:.2f}"
    )


def many(count: int, dimension: int) -> None:
    """Embed many distinct texts into an empty cache in a process of its own, and tell time and memory."""
    with server() as running, tempfile.TemporaryDirectory() as folder:
        subprocess.run(  # noqa: S603 - our own script
            [sys.executable, "-c", _MANY, str(Path(__file__).parent), str(count), str(dimension), folder], check=True
        )
        print(f"    sold {running.counts()}")


_MANY = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import api_road
from mmembed.cache.local import VectorCache
count, dimension = int(sys.argv[2]), int(sys.argv[3])
settings = {"dimension": dimension, "requests_per_minute": 1e9, "tokens_per_minute": 1e12}
api_road.run(20, "warm", **settings)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with VectorCache(Path(sys.argv[4])) as cache:
    wall, cpu = api_road.run(count, "many", cache=cache, **settings)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(f"{count} texts x {dimension}: {wall:.1f} s, CPU {cpu:.1f} s, peak {peak / 1024:.0f} MB, "
      f"{before / 1024:.0f} MB of it before; the vectors are {count * dimension * 4 / 2**20:.0f} MB", flush=True)
"""


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", default=["latency", "throttled", "cpu", "many"])
    parser.add_argument("--requests", type=int, default=200)
    arguments = parser.parse_args()
    if "latency" in arguments.what:
        latency(arguments.requests, workers=8, seconds=0.25)
    if "throttled" in arguments.what:
        throttled(2 * arguments.requests)
    if "cpu" in arguments.what:
        cpu(arguments.requests, rounds=3, dimension=1024)
    if "many" in arguments.what:
        many(100_000, dimension=256)


if __name__ == "__main__":
    main()
