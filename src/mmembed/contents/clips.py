"""Eight frames of a clip, evenly spread over it.

Videos are read with PyAV, which is an extra of its own; animated GIF, WebP and PNG need Pillow only. A clip is read
from its bytes, never by name, so that a playlist cannot make the reader open another file or an address.

Local videos for models that take none: as a few of their frames, where that is asked for and the model can.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from mmembed._optional import import_optional
from mmembed.contents.content import Content, Media, damage, digest_of
from mmembed.contents.pictures import MOST_PIXELS, decoding_errors, open_picture, read_media, to_rgb
from mmembed.errors import ContentError

if TYPE_CHECKING:
    from PIL.Image import Image

    from mmembed.contents.content import Read
    from mmembed.providers.models import ModelSpec


FRAMES_PER_CLIP = 8

# Shorter clips are decoded from the start; in longer ones, stretches without a chosen frame are skipped.
_DECODE_THROUGH = 300


def spread_positions(count: int) -> list[int]:
    """Return the positions of the chosen frames among ``count``: all of them, or the middles of eight equal parts.

    Examples
    --------
    >>> spread_positions(3), spread_positions(100)
    ([0, 1, 2], [6, 18, 31, 43, 56, 68, 81, 93])
    """
    parts = min(count, FRAMES_PER_CLIP)
    return [(2 * part + 1) * count // (2 * parts) for part in range(parts)]


def load_frames(media: Media) -> list[Image]:
    """Return up to eight frames of a clip, in red, green and blue, upright.

    Raises
    ------
    ContentError
        If it is a URL, cannot be read, or no frame of it can be decoded.
    MissingExtraError
        If it is a video and PyAV is not installed.
    """
    data = read_media(media, "video")
    if _is_picture_format(data):
        return _load_animation(data, media)
    return _load_video(data, media)


def _is_picture_format(data: bytes) -> bool:
    return data[:4] == b"GIF8" or data[:8] == b"\x89PNG\r\n\x1a\n" or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def _load_animation(data: bytes, media: Media) -> list[Image]:
    frames = []
    with decoding_errors(media, "moving picture"), open_picture(data, media) as image:
        for position in spread_positions(getattr(image, "n_frames", 1)):
            image.seek(position)
            frames.append(to_rgb(image))
    return frames


def _load_video(data: bytes, media: Media) -> list[Image]:
    av: Any = import_optional("av", extra="video", purpose="Reading the frames of a video file")
    named = f"File {str(media.path)!r}" if media.path is not None else "The content"
    try:
        key_positions, count = _find_keyframes(av, data)
        wanted = spread_positions(count)
        frames = list(_decode(av, data, wanted, _runs(wanted, key_positions, count)))
    except ContentError:
        raise
    except (av.error.FFmpegError, *damage()) as error:
        has_stream = not isinstance(error, IndexError)
        reason = (getattr(error, "strerror", None) or error) if has_stream else "it has no video stream"
        raise ContentError(
            "BrokenFile",
            f"{named} is not a video that can be decoded: {reason}. Expected a complete MP4, MOV, MKV, WebM or AVI "
            "file. Convert it to MP4, or download it anew.",
        ) from error
    if not frames:
        raise ContentError(
            "BrokenFile", f"{named} is a video without a frame that can be decoded. Convert it to MP4, or save it anew."
        )
    return frames


def _open(av: Any, data: bytes) -> Any:
    # No protocol is let in: a playlist in disguise finds every door shut.
    return av.open(BytesIO(data), options={"protocol_whitelist": "none"}, metadata_errors="ignore")


def _find_keyframes(av: Any, data: bytes) -> tuple[list[int], int]:
    """Return the positions where decoding can begin, and the number of frames; unpacks the file and decodes nothing."""
    with _open(av, data) as container:
        codec = container.streams.video[0].codec_context
        if codec.width * codec.height > MOST_PIXELS:
            raise ContentError(
                "TooManyPixels",
                f"The video has frames of {codec.width} x {codec.height}; expected at most {MOST_PIXELS:,} pixels. "
                "Make it smaller.",
            )
        keys = [packet.is_keyframe for packet in container.demux(video=0) if packet.size]
    return [position for position, is_key in enumerate(keys) if is_key], len(keys)


def _runs(wanted: Sequence[int], key_positions: Sequence[int], count: int) -> list[tuple[int, int]]:
    """Return the stretches [start, stop) to decode: each from a keyframe to the next, neighbours merged."""
    if count <= _DECODE_THROUGH:
        return [(0, count)]
    bounds = sorted({0, *key_positions, count})
    runs: list[tuple[int, int]] = []
    for start, stop in itertools.pairwise(bounds):
        if not any(start <= position < stop for position in wanted):
            continue
        if runs and runs[-1][1] == start:
            start = runs.pop()[0]  # noqa: PLW2901 -- the stretch grows backwards over its neighbour
        runs.append((start, stop))
    return runs


def _decode(av: Any, data: bytes, wanted: Sequence[int], runs: Sequence[tuple[int, int]]) -> Iterator[Image]:
    chosen = set(wanted)
    with _open(av, data) as container:
        codec = container.streams.video[0].codec_context
        codec.thread_count = 1  # rows are what runs in parallel
        packets = (packet for packet in container.demux(video=0) if packet.size)
        done = 0
        for start, stop in runs:
            run = itertools.islice(packets, start - done, stop - done)
            decoded = itertools.chain.from_iterable(map(codec.decode, itertools.chain(run, [None])))
            for position, frame in enumerate(decoded, start):
                if position in chosen and not frame.is_corrupt:
                    yield _to_picture(frame)
            codec.flush_buffers()
            done = stop


def _to_picture(frame: Any) -> Image:
    image: Image = frame.to_image()
    # A phone held upright stores its frames lying down; degrees count against the clock. PyAV before 14 does not tell.
    turn = getattr(frame, "rotation", 0)
    return image.rotate(turn, expand=True) if turn else image


_MOST_FRAMES = 8


def check_video_frames(video_frames: int, spec: ModelSpec) -> int:
    """Return the number of frames, or refuse it.

    Raises
    ------
    ValueError
        If the model takes no lists of pictures, or the number is not between 1 and what it takes.
    """
    most = min(_MOST_FRAMES, spec.max_multi_images)
    if not most:
        raise ValueError(
            f"Model {spec.name!r} takes no lists of pictures; got video_frames={video_frames!r}. Leave it out and give "
            "videos by URL, or choose a model of mmembed.models() that has multi_images."
        )
    if not 1 <= video_frames <= most:
        raise ValueError(
            f"video_frames={video_frames!r} is not between 1 and {most}, the most that {spec.name!r} takes."
        )
    return video_frames


def videos_as_pictures(contents: Sequence[Read], video_frames: int) -> list[Read]:
    """Return the contents with each local video replaced by a list of its frames; one by URL stays as it is.

    The list gets one vector of type ``multi_images``. The digest is that of the video file and the number of frames,
    so that the cache finds it without decoding again.
    """
    replaced: list[Read] = []
    for content in contents:
        if isinstance(content, Content) and content.kind == "video" and content.media and content.media.url is None:
            try:
                replaced.append(_as_pictures(content, content.media, video_frames))
            except ContentError as error:
                replaced.append(error)
        else:
            replaced.append(content)
    return replaced


def _as_pictures(content: Content, media: Media, video_frames: int) -> Content:

    frames = load_frames(media)
    count = min(video_frames, len(frames))
    chosen = [frames[(2 * part + 1) * len(frames) // (2 * count)] for part in range(count)]
    parts = []
    for frame in chosen:
        out = io.BytesIO()
        frame.save(out, format="JPEG", quality=90)
        data = out.getvalue()
        parts.append(Content("image", media=Media(data=data), digest=digest_of("image", b"bytes", data)))
    digest = digest_of("multi_images", b"video", content.digest, str(video_frames).encode())
    return Content("multi_images", parts=tuple(parts), digest=digest)
