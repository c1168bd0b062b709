"""Models of one's own: a name, a length, and a callable for each kind of content.

What turns contents into vectors is the user's: a function, an encoder as of sentence-transformers, a server.
Deduplication, cache, plan, order and errors by row come with it, as for the models of the table.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mmembed.contents.content import ContentKind
from mmembed.errors import UnknownModelError, listed
from mmembed.providers.callable_session import Calls, Embed
from mmembed.providers.models import MODELS, OWN_MODELS, ModelSpec, check_own_name
from mmembed.providers.protocol import Provider
from mmembed.providers.settings import ModelSettings

if TYPE_CHECKING:
    from mmembed.cache.shared import Cache

_BATCH_SIZE = 32

_EVERYWHERE = ("beijing", "singapore")


class Server(Protocol):
    """What answers the callables over connections that are opened for a run."""

    def opened(self, calls: Calls, workers: int) -> Any:
        """Return a context manager that gives the calls of a run."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True)
class CustomModel:
    """A model of one's own; :func:`register_model` makes one, and ``model=`` takes it or its name.

    Parameters
    ----------
    name : str
        What it is called: the space of its vectors, which is how a column finds its model again.
    dimension : int
        Length d of its vectors.
    version : str
        Goes into the keys of the cache: with another version every content is embedded anew.
    text, image : callable, optional
        Takes a list of n texts, or of n pictures of Pillow (upright, red, green and blue), and returns their vectors:
        an array, a tensor, or a list of n arrays, shape (n, d).
    video : callable, optional
        Takes a list of n clips, each a list of up to 8 pictures. Without it, a clip gets the mean direction of its
        frames.
    query_text : callable, optional
        Like text, for what is searched with, where the model tells queries from documents.
    fused : callable, optional
        Takes a list of n rows, each a dict such as ``{"text": …, "image": …}``. Without it, a row gets the mean
        direction of its parts.
    fused_kinds : sequence of {"text", "image", "video"}
        What such rows may hold; others get the mean direction of their parts.
    batch_size : int
        The most contents that one call gets.
    price : float, optional
        CNY for 1,000 tokens, which are estimated. 0 is free. Not given, it is free too, but a server's price is then
        unknown, so that nothing is sent to it that was not asked for.
    workers : int
        How many calls run at once; 1 unless the callables may be called from several threads.
    shorter_dimensions : sequence of int
        Lengths that its vectors may be cut to, where it was trained for that (Matryoshka).
    picture_side : int, optional
        The side in pixels of the pictures that the model looks at: large JPEGs are then opened many times faster, at
        the least size that still has it in both directions.

    Examples
    --------
    >>> import numpy as np
    >>> model = CustomModel(
    ...     name="length", dimension=2, version="1", text=lambda texts: np.array([[len(text), 1] for text in texts])
    ... )
    >>> model
    CustomModel('length', dimension=2, version='1', kinds='text')
    """

    name: str
    dimension: int
    version: str
    text: Embed | None = field(default=None, repr=False)
    image: Embed | None = field(default=None, repr=False)
    video: Embed | None = field(default=None, repr=False)
    query_text: Embed | None = field(default=None, repr=False)
    fused: Embed | None = field(default=None, repr=False)
    fused_kinds: Sequence[str] = ("text", "image", "video")
    batch_size: int = _BATCH_SIZE
    price: float | None = None
    workers: int = 1
    shorter_dimensions: Sequence[int] = ()
    picture_side: int | None = None
    role: str | None = field(default=None, repr=False)  # "query" where the vectors are of what is searched with
    server: Server | None = field(default=None, repr=False)
    origin: str | None = field(default=None, repr=False)  # the module that registers it when it is imported

    def __post_init__(self) -> None:
        check_own_name(self.name)
        for name in ("dimension", "batch_size", "workers"):
            least = getattr(self, name)
            if isinstance(least, bool) or not isinstance(least, int | np.integer) or least < 1:
                raise ValueError(f"{name}={least!r} of model {self.name!r} is no whole number from 1 on.")
            object.__setattr__(self, name, int(least))
        object.__setattr__(self, "version", str(self.version))
        object.__setattr__(self, "shorter_dimensions", tuple(self.shorter_dimensions))
        if long := [one for one in self.shorter_dimensions if not 0 < one < self.dimension]:
            raise ValueError(f"shorter_dimensions holds {long}; model {self.name!r} has {self.dimension} numbers.")
        given = {kind: getattr(self, kind) for kind in ("text", "image", "video", "query_text", "fused")}
        if bad := [kind for kind, call in given.items() if call is not None and not callable(call)]:
            raise TypeError(
                f"{bad[0]}={given[bad[0]]!r} of model {self.name!r} is not callable. Give a function that takes a list "
                "and returns an array of shape (n, d), such as encoder.encode."
            )
        if not any(given[kind] for kind in ("text", "image", "video")):
            raise ValueError(f"Model {self.name!r} embeds nothing. Give at least one of text=, image= and video=.")

    def __repr__(self) -> str:
        kinds = ", ".join(kind for kind in ("text", "image", "video") if getattr(self, kind) is not None)
        return f"CustomModel({self.name!r}, dimension={self.dimension}, version={self.version!r}, kinds={kinds!r})"

    def __sklearn_clone__(self) -> CustomModel:
        # A frozen object is its own clone: no search over parameters copies weights.
        return self

    def __deepcopy__(self, _: dict[int, Any]) -> CustomModel:
        return self

    def __dask_tokenize__(self) -> object:
        return ["mmembed.CustomModel", self.name, self.dimension, self.version, self.role]

    def __reduce__(self) -> tuple[Any, ...]:
        if self.origin is not None and OWN_MODELS.get(self.name) is self:
            return _from_module, (self.origin, self.name)
        return _rebuild, (vars(self).copy(),)

    @classmethod
    def of(
        cls,
        encoder: Any,
        *,
        name: str | None = None,
        version: str | None = None,
        kinds: Sequence[str] | None = None,
        batch_size: int = _BATCH_SIZE,
        price: float | None = None,
        shorter_dimensions: Sequence[int] = (),
        picture_side: int | None = None,
    ) -> CustomModel:
        """Return the model that an encoder is: anything with ``encode``, such as a ``SentenceTransformer``.

        What it embeds, the length of its vectors and its name are read from it. A text stays a text, also where it
        names a file or a picture's address. Queries are embedded by ``encode_query`` and texts by ``encode_document``
        where it has them.

        Parameters
        ----------
        encoder : object
            ``encode(list)`` returns vectors, shape (n, d).
        name : str, optional
            What the model is called; what the encoder says of itself if not given.
        version : str, optional
            As in :class:`CustomModel`; the revision that the encoder names if not given.
        kinds : sequence of {"text", "image"}, optional
            What it embeds, where it does not say so; texts alone if not given.
        batch_size, price, shorter_dimensions, picture_side
            As in :class:`CustomModel`.

        Raises
        ------
        TypeError
            If there is no ``encode``.
        ValueError
            If the encoder does not say what it is called.
        """
        from mmembed.providers.encoder import Encoder

        read = Encoder(encoder, kinds)
        return cls(
            name=name or read.name,
            dimension=read.dimension,
            version=version or read.version,
            text=read.texts if "text" in read.kinds else None,
            image=read.pictures if "image" in read.kinds else None,
            query_text=read.queries if read.tells_queries else None,
            fused=read.rows if read.fuses else None,
            fused_kinds=("text", "image"),
            batch_size=batch_size,
            price=price,
            shorter_dimensions=shorter_dimensions,
            picture_side=picture_side,
        )

    @classmethod
    def openai(
        cls,
        *,
        base_url: str,
        model: str,
        dimension: int | None = None,
        name: str | None = None,
        version: str = "1",
        api_key: str | None = None,
        api_key_variable: str | None = None,
        image: str | None = None,
        query_prefix: str | None = None,
        batch_size: int = _BATCH_SIZE,
        price: float | None = None,
        workers: int = 4,
        shorter_dimensions: Sequence[int] = (),
        timeout_seconds: float = 120.0,
        extra: Mapping[str, Any] | None = None,
    ) -> CustomModel:
        """Return a model behind an OpenAI-compatible server: vLLM, Infinity, TEI, or DashScope's compatible mode.

        Parameters
        ----------
        base_url : str
            Where it is, such as ``"http://localhost:8000/v1"``; ``/embeddings`` is added.
        model : str
            What the server calls it.
        dimension : int, optional
            Length of its vectors; if not given, the server is asked for the vector of one short text now.
        name, version, batch_size, price, workers, shorter_dimensions
            As in :class:`CustomModel`; the name is that of the server if not given.
        api_key : str, optional
            Shown nowhere, and left out where the model is pickled.
        api_key_variable : str, optional
            The environment variable that holds the key, read when it is used. By default ``DASHSCOPE_API_KEY`` for
            Alibaba Cloud, ``OPENAI_API_KEY`` for openai.com, and none for any other server, which would be told a key
            that is not its own.
        image : {"vllm", "infinity"}, optional
            How the server takes pictures: as chat messages, one a request, or as data addresses with
            ``modality="image"``. Without it, texts only.
        query_prefix : str, optional
            Put before texts that are searched with, for models that want it.
        timeout_seconds : float
            Longest time of one attempt.
        extra : mapping, optional
            Further fields of each request, such as ``{"dimensions": 256}``.
        """
        from mmembed.providers.openai_server import OpenAIServer

        server = OpenAIServer(
            base_url=base_url,
            model=model,
            api_key=api_key,
            api_key_variable=api_key_variable,
            image=image,
            timeout_seconds=timeout_seconds,
            extra=extra or {},
        )
        return cls(
            name=name or model,
            dimension=server.ask_dimension() if dimension is None else dimension,
            version=version,
            text=server.texts,
            image=None if image is None else server.pictures,
            query_text=None if query_prefix is None else server.with_prefix(query_prefix),
            batch_size=batch_size,
            price=price,
            workers=workers,
            shorter_dimensions=shorter_dimensions,
            server=server,
        )

    @property
    def kinds(self) -> frozenset[ContentKind]:
        """The content kinds that it embeds: clips and lists by their pictures, rows by their parts."""
        kinds: set[ContentKind] = {"text"} if self.text is not None else set()
        if self.image is not None:
            kinds |= {"image", "video", "multi_images"}
        if self.video is not None:
            kinds.add("video")
        if self.fused is not None or len(kinds & {"text", "image", "video"}) > 1:
            kinds.add("fused")
        return frozenset(kinds)

    @property
    def spec(self) -> ModelSpec:
        """The model as an entry of the table."""
        return ModelSpec(
            name=self.name,
            provider="own",
            kinds=self.kinds,
            dimensions=(self.dimension, *self.shorter_dimensions),
            image_formats=MODELS["local-conse-2"].image_formats,
            video_formats=MODELS["local-conse-2"].video_formats,
            max_contents=self.batch_size,
            media_price=self.price or 0.0,
            text_price=self.price or 0.0,
            regions=_EVERYWHERE,
            takes_instruct=False,
            takes_fps=False,
            sends_dimension=False,
        )

    @property
    def is_free(self) -> bool:
        """Whether embedding costs nothing for sure."""
        return self.price == 0 or (self.price is None and self.server is None)

    def for_queries(self) -> CustomModel:
        """Return the model for texts that are searched with: itself, unless it tells them from documents."""
        if self.query_text is None:
            return self
        return replace(self, text=self.query_text, query_text=None, role="query", origin=None)

    def provider(
        self,
        settings: ModelSettings | None = None,
        *,
        cache: Callable[[], Cache | None] = lambda: None,
        is_plan: bool = False,
    ) -> Provider:
        """Return the model with settings, not yet open."""
        from mmembed.providers.custom_provider import CustomProvider

        used = settings or ModelSettings()
        return CustomProvider(
            self, used.dimension or self.dimension, used.workers or self.workers, cache, is_plan=is_plan
        )

    @contextmanager
    def opened(self, workers: int) -> Iterator[Calls]:
        """Give what turns contents into vectors, while the connections that it needs are open."""
        calls = Calls(
            name=self.name,
            dimension=self.dimension,
            text=self.text,
            image=self.image,
            video=self.video,
            fused=self.fused,
            fused_kinds=frozenset(self.fused_kinds),
            picture_side=self.picture_side,
            batch_size=self.batch_size,
            at_once=workers,
        )
        if self.server is None:
            yield calls
            return
        with self.server.opened(calls, workers) as found:
            yield found


