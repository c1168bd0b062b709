"""Clips give eight frames spread over them, whatever holds them; broken ones are refused with a reason."""

from __future__ import annotations

import socket
import struct
from fractions import Fraction
from io import BytesIO

import av
import numpy as np
import pytest
from PIL import Image

from contents.samples import DATA, encoded, encoded_clip, media, waves
from mmembed.contents.clips import (
    check_video_frames,
    load_frames,
    middle_frame,
    positions_over_time,
    spread_positions,
    videos_as_pictures,
)
from mmembed.contents.content import read_contents
from mmembed.contents.media import Media
from mmembed.errors import ContentError


def grey_frames(count, height=32, width=48):
    """Return frames whose brightness tells their position, from dark to bright."""
    return [np.full((height, width, 3), 30 + round(200 * position / count), np.uint8) for position in range(count)]


def brightness(frames):
    """Return the mean brightness of each frame."""
    return [float(np.asarray(frame).mean()) for frame in frames]


@pytest.mark.parametrize("count", [1, 7, 8, 9, 24, 301])
def test_positions_are_spread_and_different(count):
    """Short clips are taken whole, others at eight places in order."""
    positions = spread_positions(count)
    assert len(positions) == min(count, 8)
    assert positions == sorted(set(positions))
    assert 0 <= positions[0] <= positions[-1] < count


@pytest.mark.parametrize(("count", "between"), [(5, 12), (24, 12), (24, 250), (400, 20), (400, 1000)])
def test_the_frames_at_the_positions_are_read(count, between):
    """The brightness of each frame is that of its position, also where stretches of a long clip are skipped."""
    frames = grey_frames(count)
    found = brightness(load_frames(media(encoded_clip(frames, frames_between_keys=between))))
    expected = [frames[position].mean() for position in spread_positions(count)]
    np.testing.assert_allclose(found, expected, atol=4)


def test_bytes_and_file_give_the_same_frames():
    """Where the bytes come from does not matter."""
    path = DATA / "videos" / "036.mp4"
    for of_file, of_bytes in zip(load_frames(media(path)), load_frames(media(path.read_bytes())), strict=True):
        np.testing.assert_array_equal(np.asarray(of_file), np.asarray(of_bytes))


