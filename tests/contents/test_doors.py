"""Whatever file a picture comes from and whatever a cell holds it as: models, requests and pages see the same."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

from contents.samples import encoded, waves
from mmembed import Embedder
from mmembed.contents.content import read_content
from mmembed.contents.pictures import PICTURE_FORMATS, open_picture
from mmembed.contents.thumbnails import make_thumbnail
from mmembed.providers.dashscope.request_body import picture_value
from mmembed.providers.models import find_model

TONGYI = find_model("tongyi-embedding-vision-plus")
COLOUR = waves(48, 32)
GREY = COLOUR[..., 0]
HALF = np.where(np.arange(48) < 24, 128, 255)[None, :, None] * np.ones((32, 1, 1))
ON_WHITE = np.rint(COLOUR * (HALF / 255) + 255 * (1 - HALF / 255))
WHITE_HALF = np.where(HALF == 255, COLOUR, 255)


def turned(orientation, kind):
    """Return a file whose EXIF tag turns it into ``COLOUR``."""
    stored = {3: COLOUR[::-1, ::-1], 6: np.rot90(COLOUR), 7: np.rot90(COLOUR.transpose(1, 0, 2), 2)}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(np.ascontiguousarray(stored), kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))


def stored(array, mode, kind):
    """Return a file of one mode."""
    return encoded(Image.fromarray(array).convert(mode), kind)


def three(grey):
    """Return levels of grey as red, green and blue."""
    return np.repeat(np.asarray(grey)[..., None], 3, axis=2)


def see_through_palette():
    """Return a GIF of whose entries one is transparent."""
    picture = Image.fromarray((GREY // 64).astype(np.uint8)).convert("P")
    picture.putpalette([0, 0, 0, 80, 90, 100, 160, 20, 30, 250, 240, 10])
    shown = np.array([[0, 0, 0], [80, 90, 100], [255, 255, 255], [250, 240, 10]], np.uint8)[GREY // 64]
    return encoded(picture, "GIF", transparency=2), shown


FILES = {
    "RGB PNG": (encoded(COLOUR), COLOUR),
    "RGB BMP": (encoded(COLOUR, "BMP"), COLOUR),
    "RGB WEBP": (encoded(COLOUR, "WEBP", lossless=True), COLOUR),
    "grey PNG": (encoded(GREY), three(GREY)),
    "bits PNG": (encoded(Image.fromarray(GREY > 127)), three((GREY > 127) * 255)),
    "bits TIFF": (encoded(Image.fromarray(GREY > 127), "TIFF"), three((GREY > 127) * 255)),
    "RGBA PNG": (encoded(np.dstack([COLOUR, HALF.astype(np.uint8)])), ON_WHITE),
    "RGBA TIFF": (encoded(np.dstack([COLOUR, HALF.astype(np.uint8)]), "TIFF"), ON_WHITE),
    "LA PNG": (encoded(Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(HALF[..., 0].astype(np.uint8))])),
               np.rint(three(GREY) * (HALF / 255) + 255 * (1 - HALF / 255))),
    "see-through palette GIF": see_through_palette(),
    "16 bits PNG": (encoded(GREY.astype(np.uint16) * 257), three(GREY)),
    "16 bits TIFF": (encoded(GREY.astype(np.uint16) * 257, "TIFF"), three(GREY)),
    "dark 16 bits PNG": (encoded((GREY // 4).astype(np.uint16) * 257), three(GREY // 4)),
    "32 bits TIFF of eight": (encoded(GREY.astype(np.int32), "TIFF"), three(GREY)),
    "32 bits TIFF of sixteen": (encoded(GREY.astype(np.int32) * 257, "TIFF"), three(GREY)),
    "float TIFF to 1": (encoded((GREY / 255).astype(np.float32), "TIFF"), three(GREY)),
    "float TIFF to 255": (encoded(GREY.astype(np.float32), "TIFF"), three(GREY)),
    "float TIFF of heights": (encoded(np.linspace(-90, 4000, 256).astype(np.float32)[GREY], "TIFF"), three(
        np.rint((GREY.astype(float) - GREY.min()) * 255 / (int(GREY.max()) - int(GREY.min()))))),
    "CMYK TIFF": (stored(COLOUR, "CMYK", "TIFF"), COLOUR),
    "CMYK JPEG": (stored(COLOUR // 2 + 60, "CMYK", "JPEG"), COLOUR // 2 + 60),
    "turned JPEG": (turned(6, "JPEG"), COLOUR),
    "upside down JPEG": (turned(3, "JPEG"), COLOUR),
    "turned PNG": (turned(6, "PNG"), COLOUR),
    "mirrored WEBP": (turned(7, "WEBP"), COLOUR),
    "turned TIFF": (turned(6, "TIFF"), COLOUR),
}  # fmt: skip
# Where people see a ground of squares under transparent parts, and models white.
SEE_THROUGH = ("RGBA PNG", "RGBA TIFF", "LA PNG", "see-through palette GIF")
# Where the array of the stored pixels shows the picture itself: neither a tag, nor a palette, nor inks.
BARE = [name for name in FILES if not name.startswith(("see", "CMYK", "turned", "upside", "mirrored", "LA"))]
BARE.remove("float TIFF of heights")  # numbers below 0 are refused in an array, which may be anything


def as_struct(data):
    """Return a cell of an Arrow table of pictures."""
    return pa.array([{"bytes": data, "path": "1.png"}])[0]


DOORS = {
    "path": lambda path: path,
    "name": str,
    "relative name": lambda path: path.name,
    "address": lambda path: path.as_uri(),
    "bytes": lambda path: path.read_bytes(),
    "memoryview": lambda path: memoryview(path.read_bytes()),
    "BytesIO": lambda path: io.BytesIO(path.read_bytes()),
    "data URI": lambda path: "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode(),
    "mapping of bytes": lambda path: {"bytes": path.read_bytes(), "path": "elsewhere.png"},
    "mapping of a path": lambda path: {"bytes": None, "path": str(path)},
    "Arrow struct": lambda path: as_struct(path.read_bytes()),
    "Pillow": lambda path: Image.open(io.BytesIO(path.read_bytes())),
    "array": lambda path: np.asarray(Image.open(io.BytesIO(path.read_bytes()))),
}


def cells_of(name, folder):
    """Return the cells of a file, by door."""
    path = folder / "1.png"  # the name says nothing
    path.write_bytes(FILES[name][0])
    return {door: make(path) for door, make in DOORS.items() if door != "array" or name in BARE}


def is_near(found, shown, most):
    """Return whether two pictures differ by no more than ``most`` levels on average."""
    return found.shape == shown.shape and np.abs(found.astype(float) - shown).mean() <= most


@pytest.mark.parametrize("name", FILES)
def test_every_door_leads_to_one_picture_on_every_road(name, tmp_path):
    """The local model, the request and the page see what the file shows, whatever the cell is."""
    shown = FILES[name][1]
    loss = 4 if "JPEG" in name else 0.6
    for door, cell in cells_of(name, tmp_path).items():
        content = read_content(cell, "image", root=tmp_path)
        assert is_near(np.asarray(open_picture(content.media, at_least=448)), shown, loss), f"{door}: local"
        sent = picture_value(content.media, TONGYI)
        service = Image.open(io.BytesIO(base64.b64decode(sent.partition(",")[2])))
        assert service.getexif().get(0x0112, 1) == 1
        assert is_near(np.asarray(service.convert("RGB")), shown, 5 if "jpeg" in sent[:20] else loss), f"{door}: wire"
        small = Image.open(io.BytesIO(make_thumbnail(cell, root=tmp_path, edge=64)))
        on_page = np.asarray(open_picture(content.media, ground="chequered"))
        assert is_near(np.asarray(small.convert("RGB")), on_page, 9), f"{door}: page"
        assert is_near(on_page, shown, loss) == (name not in SEE_THROUGH), f"{door}: ground"


@pytest.mark.parametrize(
    "name", ["turned JPEG", "16 bits PNG", "float TIFF to 1", "RGBA PNG", "32 bits TIFF of sixteen"]
)
def test_every_door_leads_to_one_vector(name, tmp_path):
    """The local model's vector is that of the picture as it is seen."""
    cells = cells_of(name, tmp_path)
    shown = Image.fromarray(np.asarray(FILES[name][1], np.uint8))
    if name == "turned JPEG":  # which is not without loss
        shown = open_picture(read_content(FILES[name][0], "image").media)
    series = pd.Series([shown, *cells.values()], index=["shown", *cells], dtype=object)
    run = Embedder(model="local", cache=None, root=tmp_path).embed(series, "image")
    expected, *vectors = (np.asarray(vector) for vector in run.vectors)
    for door, vector in zip(cells, vectors, strict=True):
        np.testing.assert_allclose(vector, vectors[0], atol=1e-6, err_msg=door)
        np.testing.assert_allclose(vector, expected, atol=5e-3, err_msg=door)


