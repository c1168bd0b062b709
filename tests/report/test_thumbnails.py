"""Thumbnails: any cell becomes a small WebP, or a reason that can be counted."""

from __future__ import annotations

import base64
import gc
import io
import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mmembed.contents.media import Media
from mmembed.contents.thumbnails import base64_length, data_uri, make_thumbnail, make_thumbnails
from mmembed.errors import ContentError


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def opened(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


def near(pixel, color):
    return all(abs(one - other) < 24 for one, other in zip(pixel, color, strict=True))


RED = Image.new("RGB", (400, 200), (210, 20, 20))
RED_BYTES = encoded(RED)


@pytest.mark.parametrize(
    "cell",
    [
        "red.png",
        Path("red.png"),
        RED,
        RED_BYTES,
        bytearray(RED_BYTES),
        np.asarray(RED),
        np.asarray(RED) / 255,
        "data:image/png;base64," + base64.b64encode(RED_BYTES).decode(),
        {"bytes": RED_BYTES, "path": None},
        Media(data=RED_BYTES),
        ["red.png", "missing.png"],
    ],
    ids=["str", "path", "pil", "bytes", "bytearray", "uint8", "float", "data-uri", "mapping", "media", "list"],
)
def test_every_kind_of_cell_becomes_a_small_webp(cell, tmp_path):
    """Paths, bytes, images, arrays, data URIs and data set cells give the same small picture."""
    (tmp_path / "red.png").write_bytes(RED_BYTES)
    data = make_thumbnail(cell, root=tmp_path, edge=80)
    image = opened(data)
    assert image.size == (80, 40)
    assert near(image.getpixel((40, 20)), (210, 20, 20))
    assert data_uri(data).startswith("data:image/webp;base64,")


def test_a_file_uri_is_a_path(tmp_path):
    """A file: address is opened as the file it names."""
    path = tmp_path / "red.png"
    path.write_bytes(RED_BYTES)
    assert make_thumbnail(path.as_uri())


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (None, "Empty"),
        (float("nan"), "Empty"),
        (pd.NA, "Empty"),
        ("", "Empty"),
        ("http://127.0.0.1:9/a.png", "RemoteContent"),
        ("https://example.com/a.png", "RemoteContent"),
        ("oss://bucket/a.png", "UnknownScheme"),
        ("missing.png", "FileNotFound"),
        ("a" * 5000, "NotAPath"),
        ("nul\0byte.png", "NotAPath"),
        (".", "NotAFile"),
        (b"not a picture", "UnknownFormat"),
        (RED_BYTES[:60], "BrokenFile"),
        ("data:image/png;base64,@@@", "BrokenDataUri"),
        (3.5, "WrongType"),
        (np.zeros((3, 3, 7)), "WrongShape"),
        (np.zeros((0, 4, 3), dtype=np.uint8), "WrongShape"),
    ],
)
def test_what_is_no_picture_has_a_reason(cell, code, tmp_path):
    """Every cell that gives no picture raises an error whose code can be counted."""
    with pytest.raises(ContentError) as caught:
        make_thumbnail(cell, root=tmp_path)
    assert caught.value.code == code


def bomb(edge):
    """Return a PNG that claims to be ``edge`` pixels wide and high, in a few bytes."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", edge, edge, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("edge", [14_000, 60_000])
def test_bombs_are_refused_before_they_are_decoded(edge):
    """A picture of too many pixels is refused by its header, with no warning left over."""
    with pytest.raises(ContentError) as caught:
        make_thumbnail(bomb(edge))
    assert caught.value.code == "TooManyPixels"


def test_postscript_is_not_handed_to_another_program():
    """Formats that Pillow opens by running a program are not opened."""
    with pytest.raises(ContentError) as caught:
        make_thumbnail(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n")
    assert caught.value.code == "UnknownFormat"


def test_a_device_is_not_opened():
    """A path that is no plain file is refused: reading a device or a pipe might never end."""
    with pytest.raises(ContentError) as caught:
        make_thumbnail(os.devnull)
    assert caught.value.code == "NotAFile"


def test_the_exif_turn_is_applied_and_dropped():
    """A photo held upright stands upright, and its EXIF data does not get into the page."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "SecretCamera"
    data = make_thumbnail(encoded(RED, "JPEG", exif=exif), edge=100)
    assert opened(data).size == (50, 100)
    assert b"SecretCamera" not in data


