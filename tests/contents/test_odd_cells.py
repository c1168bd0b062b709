"""Cells as they come: odd names, half files and objects of all sorts are the error of their row and of no other."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from contents.samples import encoded, waves
from mmembed import Embedder
from mmembed.contents.content import MODALITIES, Content, read_content, read_contents
from mmembed.contents.thumbnails import make_thumbnails
from mmembed.errors import ContentError, EmbeddingWarning

GOOD = encoded(waves(24, 16))


def half_opened():
    """Return a Pillow image that breaks when it is looked at."""
    return Image.open(io.BytesIO(encoded(waves(), "JPEG")[:900]))


def closed_image():
    """Return a Pillow image whose file was closed before anybody looked at it."""
    file = io.BytesIO(GOOD)
    image = Image.open(file)
    file.close()
    return image


def closed_buffer():
    """Return a buffer that holds nothing any more."""
    buffer = io.BytesIO(GOOD)
    buffer.close()
    return buffer


class Raising(os.PathLike):
    """A path that cannot be told."""

    def __fspath__(self):
        raise RuntimeError("the share is gone")


ODD = {
    "a long name": ("长" * 90 + ".jpg", "FileNotFound"),
    "a long name in a folder": ("m/" + "x" * 300 + ".png", "FileNotFound"),
    "a long path object": (Path("x" * 300), "FileNotFound"),
    "a lock file": ("~$lock.jpg", "FileNotFound"),
    "the home of nobody": ("~nobody-at-all/1.jpg", "FileNotFound"),
    "a lock file's path object": (Path("~$lock.jpg"), "FileNotFound"),
    "half a surrogate": ("\ud800.png", "FileNotFound"),
    "a null in a path object": (Path("a\0b.png"), "FileNotFound"),
    "brackets in an address": ("http://[SITE]/a.jpg", "BrokenURL"),
    "brackets in a file's address": ("file://[SITE]/a.jpg", "BrokenURL"),
    "an address of nobody": ("https:///a.jpg", "BrokenURL"),
    "brackets in another scheme": ("ftp://[SITE]/a.jpg", "UnknownScheme"),
    "half a Pillow image": (half_opened(), "UnreadablePicture"),
    "a closed Pillow image": (closed_image(), "UnreadablePicture"),
    "a closed buffer": (closed_buffer(), "UnreadableCell"),
    "a path that raises": (Raising(), "UnreadableCell"),
    "a number": (3, "WrongType"),
    "a mapping of a number": ({"bytes": 3}, "WrongType"),
    "another mapping": ({"a": 1}, "WrongType"),
    "an object": (object(), "WrongType"),
    "an array of objects": (np.array([[None, "a"]], dtype=object), "WrongType"),
    "an array of dates": (np.zeros((2, 2), "datetime64[ns]"), "WrongType"),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_cell_is_the_error_of_its_row(name, tmp_path):
    """Read as a picture, it has a code; read as anything else, it is read or refused, and nothing else is raised."""
    cell, code = ODD[name]
    with pytest.raises(ContentError) as caught:
        read_content(cell, "image", root=tmp_path)
    assert caught.value.code == code
    for modality in MODALITIES:
        for one in (cell, [cell], {"bytes": cell}, {"path": cell}):
            (found,) = read_contents([one], modality, root=tmp_path)
            assert isinstance(found, Content | ContentError)


def test_the_page_counts_the_same_reasons(tmp_path):
    """No odd cell stops the making of thumbnails, and each is counted under the code that embedding gives it."""
    cells = [cell for cell, _ in ODD.values()]
    made, reasons = make_thumbnails(range(len(cells)), lambda row: (cells[row], "image"), root=tmp_path)
    assert not made
    assert sorted(reasons.elements()) == sorted(code for _, code in ODD.values())


def test_the_other_rows_are_embedded(tmp_path):
    """With errors="coerce", every good row has its vector and every odd one its line in the errors."""
    odd = [cell for cell, _ in ODD.values()]
    df = pd.DataFrame({"photo": pd.Series([GOOD, *odd, GOOD], dtype=object)})
    with pytest.warns(EmbeddingWarning):
        done = df.mmembed.embed("photo", "image", embedder=Embedder(model="local", cache=tmp_path), errors="coerce")
    assert done["photo_vector"].notna().tolist() == [True, *[False] * len(odd), True]


def test_a_lock_file_that_is_there_is_a_file(tmp_path):
    """A name that begins with a tilde is a name where there is no such home."""
    for name in ("~$lock.png", "~tmp 1.png"):
        (tmp_path / name).write_bytes(GOOD)
        assert read_content(name, "image", root=tmp_path).digest == read_content(GOOD, "image").digest


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in this file system")
def test_a_pipe_is_not_waited_for(tmp_path):
    """What may never end is not opened, and not called a folder."""
    os.mkfifo(tmp_path / "1.png")
    for modality in ("image", "video"):
        with pytest.raises(ContentError, match="pipe") as caught:
            read_content("1.png", modality, root=tmp_path)
        assert caught.value.code == "NotAFile"


@pytest.mark.parametrize(
    "name",
    [
        "photo.jpg",
        "WhatsApp Image 2024-01-01 at 10.00.00.jpeg",
        "m/中文 图片.jpg",
        "photo.jfif",
        "a.heif",
        "x.jp2",
        "clip.3gp",
        "C:\\Users\\me\\My Pictures\\1.PNG",
        "s3://bucket/1.avif",
        "logo.svg",
        " 1.tga ",
        "clip (1).m2ts",
    ],
)
def test_auto_never_takes_the_name_of_a_file_for_a_text(name):
    """Neither a blank nor a rare suffix decides: the row is refused, and the message says what to write."""
    with pytest.raises(ContentError, match=r"modality='text', 'image' or 'video'") as caught:
        read_content(name, "auto")
    assert caught.value.code == "AmbiguousContent"
    assert read_content(name, "text").text == name


@pytest.mark.parametrize(
    "text",
    [
        "see photo.jpg below",
        "see photo.jpg.",
        "红色连衣裙",
        "first line\nphoto.jpg",
        "看图 https://example.com/a.jpg",
        "version 2.0",
        "index.ts",
        "word " * 80 + "photo.jpg",
    ],
)
def test_auto_takes_a_sentence_for_a_text(text):
    """What cannot be the name of one file is a text."""
    assert read_content(text, "auto").kind == "text"


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("https://example.org/a.jfif?x=1", "image"),
        ("https://example.org/clip.3gp", "video"),
        ("https://photo.jpg", "text"),
        (encoded(waves(), "JPEG2000"), "image"),
        (encoded(waves(), "PPM"), "image"),
        (b"\x00\x00\x00\x18ftyp3gp4....", "video"),
        (b"\x00\x00\x00\x18ftypheim....", "image"),
        (io.BytesIO(GOOD), "image"),
        ({"bytes": GOOD, "path": None}, "image"),
        ({"bytes": b"\x00\x00\x00\x18ftypmp42", "path": "1.png"}, "video"),
    ],
)
def test_auto_knows_rare_files(cell, kind):
    """By their first bytes, or by the suffix in an address."""
    assert read_content(cell, "auto").kind == kind


def test_auto_looks_into_a_file_without_a_suffix(tmp_path):
    """A path object is a file; where its name says nothing, its first bytes do."""
    (tmp_path / "clip").write_bytes(b"\x1aE\xdf\xa3" + b"\0" * 60)
    (tmp_path / "photo").write_bytes(GOOD)
    assert read_content(tmp_path / "clip", "auto").kind == "video"
    assert read_content(Path("photo"), "auto", root=tmp_path).kind == "image"


@pytest.mark.parametrize(
    "cell", [{"bytes": None, "path": None}, {"bytes": None}, {"path": float("nan"), "bytes": None}]
)
@pytest.mark.parametrize("modality", ["auto", "image", "video"])
def test_an_empty_record_of_a_data_set_is_missing(cell, modality):
    """A picture that a data set of Hugging Face does not have is a missing cell."""
    assert read_content(cell, modality) is None
