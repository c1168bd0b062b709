"""The contents whose vectors are held, and how to write them down anew after a wanted change of the model.

From the folder ``tests``: ``python -m providers.local.golden_vectors``.
"""

from __future__ import annotations

import json
from pathlib import Path

from contents.samples import DATA, encoded, image, text, video, waves
from mmembed.contents.content import Content
from mmembed.providers.local import LocalProvider

FILE = Path(__file__).with_name("golden_vectors.json")
COORDINATES = 16


def golden_contents() -> dict[str, Content]:
    """Return the contents by a name for each."""
    bear = DATA / "images" / "022.webp"
    return {
        "text: bird": text("a small bird sits on a branch"),
        "text: 鸟": text("一只小鸟停在树枝上"),
        "text: red dress": text("red dress"),
        "text: 红色连衣裙": text("红色连衣裙"),
        "text: long": text("机器学习 and statistics. " * 2_000),
        "drawn: wide": image(encoded(waves())),
        "drawn: square": image(encoded(waves(90, 90, phase=1.0))),
        "photograph: bear": image(bear),
        "photograph: airplane": image(DATA / "images" / "132.webp"),
        "clip: giraffe": video(DATA / "videos" / "036.mp4"),
        "fused: bear": Content("fused", parts=(text("European bear"), image(bear))),
        "images: two": Content("multi_images", parts=(image(bear), image(encoded(waves())))),
    }


def main() -> None:
    """Write the first coordinates of each vector."""
    contents = golden_contents()
    with LocalProvider(workers=1).session() as session:
        matrix = session.embed(list(contents.values())).matrix
    held = {name: [round(float(x), 6) for x in row[:COORDINATES]] for name, row in zip(contents, matrix, strict=True)}
    lines = ",\n".join(f"  {json.dumps(name, ensure_ascii=False)}: {json.dumps(row)}" for name, row in held.items())
    FILE.write_text("{\n" + lines + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
