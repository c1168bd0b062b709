r"""Build the concept table of the local model: where drawings lie among the features of pictures, and what they show.

ImageNet has no class for planets, tomatoes, garments, … and no picture cut out on white. Free drawings have both. Run
this after a change of the recipe, of the classifier or of the encoder; it takes some three minutes on one core:

    npm pack @lobehub/fluent-emoji-3d@1.1.0       # Microsoft's Fluent Emoji, MIT
    npm pack emoji-datasource-google@16.0.0       # Google's Noto Emoji, Apache-2.0
    npm pack emojibase-data@17.0.0                # their names in English and Chinese, MIT, from Unicode's CLDR
    apt-get download openclipart-png              # 1:0.18+dfsg-19, public domain
    python scripts/build_concept_table.py --fluent FLUENT/assets --noto GOOGLE/img/google/64 --emojibase EMOJIBASE \
        --clip-art OPENCLIPART/usr/share/openclipart/png

where each name in capitals is the folder that its tarball unpacks to. It writes ``concepts.npz`` and ``concepts.json``
(English names). No picture is stored: what stands in the table are features projected on 128 axes, and text vectors.
Origin and licences are told in ``src/mmembed/providers/local/README.md``.

Recipe
    1. A drawing is seen whole on white; its features are those of the last layer before the classes.
    2. Features are standardised over the drawings, normalised, and projected on the principal axes.
    3. The text of an emoji is its name in English plus the one in Chinese; that of clip art stands in
       ``scripts/concepts/clip_art.csv``, since file names there are in four languages and name their authors.
    4. To which comes, at 0.4, what kind of thing it is (``scripts/concepts/kinds.csv``): a tomato is a vegetable.
       Kinds without words (a lock, a phone) add none; folders and groups that are not in that list are left out.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from threadpoolctl import threadpool_limits

from mmembed.contents.pictures import to_rgb
from mmembed.providers.local.colours import COLOURS
from mmembed.providers.local.network import EfficientNetLite, to_views
from mmembed.providers.local.text import TextEncoder
from mmembed.providers.local.weights import load_efficientnet_tensors

ROOT = Path(__file__).resolve().parents[1]
LISTS = ROOT / "scripts" / "concepts"
TARGET = ROOT / "src" / "mmembed" / "providers" / "local"
AXES = 128
KIND_WEIGHT = 0.4
BIAS_SHARE = 0.5
MOST_PIXELS = 1_500_000
# A shorter beginning of a file name must end where a word ends: "bat" is not "bath".
SHORTEST_OPEN_BEGINNING = 5
CHINESE_COLOURS = ("红色", "橙色", "黄色", "绿色", "蓝色", "紫色", "粉色", "黑色", "白色", "灰色", "棕色")

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Concept:
    """What a drawing shows, in both languages, and the kind of thing; hashable, so that drawings of one share it."""

    english: str
    chinese: str
    kind: tuple[str, str]


def normalised(vectors: Matrix) -> Matrix:
    """Return the vectors with length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def read_kinds(source: str) -> dict[str, tuple[str, str]]:
    """Return the kinds of things by their group or folder."""
    with (LISTS / "kinds.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == source]
    return {row["place"]: (row["english"], row["chinese"]) for row in rows}


def find_emoji(folders: list[tuple[Path, str]], emojibase: Path) -> Iterator[tuple[Path, Concept]]:
    """Give the emoji of the folders whose group has a kind, in the order of their code points."""
    kinds = read_kinds("emoji")
    groups = json.loads((emojibase / "meta" / "groups.json").read_text(encoding="utf-8"))["subgroups"]
    named = {}
    for language in ("en", "zh"):
        table = json.loads((emojibase / language / "data.json").read_text(encoding="utf-8"))
        named[language] = {one["hexcode"].replace("-FE0F", ""): one for one in table}
    for folder, pattern in folders:
        for path in sorted(folder.glob(pattern)):
            code = path.stem.upper().replace("-FE0F", "")
            one = named["en"].get(code)
            if one is None or groups.get(str(one.get("subgroup"))) not in kinds:
                continue
            yield path, Concept(one["label"], named["zh"][code]["label"], kinds[groups[str(one["subgroup"])]])


def find_clip_art(folder: Path) -> Iterator[tuple[Path, Concept]]:
    """Give the clip art that the list names, in folders that have a kind."""
    kinds = read_kinds("clip art")
    with (LISTS / "clip_art.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    beginnings = [(start, row["english"], row["chinese"]) for row in rows for start in row["files"].split(";")]
    beginnings.sort(key=lambda beginning: -len(beginning[0]))
    for path in sorted(folder.rglob("*.png")):
        parts = path.relative_to(folder).parts[:-1]
        places = ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]
        kind = next((kinds[place] for place in places if place in kinds), None)
        words = next((pair for start, *pair in beginnings if _begins(path.stem.lower(), start)), None)
        if kind is not None and words is not None:
            yield path, Concept(words[0], words[1], kind)


def _begins(stem: str, start: str) -> bool:
    if not stem.startswith(start):
        return False
    rest = stem[len(start) :]
    return not rest or not rest[0].isalpha() or len(start) >= SHORTEST_OPEN_BEGINNING


def see_all(drawings: list[tuple[Path, Concept]]) -> tuple[Matrix, Matrix, list[Concept]]:
    """Return the features and the class scores of the drawings that are not too large, and what they show."""
    network = EfficientNetLite(load_efficientnet_tensors())
    features, concepts = [], []
    with threadpool_limits(1, "blas"):
        for path, concept in drawings:
            with Image.open(path) as image:
                if image.width * image.height <= MOST_PIXELS:
                    features.append(network.features(to_views(to_rgb(image))[:1])[0])
                    concepts.append(concept)
        stacked = np.array(features, np.float32)
        return stacked, network.classify(stacked), concepts


def embed_concepts(encoder: TextEncoder, concepts: list[Concept]) -> Matrix:
    """Return the text vectors of concepts, shape (c, 512)."""
    english = encoder.encode([concept.english for concept in concepts])
    texts = normalised(english + encoder.encode([concept.chinese for concept in concepts]))
    kinds = sorted({concept.kind for concept in concepts if concept.kind[0]})
    of_kinds = normalised(encoder.encode([kind[0] for kind in kinds]) + encoder.encode([kind[1] for kind in kinds]))
    for position, concept in enumerate(concepts):
        if concept.kind[0]:
            texts[position] += KIND_WEIGHT * of_kinds[kinds.index(concept.kind)]
    return normalised(texts)


def embed_colours(encoder: TextEncoder) -> Matrix:
    """Return the directions of the colour words from their mean, shape (11, 512)."""
    words = normalised(encoder.encode(list(COLOURS)) + encoder.encode(list(CHINESE_COLOURS)))
    return normalised(words - words.mean(axis=0))


def to_eight_bits(vectors: Matrix) -> npt.NDArray[np.int8]:
    """Return the directions of vectors in eight bits a number."""
    return np.round(vectors / np.abs(vectors).max(axis=1, keepdims=True) * 127).astype(np.int8)


def main() -> None:
    """Read the packages, build the table, write the two files."""
    parser = argparse.ArgumentParser(description="Build the concept table of the local model.")
    parser.add_argument("--fluent", type=Path, required=True, help="folder assets of @lobehub/fluent-emoji-3d")
    parser.add_argument("--noto", type=Path, required=True, help="folder img/google/64 of emoji-datasource-google")
    parser.add_argument("--emojibase", type=Path, required=True, help="folder of emojibase-data")
    parser.add_argument("--clip-art", type=Path, required=True, help="folder png of openclipart-png")
    parser.add_argument("--target", type=Path, default=TARGET, help="folder to write concepts.npz and .json to")
    arguments = parser.parse_args()
    emoji = find_emoji([(arguments.fluent, "*.webp"), (arguments.noto, "*.png")], arguments.emojibase)
    features, scores, shown = see_all([*emoji, *find_clip_art(arguments.clip_art)])
    concepts = list(dict.fromkeys(shown))
    mean, spread = features.mean(axis=0), features.std(axis=0) + 0.05 * features.std()
    standard = normalised((features - mean) / spread)
    axes = np.linalg.svd(standard - standard.mean(axis=0), full_matrices=False)[2][:AXES].T
    encoder = TextEncoder()
    np.savez(
        arguments.target / "concepts.npz",
        mean=mean.astype(np.float32),
        scale=(1 / spread).astype(np.float32),
        projection=axes.astype(np.float16),
        places=to_eight_bits(standard @ axes),
        concepts=np.array([concepts.index(concept) for concept in shown], np.int16),
        texts=to_eight_bits(embed_concepts(encoder, concepts)),
        bias=(BIAS_SHARE * scores.mean(axis=0)).astype(np.float32),
        colours=embed_colours(encoder).astype(np.float16),
    )
    names = json.dumps([concept.english for concept in concepts], ensure_ascii=False, indent=0)
    (arguments.target / "concepts.json").write_text(names + "\n", encoding="utf-8")
    print(f"Wrote {len(shown)} drawings of {len(concepts)} concepts to {arguments.target}")


if __name__ == "__main__":
    main()