def register_model(
    name: str,
    *,
    dimension: int,
    version: str,
    text: Embed | None = None,
    image: Embed | None = None,
    video: Embed | None = None,
    query_text: Embed | None = None,
    fused: Embed | None = None,
    batch_size: int = _BATCH_SIZE,
    price: float | None = None,
    workers: int = 1,
    shorter_dimensions: Sequence[int] = (),
    picture_side: int | None = None,
) -> CustomModel:
    """Make a model of one's own known by its name, to ``model=`` and to the columns that it embeds.

    A name that was registered before means the new model from now on. In a module, at its top level, workers of Dask
    and joblib find it by importing the module; from a notebook, the model itself travels to them.

    Parameters
    ----------
    name, dimension, version, text, image, video, query_text, fused, batch_size, price, workers, shorter_dimensions, \
picture_side
        As in :class:`CustomModel`.

    Returns
    -------
    CustomModel

    Raises
    ------
    ValueError
        If a model of the table has that name, or nothing is embedded.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> _ = register_model(
    ...     "vowels", dimension=2, version="1", text=lambda texts: [[t.count("a"), t.count("o")] for t in texts]
    ... )
    >>> df = pd.DataFrame({"title": ["papaya", "cocoon"]}).mmembed.embed("title", "text", model="vowels")
    >>> df.mmembed.search("banana", "title_vector", k=1)["title"].item()
    'papaya'
    """
    caller = sys._getframe(1)  # noqa: SLF001  the documented way to look at the caller
    module = caller.f_globals.get("__name__")
    is_imported = caller.f_code.co_name == "<module>" and module not in (None, "__main__")
    return remember(
        CustomModel(
            name=name,
            dimension=dimension,
            version=version,
            text=text,
            image=image,
            video=video,
            query_text=query_text,
            fused=fused,
            batch_size=batch_size,
            price=price,
            workers=workers,
            shorter_dimensions=shorter_dimensions,
            picture_side=picture_side,
            origin=module if is_imported else None,
        )
    )


