"""Sets with planted near-copies: texts that were edited, pictures that were resized, cropped and recompressed.

``copy_of`` is the position of the row that a row is a copy of, and -1 at originals; ``edit`` says what was done. Texts
that are alike without any planting are left out first, so every copy that is there is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image, ImageEnhance

from labelled import foreign
from labelled.encoders import Encoder, encoded
from labelled.loading import LabelledSet
from labelled.packages import debian, packed
from labelled.pictures import DATA, embedded_pictures
from labelled.texts import embedded_texts
from mmembed.cache.store import default_folder
from mmembed.errors import did_you_mean, listed
from mmembed.vectors import VectorArray

_ALIKE = 0.5
_ALIKE_PIXELS = 0.06
Part = Literal["photographs", "signs", "drawings", "other drawings", "icons", "emoji", "stamps", "other icons"]
_CLIP_ART, _CLIP_ART_FOLDER = "openclipart-png", Path("usr/share/openclipart/png")
_DRAWINGS = {
    "signs": ("computer", "signs_and_symbols"),
    "drawings": ("containers", "education", "unsorted"),
    "other drawings": ("decorations", "electronics", "science", "special"),
}

_SOURCES: dict[str, Callable[[], tuple[Path, Sequence[str]]]] = {
    "icons": lambda: (debian("oxygen-icon-theme") / "usr/share/icons/oxygen/base", ["128x128"]),
    "emoji": lambda: (packed("@lobehub/fluent-emoji-3d", "1.1.0"), ["assets"]),
    "stamps": lambda: (debian("tuxpaint-stamps-default") / "usr/share/tuxpaint", ["stamps"]),
    "other icons": lambda: (
        debian("faenza-icon-theme") / "usr/share/icons/Faenza",
        [f"{one}/96" for one in ("apps", "categories", "devices", "mimetypes", "places", "status")],
    ),
}


def edited_texts(
    frame: pd.DataFrame,
    encoder: Encoder | Literal["local"],
    *,
    n_rows: int = 1200,
    n_copies: int = 120,
    least_letters: int = 20,
    seed: int = 0,
) -> pd.DataFrame:
    """Return originals of a frame with ``text`` and ``label``, and edited copies among them, with vectors.

    Parameters
    ----------
    frame : pandas.DataFrame
        Its texts are left alone but for those that are alike (half of their runs of three letters in common).
    encoder : {"e5", "minilm", "local"}
        What makes the vectors.
    n_rows, n_copies : int, optional
        How many originals, at most, and copies. One copy in six is a second copy of the same original.
    least_letters : int, optional
        Shorter texts are not copied.
    seed : int, optional
        Another one, other copies.
    """
    random = np.random.default_rng(seed)
    frame = _without_alike(frame.drop(columns="vector", errors="ignore").reset_index(drop=True))
    chosen = np.sort(random.choice(len(frame), min(n_rows, len(frame)), replace=False))
    originals = frame.iloc[chosen].reset_index(drop=True).assign(copy_of=-1, edit="")
    long = np.flatnonzero(originals["text"].str.len() >= least_letters)
    edits = list(_EDITS.items())
    rows = []
    for at, one in enumerate(_originals_of_copies(long, n_copies, random)):
        name, edit = edits[(at + at // len(edits)) % len(edits)]
        text = edit(originals["text"].iloc[one], random)
        rows.append({**originals.iloc[one].to_dict(), "text": text, "copy_of": one, "edit": name})
    both = _mixed(pd.concat([originals, pd.DataFrame(rows)], ignore_index=True), random)
    if encoder == "local":
        return embedded_texts(both)
    return both.assign(vector=pd.Series(VectorArray.from_matrix(encoded(both["text"].tolist(), encoder))))


def edited_pictures(
    part: Part,
    *,
    most: int = 300,
    n_copies: int = 48,
    seed: int = 0,
) -> pd.DataFrame:
    """Return pictures and changed copies of some, with local vectors; ``label`` is the folder or the category.

    Photographs are those of ``data/``; signs (flags, buttons, arrows) and drawings are of Open Clip Art, in folders
    that no other set uses. Icons are of two desktop themes, emoji are drawn in 3-d, stamps are drawings and photographs
    for children. Pictures that look alike on 16 × 16 pixels are left out first. Signs are a trap: the local model gives
    some that a person never mixes up a cosine of .99.
    """
    random = np.random.default_rng(seed)
    labels = _labelled_pictures(part)
    files = _unlike(list(labels), most, random)
    label = [labels[file] for file in files]
    originals = pd.DataFrame({"image": [str(file) for file in files], "label": label, "copy_of": -1, "edit": ""})
    target = default_folder() / "benchmarks" / f"copies-{part}-{seed}"
    target.mkdir(parents=True, exist_ok=True)
    changes = list(_CHANGES)
    copies = []
    for at, one in enumerate(_originals_of_copies(np.arange(len(files)), n_copies, random)):
        change = changes[(at + at // len(changes)) % len(changes)]
        file = target / f"{at:04d}.jpg"
        _changed(files[one], change, random).save(file, quality=_CHANGES[change])
        copies.append({**originals.iloc[one].to_dict(), "image": str(file), "copy_of": one, "edit": change})
    return embedded_pictures(_mixed(pd.concat([originals, pd.DataFrame(copies)], ignore_index=True), random))


def load_copies(name: str) -> pd.DataFrame:
    """Return the set of that name; the same rows in the same order at each call.

    Raises
    ------
    KeyError
        If there is no such set.
    """
    if name not in COPIES:
        raise KeyError(f"No set of copies {name!r}. Known: {listed(COPIES)}.{did_you_mean(name, COPIES)}")
    return COPIES[name].make()


def _laws(part: Literal[0, 1], encoder: Encoder | Literal["local"]) -> pd.DataFrame:
    return edited_texts(foreign.law_articles(part), encoder, seed=part)


def _computing_terms(encoder: Encoder | Literal["local"]) -> pd.DataFrame:
    return edited_texts(foreign.term_entries(), encoder, seed=2)


def _diagnoses() -> pd.DataFrame:
    # A word is all of a short name.
    return edited_texts(foreign.diagnosis_names(), "minilm", least_letters=40, seed=3)


def _originals_of_copies(
    rows: npt.NDArray[np.intp], n_copies: int, random: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Return which row each copy is made of; every sixth copy is the second one of a row."""
    once = random.choice(rows, n_copies - n_copies // 6, replace=False)
    return np.concatenate([once, once[: n_copies // 6]])


def _labelled_pictures(part: str) -> dict[Path, str]:
    if part == "photographs":
        table = pd.read_csv(DATA / "demo.csv")
        return {DATA / path: label for path, label in zip(table["image"], table["category"], strict=True)}
    folder, wanted = _SOURCES[part]() if part in _SOURCES else (debian(_CLIP_ART) / _CLIP_ART_FOLDER, _DRAWINGS[part])
    files = [file for one in wanted for file in sorted((folder / one).rglob("*.*")) if file.suffix in (".png", ".webp")]
    return {file: file.parent.name for file in files if not file.is_symlink() and file.stat().st_size <= 200_000}


def _unlike(files: list[Path], most: int, random: np.random.Generator) -> list[Path]:
    """Return up to ``most`` files in a random order, none of them nearly the same picture as one before it."""
    kept: list[Path] = []
    seen = np.empty((most, 16 * 16 * 3), dtype=np.float32)
    for at in random.permutation(len(files)):
        small = np.asarray(_on_white(files[at]).resize((16, 16)), dtype=np.float32).ravel() / 255
        if not kept or np.abs(seen[: len(kept)] - small).mean(axis=1).min() > _ALIKE_PIXELS:
            seen[len(kept)] = small
            kept.append(files[at])
        if len(kept) == most:
            break
    return kept


def _mixed(frame: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Return the rows in a random order, ``copy_of`` made to fit."""
    order = random.permutation(len(frame))
    place = np.argsort(order)
    mixed = frame.iloc[order].reset_index(drop=True)
    copy_of = mixed["copy_of"].to_numpy(dtype=np.intp)
    return mixed.assign(copy_of=np.where(copy_of >= 0, place[np.maximum(copy_of, 0)], -1))


def _without_alike(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose text shares less than half of its runs of three letters with each row before it."""
    from sklearn.feature_extraction.text import CountVectorizer

    plain = frame["text"].str.lower().str.replace(r"[\W\d_]+", " ", regex=True)
    runs = CountVectorizer(analyzer="char", ngram_range=(3, 3), binary=True).fit_transform(plain)
    common = (runs @ runs.T).tocoo()
    size = np.asarray(runs.sum(axis=1)).ravel()
    share = common.data / (size[common.row] + size[common.col] - common.data)
    later = common.row > common.col
    return frame[~np.isin(np.arange(len(frame)), common.row[later & (share >= _ALIKE)])].reset_index(drop=True)


def _is_chinese(text: str) -> bool:
    return len(re.findall(r"[\u4e00-\u9fff]", text)) > len(text) / 4


def _typing_errors(text: str, random: np.random.Generator) -> str:
    """Swap two neighbouring letters at one to three places."""
    letters = list(text)
    for at in random.choice(len(letters) - 1, min(3, 1 + len(letters) // 60), replace=False):
        letters[at], letters[at + 1] = letters[at + 1], letters[at]
    return "".join(letters)


def _dropped_words(text: str, random: np.random.Generator) -> str:
    """Leave out one word in fifteen, of Chinese one letter in thirty; one at least."""
    parts = list(text) if _is_chinese(text) else text.split(" ")
    one_in = 30 if _is_chinese(text) else 15
    gone = set(random.choice(len(parts), 1 + len(parts) // one_in, replace=False).tolist())
    return ("" if _is_chinese(text) else " ").join(part for at, part in enumerate(parts) if at not in gone)


def _cut_short(text: str, random: np.random.Generator) -> str:
    """Keep the first 80 to 92 % and an ellipsis."""
    return text[: int(len(text) * random.uniform(0.8, 0.92))] + ("……" if _is_chinese(text) else "...")


def _source_added(text: str, random: np.random.Generator) -> str:
    """Add what a site adds when it takes over a text."""
    chinese = ("（转载）", "【更新】", "来源：网络")
    english = ("(reposted)", "UPDATED", "Source: the internet")
    added = (chinese if _is_chinese(text) else english)[random.integers(3)]
    return f"{added} {text}" if random.random() < 0.5 else f"{text} {added}"


def _other_marks(text: str, random: np.random.Generator) -> str:
    """Write marks in the other width and, in English, all letters small or large."""
    if _is_chinese(text):
        return text.translate(str.maketrans("，。；：（）", ",.;:()"))
    text = re.sub(r"[,;:()]", "", text)
    return text.upper() if random.random() < 0.3 else text.lower()


def _on_white(path: Path) -> Image.Image:
    with Image.open(path) as opened:
        drawing = opened.convert("RGBA")
    picture = Image.new("RGB", drawing.size, "white")
    picture.paste(drawing, mask=drawing.getchannel("A"))
    return picture


def _changed(path: Path, change: str, random: np.random.Generator) -> Image.Image:
    picture = _on_white(path)
    width, height = picture.size
    if "cropped" in change:
        left, top, right, bottom = random.uniform(0.02, 0.07, size=4)
        box = (left * width, top * height, (1 - right) * width, (1 - bottom) * height)
        picture = picture.crop(tuple(round(edge) for edge in box))
    if "resized" in change:
        # Nothing is made smaller than a thumbnail.
        scale = max(random.uniform(0.4, 0.7), min(1.0, 64 / min(picture.size)))
        picture = picture.resize((round(picture.width * scale), round(picture.height * scale)))
    if "brighter" in change:
        picture = ImageEnhance.Brightness(picture).enhance(random.uniform(0.8, 1.2))
    return picture


_EDITS: dict[str, Callable[[str, np.random.Generator], str]] = {
    "typing errors": _typing_errors,
    "words left out": _dropped_words,
    "cut short": _cut_short,
    "source added": _source_added,
    "other marks": _other_marks,
}
# The quality that JPEG is saved with.
_CHANGES = {"resized": 90, "cropped": 90, "recompressed": 30, "brighter": 90, "resized, cropped and recompressed": 60}
COPIES = {
    "copies-laws-zh": LabelledSet(
        partial(_laws, 0, "e5"),
        is_held_out=False,
        about="1,200 articles of laws of China and 120 copies, vectors of E5",
    ),
    "copies-laws-zh-local": LabelledSet(partial(_laws, 0, "local"), is_held_out=False, about="the same, local vectors"),
    "copies-computing-terms": LabelledSet(
        partial(_computing_terms, "minilm"),
        is_held_out=False,
        about="1,200 entries of a dictionary and 120 copies, vectors of MiniLM",
    ),
    "copies-computing-terms-local": LabelledSet(
        partial(_computing_terms, "local"), is_held_out=False, about="the same, local vectors"
    ),
    "copies-laws-zh-others": LabelledSet(
        partial(_laws, 1, "e5"), is_held_out=True, about="articles of other laws and 120 copies, vectors of E5"
    ),
    "copies-diagnoses": LabelledSet(
        _diagnoses, is_held_out=True, about="1,200 diagnoses and 120 copies, vectors of MiniLM"
    ),
    "copies-photographs": LabelledSet(
        partial(edited_pictures, "photographs"), is_held_out=False, about="137 small photographs and 48 copies"
    ),
    "copies-signs": LabelledSet(
        partial(edited_pictures, "signs"), is_held_out=False, about="300 flags, buttons and arrows, and 48 copies"
    ),
    "copies-drawings": LabelledSet(
        partial(edited_pictures, "drawings"), is_held_out=False, about="drawings of three folders and 48 copies"
    ),
    "copies-drawings-others": LabelledSet(
        partial(edited_pictures, "other drawings"), is_held_out=False, about="drawings of four folders and 48 copies"
    ),
    "copies-icons": LabelledSet(
        partial(edited_pictures, "icons"), is_held_out=False, about="icons of a desktop (Oxygen) and 48 copies"
    ),
    "copies-emoji": LabelledSet(
        partial(edited_pictures, "emoji"), is_held_out=False, about="emoji drawn in 3-d and 48 copies"
    ),
    "copies-stamps": LabelledSet(
        partial(edited_pictures, "stamps"), is_held_out=True, about="stamps of Tux Paint and 48 copies"
    ),
    "copies-icons-others": LabelledSet(
        partial(edited_pictures, "other icons"), is_held_out=True, about="icons of another desktop (Faenza), 48 copies"
    ),
}
