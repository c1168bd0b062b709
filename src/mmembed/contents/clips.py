"""Frames of a clip: eight spread over its time, or the one in the middle; red, green and blue, upright.

Videos are read with PyAV, which is an extra of its own; animated GIF, WebP and PNG need Pillow only. A clip is read
from its bytes, never by name, so that a playlist cannot make the reader open another file or an address. Models that
take no local video get a few of its frames where that is asked for and the model can.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

from mmembed._optional import import_optional
from mmembed.contents.content import Content, fused_of
from mmembed.contents.media import Media, digest_of
from mmembed.contents.pictures import (
    MOST_PIXELS,
    Ground,
    damage,
    decoding_errors,
    encode,
    open_encoded,
    read_media,
    to_rgb,
    upright,
)
from mmembed.errors import ContentError

if TYPE_CHECKING:
    from PIL.Image import Image

    from mmembed.contents.content import Read


FRAMES_PER_CLIP = 8

# Shorter clips are decoded from the start; in longer ones, stretches without a chosen frame are skipped.
_DECODE_THROUGH = 300

# What browsers show a frame of an animation for that says 0.
_UNSAID_MILLISECONDS = 100


def spread_positions(count: int) -> list[int]:
    """Return the positions of the chosen frames among ``count``: all of them, or the middles of eight equal parts.

    Examples
    --------
    >>> spread_positions(3), spread_positions(100)
    ([0, 1, 2], [6, 18, 31, 43, 56, 68, 81, 93])
    """
    parts = min(count, FRAMES_PER_CLIP)
    return [(2 * part + 1) * count // (2 * parts) for part in range(parts)]


def positions_over_time(durations: Sequence[int]) -> list[int]:
    """Return the positions of the frames that are shown in the middles of eight equal parts of the time.

    Where no frame lasts more than twice as long as another, frames are counted instead, as in
    :func:`spread_positions`: every one of a short clip is then there once. Otherwise a frame that lasts long is there
    several times.

    Parameters
    ----------
    durations : sequence of int
        How long each frame is shown, in any unit.

    Examples
    --------
    >>> positions_over_time([1, 1, 1]), positions_over_time([10, 10, 60])
    ([0, 1, 2], [0, 1, 2, 2, 2, 2, 2, 2])
    """
    if not durations or max(durations) <= 2 * min(durations):
        return spread_positions(len(durations))
    ends = list(itertools.accumulate(durations))
    moments = [(2 * part + 1) * ends[-1] // (2 * FRAMES_PER_CLIP) for part in range(FRAMES_PER_CLIP)]
    return [bisect_right(ends, moment) for moment in moments]


def load_frames(media: Media) -> list[Image]:
    """Return up to eight frames of a clip; one that is shown at several of the chosen moments is there as often.

    Raises
    ------
    ContentError
        If it is a URL, cannot be read, or no frame of it can be decoded.
    MissingExtraError
        If it is a video and PyAV is not installed.
    """
    data = read_media(media, "video")
    if not _is_picture_format(data):
        return _load_video(data, media)
    with decoding_errors(media.named, "moving picture"), open_encoded(data, media.named) as image:
        wanted = positions_over_time(_durations_of_animation(image))
        frames = {position: _frame_of_animation(image, position) for position in dict.fromkeys(wanted)}
    return [frames[position] for position in wanted]


def middle_frame(media: Media, *, ground: Ground = "white") -> Image:
    """Return a frame from half the time of a clip, or its first one where that cannot be reached.

    Of a video, it is the key frame before that moment.

    Parameters
    ----------
    media : Media
        The clip.
    ground : {"white", "chequered"}
        What transparent parts show.

    Raises
    ------
    ContentError, MissingExtraError
        As of :func:`load_frames`.
    """
    data = read_media(media, "video")
    if not _is_picture_format(data):
        av = _import_av()
        with _video_errors(av, media), _open(av, data) as container:
            return _seek_middle(container, media)
    with decoding_errors(media.named, "moving picture"), open_encoded(data, media.named) as image:
        ends = list(itertools.accumulate(_durations_of_animation(image)))
        return _frame_of_animation(image, bisect_right(ends, ends[-1] // 2), ground)


def _is_picture_format(data: bytes) -> bool:
    return data[:4] == b"GIF8" or data[:8] == b"\x89PNG\r\n\x1a\n" or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def _durations_of_animation(image: Any) -> list[int]:
    count = getattr(image, "n_frames", 1)
    if count == 1:
        return [1]
    durations = []
    for position in range(count):
        image.seek(position)
        if image.format == "WEBP":
            image.load()  # only then does Pillow know
        durations.append(round(image.info.get("duration") or _UNSAID_MILLISECONDS))
    return durations


def _frame_of_animation(image: Image, position: int, ground: Ground = "white") -> Image:
    image.seek(position)
    return to_rgb(upright(image), ground)


def _import_av() -> Any:
    return import_optional("av", extra="video", purpose="Reading the frames of a video file")


@contextmanager
def _video_errors(av: Any, media: Media) -> Iterator[None]:
    """Turn whatever PyAV raises for a file that it cannot decode into a ContentError."""
    try:
        yield
    except ContentError:
        raise
    except (av.error.FFmpegError, *damage()) as error:
        has_stream = not isinstance(error, IndexError)
        reason = (getattr(error, "strerror", None) or error) if has_stream else "it has no video stream"
        raise ContentError(
            "BrokenFile",
            f"{media.named} is not a video that can be decoded: {reason}. Expected a complete MP4, MOV, MKV, WebM or "
            "AVI file. Convert it to MP4, or download it anew.",
        ) from error


def _without_frame(media: Media) -> ContentError:
    return ContentError(
        "BrokenFile",
        f"{media.named} is a video without a frame that can be decoded. Convert it to MP4, or save it anew.",
    )


def _load_video(data: bytes, media: Media) -> list[Image]:
    av = _import_av()
    with _video_errors(av, media):
        key_positions, durations = _survey_packets(av, data)
        wanted = positions_over_time(durations)
        found = dict(_decode(av, data, wanted, _runs(wanted, key_positions, len(durations))))
    frames = [found[position] for position in wanted if position in found]
    if not frames:
        raise _without_frame(media)
    return frames


def _open(av: Any, data: bytes) -> Any:
    # No protocol is let in: a playlist in disguise finds every door shut.
    # Since version 19, PyAV takes metadata of any encoding.
    more = {"metadata_errors": "ignore"} if int(av.__version__.split(".")[0]) < 19 else {}
    return av.open(BytesIO(data), options={"protocol_whitelist": "none"}, **more)


def _check_size(container: Any) -> None:
    codec = container.streams.video[0].codec_context
    if codec.width * codec.height > MOST_PIXELS:
        raise ContentError(
            "TooManyPixels",
            f"The video has frames of {codec.width} x {codec.height}; expected at most {MOST_PIXELS:,} pixels. "
            "Make it smaller.",
        )


def _survey_packets(av: Any, data: bytes) -> tuple[list[int], list[int]]:
    """Return the positions where decoding can begin, and how long each frame is shown; decodes nothing."""
    with _open(av, data) as container:
        _check_size(container)
        packets = [
            (packet.is_keyframe, packet.pts, packet.duration) for packet in container.demux(video=0) if packet.size
        ]
    key_positions = [position for position, (is_key, _, _) in enumerate(packets) if is_key]
    starts = sorted(start for _, start, _ in packets if start is not None)
    if len(starts) < len(packets) or len(starts) < 2:
        return key_positions, [1] * len(packets)  # the file does not say when: frame by frame
    durations = [later - earlier for earlier, later in itertools.pairwise(starts)]
    said = max((duration or 0 for _, start, duration in packets if start == starts[-1]), default=0)
    return key_positions, [*durations, said or sorted(durations)[len(durations) // 2]]


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


def _decode(
    av: Any, data: bytes, wanted: Sequence[int], runs: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, Image]]:
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
                    yield position, _to_picture(frame)
            codec.flush_buffers()
            done = stop


def _seek_middle(container: Any, media: Media) -> Image:
    stream = container.streams.video[0]
    _check_size(container)
    # Matroska and WebM say how long they are, but not how long their streams are.
    if container.duration:
        # Seeking lands on the key frame before the middle, which is close enough for a picture and decodes at once.
        container.seek((container.start_time or 0) + container.duration // 2)
        for frame in container.decode(stream):
            return _to_picture(frame)
        container.seek(0)
    for frame in container.decode(stream):
        return _to_picture(frame)
    raise _without_frame(media)


def _to_picture(frame: Any) -> Image:
    image: Image = frame.to_image()
    # A phone held upright stores its frames lying down; degrees count against the clock. PyAV before 14 does not tell.
    turn = getattr(frame, "rotation", 0)
    return image.rotate(turn, expand=True) if turn else image


def check_video_frames(video_frames: int, *, most_pictures: int, model: str) -> int:
    """Return the number of frames, or refuse it.

    Parameters
    ----------
    video_frames : int
        How many frames a clip is to be embedded by.
    most_pictures : int
        The most pictures that the model takes in one list; 0 if it takes no lists.
    model : str
        Its name, for the message.

    Raises
    ------
    ValueError
        If the model takes no lists of pictures, or the number is not between 1 and what it takes.
    """
    most = min(FRAMES_PER_CLIP, most_pictures)
    if not most:
        raise ValueError(
            f"Model {model!r} takes no lists of pictures; got video_frames={video_frames!r}. Leave it out and give "
            "videos by URL, or choose a model of mmembed.models() that has multi_images."
        )
    if not 1 <= video_frames <= most:
        raise ValueError(f"video_frames={video_frames!r} is not between 1 and {most}, the most that {model!r} takes.")
    return video_frames


def videos_as_pictures(contents: Sequence[Read], video_frames: int) -> list[Read]:
    """Return the contents with each local video, also of a fused row, replaced by a list of its frames.

    One by URL stays as it is.

    The list gets one vector of type ``multi_images``. The digest is that of the video file and the number of frames,
    so that the cache finds it without decoding again.
    """
    replaced: list[Read] = []
    for content in contents:
        try:
            replaced.append(_with_pictures(content, video_frames) if isinstance(content, Content) else content)
        except ContentError as error:
            replaced.append(error)
    return replaced


def _with_pictures(content: Content, video_frames: int) -> Content:
    if content.kind == "fused":
        parts = tuple(_with_pictures(part, video_frames) for part in content.parts)
        return content if parts == content.parts else fused_of(parts)
    is_local = content.kind == "video" and content.media is not None and content.media.url is None
    return _as_pictures(content, content.media, video_frames) if is_local and content.media else content


def _as_pictures(content: Content, media: Media, video_frames: int) -> Content:
    frames = load_frames(media)
    count = min(video_frames, len(frames))
    chosen = [frames[(2 * part + 1) * len(frames) // (2 * count)] for part in range(count)]
    # A frame that is shown for long is in the list once: each picture is paid for.
    distinct = [frame for place, frame in enumerate(chosen) if place == 0 or frame is not chosen[place - 1]]
    parts = []
    for frame in distinct:
        data = encode(frame, "JPEG", quality=90)
        parts.append(Content("image", media=Media(data=data), digest=digest_of("image", b"bytes", data)))
    digest = digest_of("multi_images", b"video", content.digest, str(video_frames).encode())
    return Content("multi_images", parts=tuple(parts), digest=digest)
