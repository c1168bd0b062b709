"""Three whole runs at once, in processes of their own, on one cache: right rows, and nothing paid twice."""

import os
import subprocess
import sys

import numpy as np

from dashscope_server.reaching import reachable

MODEL = "qwen3-vl-embedding"
ROWS = 900

RUN = """
import sys, pandas as pd, mmembed
df = pd.DataFrame({"text": [f"第{n}条 review {n}" for n in range(int(sys.argv[1]))]})
e = mmembed.Embedder(model="qwen3-vl-embedding", dimension=256, requests_per_minute=60_000, tokens_per_minute=10**9)
sys.stdin.readline()
df.mmembed.embed("text", "text", embedder=e)["text_vector"].mmembed.to_matrix().tofile(sys.argv[2])
"""


def start(out):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-W", "error::UserWarning", "-c", RUN, str(ROWS), str(out)],
        env=environment,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_three_runs_at_once_buy_each_row_once(tmp_path, monkeypatch):
    """Three processes embed the same frame at the same time: each has every vector, each row is billed once."""
    with reachable(monkeypatch, tmp_path / "cache", latency=0.05, keep_contents=False) as server:
        files = [tmp_path / f"{number}.bin" for number in range(3)]
        processes = [start(file) for file in files]
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
        for process in processes:
            _, errors = process.communicate(timeout=600)
            assert process.returncode == 0, errors
        texts = [f"第{number}条 review {number}" for number in range(ROWS)]
        wanted = np.array(server.vectors([{"text": text} for text in texts[:20]], MODEL, dimension=256), np.float32)
        matrices = [np.fromfile(file, np.float32).reshape(ROWS, 256) for file in files]
        assert all(np.array_equal(matrix, matrices[0]) for matrix in matrices)
        assert np.array_equal(matrices[0][:20], wanted)
        assert server.bill.distinct == ROWS
        assert server.bill.vectors == ROWS  # not even what was in flight was bought twice
        assert not server.bill.paid_twice
