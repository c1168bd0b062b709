"""With ``strict_root`` no cell leads out of the folder; without it, as is said, any does."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mmembed import Embedder
from mmembed.contents.content import Content, read_content
from mmembed.contents.media import Fence
from mmembed.errors import ContentError, EmbeddingError


@pytest.fixture
def folder(tmp_path):
    """A folder with a picture, a folder below it with another, and one beside it that is nobody's business."""
    picture = Image.fromarray(np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "shop" / "deep").mkdir(parents=True)
    (tmp_path / "shop2").mkdir()
    for name in ("shop/own.png", "shop/deep/own.png", "secret.png", "shop2/other.png"):
        picture.save(tmp_path / name)
    return tmp_path / "shop"


def ways_out(folder):
    (folder / "link.png").symlink_to(folder.parent / "secret.png")
    (folder / "linked").symlink_to(folder.parent)
    secret = folder.parent / "secret.png"
    return {
        "parent": "../secret.png",
        "deep parent": "deep/../../secret.png",
        "sibling of like name": "../shop2/other.png",
        "absolute": str(secret),
        "path object": secret,
        "link": "link.png",
        "linked folder": "linked/secret.png",
        "file URL": secret.as_uri(),
        "file URL inside": (folder / "own.png").as_uri(),
        "upper-case file URL": "FILE://" + str(secret),
        "not there": "../nothing.png",
        "bytes path": Path("../secret.png"),
    }


def test_nothing_leads_out_of_the_folder(folder):
    """Parents, absolute names, links and file URLs are refused, also where there is no such file."""
    for name, cell in ways_out(folder).items():
        for modality in ("image", "multi_images"):
            with pytest.raises(ContentError, match="leads out of the folder") as caught:
                read_content([cell] if modality == "multi_images" else cell, modality, root=Fence(folder))
            assert caught.value.code == "OutsideRoot", name


@pytest.mark.parametrize("cell", ["own.png", "deep/own.png", "deep/../own.png", "./own.png", Path("own.png")])
def test_what_is_in_the_folder_is_read(folder, cell):
    """Names below the folder, whichever way they are written, and contents that are no files."""
    assert isinstance(read_content(cell, "image", root=Fence(folder)), Content)


def test_links_that_stay_inside_are_followed(folder):
    """A link to another file of the folder, and a folder that is itself reached by a link."""
    (folder / "alias.png").symlink_to(folder / "deep" / "own.png")
    (folder.parent / "by link").symlink_to(folder)
    for root in (folder, folder.parent / "by link"):
        assert read_content("alias.png", "image", root=Fence(root)).digest


def test_what_is_no_file_is_read_as_ever(folder):
    """Bytes, data URIs and http addresses open no file of this machine."""
    data = (folder / "own.png").read_bytes()
    for cell in (data, "https://example.com/a.png", np.zeros((4, 4, 3), np.uint8)):
        assert read_content(cell, "image", root=Fence(folder)) == read_content(cell, "image")


def test_a_verb_refuses_the_row_and_embeds_the_others(folder):
    """The row that leads out fails with its reason; without the option the same cell is read, as the docstring says."""
    df = pd.DataFrame({"photo": ["own.png", "../secret.png"]})
    strict = Embedder(model="local", cache=None, root=folder, strict_root=True)
    with pytest.raises(EmbeddingError, match=r"row 1 .*OutsideRoot") as caught:
        df.mmembed.embed("photo", "image", embedder=strict)
    assert caught.value.errors["position"].tolist() == [1]
    loose = df.mmembed.embed("photo", "image", embedder=Embedder(model="local", cache=None, root=folder))
    assert loose["photo_vector"].notna().all()


def test_strictness_needs_a_folder():
    """Without root there is nothing to keep to."""
    with pytest.raises(ValueError, match="Give it as root="):
        Embedder(strict_root=True)
