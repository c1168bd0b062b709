"""What is to be known of one model, for the table and for models that the table does not have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from mmembed.providers.protocol import ContentKind

Region = Literal["beijing", "singapore"]


@dataclass(frozen=True)
class ModelSpec:
    """One model: its limits, prices and abilities.

    Make your own with ``dataclasses.replace(find_model(name), …)`` where your account differs, or from nothing for a
    model that the table does not know yet.

    Attributes
    ----------
    name : str
        The service's name, which is also the space of the vectors.
    provider : {"dashscope", "local"}
        Who computes.
    kinds : frozenset of str
        Content kinds that it embeds.
    dimensions : tuple of int
        Lengths that it can give, its default first.
    text_tokens : int or None
        Most tokens in one text.
    image_mb, video_mb : float or None
        Most megabytes (a million bytes) of one picture or clip.
    image_formats, video_formats : tuple of str
        Formats that it reads, as Pillow names them and as file suffixes.
    max_contents, max_texts, max_images, max_videos : int or None
        Most of each in one request; None is no limit. Pictures in ``multi_images`` and in fused rows count as images.
    images_in_region : tuple of (str, int)
        Where a region allows fewer images in one request than ``max_images``.
    max_multi_images : int
        Most pictures in one ``multi_images`` content; 0 if it takes none.
    request_tokens : int or None
        Most tokens that are put into one request. No page gives a figure where there is no limit on the count: there
        it is what the service allows in one second.
    request_mb : float
        Most megabytes (2**20 bytes) of one request's body.
    media_price, text_price : float
        CNY for 1,000 input tokens of pictures and videos, and of texts.
    requests_per_minute, tokens_per_minute : int or None
        The published limits of an account; None where no page has one.
    regions : tuple of str
        Where it is offered.
    can_fuse : bool
        Whether several kinds in one content give one vector.
    always_fuses : bool
        Whether a request gives a single vector whatever it holds, so that each content needs its own.
    fuses_alone : bool
        Whether a fused content needs a request of its own, marked by ``enable_fusion``.
    takes_instruct, takes_fps, sends_dimension : bool
        Which parameters it takes.
    documented : datetime.date or None
        The day whose documentation the figures come from.
    """

    name: str
    provider: Literal["dashscope", "local"] = "dashscope"
    kinds: frozenset[ContentKind] = frozenset({"text", "image", "video"})
    dimensions: tuple[int, ...] = (1024,)
    text_tokens: int | None = None
    image_mb: float | None = None
    video_mb: float | None = None
    image_formats: tuple[str, ...] = ("JPEG", "PNG", "BMP")
    video_formats: tuple[str, ...] = ("MP4", "AVI", "MOV")
    max_contents: int | None = 20
    max_texts: int | None = None
    max_images: int | None = None
    max_videos: int | None = None
    images_in_region: tuple[tuple[str, int], ...] = ()
    max_multi_images: int = 0
    request_tokens: int | None = None
    request_mb: float = 60.0
    media_price: float = 0.0
    text_price: float = 0.0
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    regions: tuple[str, ...] = ("beijing",)
    can_fuse: bool = False
    always_fuses: bool = False
    fuses_alone: bool = False
    takes_instruct: bool = True
    takes_fps: bool = True
    sends_dimension: bool = True
    documented: date | None = None

    def __post_init__(self) -> None:
        if not self.name or not self.dimensions or min(self.dimensions) < 1:
            raise ValueError(
                f"A model needs a name and dimensions; got {self.name!r} and {self.dimensions!r}. "
                "Give the dimensions as a tuple of positive whole numbers, the default first."
            )

    @property
    def default_dimension(self) -> int:
        """Length of the vectors when none is asked for."""
        return self.dimensions[0]

    def most_images(self, region: str) -> int | None:
        """Return the most pictures that one request may hold in a region; None is no limit."""
        return dict(self.images_in_region).get(region, self.max_images)