def remember(model: CustomModel) -> CustomModel:
    """Let a model be found by its name from now on."""
    OWN_MODELS[model.name] = model
    return model


def own_model(given: Any) -> Any:
    """Return what ``model=`` was given as what a setting can be: a name, an entry, or a model that is known by name.

    Raises
    ------
    TypeError
        If it is nothing that embeds; names the line that makes it one.
    """
    if given is None or isinstance(given, str | ModelSpec):
        return given
    if isinstance(given, CustomModel):
        return given if given.role is not None else remember(given)
    if hasattr(given, "encode") and not isinstance(given, type):
        return remember(CustomModel.of(given))
    if callable(given) and not isinstance(given, type):
        said = getattr(given, "__name__", "")
        called = said if said.isidentifier() else "function"
        raise TypeError(
            f"model={called} is a function, which does not say how long its vectors are or what they are called. "
            f"Write once: mmembed.register_model('my-model', dimension=…, version='1', text={called}), or image= in "
            "place of text=, and then model='my-model'."
        )
    raise TypeError(
        f"model is of type {type(given).__name__}. Expected a name of mmembed.models(), 'local', a ModelSpec, a "
        "CustomModel, or an object with encode, such as SentenceTransformer('clip-ViT-B-32')."
    )


def find_own(name: str) -> Any:
    """Return a model that is not of the service, by its name: one of one's own, or the local one.

    Raises
    ------
    UnknownModelError
        If nobody registered it here.
    """
    if name in OWN_MODELS:
        return OWN_MODELS[name]
    if name in MODELS and MODELS[name].provider == "local":
        from mmembed.providers.local import LOCAL_MODEL

        return LOCAL_MODEL
    raise UnknownModelError(
        f"Model {name!r} is said to be one of your own, and none of that name is registered here. Registered: "
        f"{listed(OWN_MODELS)}. Write mmembed.register_model({name!r}, dimension=…, version=…, text=…) first."
    )


def _rebuild(state: Mapping[str, Any]) -> CustomModel:
    return CustomModel(**state)


def _from_module(module: str, name: str) -> CustomModel:
    """Return the model that a module registers when it is imported."""
    importlib.import_module(module)
    found = OWN_MODELS.get(name)
    if not isinstance(found, CustomModel):
        raise UnknownModelError(
            f"Module {module!r} was imported and registered no model {name!r} here. Let it call "
            "mmembed.register_model at its top level, on every machine."
        )
    return found
