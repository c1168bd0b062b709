"""Build the vocabulary that names clusters of rows without text: ``src/mmembed/analysis/names/vocabulary.tsv``.

    npm pack emojibase-data@17.0.0 && tar xzf emojibase-data-17.0.0.tgz
    python scripts/build_vocabulary.py --emojibase package

It joins ``scripts/vocabulary/own_words.txt``, written for this project, with the names of things among the emoji, which
``emojibase-data`` (MIT) takes from the Unicode Common Locale Data Repository (Unicode License v3) in both languages.
Names that describe a drawing rather than name a thing ("oncoming bus", "clock face") are left out. The file is the same
at every run.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OWN_WORDS = ROOT / "scripts" / "vocabulary" / "own_words.txt"
OUTPUT = ROOT / "src" / "mmembed" / "analysis" / "names" / "vocabulary.tsv"
# animals-nature, food-drink, travel-places, activities, objects
GROUPS = {3, 4, 5, 6, 7}
MOST_ENGLISH_WORDS = 3
MOST_CHINESE_CHARACTERS = 5
DESCRIBES_A_DRAWING = re.compile(
    r"\b(face|with|without|oncoming|front-facing|facing|behind|horizontal|vertical|tilted|slash|open|closed|clock|muted|"
    r"low|medium|high|first|last|waxing|waning|button|linked|ringed|glowing|crossed|spouting|hatching|clinking|pouring|"
    r"wilted|fluttering|raised|lowered|incoming|increasing|decreasing|arrow|suit|showing|empty|leafless|shallow|volume|"
    r"red dragon|meridians|japanese|unlocked|locked|broken|rolled-up|page|tabs|diya|kaaba|moai|nazar|hamsa|mate|love|"
    r"wings|tumbler|roll|round|green|blue|orange|brown|white|black|card index|index dividers|level slider|knobs)\b|"
    r"[^a-z ’'-]|o’clock|-thirty",
    re.IGNORECASE,
)


def own_pairs(path: Path) -> dict[str, str]:
    """Return the project's own words, English to Chinese."""
    lines = [
        line for line in path.read_text(encoding="utf-8").splitlines() if line.strip() and not line.startswith("#")
    ]
    pairs = [word.replace("_", " ").split("=") for line in lines for word in line.split()]
    if broken := [pair for pair in pairs if len(pair) != 2]:
        raise SystemExit(f"{path}: not english=中文: {broken}")
    found = dict(pairs)
    if len(found) != len(pairs) or len(set(found.values())) != len(pairs):
        raise SystemExit(f"{path}: a word stands twice.")
    return found


def emoji_pairs(folder: Path) -> dict[str, str]:
    """Return the names of things among the emoji, English to Chinese."""
    tables = {}
    for language in ("en", "zh"):
        table = json.loads((folder / language / "data.json").read_text(encoding="utf-8"))
        tables[language] = {one["hexcode"]: one["label"] for one in table if one.get("group") in GROUPS}
    return {
        english: tables["zh"][code]
        for code, english in tables["en"].items()
        if code in tables["zh"]
        and not DESCRIBES_A_DRAWING.search(english)
        and len(english.split()) <= MOST_ENGLISH_WORDS
        and len(tables["zh"][code]) <= MOST_CHINESE_CHARACTERS
        and "的" not in tables["zh"][code]
    }


def main() -> None:
    """Write the file and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--emojibase", type=Path, required=True, help="folder of the unpacked npm package")
    folder = parser.parse_args().emojibase
    pairs = own_pairs(OWN_WORDS)
    chinese = set(pairs.values())
    for english, name in emoji_pairs(folder).items():
        if english not in pairs and f"*{english}" not in pairs and name not in chinese:
            pairs[english] = name
            chinese.add(name)
    rows = [f"{english.lstrip('*')}\t{name}\t{int(english.startswith('*'))}" for english, name in pairs.items()]
    OUTPUT.write_text("\n".join(["en\tzh\tis_broad", *rows]) + "\n", encoding="utf-8")
    print(f"{len(rows)} entries, {OUTPUT.stat().st_size / 1000:.0f} kB: {OUTPUT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
