"""What the service's pages say of each model, written down anew for the server.

It must not import the library's own table: the two are read from the same pages by different hands and check each
other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from .limits import RateLimits

# The pages write "5 MB" and mean either 5,000,000 or 5,242,880 bytes; the smaller reading is the strict one.
MEGABYTE = 1_000_000

QWEN_IMAGE_FORMATS = frozenset({"jpeg", "png", "webp", "bmp", "tiff", "ico", "dib", "icns", "sgi"})
TONGYI_IMAGE_FORMATS = frozenset({"jpeg", "png", "bmp"})
QWEN_VIDEO_FORMATS = frozenset({"mp4", "avi", "mov"})
TONGYI_VIDEO_FORMATS = frozenset({"mp4", "mpeg", "mov", "mpg", "webm", "avi", "flv", "mkv"})


@dataclass(frozen=True)
class Model:
    """The limits that one model keeps.

    Attributes
    ----------
    dimensions : tuple of int
        The lengths it can give, its default first.
    fixed_dimension : bool
        Whether it refuses the parameter ``dimension`` altogether.
    text_tokens : int
        Most tokens in one text.
    image_bytes : int
        Most bytes in one picture, as a file (not as Base64).
    contents, texts, images, videos, fused : int or None
        Most of each in one request; None is no limit. ``images`` counts those of fused objects and ``multi_images``.
    fuses_objects : bool
        Whether several kinds in one object are allowed.
    object_fusion : bool
        Whether such an object gives one vector; if not, each of its kinds gives one (as newer pages can be read).
    fuses_requests : bool
        Whether each request gives one vector, whatever it holds.
    fusion_flag : bool
        Whether the parameter ``enable_fusion`` is allowed.
    fused_images : int
        Most pictures, each an entry of its own, that ``enable_fusion`` makes one vector of.
    snapshot : bool
        Whether ``res_level`` and ``max_video_frames`` are allowed.
    text_model : bool
        Whether it is asked at the address for texts alone.
    media_price, text_price : float
        CNY for 1,000 input tokens.
    rates : RateLimits
        The published rate limits.
    """

    name: str
    dimensions: tuple[int, ...]
    text_tokens: int
    image_bytes: int
    media_price: float
    text_price: float
    fixed_dimension: bool = False
    contents: int | None = None
    texts: int | None = None
    images: int | None = None
    videos: int | None = None
    fused: int | None = None
    multi_images: int = 0
    fused_images: int = 1
    fuses_objects: bool = False
    object_fusion: bool = True
    fuses_requests: bool = False
    fusion_flag: bool = False
    snapshot: bool = False
    text_model: bool = False
    image_formats: frozenset[str] = TONGYI_IMAGE_FORMATS
    video_formats: frozenset[str] = TONGYI_VIDEO_FORMATS
    regions: frozenset[str] = frozenset({"beijing"})
    # Singapore takes fewer pictures a request than Beijing.
    images_by_region: Mapping[str, int] = field(default_factory=dict)
    rates: RateLimits = field(default_factory=RateLimits)

    def images_in(self, region: str) -> int | None:
        """Return the most pictures that one request may hold in a region; None is no limit."""
        return self.images_by_region.get(region, self.images)


_BOTH_REGIONS = frozenset({"beijing", "singapore"})

MODELS: Mapping[str, Model] = MappingProxyType(
    {
        model.name: model
        for model in (
            Model(
                name="qwen3-vl-embedding",
                dimensions=(2560, 2048, 1536, 1024, 768, 512, 256),
                text_tokens=32_000,
                image_bytes=5 * MEGABYTE,
                contents=20,
                images=10,
                videos=1,
                fuses_objects=True,
                fusion_flag=True,
                fused_images=10,
                image_formats=QWEN_IMAGE_FORMATS,
                video_formats=QWEN_VIDEO_FORMATS,
                media_price=0.0018,
                text_price=0.0007,
                rates=RateLimits(requests_per_minute=1_200, tokens_per_minute=600_000),
            ),
            Model(
                name="qwen2.5-vl-embedding",
                dimensions=(1024, 2048, 768, 512),
                text_tokens=32_000,
                image_bytes=5 * MEGABYTE,
                texts=1,
                images=1,
                videos=1,
                fused=1,
                fuses_objects=True,
                fuses_requests=True,
                image_formats=QWEN_IMAGE_FORMATS,
                video_formats=QWEN_VIDEO_FORMATS,
                media_price=0.0018,
                text_price=0.0007,
                rates=RateLimits(requests_per_minute=1_200, tokens_per_minute=600_000),
            ),
            Model(
                name="tongyi-embedding-vision-plus",
                dimensions=(1152, 1024, 512, 256, 128, 64),
                text_tokens=1_024,
                image_bytes=3 * MEGABYTE,
                multi_images=8,
                regions=_BOTH_REGIONS,
                images_by_region={"singapore": 8},
                media_price=0.0005,
                text_price=0.0005,
                rates=RateLimits(requests_per_minute=600, tokens_per_minute=200_000),
            ),
            Model(
                name="tongyi-embedding-vision-flash",
                dimensions=(768, 512, 256, 128, 64),
                text_tokens=1_024,
                image_bytes=3 * MEGABYTE,
                multi_images=8,
                regions=_BOTH_REGIONS,
                images_by_region={"singapore": 8},
                media_price=0.00015,
                text_price=0.00015,
                rates=RateLimits(requests_per_minute=600, tokens_per_minute=200_000),
            ),
            Model(
                name="multimodal-embedding-v1",
                dimensions=(1024,),
                fixed_dimension=True,
                text_tokens=512,
                image_bytes=3 * MEGABYTE,
                contents=20,
                texts=20,
                images=1,
                videos=1,
                media_price=0.0009,
                text_price=0.0007,
                rates=RateLimits(requests_per_minute=120),
            ),
            # The dated two: what no page says (smaller dimensions, text tokens, prices) is taken from the undated ones;
            # no page gives them rate limits.
            Model(
                name="tongyi-embedding-vision-plus-2026-03-06",
                dimensions=(1152, 1024, 512, 256, 128, 64),
                text_tokens=1_024,
                image_bytes=10 * MEGABYTE,
                contents=20,
                images=64,
                multi_images=64,
                videos=8,
                fuses_objects=True,
                snapshot=True,
                media_price=0.0005,
                text_price=0.0005,
            ),
            Model(
                name="tongyi-embedding-vision-flash-2026-03-06",
                dimensions=(768, 512, 256, 128, 64),
                text_tokens=1_024,
                image_bytes=10 * MEGABYTE,
                contents=20,
                images=64,
                multi_images=64,
                videos=8,
                fuses_objects=True,
                snapshot=True,
                media_price=0.00015,
                text_price=0.00015,
            ),
            # Text models. The limit of one text is taken for all texts of a request together, the stricter reading.
            Model(
                name="text-embedding-v4",
                dimensions=(1024, 2048, 1536, 768, 512, 256, 128, 64),
                text_tokens=8_192,
                image_bytes=0,
                contents=10,
                text_model=True,
                image_formats=frozenset(),
                video_formats=frozenset(),
                regions=_BOTH_REGIONS,
                media_price=0,
                text_price=0.0005,
            ),
            Model(
                name="qwen3.7-text-embedding",
                dimensions=(1024, 2560, 2048, 1536, 768, 512, 256),
                text_tokens=128_000,
                image_bytes=0,
                contents=20,
                text_model=True,
                image_formats=frozenset(),
                video_formats=frozenset(),
                regions=_BOTH_REGIONS,
                media_price=0,
                text_price=0.0005,
            ),
            Model(
                name="qwen3.7-text-embedding-flash",
                dimensions=(1024, 768, 512, 256),
                text_tokens=128_000,
                image_bytes=0,
                contents=20,
                text_model=True,
                image_formats=frozenset(),
                video_formats=frozenset(),
                media_price=0,
                text_price=0.000125,
            ),
        )
    }
)
