"""The table of models: what each takes, gives, costs and allows, as its documentation says on a date.

``ModelSpec`` describes one model, also one that the table does not have. This module holds figures and the checks that
need nothing else; it must not send, read or count anything.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Literal

import pandas as pd

from mmembed.contents.content import ContentKind
from mmembed.errors import ModalityError, UnknownModelError, did_you_mean, listed, one_of

Region = Literal["beijing", "singapore"]

DEFAULT_MODELS: Mapping[str, str] = MappingProxyType(
    {"beijing": "qwen3-vl-embedding", "singapore": "tongyi-embedding-vision-plus"}
)


PROVIDERS = ("dashscope", "local", "own")

_READ_ON = date(2026, 3, 6)

# Newer pages: fusion of several pictures on qwen3-vl-embedding, and lists of pictures on the dated models. The latter
# shows no date of its own.
_FUSION_READ_ON, _LISTS_READ_ON = date(2026, 3, 26), date(2026, 11, 30)

# Base64 writes three bytes as four; the rest is for texts.
_PICTURE_BYTES_OF_A_REQUEST = 0.74

# Of a new account in Beijing for each model; the page has no such column for Singapore.
_FREE_TOKENS, _FREE_DAYS = 1_000_000, 90

_QWEN_IMAGES = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "ICO", "DIB", "ICNS", "SGI")

_TONGYI_IMAGES = ("JPEG", "PNG", "BMP")

_TONGYI_VIDEOS = ("MP4", "MPEG", "MOV", "MPG", "WEBM", "AVI", "FLV", "MKV")

_PLAIN: frozenset[ContentKind] = frozenset({"text", "image", "video"})

_FUSED: frozenset[ContentKind] = _PLAIN | frozenset({"fused"})

_LISTS: frozenset[ContentKind] = _PLAIN | {"multi_images"}


@dataclass(frozen=True)
class ModelSpec:
    """One model: its limits, prices and abilities.

    Make your own with ``dataclasses.replace(find_model(name), …)`` where your account differs, or from nothing for a
    model that the table does not know yet.

    Attributes
    ----------
    name : str
        The service's name, which is also the space of the vectors.
    provider : {"dashscope", "local", "own"}
        Who computes: the service, the local model, or a model that :func:`mmembed.register_model` made.
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
        Most pictures in one ``multi_images`` content, or in the list of a fused row; 0 if it takes none.
    request_tokens : int or None
        Most tokens that are put into one request. No page gives a figure where there is no limit on the count: there
        it is what the service allows in one second.
    request_mb : float
        Most megabytes (2**20 bytes) of one request's body.
    media_price, text_price : float
        CNY for 1,000 input tokens of pictures and videos, and of texts.
    image_pixels_a_token, most_image_tokens : int or None
        How many pixels of a picture count as one token, beside two for its begin and end, and the most that a picture
        counts; None where no page says.
    free_tokens, free_days : int or None
        The free quota of a new account, in tokens, and the days that it lasts; None where there is none.
    languages : str
        Languages of texts, as the page has them.
    requests_per_minute, tokens_per_minute : int or None
        The published limits of an account; None where no page has one.
    regions : tuple of str
        Where it is offered.
    always_fuses : bool
        Whether a request gives a single vector whatever it holds, so that each content needs its own.
    fuses_alone : bool
        Whether a fused content, or a list of pictures, needs a request of its own, marked by ``enable_fusion``.
    takes_instruct, takes_fps, sends_dimension : bool
        Which parameters it takes.
    is_text_model : bool
        Whether it is one of the service's text models, which have an address of their own and are told whether a text
        is a document or a query.
    documented : datetime.date or None
        The day whose documentation the figures come from.
    documented_later : tuple of (str, datetime.date)
        Which figures come from a later page, and the day of that.
    """

    name: str
    provider: Literal["dashscope", "local", "own"] = "dashscope"
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
    image_pixels_a_token: int | None = None
    most_image_tokens: int | None = None
    free_tokens: int | None = None
    free_days: int | None = None
    languages: str = ""
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    regions: tuple[str, ...] = ("beijing",)
    always_fuses: bool = False
    fuses_alone: bool = False
    takes_instruct: bool = True
    takes_fps: bool = True
    sends_dimension: bool = True
    is_text_model: bool = False
    documented: date | None = None
    documented_later: tuple[tuple[str, date], ...] = ()

    def __post_init__(self) -> None:
        if not self.name or not self.dimensions or min(self.dimensions) < 1:
            raise ValueError(
                f"A model needs a name and dimensions; got {self.name!r} and {self.dimensions!r}. "
                "Give the dimensions as a tuple of positive whole numbers, the default first."
            )
        if self.provider not in PROVIDERS:
            raise ValueError(
                f"provider={self.provider!r} of model {self.name!r} is not known. Expected one of {listed(PROVIDERS)}. "
                f"A model of your own is made known by mmembed.register_model({self.name!r}, dimension=…, version=…, "
                "text=…), and needs no ModelSpec."
            )

    @property
    def default_dimension(self) -> int:
        """Length of the vectors when none is asked for."""
        return self.dimensions[0]

    @property
    def can_fuse(self) -> bool:
        """Whether several kinds in one content give one vector."""
        return "fused" in self.kinds

    def is_request(self, kind: str) -> bool:
        """Say whether a content of this kind is a request of its own."""
        return self.fuses_alone and kind in {"fused", "multi_images"}

    def picture_mb(self, count: int) -> float:
        """Return the most megabytes of each of so many pictures of one content, which must fit into one request."""
        together = self.request_mb * 2**20 / 1e6 * _PICTURE_BYTES_OF_A_REQUEST
        return min(math.inf if self.image_mb is None else self.image_mb, together / max(1, count))

    def most_images(self, region: str) -> int | None:
        """Return the most pictures that one request may hold in a region; None is no limit."""
        return dict(self.images_in_region).get(region, self.max_images)


_QWEN3 = ModelSpec(
    name="qwen3-vl-embedding",
    kinds=_FUSED | _LISTS,
    dimensions=(2560, 2048, 1536, 1024, 768, 512, 256),
    text_tokens=32_000,
    image_mb=5,
    video_mb=50,
    image_formats=_QWEN_IMAGES,
    max_contents=20,
    max_images=10,
    max_videos=1,
    max_multi_images=10,  # as many as a request may hold
    # A tenth of a minute's tokens: twenty texts of 32,000 would be more than a whole minute allows.
    request_tokens=60_000,
    media_price=0.0018,
    text_price=0.0007,
    image_pixels_a_token=1_024,
    most_image_tokens=1_800,
    free_tokens=_FREE_TOKENS,
    free_days=_FREE_DAYS,
    languages="33, among them Chinese, English, Japanese, Korean, French and German",
    requests_per_minute=1_200,
    tokens_per_minute=600_000,
    fuses_alone=True,
    documented=_READ_ON,
    documented_later=(("max_multi_images", _FUSION_READ_ON),),
)

_PLUS = ModelSpec(
    name="tongyi-embedding-vision-plus",
    kinds=_LISTS,
    dimensions=(1152, 1024, 512, 256, 128, 64),
    text_tokens=1_024,
    image_mb=3,
    video_mb=10,
    image_formats=_TONGYI_IMAGES,
    video_formats=_TONGYI_VIDEOS,
    max_contents=None,
    images_in_region=(("singapore", 8),),
    max_multi_images=8,
    request_tokens=3_333,
    media_price=0.0005,
    text_price=0.0005,
    free_tokens=_FREE_TOKENS,
    free_days=_FREE_DAYS,
    languages="Chinese and English",
    requests_per_minute=600,
    tokens_per_minute=200_000,
    regions=("beijing", "singapore"),
    documented=_READ_ON,
)

_PLUS_DATED = dataclasses.replace(
    _PLUS,
    name="tongyi-embedding-vision-plus-2026-03-06",
    kinds=_FUSED | _LISTS,
    image_mb=10,
    video_mb=50,
    max_contents=20,
    max_images=64,
    max_videos=8,
    images_in_region=(),
    max_multi_images=64,
    request_tokens=None,
    free_tokens=None,
    free_days=None,
    languages="over 30",
    requests_per_minute=None,
    tokens_per_minute=None,
    regions=("beijing",),
    documented_later=(("max_multi_images", _LISTS_READ_ON),),
)

# Prices are Beijing's; in Singapore those of texts are 3 to 5 % higher. Pages give the most tokens of one text. They do
# not say whether a request of several may hold more, so it is not asked to; no page that was found gives rates.
_TEXT_V4 = ModelSpec(
    name="text-embedding-v4",
    kinds=frozenset({"text"}),
    dimensions=(1024, 2048, 1536, 768, 512, 256, 128, 64),
    text_tokens=8_192,
    image_formats=(),
    video_formats=(),
    max_contents=10,
    max_texts=10,
    request_tokens=8_192,
    text_price=0.0005,
    free_tokens=_FREE_TOKENS,
    free_days=_FREE_DAYS,
    languages="over 100, and programming languages",
    regions=("beijing", "singapore"),
    takes_fps=False,
    is_text_model=True,
    documented=date(2026, 3, 24),
)

# The page that has these bears no date.
_QWEN37_TEXT = dataclasses.replace(
    _TEXT_V4,
    name="qwen3.7-text-embedding",
    dimensions=(1024, 2560, 2048, 1536, 768, 512, 256),
    text_tokens=128_000,
    max_contents=20,
    max_texts=20,
    request_tokens=128_000,
    languages="201",
    documented=None,
)

_FLASH = {"dimensions": (768, 512, 256, 128, 64), "media_price": 0.00015, "text_price": 0.00015}

MODELS: Mapping[str, ModelSpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            _QWEN3,
            dataclasses.replace(
                _QWEN3,
                name="qwen2.5-vl-embedding",
                kinds=_FUSED,
                dimensions=(1024, 2048, 768, 512),
                max_contents=1,
                max_images=1,
                image_pixels_a_token=None,  # its page does not say, and its patches have another size
                most_image_tokens=None,
                languages="11, among them Chinese, English, Japanese, Korean, French and German",
                always_fuses=True,
                fuses_alone=False,
                max_multi_images=0,
                documented_later=(),
            ),
            _PLUS,
            dataclasses.replace(_PLUS, name="tongyi-embedding-vision-flash", **_FLASH),  # type: ignore[arg-type]  # fields of several types
            ModelSpec(
                name="multimodal-embedding-v1",
                kinds=_PLAIN,
                dimensions=(1024,),
                text_tokens=512,
                image_mb=3,
                video_mb=10,
                image_formats=_TONGYI_IMAGES,
                video_formats=_TONGYI_VIDEOS,
                max_contents=20,
                max_texts=20,
                max_images=1,
                max_videos=1,
                media_price=0.0009,
                text_price=0.0007,
                free_tokens=_FREE_TOKENS,
                free_days=_FREE_DAYS,
                languages="Chinese and English",
                requests_per_minute=120,
                sends_dimension=False,
                documented=_READ_ON,
            ),
            # The dated two: smaller dimensions, text tokens and prices are those of the undated ones, since no page
            # says otherwise; no page gives them rates.
            _PLUS_DATED,
            dataclasses.replace(_PLUS_DATED, name="tongyi-embedding-vision-flash-2026-03-06", **_FLASH),  # type: ignore[arg-type]  # fields of several types
            _TEXT_V4,
            _QWEN37_TEXT,
            dataclasses.replace(
                _QWEN37_TEXT,
                name="qwen3.7-text-embedding-flash",
                dimensions=(1024, 768, 512, 256),
                text_price=0.000125,
                regions=("beijing",),
            ),
            ModelSpec(
                name="local-conse-2",
                provider="local",
                kinds=_FUSED | _LISTS,
                dimensions=(512,),
                image_formats=("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "ICO"),
                video_formats=_TONGYI_VIDEOS,
                max_contents=None,
                regions=("beijing", "singapore"),
                takes_instruct=False,
                takes_fps=False,
                sends_dimension=False,
            ),
        )
    }
)

_ALIASES: Mapping[str, str] = MappingProxyType({"local": "local-conse-2"})

# Models of one's own by name, each with ``spec``: those that were registered, and those that somebody embedded with.
OWN_MODELS: dict[str, Any] = {}

# Models of earlier versions, and the alias of what came after them.
_RETIRED: Mapping[str, str] = MappingProxyType({"local-conse-1": "local"})

_HUGGING_FACE = re.compile(r"[\w.-]+/[\w.-]+")


def models() -> pd.DataFrame:
    """Return the table of known models, a row each; models of one's own follow those of the table.

    Prices are CNY for 1,000 input tokens; a missing limit is one that no page gives.

    Examples
    --------
    >>> models().index[0]
    'qwen3-vl-embedding'
    """
    rows = []
    for spec in (*MODELS.values(), *(model.spec for model in OWN_MODELS.values())):
        row = {name: _cell(value) for name, value in vars(spec).items()}
        rows.append({"name": row.pop("name"), "default_dimension": spec.default_dimension, **row})
    frame = pd.DataFrame(rows).set_index("name")
    counts = [
        name
        for name in map(str, frame)
        if name.startswith("max_") or name.endswith(("_tokens", "_minute", "_days", "_token"))
    ]
    return frame.astype(dict.fromkeys(counts, "Int64"))


def _cell(value: Any) -> Any:
    if isinstance(value, tuple) and value and isinstance(value[0], tuple) and isinstance(value[0][-1], date):
        return ", ".join(f"{name} {day}" for name, day in value)
    return ", ".join(sorted(value)) if isinstance(value, frozenset) else value


def find_model(model: Any) -> ModelSpec:
    """Return the entry of a model: by its name, a ``ModelSpec`` itself, or that of a model of one's own.

    Raises
    ------
    UnknownModelError
        If no model has that name; names the nearest, and the line that makes one known.
    """
    if isinstance(model, ModelSpec):
        return model
    if isinstance(own := getattr(model, "spec", None), ModelSpec):
        return own
    spec = MODELS.get(_ALIASES.get(model, model))
    if spec is not None:
        return spec
    if model in OWN_MODELS:
        return find_model(OWN_MODELS[model])
    if model in _RETIRED:
        after = _RETIRED[model]
        raise UnknownModelError(
            f"Model {model!r} is of an earlier version of mmembed, and its vectors cannot be compared with those of "
            f"{_ALIASES[after]!r}. Embed the column anew with model={after!r}."
        )
    known = [*MODELS, *_ALIASES, *OWN_MODELS]
    if _HUGGING_FACE.fullmatch(str(model)):
        raise UnknownModelError(
            f"Model {model!r} is not in the table and looks like a name of Hugging Face; weights are not loaded by "
            f"name. Write model=SentenceTransformer({model!r}), imported from sentence_transformers, or "
            f"mmembed.CustomModel.openai(base_url=…, model={model!r}) where a server has it."
        )
    raise UnknownModelError(
        f"Model {model!r} is not in the table.{did_you_mean(model, known)} Known: {listed(known)}. "
        "Give a ModelSpec for a model of the service that the table does not have; a model of your own is made known "
        f"by mmembed.register_model({str(model)!r}, dimension=…, version=…, text=…)."
    )


OWN_MODEL = "own model"  # what pickles hold beside the name of a model that a module registers


def registered_elsewhere(model: Any) -> dict[str, Any]:
    """Return what a pickle needs beside the name of a model of one's own that a module registers: the model.

    It is pickled as the name of the module, which is imported where the pickle is read, and makes the name known there.
    """
    own = OWN_MODELS.get(model) if isinstance(model, str) else None
    return {} if own is None or own.origin is None else {OWN_MODEL: own}


def known_model(name: Any) -> ModelSpec | None:
    """Return the entry of a model by its name, or None where it is not known here."""
    own = OWN_MODELS.get(name)
    return MODELS.get(name) if own is None else find_model(own)


def check_own_name(name: Any) -> None:
    """Refuse a name for a model of one's own that is none, or that means another model.

    Raises
    ------
    ValueError
        If it is no text, or a model of the table has it.
    """
    if (
        not isinstance(name, str)
        or not name.strip()
        or name != name.strip()
        or re.search(r"[][,\x00-\x1f]|^float16$", name)
    ):
        raise ValueError(
            f"A model of your own needs a name such as 'my-clip', without commas and brackets; got {name!r}."
        )
    if name in MODELS or name in _ALIASES or name in _RETIRED:
        raise ValueError(f"{name!r} is a model of the table. Give your own another name, such as 'my-{name}'.")


def default_model(region: str) -> str:
    """Return the name of the model that a region gives when none is named."""
    check_region(region)
    return DEFAULT_MODELS[region]


def check_region(region: str) -> None:
    """Refuse a region that does not exist."""
    one_of("region", region, DEFAULT_MODELS)


def check_request(
    spec: ModelSpec,
    *,
    dimension: int | None = None,
    region: str = "beijing",
    instruct: str | None = None,
    fps: float | None = None,
    kinds: Iterable[str] = (),
) -> None:
    """Refuse what the model cannot do, before any request.

    Parameters
    ----------
    spec : ModelSpec
        The model.
    dimension : int, optional
        Length of the vectors that is asked for.
    region : {"beijing", "singapore"}
        Where it is asked.
    instruct, fps : optional
        Parameters of the request; ``fps`` is a share from 0 to 1.
    kinds : iterable of str
        Content kinds that are to be embedded.

    Raises
    ------
    ModalityError
        If the model does not embed one of the kinds.
    ValueError
        If dimension, region, instruct or fps do not fit the model.
    """
    check_region(region)
    if region not in spec.regions:
        offered = [one.name for one in MODELS.values() if region in one.regions]
        raise ValueError(
            f"Model {spec.name!r} is not offered in {region!r}. It is in {listed(spec.regions)}; "
            f"{region!r} has {listed(offered)}."
        )
    if dimension is not None:
        _check_dimension(spec, dimension)
    if instruct is not None and not spec.takes_instruct:
        raise ValueError(f"Model {spec.name!r} takes no instruct; got instruct={instruct!r}. Leave instruct out.")
    if fps is not None:
        _check_fps(spec, fps)
    for kind in kinds:
        if kind not in spec.kinds:
            able = [one.name for one in MODELS.values() if kind in one.kinds and region in one.regions]
            raise ModalityError(
                f"Model {spec.name!r} does not embed {kind!r}. It embeds {listed(sorted(spec.kinds))}; "
                f"models that do: {listed(able)}."
            )


def _check_dimension(spec: ModelSpec, dimension: int) -> None:
    if dimension in spec.dimensions and not isinstance(dimension, bool):
        return
    if len(spec.dimensions) == 1:
        raise ValueError(
            f"Model {spec.name!r} has one dimension, {spec.default_dimension}; got dimension={dimension!r}. "
            "Leave dimension out."
        )
    known = ", ".join(str(one) for one in sorted(spec.dimensions))
    raise ValueError(
        f"Model {spec.name!r} has the dimensions {known}; got dimension={dimension!r}. Choose one of these."
    )


def _check_fps(spec: ModelSpec, fps: float) -> None:
    if not spec.takes_fps:
        raise ValueError(f"Model {spec.name!r} takes no fps; got fps={fps!r}. Leave fps out.")
    if not 0 <= fps <= 1:
        raise ValueError(f"fps is the share of video frames, from 0 to 1; got fps={fps!r}. Give e.g. fps=0.5.")
