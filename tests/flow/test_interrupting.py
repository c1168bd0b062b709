"""Ctrl-C: the call returns within a second, and the process ends soon after, whatever the service does."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from dashscope_server import DashScopeServer, dropping

KEY = "sk-interrupted-0123456789"

RUN = """
import sys, time, pandas as pd, mmembed
df = pd.DataFrame({"text": [f"text {n}" for n in range(400)]})
try:
    df.mmembed.embed("text", "text", model="qwen3-vl-embedding", dimension=256)
except KeyboardInterrupt as error:
    print(time.time(), error, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another signal there")
def test_a_silent_service_holds_up_nobody(tmp_path):
    """Eight requests wait for answers that never come: Ctrl-C says what there is within a second, the process ends."""
    with DashScopeServer(keys=(KEY,), keep_contents=False) as server:
        server.misbehave(dropping.silent(), lambda exchange: exchange.number > 3)
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "MMEMBED_CACHE_DIR": str(tmp_path),
            "DASHSCOPE_API_KEY": KEY,
            "DASHSCOPE_HTTP_BASE_URL": server.base_url,
        }
        process = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "-c", RUN], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        deadline = time.monotonic() + 300
        while len(server.embedding_requests) < 11:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)  # another process is at work; there is nothing to inject
        sent = time.time()
        process.send_signal(signal.SIGINT)
        told, errors = process.communicate(timeout=115)
        took = time.time() - sent
    assert process.returncode == 0, errors
    returned, _, message = told.partition(" ")
    assert re.search("[1-3] requests? answered", message)  # the last of the three may still have been read
    assert "running again continues" in message
    assert float(returned) - sent < 60  # a second on an idle machine
    assert took < 100  # where each request has two minutes
