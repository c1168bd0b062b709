"""Key, address and workspace as people already have them for the SDK, told by the headers that the service receives."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import traceback

import dashscope
import joblib
import pandas as pd
import pytest

from dashscope_server import DashScopeServer
from mmembed import Embedder, EmbeddingTransformer
from mmembed.errors import MissingCredentialsError
from mmembed.providers.dashscope.provider import ADDRESSES, base_address

KEYS = {name: f"sk-{name}-0123456789" for name in ("argument", "environment", "assigned", "file", "home")}
MODEL = "tongyi-embedding-vision-flash"


@pytest.fixture
def server(monkeypatch, tmp_path):
    """Return the service, where nobody has given any key yet."""
    for name in ("DASHSCOPE_API_KEY", "DASHSCOPE_API_KEY_FILE_PATH", "DASHSCOPE_API_REGION", "DASHSCOPE_WORKSPACE_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(dashscope, "api_key", None)
    monkeypatch.setattr(dashscope, "api_key_file_path", None)
    with DashScopeServer(keys=KEYS.values()) as running:
        monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", running.base_url)
        yield running


def key_in(path, name):
    """Write a key into a file as people do, with a line end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(KEYS[name] + "\n", "utf-8")
    return str(path)


def headers_of_one_request(server, **settings):
    """Embed one text, which nobody embedded before, and return the headers that arrived."""
    text = f"text {len(server.requests)}"
    assert Embedder(model=MODEL, cache=None, **settings).embed(pd.Series([text]), "text").vectors.notna().all()
    return server.embedding_requests[-1].headers


def test_argument_then_environment_then_sdk(server, monkeypatch, tmp_path):
    """The key that is sent is the first of: argument, variable, what was assigned, the named file, the file at home."""
    given = {"api_key": KEYS["argument"]}
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEYS["environment"])
    monkeypatch.setattr(dashscope, "api_key", KEYS["assigned"])
    monkeypatch.setenv("DASHSCOPE_API_KEY_FILE_PATH", key_in(tmp_path / "key", "file"))
    key_in(tmp_path / "home" / ".dashscope" / "api_key", "home")
    gone = [
        given.clear,
        lambda: monkeypatch.delenv("DASHSCOPE_API_KEY"),
        lambda: monkeypatch.setattr(dashscope, "api_key", None),
        lambda: monkeypatch.delenv("DASHSCOPE_API_KEY_FILE_PATH"),
        lambda: None,
    ]
    for name, remove in zip(KEYS, gone, strict=True):
        assert headers_of_one_request(server, **given)["authorization"] == f"Bearer {KEYS[name]}"
        remove()


def test_a_file_that_the_sdk_was_told_of_is_read_anew(server, monkeypatch, tmp_path):
    """``dashscope.api_key_file_path`` goes before the variable, and a key that is replaced there is the next one."""
    path = key_in(tmp_path / "key", "file")
    monkeypatch.setenv("DASHSCOPE_API_KEY_FILE_PATH", str(tmp_path / "other"))
    monkeypatch.setattr(dashscope, "api_key_file_path", path)
    assert headers_of_one_request(server)["authorization"] == f"Bearer {KEYS['file']}"
    key_in(tmp_path / "key", "home")
    assert headers_of_one_request(server)["authorization"] == f"Bearer {KEYS['home']}"


@pytest.mark.parametrize("held", [None, b"\xff\xfe\x00broken sk-secret"], ids=["missing", "no text"])
def test_a_named_file_that_cannot_be_read_is_an_error_that_names_it(server, monkeypatch, tmp_path, held):
    """Nobody is sent on to another key in silence, and nothing of the file is shown."""
    path = tmp_path / "key"
    if held is not None:
        path.write_bytes(held)
    key_in(tmp_path / "home" / ".dashscope" / "api_key", "home")
    monkeypatch.setenv("DASHSCOPE_API_KEY_FILE_PATH", str(path))
    with pytest.raises(MissingCredentialsError, match="DASHSCOPE_API_KEY_FILE_PATH") as error:
        Embedder(model=MODEL).provider()
    assert str(path) in str(error.value)
    assert "sk-secret" not in "".join(traceback.format_exception(error.value))
    assert server.requests == ()


def test_no_key_anywhere_is_told_without_a_request(server, tmp_path):
    """An empty file is no key; a plan needs none."""
    (tmp_path / "home" / ".dashscope").mkdir(parents=True)
    (tmp_path / "home" / ".dashscope" / "api_key").write_text(" \n")
    with pytest.raises(MissingCredentialsError, match="DASHSCOPE_API_KEY"):
        Embedder(model=MODEL).provider()
    assert Embedder(model=MODEL, cache=None).plan_many({"t": pd.Series(["a"])}, {"t": "text"}).requests == 1
    assert server.requests == ()


@pytest.mark.usefixtures("server")
def test_a_key_of_the_sdk_is_in_no_pickle_repr_or_message(monkeypatch, tmp_path):
    """It is read where a session opens, and never becomes part of a setting."""
    monkeypatch.setattr(dashscope, "api_key", KEYS["assigned"])
    monkeypatch.setenv("DASHSCOPE_API_KEY_FILE_PATH", key_in(tmp_path / "key", "file"))
    embedder = Embedder(model=MODEL, cache=None, workspace="ws-1")
    provider = embedder.provider()
    run = embedder.embed(pd.Series(["a"]), "text")
    held = io.BytesIO()
    joblib.dump(EmbeddingTransformer("text", embedder=embedder), held)
    seen = [pickle.dumps(embedder), pickle.dumps(provider), held.getvalue()]
    seen += [repr(one).encode() for one in (embedder, provider, run, run.usage)]
    monkeypatch.setattr(dashscope, "api_key", "sk-of-nobody-0123")
    with pytest.raises(Exception, match="InvalidApiKey") as error:
        embedder.embed(pd.Series(["b"]), "text")
    seen.append("".join(traceback.format_exception(error.value)).encode())
    for key in (*KEYS.values(), "sk-of-nobody-0123"):
        assert not any(key.encode() in one for one in seen)
    assert pickle.loads(seen[0]).workspace == "ws-1"


