"""One list of formats on the road to the API, to the local model and to the page: no program, no stray exception."""

import base64
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dashscope_server.reaching import reachable
from mmembed import Embedder
from mmembed.contents.content import read_content
from mmembed.contents.media import Media
from mmembed.contents.pictures import PICTURE_FORMATS, open_picture
from mmembed.contents.thumbnails import make_thumbnail
from mmembed.errors import ContentError
from mmembed.providers.dashscope.request_body import picture_for_model
from mmembed.providers.models import find_model

TONGYI = find_model("tongyi-embedding-vision-plus")
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"
DOS_EPS = b"\xc5\xd0\xd3\xc6" + (30).to_bytes(4, "little") + len(EPS).to_bytes(4, "little") + b"\0" * 18 + EPS
WRITTEN = sorted({*PICTURE_FORMATS} - {"HEIF"})


def waves(width=24, height=24):
    return Image.fromarray((np.indices((height, width, 3)).sum(axis=0) * 11 % 256).astype(np.uint8))


def encoded(kind):
    out = io.BytesIO()
    options = {"save_all": True, "append_images": [waves()]} if kind == "MPO" else {}
    (waves(32, 32) if kind == "ICNS" else waves()).save(out, kind, **options)
    return out.getvalue()


ROADS = {
    "API": lambda data: picture_for_model(data, TONGYI),
    "local": lambda data: open_picture(Media(data=data)),
    "page": make_thumbnail,
}


@pytest.mark.parametrize("road", sorted(ROADS))
@pytest.mark.parametrize("kind", WRITTEN)
def test_every_listed_format_is_opened_on_every_road(kind, road):
    """What one road opens, all do."""
    assert ROADS[road](encoded(kind))


@pytest.mark.parametrize("road", sorted(ROADS))
@pytest.mark.parametrize("kind", WRITTEN)
@pytest.mark.filterwarnings("ignore")
def test_damaged_bytes_are_the_content_s_error(kind, road):
    """Cut anywhere, or with any bytes changed, a file is read or refused; nothing else is raised."""
    random = np.random.default_rng(7)
    whole = encoded(kind)
    damaged = [whole[: len(whole) * part // 12] for part in range(1, 12)]
    for _ in range(25):
        hit = np.frombuffer(whole, np.uint8).copy()
        hit[random.integers(0, min(len(hit), 400), 4)] = random.integers(0, 256, 4)
        damaged.append(hit.tobytes())
    refused = 0
    for data in damaged:
        try:
            ROADS[road](data)
        except ContentError:
            refused += 1
    assert refused


def broken_avif():
    """Return an AVIF whose container is whole and whose pixels are not, which Pillow meets with RuntimeError."""
    data = bytearray(encoded("AVIF"))
    start = data.index(b"mdat") + 4
    data[start:] = b"\xff" * (len(data) - start)
    return bytes(data)


@pytest.mark.parametrize("model", ["tongyi-embedding-vision-plus", "local"])
def test_a_damaged_avif_is_one_row(monkeypatch, tmp_path, model):
    """The run goes on, on both roads, and every other row has its vector."""
    with pytest.raises(RuntimeError):
        Image.open(io.BytesIO(broken_avif())).load()
    cells = pd.Series([encoded("PNG"), broken_avif(), encoded("AVIF")])
    with reachable(monkeypatch, tmp_path):
        run = Embedder(model=model).embed(cells, "image")
    assert run.vectors.notna().tolist() == [True, False, True]
    assert run.errors["position"].tolist() == [1]
    assert run.errors["code"].iloc[0] == "BrokenFile"


PROGRAM = """
import sys
from pathlib import Path
import pandas as pd
from PIL import Image
from mmembed import Embedder
from mmembed.contents.thumbnails import make_thumbnails

folder, trusts = Path(sys.argv[1]), sys.argv[2] == "trusts"
data = {name: (folder / name).read_bytes() for name in ("a.png", "b.jpg")}
if trusts:
    try:
        Image.open(folder / "a.png").load()
    except Exception:
        pass
    sys.exit()
cells = [folder / "a.png", str(folder / "b.jpg"), *data.values()]
cells += [Image.open(folder / "a.png"), Image.open(folder / "b.jpg")]
cells.append((folder / "uri.txt").read_text())
for model in ("tongyi-embedding-vision-plus", "local"):
    run = Embedder(model=model, cache=None).embed(pd.Series(cells, dtype=object), "image")
    assert run.vectors.isna().all(), run
    run = Embedder(model=model, cache=None).embed(pd.Series([[cell] for cell in cells]), "multi_images")
    assert run.vectors.isna().all(), run
made, reasons = make_thumbnails(range(len(cells)), lambda row: (cells[row], "image"))
assert not made and sum(reasons.values()) == len(cells), reasons
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for Ghostscript is a shell script")
def test_no_cell_starts_a_program(monkeypatch, tmp_path):
    """PostScript under the name of a picture, as bytes, data URI or Pillow image never reaches Ghostscript."""
    mark = tmp_path / "started"
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "gs"
    program.write_text(f"#!/bin/sh\ntouch '{mark}'\nexit 1\n")
    program.chmod(0o700)
    (tmp_path / "a.png").write_bytes(EPS)
    (tmp_path / "b.jpg").write_bytes(DOS_EPS)
    (tmp_path / "uri.txt").write_text("data:image/png;base64," + base64.b64encode(EPS).decode())
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    with reachable(monkeypatch, tmp_path / "cache") as server:
        for how in ("guarded", "trusts"):
            command = [sys.executable, "-c", PROGRAM, str(tmp_path), how]
            done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)  # noqa: S603 - our own
            assert done.returncode == 0, done.stderr
            assert mark.exists() is (how == "trusts")  # the trap works: Pillow alone falls into it
        assert server.requests == ()


def test_a_copy_of_a_trusted_image_is_taken():
    """An image without a format, as copies and new ones are, is a picture like any other."""
    trusted = waves()
    trusted.format = "PSD"
    with pytest.raises(ContentError, match=r"'PSD'.*image\.copy\(\)") as caught:
        read_content(trusted, "image")
    assert caught.value.code == "UnknownFormat"
    assert read_content(trusted.copy(), "image") is not None


def test_a_damaged_image_that_was_opened_elsewhere_is_one_content():
    """Pillow decodes an opened image when it is looked at, which is here."""
    for data in (encoded("PNG")[:-60], broken_avif()):
        with pytest.raises(ContentError, match="cannot be decoded") as caught:
            read_content(Image.open(io.BytesIO(data)), "image")
        assert caught.value.code == "UnreadablePicture"
        with pytest.raises(ContentError):
            make_thumbnail(Image.open(io.BytesIO(data)))


def test_only_one_place_opens_pictures():
    """No module of the package opens pictures past the list."""
    source = Path(__file__).parents[2] / "src" / "mmembed"
    found = [path.name for path in source.rglob("*.py") if "Image.open(" in path.read_text(encoding="utf-8")]
    assert found == ["pictures.py"]
