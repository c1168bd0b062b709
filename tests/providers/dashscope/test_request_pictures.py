"""Local pictures on their way to the API."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from mmembed.contents.media import Media
from mmembed.errors import ContentError
from mmembed.providers.dashscope.request_body import picture_for_model, picture_value
from mmembed.providers.models import find_model

TONGYI = find_model("tongyi-embedding-vision-plus")
QWEN = find_model("qwen3-vl-embedding")


def encoded(picture, name, **options):
    out = io.BytesIO()
    picture.save(out, format=name, **options)
    return out.getvalue()


def opened(data):
    return Image.open(io.BytesIO(data))


def noise(width, height, mode="RGB"):
    shape = (height, width, len(mode))
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))


@pytest.mark.parametrize("name", ["JPEG", "PNG", "BMP"])
def test_a_picture_that_the_model_takes_is_sent_unchanged(name):
    """Format and size are right, so the very bytes go into the data URI under their format's name."""
    data = encoded(noise(20, 10), name)
    value = picture_value(Media(data=data), TONGYI)
    head, payload = value.split(",", 1)
    assert head == f"data:image/{name.lower()};base64"
    assert base64.b64decode(payload) == data


def test_a_channel_of_transparency_that_hides_nothing_is_sent_unchanged():
    """What looks the same to every reader need not be written anew; one pixel that does not, must."""
    screenshot = noise(20, 10, "RGBA")
    for alpha, is_sent_unchanged in ((255, True), (254, False)):
        screenshot.putalpha(255)
        screenshot.putpixel((3, 3), (9, 9, 9, alpha))
        for picture in (screenshot, screenshot.convert("LA")):
            data = encoded(picture, "PNG")
            assert (picture_for_model(data, TONGYI)[0] == data) is is_sent_unchanged


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_sideways_photograph_is_turned_before_it_is_sent(orientation):
    """Also where the model takes the format, since nobody says whether the service reads the tag."""
    exif = Image.Exif()
    exif[274] = orientation
    data = encoded(noise(30, 10), "JPEG", exif=exif)
    sent, name = picture_for_model(data, TONGYI)
    assert name == "JPEG"
    assert opened(sent).size == ((10, 30) if orientation > 4 else (30, 10))
    assert opened(sent).getexif().get(274, 1) == 1


def test_a_url_is_sent_as_it_is():
    """Nothing is downloaded; the service fetches the picture."""
    assert picture_value(Media(url="https://example.com/a.webp"), TONGYI) == "https://example.com/a.webp"


def test_a_format_that_one_model_takes_is_converted_for_another():
    """A WEBP stays one for qwen3-vl and becomes a JPEG for the tongyi models."""
    data = encoded(noise(20, 10), "WEBP")
    assert picture_for_model(data, QWEN) == (data, "WEBP")
    converted, name = picture_for_model(data, TONGYI)
    assert (name, opened(converted).format, opened(converted).size) == ("JPEG", "JPEG", (20, 10))


@pytest.mark.parametrize("name", ["TIFF", "GIF"])
def test_a_lossless_picture_is_converted_without_loss(name):
    """A TIFF or GIF that the model does not take becomes a PNG with the same pixels."""
    picture = Image.new("RGB", (6, 4), (200, 10, 30))
    converted, written = picture_for_model(encoded(picture, name), TONGYI)
    assert written == "PNG"
    assert np.array_equal(np.asarray(opened(converted).convert("RGB")), np.asarray(picture))


def test_a_converted_picture_is_turned_upright():
    """The EXIF orientation is applied, since a converted picture loses the tag."""
    exif = Image.Exif()
    exif[274] = 6  # turn by 90 degrees
    data = encoded(noise(30, 10), "WEBP", exif=exif)
    assert opened(picture_for_model(data, TONGYI)[0]).size == (10, 30)


@pytest.mark.parametrize("name", ["BMP", "PNG", "TIFF"])
def test_a_picture_over_the_limit_is_shrunk_below_it(name):
    """What is too large for the model comes out as a JPEG within its megabytes, in the same proportions."""
    data = encoded(noise(1500, 1000), name)
    assert len(data) > 3_000_000
    shrunk, written = picture_for_model(data, TONGYI)
    assert written == "JPEG"
    assert len(shrunk) <= 3_000_000
    width, height = opened(shrunk).size
    assert width / height == pytest.approx(1.5, abs=0.01)


@pytest.mark.parametrize(("kind", "written"), [("WEBP", "JPEG"), ("PNG", "PNG"), ("TIFF", "PNG")])
def test_see_through_parts_become_white(kind, written):
    """What is transparent lies on white, as on the other roads, whether the model takes the format or not."""
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    kept, name = picture_for_model(encoded(clear, kind), TONGYI)
    assert name == written
    assert opened(kept).mode == "RGB"
    assert opened(kept).getpixel((0, 0)) == (255, 255, 255)


def test_sixteen_bits_keep_their_upper_eight():
    """A grey picture of 16 bits keeps its brightness instead of turning white."""
    grey = Image.fromarray(np.full((4, 4), 128 * 256, dtype=np.uint16))
    converted, _ = picture_for_model(encoded(grey, "TIFF"), TONGYI)
    assert opened(converted).convert("L").getpixel((0, 0)) == pytest.approx(128, abs=1)


def test_the_file_is_not_touched(tmp_path):
    """Bytes and time of the file stay as they were."""
    path = tmp_path / "photo.webp"
    path.write_bytes(encoded(noise(9, 9), "WEBP"))
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    assert picture_value(Media(path=path), TONGYI).startswith("data:image/jpeg;base64,")
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [one.name for one in tmp_path.iterdir()] == ["photo.webp"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"no picture", "UnknownFormat"),
        (b"\x89PNG\r\n\x1a\n broken", "UnknownFormat"),
        (encoded(noise(64, 64), "WEBP")[:200], "BrokenFile"),
        (encoded(noise(640, 480), "JPEG")[:-3000], "BrokenFile"),
        (encoded(noise(640, 480), "JPEG", progressive=True)[:-3000], "BrokenFile"),
        (encoded(noise(64, 64), "PNG")[:-300], "BrokenFile"),
        (encoded(noise(64, 64), "BMP")[:-300], "BrokenFile"),
    ],
)
def test_broken_bytes_are_the_error_of_one_content(data, code):
    """What is no picture, or only a part of one, fails with a reason, also where the model takes its format."""
    with pytest.raises(ContentError, match=r"as a picture|damaged picture.*anew") as caught:
        picture_for_model(data, TONGYI)
    assert caught.value.code == code
    assert not caught.value.retryable
