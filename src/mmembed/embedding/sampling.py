"""Local videos for models that take none: as a few of their frames, where that is asked for and the model can."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmembed.embedding.models import ModelSpec
from mmembed.errors import ContentError
from mmembed.providers.content_digest import digest_of
from mmembed.providers.protocol import Content, Media

if TYPE_CHECKING:
    from mmembed.embedding.line import Read

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
    from mmembed.providers.local.frames import load_frames

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
