"""Clips give eight frames spread over them, whatever holds them; broken ones are refused with a reason."""

from __future__ import annotations

import socket
import struct

import numpy as np
import pytest
from PIL import Image

from contents.samples import DATA, encoded, encoded_clip, media, waves
from mmembed.contents.clips import load_frames, spread_positions
from mmembed.contents.content import Media
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
