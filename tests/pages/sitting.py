"""A reader's desk: a fresh folder with the sample data, a cache of one's own, a key, and a service that answers."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from dashscope_server import DashScopeServer
from pages import ROOT

_KEY = "sk-pages-0123456789"


@dataclass(frozen=True)
class Demo:
    """What the demo said and where it wrote, and the cache that it used."""

    told: str
    page: Path
    cache: Path


def run_demo(folder: Path, language: str) -> Demo:
    """Run the demo as a program, from ``folder`` and with the cache in it, which may be missing."""
    cache, page = folder / "cache", folder / f"{language}.html"
    environment = {**os.environ, "PYTHONUTF8": "1", "MMEMBED_CACHE_DIR": str(cache)}
    environment.pop("DASHSCOPE_API_KEY", None)
    call = ["-m", "mmembed.cli", "demo", "--data", str(ROOT / "data"), "--language", language, "-o", page.name]
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, *call], cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return Demo(done.stdout, page, cache)


def warm(cache: Path) -> None:
    """Add to a cache what it lacks of the sample data, of captions with their photographs, and of the vocabulary."""
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
