"""Contents to vectors by callables, one for each kind: lists in, an array out.

Pictures and clips are opened here, and what one content is made of becomes one vector. A content that cannot be read,
or for whose sake a callable raises, fails alone; an answer that is no vectors ends the run and says what was expected.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from mmembed.contents.clips import load_frames
from mmembed.contents.pictures import open_picture
from mmembed.errors import ContentError, MMEmbedError, ModelError
from mmembed.providers.bisection import Bisection
from mmembed.providers.protocol import Answer

if TYPE_CHECKING:
    from PIL.Image import Image

    from mmembed.arrays import FloatMatrix
    from mmembed.contents.content import Content
    from mmembed.contents.media import Media

Embed = Callable[[list[Any]], Any]

T = TypeVar("T")

_Outcome = npt.NDArray[np.float32] | ContentError

# So many contents failed one by one, and none got a vector: the callable is to blame, and not they.
_MOST_FAILED = 8

_NOUNS = {"text": "texts", "image": "pictures", "video": "clips", "fused": "rows"}


@dataclass(frozen=True)
class Counted:
    """Vectors, shape (n, d), with the tokens that were counted for them."""

    matrix: Any
    tokens: int


@dataclass(frozen=True)
class Calls:
    """What turns contents into vectors.

    Attributes
    ----------
    name : str
        The model, for messages.
    dimension : int
        Length d of the vectors.
    text, image, video, fused : callable or None
        Each takes a list of n and returns vectors, shape (n, d): of texts; of what ``look`` makes of pictures; of
        clips, each a list of these; of rows, each a mapping of kind to content. Clips without a callable get the mean
        of their frames, rows the mean of their parts.
    fused_kinds : frozenset of str
        What rows for ``fused`` may hold; others get the mean of their parts, too.
    look : callable
        Makes of a picture, upright and in red, green and blue, what ``image`` takes; the picture itself by default.
    picture_side : int or None
        A JPEG is decoded at the least size that still has this side in both directions; in full if not given.
    batch_size : int or None
        The most that one call gets; None is no limit.
    at_once : int or None
        How many calls run at a time; None is no limit.
    stop : callable
        Called when a run ends early, to wake calls that wait.
    """

    name: str
    dimension: int
    text: Embed | None = None
    image: Embed | None = None
    video: Embed | None = None
    fused: Embed | None = None
    fused_kinds: frozenset[str] = frozenset({"text", "image", "video"})
    look: Callable[[Image], Any] = lambda picture: picture
    picture_side: int | None = None
    batch_size: int | None = None
    at_once: int | None = None
    stop: Callable[[], object] = lambda: None


class CallableSession:
    """Embeds batches by callables; implements :class:`mmembed.providers.protocol.Session`.

    Parameters
    ----------
    calls : Calls
        What turns contents into vectors.
    charge : callable, optional
        Returns tokens and CNY of contents that got vectors, given the tokens that were counted; nothing is charged
        without it.
    """

    # What a progress bar counts, where there are no requests.
    answers = "batches"

    def __init__(
        self, calls: Calls, *, charge: Callable[[Sequence[Content], int], tuple[int, float]] | None = None
    ) -> None:
        self._calls = calls
        self._charge = charge
        self._lock = threading.Lock()
        self._gate = threading.BoundedSemaphore(calls.at_once) if calls.at_once else None
        self._stopped = threading.Event()
        self._has_vectors = False
        self._failed = 0

    @property
    def throttled(self) -> bool:
        """Never: there is nobody to say so."""
        return False

    def stop(self) -> None:
        """Begin no further call, and wake those that wait."""
        self._stopped.set()
        self._calls.stop()

    def embed(self, batch: Sequence[Content]) -> Answer:
        """Embed contents of any kinds; one that cannot be read, or for whose sake a callable raises, fails alone.

        Raises
        ------
        ModelError
            If an answer is no vectors of the right number and length, or a callable raises for all contents.
        MissingExtraError
            If a package that the batch needs is not installed.
        concurrent.futures.CancelledError
            If the session was stopped.
        """
        work = _Work()
        matrix = np.full((len(batch), self._calls.dimension), np.nan, np.float32)
        failures = {}
        for row, outcome in enumerate(self._embed_all(batch, work)):
            if isinstance(outcome, ContentError):
                failures[row] = outcome
            else:
                matrix[row] = outcome
        if self._charge is None:
            return Answer(matrix, failures)
        made = [content for row, content in enumerate(batch) if row not in failures]
        tokens, cost = self._charge(made, work.tokens)
        return Answer(matrix, failures, tokens=tokens, cost=cost)

    def _embed_all(self, contents: Sequence[Content], work: _Work) -> list[_Outcome]:
        """Return a vector, or the reason why there is none, for each content."""
        embed_kind: dict[str, Callable[[Sequence[Content], _Work], list[_Outcome]]] = {
            "text": self._embed_texts,
            "image": self._embed_pictures,
            "video": self._embed_clips,
            "row": self._embed_rows,
            "parts": self._embed_parts,
        }
        outcomes: dict[int, _Outcome] = {}
        roads = [self._road(content) for content in contents]
        for road, embed in embed_kind.items():
            rows = [row for row, one in enumerate(roads) if one == road]
            if rows:
                outcomes.update(zip(rows, embed([contents[row] for row in rows], work), strict=True))
        return [outcomes[row] for row in range(len(contents))]

    def _road(self, content: Content) -> str:
        """Return how a content becomes a vector."""
        if content.kind not in {"multi_images", "fused"}:
            return content.kind
        is_row = content.kind == "fused" and self._calls.fused is not None
        return "row" if is_row and {part.kind for part in content.parts} <= self._calls.fused_kinds else "parts"

    def _embed_texts(self, contents: Sequence[Content], work: _Work) -> list[_Outcome]:
        return self._call("text", [content.text or "" for content in contents], work)

    def _embed_pictures(self, contents: Sequence[Content], work: _Work) -> list[_Outcome]:
        pictures, failures = _attempt(self._picture, contents)
        return _put_back(self._call("image", pictures, work), failures, len(contents))

    def _embed_clips(self, contents: Sequence[Content], work: _Work) -> list[_Outcome]:
        clips, failures = _attempt(self._frames, contents)
        if self._calls.video is not None:
            return _put_back(self._call("video", clips, work), failures, len(contents))
        of_frames = iter(self._call("image", [frame for clip in clips for frame in clip], work))
        means = [_mean_of([next(of_frames) for _ in clip]) for clip in clips]
        return _put_back(means, failures, len(contents))

    def _embed_parts(self, contents: Sequence[Content], work: _Work) -> list[_Outcome]:
        of_parts = iter(self._embed_all([part for content in contents for part in content.parts], work))
        return [_mean_of([next(of_parts) for _ in content.parts]) for content in contents]

    def _embed_rows(self, contents: Sequence[Content], work: _Work) -> list[_Outcome]:
        rows, failures = _attempt(lambda content: {part.kind: self._part(part) for part in content.parts}, contents)
        return _put_back(self._call("fused", rows, work), failures, len(contents))

    def _part(self, content: Content) -> Any:
        if content.kind == "text":
            return content.text
        return self._frames(content) if content.kind == "video" else self._picture(content)

    def _picture(self, content: Content) -> Any:
        return self._calls.look(open_picture(_media_of(content), at_least=self._calls.picture_side))

    def _frames(self, content: Content) -> list[Any]:
        return [self._calls.look(frame) for frame in load_frames(_media_of(content))]

    def _call(self, kind: str, values: list[Any], work: _Work) -> list[_Outcome]:
        """Give values to the callable of a kind, in parts, and halve the parts for which it raises."""
        found: list[_Outcome] = [_UNKNOWN] * len(values)

        def send(positions: Sequence[int]) -> None:
            matrix = self._vectors(kind, [values[position] for position in positions], work)
            for position, row in zip(positions, matrix, strict=True):
                found[position] = row if np.isfinite(row).all() else self._not_finite(kind)
            with self._lock:
                self._has_vectors = True

        def give_up(position: int, refusal: _Refused) -> None:
            found[position] = self._failure(kind, refusal.error)

        size = self._calls.batch_size or max(1, len(values))
        bisection = Bisection(send, _Refused, give_up)
        for start in range(0, len(values), size):
            bisection.run(range(start, min(start + size, len(values))), blames_size=lambda _: False)
        return found

    def _vectors(self, kind: str, values: list[Any], work: _Work) -> FloatMatrix:
        """Return what the callable says, shape (n, d), checked but for the numbers themselves."""
        if self._stopped.is_set():
            raise CancelledError
        call: Embed | None = getattr(self._calls, kind)
        if call is None:
            raise ModelError(f"Model {self._calls.name!r} has no callable for {kind!r}.")
        try:
            if self._gate is None:
                given = call(values)
            else:
                with self._gate:
                    given = call(values)
        except ContentError as error:
            raise _Refused(error) from error
        except (MMEmbedError, CancelledError):
            raise
        except Exception as error:
            raise _Refused(error) from error
        if isinstance(given, Counted):
            work.tokens += given.tokens
            given = given.matrix
        return self._checked(kind, given, len(values))

    def _checked(self, kind: str, given: Any, count: int) -> FloatMatrix:
        subject = f"The {kind} callable of model {self._calls.name!r}"
        wanted = (
            f"expected an array of shape ({count}, {self._calls.dimension}), one row for each of the {count} "
            f"{_NOUNS[kind]} that it was given"
        )
        try:
            matrix = as_matrix(given)
        except (TypeError, ValueError) as error:
            said = f"{subject} returned {type(given).__name__}, which is no matrix: {error}; {wanted}."
            raise ModelError(said) from error
        if matrix.shape == (count, self._calls.dimension):
            return matrix
        hint = ""
        if matrix.ndim == 2 and len(matrix) == count:
            hint = f" Register the model with dimension={matrix.shape[1]}, or mend the callable."
        elif matrix.ndim == 1 and count == 1:
            hint = " The callable gets a list, also of one, and returns a row for each."
        raise ModelError(f"{subject} returned an array of shape {matrix.shape}; {wanted}.{hint}")

    def _not_finite(self, kind: str) -> ContentError:
        subject = f"The {kind} callable of model {self._calls.name!r}"
        return ContentError("NotFinite", f"{subject} gave a vector that holds NaN or infinity for this cell.")

    def _failure(self, kind: str, error: Exception) -> ContentError:
        """Return why a content that was given alone has no vector.

        Raises
        ------
        ModelError
            If so many failed and none got a vector.
        """
        subject = f"The {kind} callable of model {self._calls.name!r}"
        with self._lock:
            if not isinstance(error, ContentError):
                self._failed += 1
            is_hopeless = not self._has_vectors and self._failed >= _MOST_FAILED
        if is_hopeless:
            raise ModelError(
                f"{subject} raised for each of {self._failed} contents that it was given alone, and gave no vector: "
                f"{_told(error)}"
            ) from error
        if isinstance(error, ContentError):
            return error
        failure = ContentError("ModelFailed", f"{subject} raised for this cell: {_told(error)}")
        failure.__cause__ = error
        return failure


class _Refused(Exception):  # noqa: N818 - one of several contents may be to blame
    """A call that raised."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass
class _Work:
    """What one batch took."""

    tokens: int = field(default=0)


_UNKNOWN = ContentError("NotAsked", "This cell was not asked for.")


def as_matrix(given: Any) -> FloatMatrix:
    """Return what a callable gave as float32: an array, a tensor on any device, or a list of either.

    Raises
    ------
    TypeError, ValueError
        If it is none of these.
    """
    if isinstance(given, list | tuple) and given and _is_tensor(given[0]):
        given = [_off_device(one) for one in given]
    elif _is_tensor(given):
        given = _off_device(given)
    matrix = np.asarray(given)
    if matrix.dtype.kind not in "fiub":
        raise TypeError(f"its numbers are of type {matrix.dtype}")
    return np.asarray(matrix, np.float32)


def _is_tensor(given: Any) -> bool:
    return hasattr(given, "detach") and hasattr(given, "cpu")


def _off_device(tensor: Any) -> Any:
    found = tensor.detach().cpu()
    return found.float().numpy() if hasattr(found, "float") else found.numpy()


def _told(error: Exception) -> str:
    """Return what an error says and where it came from, on one line."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" ({PurePath(last[0].filename).name}, line {last[0].lineno})" if last else ""
    said = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {said}{where}."


def _media_of(content: Content) -> Media:
    if content.media is None:
        raise ContentError("NoMedia", f"A content of kind {content.kind!r} has no media; expected a file or bytes.")
    return content.media


def _attempt(read: Callable[[Content], T], contents: Sequence[Content]) -> tuple[list[T], dict[int, ContentError]]:
    """Return what was read, and by row why something was not."""
    values, failures = [], {}
    for row, content in enumerate(contents):
        try:
            values.append(read(content))
        except ContentError as error:
            failures[row] = error
    return values, failures


def _put_back(outcomes: Sequence[_Outcome], failures: Mapping[int, ContentError], count: int) -> list[_Outcome]:
    following = iter(outcomes)
    return [failures[row] if row in failures else next(following) for row in range(count)]


def _mean_of(outcomes: Sequence[_Outcome]) -> _Outcome:
    """Return the mean direction of the parts; a content with a part that failed fails for the same reason."""
    if not outcomes:
        return ContentError(
            "NoParts", "The content has no parts; expected at least one. Leave the cell missing instead."
        )
    vectors = []
    for outcome in outcomes:
        if isinstance(outcome, ContentError):
            return outcome
        vectors.append(outcome)
    return unit(unit(np.stack(vectors)).mean(axis=0))


def unit(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return vectors with length 1; a zero vector stays zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0), np.float32)


def batches_of_kinds(contents: Sequence[Content], sizes: Callable[[str], int]) -> list[list[int]]:
    """Return batches of positions in ``contents``: each of one kind, in order, and of at most ``sizes(kind)``."""
    by_kind: dict[str, list[int]] = {}
    for position, content in enumerate(contents):
        by_kind.setdefault(content.kind, []).append(position)
    return [
        positions[start : start + sizes(kind)]
        for kind, positions in by_kind.items()
        for start in range(0, len(positions), sizes(kind))
    ]