@pytest.mark.parametrize(("kind", "options"), [("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {})])
def test_animations_are_read_like_videos(kind, options):
    """GIF, WebP and PNG animations give the frames at the same positions."""
    frames = grey_frames(20)
    first, *others = [Image.fromarray(frame) for frame in frames]
    data = encoded(first, kind, save_all=True, append_images=others, duration=50, **options)
    np.testing.assert_allclose(
        brightness(load_frames(media(data))), [frames[position].mean() for position in spread_positions(20)], atol=2
    )


def test_a_still_picture_is_a_clip_of_one_frame():
    """A PNG without animation has one frame."""
    assert len(load_frames(media(encoded(waves())))) == 1


def test_a_clip_of_a_phone_held_upright_is_turned():
    """The turn noted in the file is applied: what is stored left is shown at the top after a quarter turn."""
    frame = np.zeros((32, 64, 3), np.uint8)
    frame[:, :32] = 255
    data = bytearray(encoded_clip([frame] * 4))
    matrix = data.index(b"tkhd") + 4 + 40
    data[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    shown = np.asarray(load_frames(media(bytes(data)))[0])
    assert shown.shape == (64, 32, 3)
    assert shown[:28].mean() > 230
    assert shown[36:].mean() < 25


@pytest.mark.parametrize(
    "data",
    [
        b"this is not a video at all, only a line of text",
        (DATA / "videos" / "036.mp4").read_bytes()[:700],
        encoded(waves(), "GIF")[:1_000],
    ],
)
def test_broken_clips_are_refused(data):
    """The error names the reason and what to do."""
    with pytest.raises(ContentError, match=r"(?s)Expected.*anew") as caught:
        load_frames(media(data))
    assert caught.value.code == "BrokenFile"


def test_a_sound_file_has_no_frames():
    """A file without a video stream is refused as such."""
    samples = b"\x00\x00" * 8_000
    header = struct.pack("<4sI8sIHHIIHH4sI", b"RIFF", 36 + len(samples), b"WAVEfmt ", 16, 1, 1, 8_000, 16_000, 2, 16,
                         b"data", len(samples))  # fmt: skip
    with pytest.raises(ContentError, match="no video stream"):
        load_frames(media(header + samples))


def test_an_empty_clip_and_a_url_are_refused():
    """Neither has frames on this machine."""
    with pytest.raises(ContentError, match="0 bytes"):
        load_frames(media(b""))
    with pytest.raises(ContentError, match="opens no network"):
        load_frames(Media(url="https://example.org/clip.mp4"))


def test_a_playlist_opens_no_connection_and_no_file(tmp_path):
    """A playlist in place of a video is refused, and nobody knocks at the address in it."""
    clip = tmp_path / "clip.mp4"
    clip.write_bytes((DATA / "videos" / "036.mp4").read_bytes())
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/clip.ts"
        for target in (address, str(clip), clip.as_uri()):
            playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n".encode()
            concat = f"ffconcat version 1.0\nfile '{target}'\n".encode()
            for data in (playlist, concat):
                with pytest.raises(ContentError):
                    load_frames(media(data))
        with pytest.raises(BlockingIOError):
            server.accept()


def clip_of_moments(shades, starts, *, kind="mp4", last=1):
    """Return a clip of grey frames, each shown from its start (in tenths of a second) to the next one's."""
    buffer = BytesIO()
    with av.open(buffer, "w", format=kind) as container:
        stream = container.add_stream("libx264" if kind != "webm" else "libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 10)
        for shade, start in zip([*shades, shades[-1]], [*starts, starts[-1] + last], strict=True):
            frame = av.VideoFrame.from_ndarray(np.full((32, 48, 3), shade, np.uint8), format="rgb24")
            frame.pts, frame.time_base = start, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return buffer.getvalue()


DARK_THEN_BRIGHT = [*[40] * 80, *[210] * 20]
STARTS = [*range(80), *range(80, 80 + 20 * 490, 490)]  # 8 s of dark, 980 s of bright


@pytest.mark.parametrize("kind", ["mp4", "matroska", "mov"])
def test_a_clip_of_uneven_frames_counts_by_time(kind):
    """Many frames of a moment weigh no more than the moment lasts."""
    data = clip_of_moments(DARK_THEN_BRIGHT, STARTS, kind=kind, last=490)
    found = brightness(load_frames(media(data)))
    assert len(found) == 8
    assert min(found) > 190
    assert np.asarray(middle_frame(media(data))).mean() > 190


def test_a_long_still_counts_as_long_as_it_lasts():
    """Of three frames one of which is shown for most of the time, that one is most of the clip."""
    found = brightness(load_frames(media(clip_of_moments([40, 120, 210], [0, 2, 4], last=400))))
    assert sum(shade > 190 for shade in found) >= 7


@pytest.mark.parametrize(("kind", "options"), [("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {})])
def test_an_animation_of_uneven_frames_counts_by_time(kind, options):
    """Durations of GIF, WebP and PNG animations count, too."""
    first, *others = [Image.fromarray(frame) for frame in grey_frames(20)]
    durations = [*[20] * 19, 9_000]
    data = encoded(first, kind, save_all=True, append_images=others, duration=durations, **options)
    bright = grey_frames(20)[19].mean()
    np.testing.assert_allclose(brightness(load_frames(media(data))), [bright] * 8, atol=2)
    assert np.asarray(middle_frame(media(data))).mean() == pytest.approx(bright, abs=2)


@pytest.mark.parametrize("count", [1, 5, 8, 9, 100, 401])
@pytest.mark.parametrize("jitter", [0, 1])
def test_even_frames_are_counted(count, jitter):
    """Where frames last about as long, all of a short clip are there, as they were before times counted."""
    durations = [33 + jitter * (position % 3 == 0) for position in range(count)]
    assert positions_over_time(durations) == spread_positions(count)


@pytest.mark.parametrize("durations", [[0, 0, 0], [0, 5], [5, 0, 0, 1], [1, 1000], [10**12, 1, 1]])
def test_odd_durations_give_positions_of_the_clip(durations):
    """Whatever a file says of its times, the positions are of the clip and in order."""
    positions = positions_over_time(durations)
    assert positions == sorted(positions)
    assert set(positions) <= set(range(len(durations)))


def test_a_still_is_sent_once():
    """A frame that is shown for long is paid for once in a list of pictures."""
    data = clip_of_moments([40, 120, 210], [0, 2, 4], last=400)
    (content,) = videos_as_pictures(read_contents([data], "video"), 8)
    assert len(content.parts) < 3
    assert len({part.digest for part in content.parts}) == len(content.parts)


def test_the_number_of_frames_is_what_the_model_takes():
    """It is given the most pictures of a list, and names the model in its refusal."""
    assert check_video_frames(5, most_pictures=5, model="m") == 5
    assert check_video_frames(8, most_pictures=64, model="m") == 8
    for frames, most in ((6, 5), (9, 64), (0, 5)):
        with pytest.raises(ValueError, match="'m' takes"):
            check_video_frames(frames, most_pictures=most, model="m")
    with pytest.raises(ValueError, match="'m' takes no lists of pictures"):
        check_video_frames(4, most_pictures=0, model="m")
