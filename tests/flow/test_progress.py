"""The progress bar of a run: what it says, and where it is quiet."""

import pandas as pd
import pytest

from dashscope_server import TRANSIENT, on_requests
from dashscope_server.reaching import reachable
from mmembed import Embedder


@pytest.fixture
def frame(tmp_path, monkeypatch):
    with reachable(monkeypatch, tmp_path / "cache", latency=0.05) as server:
        # Not a rate: how many requests this machine makes in a second would decide what is seen.
        server.misbehave(TRANSIENT["429 rate"], on_requests(*range(4, 12)))
        yield pd.DataFrame({"text": [f"text {number}" for number in range(500)]})


def test_the_bar_tells_items_requests_cost_and_throttling(frame, capsys, monkeypatch):
    """At a service that takes less than it is believed to, all four are seen while the run goes on."""
    monkeypatch.setenv("COLUMNS", "160")  # the bar is cut to the terminal's width
    embedder = Embedder(model="qwen3-vl-embedding", dimension=256, requests_per_minute=60_000)
    out = frame.mmembed.embed("text", "text", embedder=embedder, progress=True)
    assert out["text_vector"].notna().all()
    shown = capsys.readouterr().err
    assert "/500" in shown
    assert "requests" in shown
    assert "CNY" in shown
    assert "throttled" in shown


@pytest.mark.parametrize("progress", [None, False])
def test_it_is_quiet_where_nobody_looks_and_when_asked(frame, capsys, progress):
    """In a pipe or a log there is nothing to see, unless a bar was asked for."""
    frame.iloc[:150].mmembed.embed("text", "text", model="qwen3-vl-embedding", dimension=256, progress=progress)
    seen = capsys.readouterr()
    assert (seen.out, seen.err) == ("", "")
