"""Rebuild ``data/`` (table, pictures, clips) from an extracted Debian package of Tux Paint's stamps.

    dpkg-deb -x tuxpaint-stamps-default_2022.06.04-1_all.deb stamps
    python scripts/build_demo_data.py --stamps stamps --out data

``data/left_out.csv`` says which photographs are left out; this script holds the rules and writes the rest. It downloads
nothing.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

CATEGORIES = ("animals", "food", "household", "plants", "space", "hobbies", "vehicles", "clothes")
COLUMNS = ("category", "text_en", "text_zh", "image", "video", "source")
REASONS = ("licence", "drawing", "caption", "picture", "cap")
PACKAGE_VERSION = "2022.06.04-1"
STAMPS_FOLDER = Path("usr/share/tuxpaint/stamps")
CHANGELOG = Path("usr/share/doc/tuxpaint-stamps-default/changelog.Debian.gz")

MOST_ROWS_PER_CATEGORY = 45
LONGEST_SIDE_PIXELS = 224
CLIP_COUNT = 24
CLIP_SIDE_PIXELS = 160
CLIP_FRAMES = 24
CLIP_FRAMES_PER_SECOND = 12
CLOSEST_ZOOM = 0.7  # the last (or first) frame shows this share of the picture's side


@dataclass(frozen=True)
class Stamp:
    """A photograph of the package with its two captions; ``source`` is its path within the package."""

    category: str
    text_en: str
    text_zh: str
    source: str


def clean_english(caption: str) -> str:
    """Return an English caption without its leading article and its final period."""
    return re.sub(r"^(A|An|The|Some)\s+", "", caption.strip()).removesuffix(".")


def clean_chinese(caption: str, *, english: str) -> str:
    """Return a Chinese caption without its final 。, nor a final ！ where the English sentence is a plain one."""
    caption = caption.strip().removesuffix("。")
    return caption if english.strip().endswith("!") else caption.removesuffix("！")


def read_captions(path: Path) -> tuple[str, str]:
    """Return the cleaned English and Simplified Chinese captions of a caption file; a missing one is empty.

    The first line is the English caption; the others are translations such as ``zh_CN.utf8=…``.
    """
    english, *translations = path.read_text(encoding="utf-8").splitlines() or [""]
    prefix = "zh_CN.utf8="
    chinese = next((line.removeprefix(prefix) for line in translations if line.startswith(prefix)), "")
    return clean_english(english), clean_chinese(chinese, english=english)


def check_version(package: Path) -> None:
    """Raise if the folder is not the extracted package, or holds another version of it."""
    changelog = package / CHANGELOG
    if not changelog.is_file() or not (package / STAMPS_FOLDER).is_dir():
        message = (
            f"{str(package)!r} is not an extracted tuxpaint-stamps-default: {CHANGELOG} or {STAMPS_FOLDER} is missing. "
            "Extract the package with: dpkg-deb -x tuxpaint-stamps-default_*.deb FOLDER, and pass --stamps FOLDER"
        )
        raise FileNotFoundError(message)
    first_line = gzip.decompress(changelog.read_bytes()).decode("utf-8", errors="replace").partition("\n")[0]
    if f"({PACKAGE_VERSION})" not in first_line:
        message = (
            f"{str(package)!r} holds {first_line!r}; data/left_out.csv was made for version {PACKAGE_VERSION}. "
            "Extract that version, or review left_out.csv and change PACKAGE_VERSION."
        )
        raise ValueError(message)


def read_left_out(path: Path) -> dict[str, str]:
    """Return ``{source: reason}`` of the photographs that are left out by hand."""
    if not path.is_file():
        message = f"{str(path)!r} is missing; it says which photographs are left out. Restore it, or pass --left-out."
        raise FileNotFoundError(message)
    with path.open(encoding="utf-8", newline="") as file:
        left_out = {row["source"]: row["reason"] for row in csv.DictReader(file)}
    unknown = sorted(set(left_out.values()) - set(REASONS))
    if unknown:
        message = f"{str(path)!r} has the reasons {unknown}; known are {list(REASONS)}. Use one of them."
        raise ValueError(message)
    return left_out


def find_candidates(package: Path) -> list[Stamp]:
    """Return the stamps with a raster picture and both captions, outside the folders of cartoons.

    The order is that of `CATEGORIES`, then of the path, so that every run numbers the files alike.
    """
    stamps = []
    for category in CATEGORIES:
        folder = package / STAMPS_FOLDER / category
        if not folder.is_dir():
            message = f"Category folder {str(folder)!r} is missing. Extract the whole package again."
            raise FileNotFoundError(message)
        for picture in sorted(folder.rglob("*.png"), key=lambda path: path.as_posix()):
            source = picture.relative_to(package)
            captions = picture.with_suffix(".txt")
            if "cartoon" in source.parts or not captions.is_file():
                continue
            text_en, text_zh = read_captions(captions)
            if text_en and text_zh:
                stamps.append(Stamp(category, text_en, text_zh, source.as_posix()))
    return stamps


def choose_rows(candidates: Sequence[Stamp], left_out: dict[str, str]) -> list[Stamp]:
    """Return the candidates that are not left out; raise if the list names a stranger, or leaves a twin or too many."""
    strangers = sorted(set(left_out) - {stamp.source for stamp in candidates})
    if strangers:
        message = f"left_out.csv names {strangers}, which are no candidates of this package. Remove or correct them."
        raise ValueError(message)
    chosen = [stamp for stamp in candidates if stamp.source not in left_out]
    for category, count in Counter(stamp.category for stamp in chosen).items():
        if count > MOST_ROWS_PER_CATEGORY:
            message = (
                f"Category {category!r} has {count} rows; at most {MOST_ROWS_PER_CATEGORY} are wanted. "
                "Add the least different ones to left_out.csv with the reason 'cap'."
            )
            raise ValueError(message)
    for captions in ([stamp.text_en for stamp in chosen], [stamp.text_zh for stamp in chosen]):
        twins = sorted(text for text, count in Counter(captions).items() if count > 1)
        if twins:
            message = f"The captions {twins} stand on several rows; each must be unique. Leave out all but one of each."
            raise ValueError(message)
    return chosen


def open_on_white(path: Path) -> Image:
    """Return a picture as RGB, its transparent parts white, at most `LONGEST_SIDE_PIXELS` a side."""
    from PIL import Image

    with Image.open(path) as opened:
        picture = opened.convert("RGBA")
    ground = Image.new("RGBA", picture.size, "white")
    ground.alpha_composite(picture)
    flat = ground.convert("RGB")
    flat.thumbnail((LONGEST_SIDE_PIXELS, LONGEST_SIDE_PIXELS), Image.Resampling.LANCZOS)
    return flat


def choose_clips(rows: Sequence[Stamp], sizes: Sequence[int]) -> list[int]:
    """Return the row numbers that get a clip: the categories in turn, the largest pictures first.

    Parameters
    ----------
    rows : sequence of Stamp
    sizes : sequence of int
        Area of each row's picture in pixels. Small pictures make blurred clips.
    """
    queues = {
        category: sorted((i for i, row in enumerate(rows) if row.category == category), key=lambda i: (-sizes[i], i))
        for category in CATEGORIES
    }
    chosen: list[int] = []
    while len(chosen) < CLIP_COUNT and any(queues.values()):
        for queue in queues.values():
            if queue and len(chosen) < CLIP_COUNT:
                chosen.append(queue.pop(0))
    return sorted(chosen)


def clip_frames(still: Image, *, zoom_in: bool) -> list[Image]:
    """Return the frames of a pan-and-zoom over one still: towards its right side, or back from there."""
    from PIL import Image

    side = max(still.size)
    square = Image.new("RGB", (side, side), "white")
    square.paste(still, ((side - still.width) // 2, (side - still.height) // 2))
    frames = []
    for step in range(CLIP_FRAMES):
        progress = step / (CLIP_FRAMES - 1) if zoom_in else 1 - step / (CLIP_FRAMES - 1)
        window = side * (1 - (1 - CLOSEST_ZOOM) * progress)
        left, top = (side - window) * progress, (side - window) / 2
        box = (left, top, left + window, top + window)
        frames.append(square.resize((CLIP_SIDE_PIXELS, CLIP_SIDE_PIXELS), Image.Resampling.BICUBIC, box=box))
    return frames


def write_clip(frames: Sequence[Image], path: Path) -> None:
    """Write frames as a small H.264 file, the same bytes at every run."""
    import av

    with av.open(str(path), "w", options={"fflags": "+bitexact", "movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=CLIP_FRAMES_PER_SECOND)
        stream.width = stream.height = CLIP_SIDE_PIXELS
        stream.pix_fmt = "yuv420p"
        # mbtree (rate control across macroblocks) gave other bytes from run to run at this frame size.
        stream.options = {"crf": "30", "preset": "slow", "threads": "1", "x264-params": "mbtree=0"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_image(frame)))
        container.mux(stream.encode())


def build(package: Path, out: Path, left_out: Path) -> list[dict[str, str]]:
    """Write ``demo.csv``, ``images/`` and ``videos/`` into a folder.

    Parameters
    ----------
    package : Path
        The extracted package: the folder that holds ``usr/``.
    out : Path
        Folder to write to; numbered pictures and clips of an earlier build are replaced.
    left_out : Path
        The list of photographs that are left out, with the columns ``source, reason, note``.

    Returns
    -------
    list of dict
        The rows of ``demo.csv``.

    Raises
    ------
    FileNotFoundError
        If the package, one of its folders or the list is missing.
    ValueError
        If the package is of another version, or the list does not fit it.
    """
    check_version(package)
    stamps = choose_rows(find_candidates(package), read_left_out(left_out))
    stills = [open_on_white(package / stamp.source) for stamp in stamps]
    with_clip = choose_clips(stamps, [still.width * still.height for still in stills])
    for folder, pattern in (("images", "[0-9][0-9][0-9].webp"), ("videos", "[0-9][0-9][0-9].mp4")):
        (out / folder).mkdir(parents=True, exist_ok=True)
        for stale in (out / folder).glob(pattern):
            stale.unlink()
    rows = []
    for number, (stamp, still) in enumerate(zip(stamps, stills, strict=True)):
        image, video = f"images/{number:03d}.webp", f"videos/{number:03d}.mp4" if number in with_clip else ""
        still.save(out / image, quality=75, method=6)
        if video:
            write_clip(clip_frames(still, zoom_in=with_clip.index(number) % 2 == 0), out / video)
        values = (stamp.category, stamp.text_en, stamp.text_zh, image, video, stamp.source)
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    with (out / "demo.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return rows


def main() -> None:
    """Read the command line, build, and print the numbers that ``data/README.md`` repeats."""
    home = Path(__file__).resolve().parent.parent / "data"
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--stamps", type=Path, required=True, help="the extracted package: the folder that holds usr/")
    parser.add_argument("--out", type=Path, default=home, help="folder to write to (default: data/ of the repository)")
    parser.add_argument("--left-out", type=Path, default=home / "left_out.csv", help="list of what is left out")
    options = parser.parse_args()
    try:
        rows = build(options.stamps, options.out, options.left_out)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    clips = Counter(row["category"] for row in rows if row["video"])
    for category, count in Counter(row["category"] for row in rows).items():
        print(f"{category:10} {count:4d} rows {clips[category]:3d} clips")
    size = sum(path.stat().st_size for path in options.out.rglob("*") if path.is_file())
    print(f"{'total':10} {len(rows):4d} rows {sum(clips.values()):3d} clips  {size / 1000:.0f} kB in {options.out}")


if __name__ == "__main__":
    main()
