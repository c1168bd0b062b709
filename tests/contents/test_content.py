"""Reading cells: the modality decides, a text never becomes a file, and one bad cell is one error."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mmembed.contents.content import MODALITIES, check_modality, read_content, read_contents, read_fused
from mmembed.errors import ContentError, ModalityError


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "red dot.png"
    Image.new("RGB", (8, 6), "red").save(path)
    return path


def encoded(size=(8, 6), form="PNG"):
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, format=form)
    return out.getvalue()


@pytest.mark.parametrize("cell", [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT, "", "  \n", "\u3000", [], ()])
@pytest.mark.parametrize("modality", MODALITIES)
def test_missing_cells_have_no_content(cell, modality):
    """Whatever stands for nothing is missing, in every modality."""
    assert read_content(cell, modality) is None


def test_a_text_that_names_a_file_stays_a_text(picture):
    """No modality but the file kinds opens anything."""
    for cell in (str(picture), f"file://{picture}", "~/.bashrc", "/etc/passwd"):
        content = read_content(cell, "text")
        assert content.kind == "text"
        assert content.text == cell
        assert content.media is None


def test_the_same_picture_is_the_same_content_whatever_it_comes_as(picture):
    """Path, relative name, file URL, bytes and data URI of one file have one digest; a path is never hashed."""
    data = picture.read_bytes()
    ways = [
        (str(picture), None),
        (picture, None),
        (picture.name, picture.parent),
        (picture.as_uri(), None),
        (data, None),
        (bytearray(data), None),
        ("data:image/png;base64," + base64.b64encode(data).decode(), None),
    ]
    digests = {read_content(cell, "image", root=root).digest for cell, root in ways}
    assert len(digests) == 1


def test_pil_images_and_arrays_are_pictures():
    """An image in memory and the array of its pixels are the same content."""
    image = Image.new("RGB", (5, 4), "blue")
    from_image = read_content(image, "image")
    from_array = read_content(np.asarray(image), "image")
    assert from_image.digest == from_array.digest
    assert Image.open(io.BytesIO(from_image.media.read())).size == (5, 4)
    assert read_content(np.zeros((4, 4, 1), np.uint8), "auto").kind == "image"


@pytest.mark.parametrize(
    ("cell", "modality", "code"),
    [
        (3, "text", "WrongType"),
        (b"bytes", "text", "WrongType"),
        (["a"], "text", "WrongType"),
        ("\ud800", "text", "BrokenText"),
        (3, "image", "WrongType"),
        ({"a": 1}, "auto", "WrongType"),
        ("no/such/file.png", "image", "FileNotFound"),
        (".", "image", "NotAFile"),
        ("ftp://example.org/a.png", "image", "UnknownScheme"),
        ("x" * 5000, "image", "NotAPath"),
        ("a\0b", "image", "NotAPath"),
        ("data:image/png;base64,@@@", "image", "BrokenDataUri"),
        (np.full((4, 4), -1.0, np.float32), "image", "WrongType"),
        (np.full((4, 4), 70_000), "image", "WrongType"),
        (np.full((4, 4), np.nan), "image", "WrongType"),
        (np.full((4, 4), 1j), "image", "WrongType"),
        (["one.png"], "image", "WrongType"),
        ({"path": "one.png", "bytes": None}, "auto", "AmbiguousContent"),
        ({"path": "no/such/file.png", "bytes": None}, "image", "FileNotFound"),
        ({"bytes": b""}, "image", "EmptyFile"),
        (np.zeros((4,), np.uint8), "image", "WrongShape"),
        (b"neither", "auto", "UnknownContent"),
        ("photo.jpg", "auto", "AmbiguousContent"),
        (Image.new("RGB", (2, 2)), "video", "WrongType"),
        ("one.png", "multi_images", "WrongType"),
        ((1,), "auto", "WrongType"),
        (5, "auto", "WrongType"),
        ([None, b"x"], "multi_images", "MissingPart"),
    ],
)
def test_an_unreadable_cell_says_what_it_is_and_what_was_expected(cell, modality, code):
    """Each kind of bad cell has its own code."""
    with pytest.raises(ContentError) as caught:
        read_content(cell, modality)
    assert caught.value.code == code
    assert not caught.value.retryable


def test_an_empty_file_is_an_error_of_its_row(tmp_path):
    """A file of no bytes is not a picture."""
    (tmp_path / "empty.png").touch()
    found = read_contents(["empty.png", None], "image", root=tmp_path)
    assert found[0].code == "EmptyFile"
    assert found[1] is None


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("a red dress", "text"),
        ("see photo.jpg below", "text"),
        ("https://example.org/a.JPG?x=1", "image"),
        ("https://example.org/a.mp4", "video"),
        ("https://example.org/page", "text"),
        (encoded(), "image"),
        (encoded(form="JPEG"), "image"),
        (encoded(form="WEBP"), "image"),
        (b"\x00\x00\x00\x18ftypisom....", "video"),
        ("data:video/mp4;base64,AAAA", "video"),
    ],
)
def test_auto_tells_kinds_by_content(cell, kind):
    """Bytes by their first bytes, URLs by their suffix, other strings are texts."""
    assert read_content(cell, "auto").kind == kind


def test_auto_tells_a_pathlib_path_by_its_suffix(picture):
    """A Path is a file and never a text."""
    assert read_content(Path(picture), "auto").kind == "image"


def test_a_fused_row_leaves_missing_parts_out(picture):
    """Its digest depends on its parts; a row with one part is that part, and one of missing parts is missing."""
    both = read_fused({"text": "red", "image": str(picture)})
    assert [part.kind for part in both.parts] == ["text", "image"]
    alone = read_fused({"text": "red", "image": None})
    assert alone == read_content("red", "text")
    assert alone.digest != both.digest
    assert read_fused({"text": "", "image": None}) is None


def test_an_unknown_modality_names_the_nearest():
    """A typing error is answered with the word that was meant."""
    with pytest.raises(ModalityError, match="Did you mean 'image'"):
        check_modality("imge")
