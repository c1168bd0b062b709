"""A reader's desk: a fresh folder with the sample data, a cache of one's own, a key, and a service that answers."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from dashscope_server import DashScopeServer
from pages import ROOT

_KEY = "sk-pages-0123456789"


def warm(cache: Path) -> None:
    """Fill a cache with the vectors of the sample data, of captions with their photographs, and of the vocabulary."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MMEMBED_CACHE_DIR", str(cache))
        df = pd.read_csv(ROOT / "data" / "demo.csv")
        df["caption"] = df["text_en"] + " " + df["text_zh"]
        columns = {"text_zh": "text", "text_en": "text", "image": "image"}
        df.mmembed.embed(columns, model="local", root=ROOT / "data").mmembed.cluster("image_vector")
        df.mmembed.fuse(text="caption", image="image", model="local", root=ROOT / "data")


@contextlib.contextmanager
def seated(folder: Path, cache: Path) -> Iterator[None]:
    """Work in ``folder`` with a copy of ``cache``; what asks the service asks the test server."""
    shutil.copytree(cache, folder / "cache")
    home = folder / "home"
    home.mkdir()
    (home / "data").symlink_to(ROOT / "data", target_is_directory=True)
    with pytest.MonkeyPatch.context() as patch, DashScopeServer(keys=(_KEY,)) as server:
        patch.chdir(home)
        patch.setenv("MMEMBED_CACHE_DIR", str(folder / "cache"))
        patch.setenv("DASHSCOPE_API_KEY", _KEY)
        patch.setenv("DASHSCOPE_HTTP_BASE_URL", server.base_url)
        patch.setenv("LC_ALL", "en_US.UTF-8")
        yield
