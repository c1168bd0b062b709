"""Pictures of every kind come out upright, on white and in eight bits; damaged ones are refused with a reason."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from contents.samples import encoded, media, waves
from mmembed.contents.pictures import open_picture
from mmembed.errors import ContentError
from mmembed.providers.local.network import to_views


def loaded(data):
    """Return a decoded picture as an array."""
    picture = open_picture(media(data), at_least=448)
    assert picture.mode == "RGB"
    return np.asarray(picture)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photograph_is_set_upright(orientation):
    """Whatever way the camera was held, the note in the file turns the picture back."""
    upright = waves(40, 24)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: np.rot90(upright.transpose(1, 0, 2), 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(loaded(encoded(np.ascontiguousarray(stored), "PNG", exif=exif)), upright)


def test_a_damaged_note_of_the_camera_leaves_the_picture():
    """A picture whose EXIF block is rubbish is taken as it is."""
    upright = waves(40, 24)
    data = encoded(
        upright, "PNG", exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x02\x00\x00\x00\x04abcd"
    )
    np.testing.assert_array_equal(loaded(data), upright)


def test_transparency_shows_white():
    """Transparent pixels are white and half-transparent ones half so, in full colour and with a palette."""
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0] = (255, 0, 0, 128)
    pixels[1, 1] = (0, 0, 255, 255)
    np.testing.assert_array_equal(loaded(encoded(pixels)), [[[255, 127, 127]] * 2, [[255, 255, 255], [0, 0, 255]]])
    palette = Image.new("P", (2, 1))
    palette.putpalette([255, 0, 0, 0, 255, 0])
    palette.putdata([0, 1])
    np.testing.assert_array_equal(loaded(encoded(palette, transparency=0)), [[[255, 255, 255], [0, 255, 0]]])


def test_sixteen_bits_become_eight():
    """A grey picture of sixteen bits keeps its brightness, where cutting the numbers off would make it white."""
    grey = np.array([[0, 257, 32_896, 65_535]], np.uint16)
    for kind in ("PNG", "TIFF"):
        np.testing.assert_array_equal(loaded(encoded(grey, kind))[0, :, 0], [0, 1, 128, 255])
    floats = Image.fromarray(np.array([[-1.0, 0.0, 1.0]], np.float32))
    np.testing.assert_array_equal(loaded(encoded(floats, "TIFF"))[0, :, 0], [0, 128, 255])


@pytest.mark.parametrize(("mode", "kind"), [("CMYK", "JPEG"), ("L", "PNG"), ("1", "PNG"), ("LA", "PNG"), ("P", "GIF")])
def test_other_modes_keep_their_look(mode, kind):
    """A picture of any mode is close to what it was before it was stored so."""
    grey = Image.fromarray(np.uint8([[0] * 16] * 8 + [[255] * 16] * 8))
    difference = np.abs(loaded(encoded(grey.convert(mode), kind)).astype(int) - np.asarray(grey)[..., None])
    assert difference.max() < 12


def test_large_photographs_are_decoded_small():
    """A JPEG is read at a fraction of its size that still has twice the network's resolution."""
    height, width = loaded(encoded(np.kron(waves(160, 120), np.ones((20, 20, 1), np.uint8)), "JPEG")).shape[:2]
    assert 448 <= height <= 600
    assert width * 3 == pytest.approx(height * 4, abs=4)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (224, 224), (300, 200), (33, 97)])
def test_views_have_the_size_of_the_network(size):
    """Any shape gives two views, and a square one gives one."""
    views = to_views(Image.new("RGB", size, (127, 127, 127)))
    assert views.shape == (1 if size[0] == size[1] else 2, 224, 224, 3)
    assert views.dtype == np.float32
    assert views.min() == 0
    assert views.max() == (0 if size[0] == size[1] else 1)


def test_the_views_are_the_whole_and_the_centre():
    """The first view shows the ends of a wide picture between white bars, the second only its middle."""
    picture = np.zeros((100, 300, 3), np.uint8)
    picture[:, 100:200] = 127
    whole, centre = to_views(Image.fromarray(picture))
    assert whole[0].min() == 1
    assert whole[112, 5, 0] == pytest.approx(-127 / 128)
    assert np.abs(centre[:, 20:-20]).max() == 0


def png_of_claimed_size(width, height):
    """Return a PNG that claims a size and has no such pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    end = struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + chunk + end


@pytest.mark.parametrize(
    ("data", "code", "says"),
    [
        (b"", "EmptyFile", "empty .* Save it anew"),
        (b"hello, this is no picture", "UnknownFormat", "expected one of JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "UnknownFormat", "Convert it"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "UnknownFormat", "expected one of"),
        (encoded(waves())[:200], "BrokenFile", "damaged picture.*anew"),
        (encoded(waves(), "JPEG")[:900], "BrokenFile", "damaged picture.*anew"),
        (encoded(waves(), "WEBP")[:300], "BrokenFile", "damaged picture.*anew"),
        (png_of_claimed_size(50_000, 50_000), "TooManyPixels", "too large.*Make it smaller"),
    ],
)
def test_what_cannot_be_decoded_is_refused(data, code, says):
    """The error has a code and says what was expected and what to do."""
    with pytest.raises(ContentError, match=says) as caught:
        open_picture(media(data), at_least=448)
    assert caught.value.code == code
    assert not caught.value.retryable


def test_a_file_that_is_not_there_or_a_folder_is_refused(tmp_path):
    """A path without a readable file names the path."""
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(ContentError, match="cannot be read") as caught:
            open_picture(media(path))
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_damaged_bytes_never_raise_another_error(kind):
    """Whichever byte of a file is hit, it is either read or refused as content."""
    random = np.random.default_rng(0)
    data = np.frombuffer(encoded(waves(24, 16), kind), np.uint8)
    for _ in range(60):
        damaged = data.copy()
        damaged[random.integers(0, data.size, 3)] = random.integers(0, 256, 3)
        try:
            open_picture(media(damaged.tobytes()))
        except ContentError as error:
            assert error.code in {"BrokenFile", "UnknownFormat", "TooManyPixels"}  # noqa: PT017 -- most are readable
