"""The demo table, its files and its README say the same."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

DATA = Path(__file__).parents[2] / "data"
CATEGORIES = ["animals", "food", "household", "plants", "space", "hobbies", "vehicles", "clothes"]


def read_table(path):
    """Return the rows of a CSV file as dictionaries."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def rows():
    """The rows of the demo table."""
    return read_table(DATA / "demo.csv")


@pytest.fixture(scope="module")
def readme():
    """The text of the README beside the table."""
    return (DATA / "README.md").read_text(encoding="utf-8")


def test_columns_and_categories_are_the_documented_ones(rows):
    """The table has six columns and eight categories, in order, with at most 45 rows each."""
    assert list(rows[0]) == ["category", "text_en", "text_zh", "image", "video", "source"]
    counts = Counter(row["category"] for row in rows)
    assert list(counts) == CATEGORIES
    assert max(counts.values()) <= 45


def test_every_row_has_both_captions_and_no_caption_twice(rows):
    """Captions are trimmed, not empty, cleaned of article and period, and unique in each language."""
    for column in ("text_en", "text_zh"):
        captions = [row[column] for row in rows]
        assert len(set(captions)) == len(captions)
        assert all(caption and caption == caption.strip() for caption in captions)
    assert not [row["text_en"] for row in rows if re.match(r"(A|An|The|Some)\s", row["text_en"])]
    assert not [row for row in rows if row["text_en"].endswith(".") or row["text_zh"].endswith("。")]


def test_chinese_captions_are_simplified_chinese(rows):
    """Each Chinese caption has Chinese characters, and all of them are in GB 2312, which has no traditional forms."""
    for row in rows:
        characters = re.findall(r"[\u4e00-\u9fff]", row["text_zh"])
        assert characters, row
        "".join(characters).encode("gb2312")


def test_sources_are_unique_and_in_the_folder_of_their_category(rows):
    """A source stands on one row, below the category's folder, outside cartoons, and is not a left-out one."""
    sources = [row["source"] for row in rows]
    assert len(set(sources)) == len(sources)
    for row in rows:
        assert row["source"].startswith(f"usr/share/tuxpaint/stamps/{row['category']}/")
        assert "cartoon" not in row["source"].split("/")
    assert not set(sources) & {row["source"] for row in read_table(DATA / "left_out.csv")}


def test_images_open_and_are_small(rows):
    """Every image is a WebP in RGB of at most 224 pixels a side, has content on a light edge, and all fit in 400 kB."""
    total = 0
    for number, row in enumerate(rows):
        assert row["image"] == f"images/{number:03d}.webp"
        path = DATA / row["image"]
        with Image.open(path) as image:
            assert (image.format, image.mode) == ("WEBP", "RGB")
            assert 16 <= max(image.size) <= 224
            assert np.asarray(image).std() > 5, row["source"]
        total += path.stat().st_size
    assert total < 400_000


def test_clips_open_and_move(rows):
    """There are 24 clips of 24 small H.264 frames, numbered like their image, whose first and last frames differ."""
    clips = [row for row in rows if row["video"]]
    assert len(clips) == 24
    assert {row["category"] for row in clips} == set(CATEGORIES)
    for row in clips:
        assert Path(row["video"]).stem == Path(row["image"]).stem
        with av.open(str(DATA / row["video"])) as container:
            stream = container.streams.video[0]
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
            assert stream.codec_context.name == "h264"
        assert len(frames) == 24
        assert frames[0].shape == (160, 160, 3)
        assert np.abs(frames[0].astype(float) - frames[-1]).mean() > 2, row["source"]


def test_a_clip_shows_its_still(rows):
    """One end of each clip is the whole picture of its row."""
    for row in (row for row in rows if row["video"]):
        with Image.open(DATA / row["image"]) as still:
            side = max(still.size)
            square = Image.new("RGB", (side, side), "white")
            square.paste(still, ((side - still.width) // 2, (side - still.height) // 2))
        expected = np.asarray(square.resize((160, 160), Image.Resampling.BICUBIC), dtype=float)
        with av.open(str(DATA / row["video"])) as container:
            frames = [frame.to_ndarray(format="rgb24").astype(float) for frame in container.decode(video=0)]
        nearest = min(np.abs(frames[0] - expected).mean(), np.abs(frames[-1] - expected).mean())
        assert nearest < 12, row["source"]


def test_the_folder_is_small_and_holds_nothing_else(rows):
    """The folder is under 1 MB and has no file that the table or the README does not account for."""
    files = {path.relative_to(DATA).as_posix() for path in DATA.rglob("*") if path.is_file()}
    listed = {row["image"] for row in rows} | {row["video"] for row in rows if row["video"]}
    assert files == listed | {"demo.csv", "left_out.csv", "README.md", "COPYING"}
    assert sum((DATA / name).stat().st_size for name in files) < 1_000_000


def test_readme_counts_equal_the_table(rows, readme):
    """The README's rows and clips per category, and its totals, are those of the table."""
    table = re.findall(r"^\| (\w+) \| (\d+) \| (\d+) \|$", readme, re.MULTILINE)
    written = {name: (int(row_count), int(clip_count)) for name, row_count, clip_count in table}
    counts = Counter(row["category"] for row in rows)
    clips = Counter(row["category"] for row in rows if row["video"])
    assert written == {category: (counts[category], clips[category]) for category in CATEGORIES}
    assert f"| **total** | **{len(rows)}** | **{sum(clips.values())}** |" in readme
    assert f"{len(rows)} 行" in readme


def test_readme_reasons_equal_the_list_of_what_was_left_out(readme):
    """The README's number of photographs for each reason is that of the list."""
    left_out = read_table(DATA / "left_out.csv")
    written = {reason: int(n) for reason, n in re.findall(r"^\| `(\w+)` \| (\d+) \|", readme, re.MULTILINE)}
    assert written == Counter(row["reason"] for row in left_out)


def test_readme_credits_name_rows_of_the_table(rows, readme):
    """Each picture that the README credits to an author or licence is in the table."""
    credited = set(re.findall(r"`([\w/-]+\.png)`", readme))
    assert credited
    assert {f"usr/share/tuxpaint/stamps/{name}" for name in credited} <= {row["source"] for row in rows}


def test_the_licence_text_is_beside_the_data(readme):
    """The GPL's text is in the folder, and the README says that it is not the licence of the code."""
    assert "GNU GENERAL PUBLIC LICENSE\n                       Version 2" in (DATA / "COPYING").read_text(
        encoding="utf-8"
    )
    assert "not that of the code" in readme