@pytest.mark.parametrize("as_given", ["image", "file", "clip"])
def test_transparency_lies_on_a_chequered_ground(as_given):
    """White parts are seen beside transparent ones, which are squares of two greys; opaque pictures have no ground."""
    picture = Image.new("RGBA", (160, 160), (0, 0, 0, 0))
    picture.paste((255, 255, 255, 255), (40, 40, 120, 120))
    cell = {"image": picture, "file": encoded(picture), "clip": encoded(picture, "GIF")}[as_given]
    shown = opened(make_thumbnail(cell, modality="video" if as_given == "clip" else "image"))
    assert near(shown.getpixel((80, 80)), (255, 255, 255))
    greys = {round(shown.getpixel((5 + 10 * place, 5))[0] / 19) for place in range(4)}
    assert greys == {round(205 / 19), round(224 / 19)}
    assert near(opened(make_thumbnail(Image.new("RGBA", (50, 50), (255, 255, 255, 255)))).getpixel((9, 9)), (255,) * 3)


def test_sixteen_bit_grey_keeps_its_shades():
    """Deep grey levels are scaled, not clipped to white."""
    levels = np.linspace(0, 60_000, 64 * 64).reshape(64, 64).astype(np.uint16)
    image = opened(make_thumbnail(encoded(Image.fromarray(levels))))
    assert image.getpixel((32, 4))[0] < 60
    assert 90 < image.getpixel((32, 32))[0] < 165


def test_the_byte_limit_holds_for_noise():
    """A picture that does not compress is made smaller until it fits."""
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    data = make_thumbnail(noise, edge=300, max_bytes=2_000)
    assert len(data) <= 2_000
    assert max(opened(data).size) < 300


def test_the_given_image_is_left_alone():
    """A Pillow image in a cell keeps its size and pixels."""
    image = Image.new("RGB", (500, 400), "green")
    make_thumbnail(image, edge=50)
    assert image.size == (500, 400)


def test_thumbnails_stop_at_the_budget_and_count_the_rest():
    """The most important rows come first; the others are counted, and together they stay within the budget."""
    noise = np.random.default_rng(0).integers(0, 256, (9, 64, 64, 3), dtype=np.uint8)
    cells = [*noise[:2], None, "http://x/y.png", *noise[2:]]
    made, reasons = make_thumbnails(range(11), lambda row: (cells[row], "image"), max_bytes=2_500, budget_bytes=8_000)
    assert list(made)[:2] == [0, 1]
    assert sum(map(base64_length, made.values())) <= 8_000
    assert reasons["Empty"] == reasons["RemoteContent"] == 1
    assert len(made) + sum(reasons.values()) == 11
    assert reasons["OverBudget"] > 0


def clip(path):
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.codec_context.gop_size = 5
        for number in range(40):
            color = (10, 10, 200) if number >= 10 else (200, 10, 10)
            frame = av.VideoFrame.from_ndarray(np.full((96, 128, 3), color, dtype=np.uint8))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def test_a_clip_shows_a_frame_from_its_middle(tmp_path):
    """Of a clip that turns from red to blue after a quarter, the thumbnail is blue."""
    clip(tmp_path / "clip.mp4")
    for cell in ("clip.mp4", (tmp_path / "clip.mp4").read_bytes()):
        pixel = opened(make_thumbnail(cell, modality="video", root=tmp_path)).getpixel((64, 48))
        assert pixel[2] > 130 > pixel[0]


def test_a_clip_given_as_pictures_shows_the_middle_one(tmp_path):
    """A list of frames is a clip too."""
    frames = [np.full((20, 20, 3), shade, dtype=np.uint8) for shade in (0, 128, 255)]
    assert near(opened(make_thumbnail(frames, modality="video", root=tmp_path)).getpixel((10, 10)), (128, 128, 128))


def test_an_animation_is_a_clip():
    """An animated GIF in a video column shows its picture."""
    assert opened(make_thumbnail(encoded(RED, "GIF"), modality="video", edge=40)).size == (40, 20)


def test_no_file_stays_open(tmp_path):
    """Nor that of an animation, which Pillow keeps open to read on; an unclosed file would warn here."""
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        make_thumbnail("a.gif", modality="image", root=tmp_path)
        gc.collect()
    assert not warned


def test_a_playlist_cannot_open_another_file(tmp_path):
    """A text file that names a clip is not followed to it."""
    clip(tmp_path / "clip.mp4")
    playlists = {
        "list.m3u8": "#EXTM3U\n#EXTINF:4,\nclip.mp4\n#EXT-X-ENDLIST\n",
        "list.mp4": "ffconcat version 1.0\nfile clip.mp4\n",
    }
    for name, text in playlists.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(ContentError) as caught:
            make_thumbnail(name, modality="video", root=tmp_path)
        assert caught.value.code == "BrokenFile"


@pytest.mark.parametrize("cell", [b"no video", RED_BYTES[:40] + b"0" * 40, "http://x/a.mp4"])
def test_what_is_no_clip_has_a_reason(cell):
    """Broken clips and web addresses raise errors that can be counted."""
    with pytest.raises(ContentError) as caught:
        make_thumbnail(cell, modality="video")
    assert caught.value.code in {"BrokenFile", "RemoteContent"}