def test_an_array_of_any_numbers_shows_the_same():
    """Levels of 0 to 1 and of 0 to 255 in any type are one picture; sixteen bits have their own scale."""
    kinds = [COLOUR, COLOUR / 255, (COLOUR / 255).astype(np.float32), (COLOUR / 255).astype(np.float64)]
    kinds += [COLOUR.astype(kind) for kind in (np.int16, np.int64, np.uint32, np.float32)]
    kinds += [COLOUR.astype(np.uint16) * 257, np.asfortranarray(COLOUR), COLOUR.astype(">u2") * 257]
    assert len({read_content(cell, "image").digest for cell in kinds}) == 1
    assert len({read_content(cell, "auto").digest for cell in kinds}) == 1


def test_pictures_of_version_0_1_keep_their_digests():
    """Arrays and Pillow images that it took are still hashed as the PNG files that it made of them."""
    grey = Image.fromarray(GREY)
    for picture in (Image.fromarray(COLOUR), grey, grey.convert("1"), grey.convert("P"), grey.convert("LA"),
                    Image.fromarray(GREY.astype(np.uint16) * 257)):  # fmt: skip
        expected = read_content(encoded(picture, compress_level=1), "image").digest
        assert read_content(picture, "image").digest == expected
    assert read_content(COLOUR, "image").digest == read_content(Image.fromarray(COLOUR), "image").digest
    for mode in ("CMYK", "YCbCr", "HSV"):
        picture = Image.fromarray(COLOUR).convert(mode)
        assert read_content(picture, "image").digest == read_content(picture.convert("RGB"), "image").digest


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100c9fe92ef"
    "0000000049454e44ae426082"
)