def test_a_workspace_is_the_sdks_header(server, monkeypatch):
    """It is sent with the name that the SDK gives it, and no vector, key of the cache or other request changes."""
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEYS["environment"])
    assert headers_of_one_request(server, workspace="ws-42")["x-dashscope-workspace"] == "ws-42"
    assert "x-dashscope-workspace" not in headers_of_one_request(server)
    one, other = (Embedder(model=MODEL, workspace=name).provider() for name in (None, "ws-42"))
    assert one.options == other.options
    with pytest.raises(ValueError, match="workspace is 'a b'"):
        Embedder(model=MODEL, workspace="a b", cache=None).embed(pd.Series(["a"]), "text")
    with pytest.raises(ValueError, match="place of its own"):
        Embedder(model=MODEL, extra={"workspace": "ws-42"}).provider()


def test_an_address_that_the_sdk_was_given_counts(server, monkeypatch):
    """After the variable, and in place of Beijing's own; a region that was asked for is not replaced."""
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEYS["environment"])
    monkeypatch.setattr(dashscope, "base_http_api_url", "https://elsewhere.example.com/api/v1")
    assert base_address("beijing") == server.base_url
    monkeypatch.delenv("DASHSCOPE_HTTP_BASE_URL")
    assert base_address("beijing") == "https://elsewhere.example.com/api/v1"
    assert base_address("singapore") == ADDRESSES["singapore"]
    monkeypatch.setattr(dashscope, "base_http_api_url", server.base_url)
    assert headers_of_one_request(server)["authorization"] == f"Bearer {KEYS['environment']}"
    monkeypatch.setattr(dashscope, "base_http_api_url", "https://dashscope.aliyuncs.com/api/v1")
    assert base_address("beijing") == ADDRESSES["beijing"]


def test_an_address_may_have_a_place_for_the_workspace(server, monkeypatch):
    """As those of the SDK's newer regions have; without one, or with one that would lead elsewhere, nothing is sent."""
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEYS["environment"])
    maas = "https://{workspace_id}.ap-southeast-1.maas.aliyuncs.com/api/v1"
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", maas)
    assert base_address("beijing", "ws-1") == "https://ws-1.ap-southeast-1.maas.aliyuncs.com/api/v1"
    for name in (None, "evil.example.com/?"):
        with pytest.raises(ValueError, match="needs the id of a workspace"):
            base_address("beijing", name)
    monkeypatch.setenv("DASHSCOPE_WORKSPACE_ID", "ws-2")
    assert base_address("beijing").startswith("https://ws-2.")
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", server.base_url.replace("/api/v1", "/{workspace_id}/../api/v1"))
    assert Embedder(model=MODEL).provider().base_address.endswith("/ws-2/../api/v1")


_IMPORTED_HERE = """
import os, sys
import pandas as pd
from mmembed import Embedder
from mmembed.errors import MissingCredentialsError
from mmembed.providers.dashscope.provider import ADDRESSES, base_address
embedder = Embedder(model="tongyi-embedding-vision-flash", cache=None)
assert "dashscope" not in sys.modules
assert embedder.embed(pd.Series(["a"]), "text").vectors.notna().all()
assert "dashscope" in sys.modules
del os.environ["DASHSCOPE_API_KEY"], os.environ["DASHSCOPE_HTTP_BASE_URL"]
assert base_address("beijing") == ADDRESSES["beijing"]
try:
    embedder.provider()
except MissingCredentialsError:
    import dashscope
    dashscope.api_key = "sk-assigned-later"
    assert embedder.provider().api_key() == "sk-assigned-later"
    sys.exit(0)
sys.exit("a key that was taken back is used")
"""


@pytest.mark.usefixtures("server")
def test_what_the_sdk_read_when_it_was_imported_here_is_no_setting(tmp_path):
    """A variable that was taken back is taken back, though the SDK remembers it; what is assigned later counts."""
    variables = {"DASHSCOPE_API_KEY": KEYS["environment"], "HOME": str(tmp_path)}
    done = subprocess.run(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-c", _IMPORTED_HERE],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr


_REGION = """
import os
from mmembed.providers.dashscope.provider import base_address
print(base_address("beijing", "ws-1"), base_address("singapore"))
"""


@pytest.mark.usefixtures("server")
def test_a_region_of_the_sdk_is_asked_for_by_its_own_name():
    """``DASHSCOPE_API_REGION`` gives the SDK's address of that region, if the release knows it."""
    variables = {**os.environ, "DASHSCOPE_API_REGION": "ap-southeast-1"}
    del variables["DASHSCOPE_HTTP_BASE_URL"]
    known = "ap-southeast-1" in getattr(sys.modules["dashscope.common.env"], "MAAS_REGIONS", {})
    done = subprocess.run(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-c", _REGION], env=variables, capture_output=True, text=True, timeout=300, check=True
    )
    first = "https://ws-1.ap-southeast-1.maas.aliyuncs.com/api/v1" if known else ADDRESSES["beijing"]
    assert done.stdout.split() == [first, ADDRESSES["singapore"]]
