"""A picture or clip that is saved anew during a run: no vector is ever kept under the bytes of another file."""

import io

import numpy as np
import pytest
from PIL import Image

from dashscope_server.reaching import reachable
from mmembed import Embedder
from mmembed.cache.local import VectorCache
from mmembed.contents.clips import load_frames, videos_as_pictures
from mmembed.contents.content import read_contents, read_fused
from mmembed.contents.media import Media
from mmembed.embedding.pipeline import embed_columns

API = "tongyi-embedding-vision-plus"


@pytest.fixture
def server(monkeypatch, tmp_path):
    with reachable(monkeypatch, tmp_path / "cache") as running:
        yield running


@pytest.fixture
def cache(tmp_path):
    return VectorCache(tmp_path / "kept")


def picture(colour, kind="PNG"):
    out = io.BytesIO()
    Image.new("RGB", (32, 24), colour).save(out, kind)
    return out.getvalue()


def animation(*colours):
    first, *rest = [Image.new("RGB", (32, 24), colour) for colour in colours]
    out = io.BytesIO()
    first.save(out, "GIF", save_all=True, append_images=rest)
    return out.getvalue()


def embedded(read, model, cache):
    return embed_columns([read], Embedder(model=model).provider(), cache, progress=False)


FORMS = {
    "a picture": lambda path: read_contents([path], "image"),
    "a name": lambda path: read_contents([str(path)], "image"),
    "a list of pictures": lambda path: read_contents([[picture("black"), path]], "multi_images"),
}


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("model", [API, "local"])
@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_picture_saved_anew_is_never_kept_under_the_old_bytes(tmp_path, cache, model, form):
    """The row fails, says so, and can be run again; old and new bytes then have each its own vector."""
    path = tmp_path / "1.png"
    path.write_bytes(picture("red"))
    read = FORMS[form](path) + read_contents([picture("green")], "image")
    path.write_bytes(picture("blue"))
    done = embedded(read, model, cache)
    (failure,) = done.failures
    assert (failure.position, failure.error.code, failure.error.retryable) == (0, "FileChanged", True)
    assert str(path) in str(failure.error)
    assert np.isfinite(done.matrices[0][1]).all()
    vectors = {}
    for colour in ("blue", "red"):
        path.write_bytes(picture(colour))
        again = embedded(FORMS[form](path), model, cache)
        assert (again.failures, again.bill.cached) == ([], 0)
        vectors[colour] = again.matrices[0]
    for colour, found in vectors.items():
        path.write_bytes(picture(colour))
        alone = embedded(FORMS[form](path), model, None)
        assert np.allclose(found, alone.matrices[0], atol=1e-6)
    assert not np.array_equal(vectors["red"], vectors["blue"])


def test_the_new_bytes_are_not_sent(server, tmp_path, cache):
    """Nothing is paid for a row that cannot be kept."""
    path = tmp_path / "1.png"
    path.write_bytes(picture("red"))
    read = read_contents([path], "image")
    path.write_bytes(picture("blue"))
    assert len(embedded(read, API, cache).failures) == 1
    assert server.requests == ()


@pytest.mark.usefixtures("server")
def test_a_part_of_a_fused_row_that_changed_fails_the_row(tmp_path, cache):
    """The text goes on in no company but its own picture's."""
    path = tmp_path / "1.png"
    path.write_bytes(picture("red"))
    read = [read_fused({"text": "red", "image": path}), read_fused({"text": "red", "image": picture("red", "BMP")})]
    path.write_bytes(picture("blue"))
    done = embedded(read, "qwen3-vl-embedding", cache)
    assert [(one.position, one.error.code) for one in done.failures] == [(0, "FileChanged")]


def test_a_clip_that_changed_fails_on_the_local_road(tmp_path, cache):
    """Frames are those of the clip that was hashed."""
    path = tmp_path / "1.gif"
    path.write_bytes(animation("red", "green"))
    read = read_contents([path], "video")
    path.write_bytes(animation("blue", "black"))
    (failure,) = embedded(read, "local", cache).failures
    assert (failure.error.code, failure.error.retryable) == ("FileChanged", True)
    assert embedded(read_contents([path], "video"), "local", cache).failures == []


def test_frames_are_of_the_clip_that_was_hashed(server, tmp_path, cache):
    """A clip that changes before its frames are taken fails; one that changes afterwards is sent as it was."""
    path = tmp_path / "1.gif"
    path.write_bytes(animation("red", "green"))
    read = read_contents([path], "video")
    taken = videos_as_pictures(read, 2)
    path.write_bytes(animation("blue", "black"))
    (failed,) = videos_as_pictures(read, 2)
    assert failed.code == "FileChanged"
    assert embedded(taken, API, cache).failures == []
    path.write_bytes(animation("red", "green"))
    assert embedded(videos_as_pictures(read_contents([path], "video"), 2), API, cache).bill.cached == 1
    assert len(server.embedding_requests) == 1


def test_a_file_that_is_the_same_again_is_read(tmp_path):
    """What counts are bytes, not times or names: a file saved anew with the same bytes is the same content."""
    path = tmp_path / "1.png"
    path.write_bytes(picture("red"))
    (content,) = read_contents([path], "image")
    path.unlink()
    path.write_bytes(picture("red"))
    assert content.media.read() == picture("red")
    assert content.media == Media(path=path)
    assert len(load_frames(Media(data=animation("red", "green")))) == 2