@pytest.mark.parametrize(
    ("cell", "modality", "digest"),
    [
        ("红色连衣裙", "text", "50d91c75ee68ca339a88d99d9913668a9c7a74dcb5610d7fe71e3abd928db7f3"),
        (PNG, "image", "f50ada0a359e7e7830f1e6b639cbefd0786c7fbbae3b421c8763473937bdf51b"),
        (PNG, "auto", "f50ada0a359e7e7830f1e6b639cbefd0786c7fbbae3b421c8763473937bdf51b"),
        (b"\0\0\0\x18ftypmp42", "video", "ba9fdb399d129ebf31390e17c6ae6b6b5eeb43011e166b4db37852c2e6a6055e"),
        ("https://example.com/a.png?x=1", "image", "238141d86ad1c1710d91acdf5533ff5a61239ba7ad80a129d687f6c5d96cb4c2"),
        ([PNG, PNG], "multi_images", "a26db931e79d276378c1ee0bd742890615218937d5a898ace7a6b6b86332617d"),
    ],
)
def test_contents_of_version_0_1_keep_their_digests(cell, modality, digest):
    """Vectors that were paid for are found again under the hashes that version 0.1 gave."""
    assert read_content(cell, modality).digest.hex() == digest


def test_an_image_that_is_read_stays_as_it_was():
    """A Pillow image in a cell is turned in a copy."""
    picture = Image.open(io.BytesIO(turned(6, "JPEG")))
    read_content(picture, "image")
    make_thumbnail(picture)
    assert picture.size == (32, 48)
    assert picture.getexif()[0x0112] == 6


def test_only_pictures_decode():
    """Nothing of the package converts or turns pictures but the one module."""
    source = Path(__file__).parents[2] / "src" / "mmembed"
    marks = ("exif_transpose", ".alpha_composite(", "has_transparency_data", "0x0112")
    found = {path.name for path in source.rglob("*.py") for mark in marks if mark in path.read_text(encoding="utf-8")}
    assert found == {"pictures.py"}
    assert "EPS" not in PICTURE_FORMATS
