"""Pictures and clips by their address in a store that fsspec reads; ``memory://`` stands for s3 and its kin."""

import io
import pickle
import subprocess
import sys
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from PIL import Image

import mmembed
from dashscope_server.reaching import reachable
from mmembed.cache.local import VectorCache
from mmembed.contents.content import read_content, read_contents
from mmembed.contents.media import Fence
from mmembed.contents.pictures import picture_size
from mmembed.embedding.pipeline import embed_columns
from mmembed.errors import ContentError

DATA = Path(__file__).parents[2] / "data"


class Vault(MemoryFileSystem):
    """A store that some rows may not be read from, with an error of its own and a secret in its words."""

    protocol = "vault"
    store: dict = {}  # noqa: RUF012  as in the class above
    pseudo_dirs = [""]  # noqa: RUF012  likewise

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.replace("vault://", "memory://"))

    def cat_file(self, path, *args, **kwargs):
        if "denied" in path:
            raise PermissionError(13, "Permission denied")
        if "broken" in path:
            raise RuntimeError("GET https://vault.example/?Signature=SECRET")
        return super().cat_file(path, *args, **kwargs)


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    """Put two pictures and a clip into a store."""
    monkeypatch.setenv("MMEMBED_CACHE_DIR", str(tmp_path / "cache"))
    fsspec.register_implementation("vault", Vault, clobber=True)
    files = fsspec.filesystem("memory")
    for name in ("000.webp", "001.webp"):
        files.pipe_file(f"/shop/{name}", (DATA / "images" / name).read_bytes())
    files.pipe_file("/shop/clip.mp4", (DATA / "videos" / "013.mp4").read_bytes())
    yield files
    files.store.clear()


def code_of(cell, modality, root=None):
    with pytest.raises(ContentError) as caught:
        read_content(cell, modality, root=root)
    return caught.value.code


@pytest.mark.parametrize("address", ["memory://shop/000.webp", " MEMORY://shop/000.webp "])
@pytest.mark.parametrize("form", [str, lambda one: {"bytes": None, "path": one}, pa.scalar])
def test_an_address_is_the_file_that_it_names(address, form):
    """It has the hash of the bytes, so that the same picture elsewhere is the same content."""
    found = read_content(form(address), "image")
    local = read_content(DATA / "images" / "000.webp", "image")
    assert found.digest == local.digest
    assert found.media.read() == local.media.read()
    assert picture_size(found.media) == picture_size(local.media)
    assert found.media.path.stat().st_size == local.media.path.stat().st_size
    assert pickle.loads(pickle.dumps(found)).media.read() == local.media.read()


def test_clips_and_lists_of_pictures_too():
    """Each kind of content that has files."""
    assert (
        read_content("memory://shop/clip.mp4", "video").digest
        == read_content(DATA / "videos" / "013.mp4", "video").digest
    )
    names = ["000.webp", "001.webp"]
    listed = read_content([f"memory://shop/{one}" for one in names], "multi_images")
    assert listed.digest == read_content([DATA / "images" / one for one in names], "multi_images").digest


@pytest.mark.parametrize("modality", ["text", "auto"])
def test_a_text_is_never_opened(modality):
    """Only the modality makes an address of it; where that is not said, it is a text, or asked about."""
    assert read_content("memory://shop/000", modality).text == "memory://shop/000"
    if modality == "text":
        assert read_content("memory://shop/000.webp", "text").text == "memory://shop/000.webp"
    else:
        assert code_of("memory://shop/000.webp", "auto") == "AmbiguousContent"


def test_errors_are_those_of_a_row():
    """What is not there, not allowed or broken says so, without the words of the driver; the others are read."""
    fsspec.filesystem("vault").pipe_file("/a.png", (DATA / "images" / "000.webp").read_bytes())
    cells = ["vault://a.png", "vault://gone.png", "vault://denied.png", "vault://broken.png", None, "vault://a.png"]
    read = read_contents(cells, "image")
    assert [getattr(one, "code", None) for one in read] == [
        None,
        "FileNotFound",
        "FileUnreadable",
        "FileUnreadable",
        None,
        None,
    ]
    assert read[4] is None
    assert read[0].digest == read[5].digest
    assert [one.retryable for one in read[1:4]] == [False, False, True]
    assert "Permission denied" in str(read[2])
    assert "RuntimeError" in str(read[3])
    assert "SECRET" not in str(read[3])


