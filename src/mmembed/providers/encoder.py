"""An encoder with ``encode``, as of sentence-transformers: what it says of itself, and how each kind is handed to it.

Nothing is imported from sentence-transformers. Since its version 5.4 an encoder takes a text that names a file or a
picture's address for that picture; here a text stays a text.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mmembed.errors import ModelError, listed
from mmembed.providers.callable_session import as_matrix

_QUIET = {"show_progress_bar": False, "convert_to_numpy": True}


@dataclass(frozen=True)
class Encoder:
    """What an encoder is, read from it.

    Parameters
    ----------
    encoder : object
        ``encode(list)`` returns vectors, shape (n, d).
    given_kinds : sequence of str, optional
        What it embeds, where it does not say so.
    """

    encoder: Any
    given_kinds: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if not callable(getattr(self.encoder, "encode", None)):
            raise TypeError(
                f"{type(self.encoder).__name__} has no encode. Give an object with encode(list), such as "
                "SentenceTransformer(…), or callables: mmembed.register_model(name, dimension=…, version=…, text=…)."
            )
        if unknown := sorted(set(self.given_kinds or ()) - {"text", "image"}):
            raise ValueError(f"kinds holds {listed(unknown)}; expected 'text' and 'image'.")

    def __getstate__(self) -> dict[str, Any]:
        return {"encoder": self.encoder, "given_kinds": self.given_kinds}

    @property
    def name(self) -> str:
        """What it is called.

        Raises
        ------
        ValueError
            If it does not say.
        """
        card = getattr(self.encoder, "model_card_data", None)
        for where, which in ((card, "model_id"), (card, "base_model"), (self.encoder, "name")):
            found = getattr(where, which, None)
            if isinstance(found, str) and found:
                return found
        raise ValueError(
            f"The encoder of type {type(self.encoder).__name__} does not say what it is called. Name it: "
            "mmembed.CustomModel.of(encoder, name='my-model')."
        )

    @property
    def version(self) -> str:
        """The revision of its weights; ``"1"`` if it does not say."""
        card = getattr(self.encoder, "model_card_data", None)
        found = getattr(card, "base_model_revision", None)
        return found if isinstance(found, str) and found else "1"

    @cached_property
    def _modalities(self) -> tuple[Any, ...] | None:
        """What it says that it takes; None where it does not say."""
        found = getattr(self.encoder, "modalities", None)
        return None if found is None or isinstance(found, str) else tuple(found)

    @property
    def kinds(self) -> frozenset[str]:
        """Texts, pictures, or both."""
        if self.given_kinds is not None:
            return frozenset(self.given_kinds)
        supports = getattr(self.encoder, "supports", None)
        if callable(supports):
            found = [kind for kind in ("text", "image") if supports(kind)]
        elif self._modalities is not None:
            found = [kind for kind in ("text", "image") if kind in self._modalities]
        else:
            found = ["text", "image"] if self._is_former_clip else ["text"]
        if not found:
            raise ValueError(
                f"The encoder takes {listed(self._modalities or ())}, and neither texts nor pictures. Give callables: "
                "mmembed.register_model(name, dimension=…, version=…, video=…)."
            )
        return frozenset(found)

    @property
    def _is_former_clip(self) -> bool:
        """Whether it is a CLIP of sentence-transformers before 5.4, which did not say what they take."""
        try:
            return type(self.encoder[0]).__name__ == "CLIPModel"
        except (TypeError, KeyError, IndexError, AttributeError):
            return False

    @property
    def fuses(self) -> bool:
        """Whether it makes one vector of a text and a picture by itself."""
        taken = set(self._modalities or ())
        return {"text", "image"} <= self.kinds and bool(taken & {"message", ("image", "text"), ("text", "image")})

    @property
    def tells_queries(self) -> bool:
        """Whether it has a way of its own for what is searched with."""
        return "text" in self.kinds and callable(getattr(self.encoder, "encode_query", None))

    @property
    def dimension(self) -> int:
        """Length of its vectors: what it says, or what it gives for a short text or a small picture."""
        for which in ("get_embedding_dimension", "get_sentence_embedding_dimension"):
            say = getattr(self.encoder, which, None)
            found = say() if callable(say) else None
            if isinstance(found, int) and found > 0:
                return found
        if "text" in self.kinds:
            matrix = as_matrix(self.texts(["mmembed"]))
        else:
            from PIL import Image

            matrix = as_matrix(self.pictures([Image.new("RGB", (64, 64), "red")]))
        if matrix.ndim != 2 or len(matrix) != 1:
            raise ModelError(
                f"encode([one content]) returned an array of shape {matrix.shape}; expected (1, d), a row for each "
                "content of the list."
            )
        return int(matrix.shape[1])

    def texts(self, texts: list[str]) -> Any:
        """Embed texts as what they are."""
        encode = getattr(self.encoder, "encode_document", None)
        return self._call(encode if callable(encode) else self.encoder.encode, self._as_texts(texts))

    def queries(self, texts: list[str]) -> Any:
        """Embed texts that are searched with."""
        return self._call(self.encoder.encode_query, self._as_texts(texts))

    def pictures(self, pictures: list[Any]) -> Any:
        """Embed pictures."""
        return self._call(self.encoder.encode, pictures)

    def rows(self, rows: list[Any]) -> Any:
        """Embed rows of a text and a picture."""
        return self._call(self.encoder.encode, [dict(row) for row in rows])

    def _as_texts(self, texts: list[str]) -> list[Any]:
        # Who says what it takes knows the mapping; who does not, knows strings only, and opens no files.
        if self._modalities is None or "image" not in self.kinds:
            return list(texts)
        return [{"text": text} for text in texts]

    def _call(self, encode: Callable[..., Any], inputs: list[Any]) -> Any:
        return encode(inputs, **self._settings(encode, len(inputs)))

    def _settings(self, encode: Callable[..., Any], count: int) -> dict[str, Any]:
        """Return the keywords of sentence-transformers that this function takes."""
        try:
            taken = inspect.signature(encode).parameters
        except (TypeError, ValueError):
            return {}
        wanted = {**_QUIET, "batch_size": max(1, count)}
        return {name: value for name, value in wanted.items() if name in taken}
