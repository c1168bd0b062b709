"""Which server is called, and whose vectors are taken for the service's."""

from __future__ import annotations

import pandas as pd
import pytest

from dashscope_server import DashScopeServer
from mmembed import Embedder
from mmembed.providers.dashscope.provider import ADDRESSES, base_address, foreign_server


def test_the_address_is_the_regions_unless_the_environment_says_otherwise(monkeypatch):
    """The SDK's own variable is read when it is used."""
    monkeypatch.delenv("DASHSCOPE_HTTP_BASE_URL", raising=False)
    assert base_address("singapore") == ADDRESSES["singapore"]
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", "https://proxy.example.com/api/v1/")
    assert base_address("singapore") == "https://proxy.example.com/api/v1"


@pytest.mark.parametrize(
    ("address", "server"),
    [
        ("", None),
        ("https://dashscope-us.aliyuncs.com/api/v1", None),
        ("https://vpc-cn-beijing.dashscope.aliyuncs.com./api/v1", None),
        ("http://127.0.0.1:8123/api/v1", "127.0.0.1:8123"),
        ("https://user:secret@Gateway.example.com/api/v1", "gateway.example.com"),
        ("https://aliyuncs.com.example.com/api/v1", "aliyuncs.com.example.com"),
        ("https://notaliyuncs.com/api/v1", "notaliyuncs.com"),
    ],
)
def test_only_the_services_own_servers_make_its_vectors(monkeypatch, address, server):
    """Another server's name goes into the cache's key, without a password; the service's own does not."""
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", address)
    assert foreign_server(base_address("beijing")) == server
    assert Embedder(model="qwen3-vl-embedding", api_key="sk-a").provider().options.get("server") == server


def test_vectors_of_a_stand_in_are_not_taken_for_those_of_another_server(monkeypatch, tmp_path):
    """What was tried against one server is asked anew from the next, on the same cache."""
    df = pd.DataFrame({"text": ["a", "b"]})
    embedder = Embedder(model="tongyi-embedding-vision-flash", dimension=64, api_key="sk-test", cache=tmp_path)
    for _ in range(2):
        with DashScopeServer() as server:
            monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", server.base_url)
            df.mmembed.embed("text", "text", embedder=embedder)
            df.mmembed.embed("text", "text", embedder=embedder)
            assert server.bill.vectors == 2
