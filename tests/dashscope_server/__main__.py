"""Run the server for a person: ``python -m tests.dashscope_server --help``."""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from .catalogue import FAULTS
from .faults import with_probability
from .server import DashScopeServer


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted, then show the bill."""
    parser = argparse.ArgumentParser(prog="python -m tests.dashscope_server", description="A local DashScope stand-in.")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument("--key", action="append", help="an API key to accept, may be repeated (default: sk-test)")
    parser.add_argument("--region", choices=["beijing", "singapore"], default="beijing")
    parser.add_argument("--latency", type=float, default=0.25, help="seconds an answer takes (default: 0.25)")
    parser.add_argument("--unlimited", action="store_true", help="leave the published rate limits out")
    parser.add_argument("--fault", choices=sorted(FAULTS), action="append", default=[], help="misbehave this way")
    parser.add_argument(
        "--share", type=float, default=0.1, help="share of requests that a fault strikes (default: 0.1)"
    )
    parser.add_argument("--keep-contents", action="store_true", help="keep what is sent in memory")
    options = parser.parse_args(arguments)
    keys = options.key or ["sk-test"]
    server = DashScopeServer(
        keys=keys,
        region=options.region,
        latency=options.latency,
        limits=None if options.unlimited else "documented",
        keep_contents=options.keep_contents,
        port=options.port,
    )
    for seed, name in enumerate(options.fault):
        server.misbehave(FAULTS[name], with_probability(options.share, seed))
    asked_to_stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked_to_stop.set())
    with server:
        sys.stdout.write(
            f"Listening on {server.base_url}\n\n"
            f"    export DASHSCOPE_HTTP_BASE_URL={server.base_url}\n"
            f"    export DASHSCOPE_API_KEY={keys[0]}\n\n"
            "Set both before Python starts: the SDK reads them when it is imported. Ctrl-C stops and shows the bill.\n"
        )
        sys.stdout.flush()
        asked_to_stop.wait()
        uploads, most = len(server.uploads), server.most_at_once
        sys.stdout.write(f"\n{server.bill!r}\nFiles uploaded: {uploads}. Most requests at once: {most}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