@pytest.mark.parametrize(
    "address",
    ["oss://bucket/a.png", "ftp://host/a.png", "sftp://host/a.png", "zip://a.png::memory://a.zip", "nobody://a.png",
     "simplecache::memory://shop/000.webp", "reference://a.png", "local://etc/passwd"],
)  # fmt: skip
def test_a_cell_chooses_no_server_and_no_chain(address):
    """Stores are those that the user has configured; an address of any other kind is refused."""
    assert code_of(address, "image") in {"UnknownScheme", "FileNotFound"}


def test_a_folder_that_is_kept_to_has_no_stores(tmp_path):
    """``strict_root`` refuses what leads out of the folder, also where it says nothing of the local disk."""
    assert code_of("memory://shop/000.webp", "image", Fence(tmp_path)) == "OutsideRoot"


def test_a_store_without_its_driver_says_what_to_install():
    """Also where fsspec itself is missing: the row fails, with the packages to install."""
    code = (
        "import sys; sys.modules['fsspec'] = None\n"
        "from mmembed.contents.content import read_contents\n"
        "(found,) = read_contents(['s3://bucket/a.png'], 'image'); print(found.code, found)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603  our own code
    assert done.stdout.startswith("StoreUnavailable 's3://bucket/a.png' is read by fsspec")
    assert "s3fs for s3://" in done.stdout
    fsspec.register_implementation("lacking", "no_such_package.Files", errtxt="Install lacking-fs", clobber=True)
    with pytest.raises(ContentError, match="Install fsspec and the driver") as caught:
        read_content("lacking://bucket/a.png", "image")
    assert caught.value.code == "StoreUnavailable"


def test_a_column_of_addresses_is_embedded_like_one_of_files():
    """The vectors are those of the files, and a row that fails is coerced like any other."""
    df = pd.DataFrame({"photo": ["memory://shop/000.webp", "memory://shop/none.webp", "memory://shop/001.webp"]})
    with pytest.warns(UserWarning, match="1 of 3"):
        found = df.mmembed.embed("photo", "image", model="local", errors="coerce")
    files = pd.DataFrame({"photo": [str(DATA / "images" / name) for name in ("000.webp", "001.webp")]})
    wanted = files.mmembed.embed("photo", "image", model="local")["photo_vector"].mmembed.to_matrix()
    np.testing.assert_array_equal(found["photo_vector"].mmembed.to_matrix()[[0, 2]], wanted)
    assert found["photo_vector"].isna().tolist() == [False, True, False]


def test_a_report_shows_pictures_of_a_store():
    """They are thumbnails in the page like any other; the page itself asks no store."""
    rows = [f"memory://shop/00{n % 2}.webp" for n in range(6)]
    vectors = mmembed.VectorArray.from_matrix(np.random.default_rng(0).normal(size=(6, 4)), space="toy")
    df = pd.DataFrame({"photo": rows, "v": vectors}).mmembed.project("v", "pca")
    page = df.mmembed.report("v", image="photo", text=None).html()
    assert "data:image/" in page


@pytest.mark.parametrize("model", ["local", "tongyi-embedding-vision-plus"])
def test_a_file_that_changes_between_hash_and_sending_is_not_kept(store, model, monkeypatch, tmp_path):
    """The row fails, says so and can be run again; what is kept under the old hash is never the new picture."""
    with reachable(monkeypatch, tmp_path / "cache"):
        read = read_contents(["memory://shop/000.webp", "memory://shop/001.webp"], "image")
        store.pipe_file("/shop/000.webp", (DATA / "images" / "002.webp").read_bytes())
        cache = VectorCache(tmp_path / "kept")
        done = embed_columns([read], mmembed.Embedder(model=model).provider(), cache, progress=False)
    (failure,) = done.failures
    assert (failure.position, failure.error.code, failure.error.retryable) == (0, "FileChanged", True)
    assert "memory://shop/000.webp" in str(failure.error)
    assert np.isfinite(done.matrices[0][1]).all()


def test_a_picture_that_is_read_from_its_head_alone(store):
    """A plan asks for the size of each picture; a large one is not fetched whole for that."""
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (600, 500, 3), dtype=np.uint8)).save(out, "BMP")
    store.pipe_file("/shop/large.bmp", out.getvalue())
    assert picture_size(read_content("memory://shop/large.bmp", "image").media) == (500, 600)
