"""Every exception that mmembed raises on purpose.

This module owns the tree and the wording helpers; it must not import anything of mmembed.
The tree::

    MMEmbedError
    ├── ColumnNotFoundError       (KeyError)      a column name that the frame does not have
    ├── ColumnExistsError         (ValueError)    a column of the frame that a verb would replace and did not write
    ├── ModalityError             (ValueError)    a modality that does not exist or that the model cannot embed
    ├── UnknownModelError         (ValueError)    a model name that is not in the table
    ├── VectorError               (ValueError)    values that cannot become vectors
    │   ├── DimensionMismatchError                vectors of two lengths
    │   └── SpaceMismatchError                    vectors of two spaces
    ├── ContentError              (ValueError)    one cell that cannot be read or embedded
    ├── EmbeddingError            (RuntimeError)  some rows failed; ``.errors`` is the frame that says which and why
    ├── ServiceError              (RuntimeError)  the service gave no vectors, and the whole run had to stop
    ├── ModelError                (RuntimeError)  a model of one's own raised for everything, or gave no vectors
    ├── BudgetError               (RuntimeError)  the plan or the bill is over max_cost
    ├── MissingCredentialsError   (RuntimeError)  no API key
    └── MissingExtraError         (ImportError)   an optional package is not installed

Beside the tree, EmbeddingWarning (UserWarning) says that ``errors="coerce"`` left rows without a vector, and
MixedKindsWarning (UserWarning) that a column holds contents of several kinds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import index
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    import pandas as pd

_Choice = TypeVar("_Choice", bound=str)

__all__ = [
    "BudgetError",
    "ColumnExistsError",
    "ColumnNotFoundError",
    "ContentError",
    "DimensionMismatchError",
    "EmbeddingError",
    "EmbeddingWarning",
    "MMEmbedError",
    "MissingCredentialsError",
    "MissingExtraError",
    "MixedKindsWarning",
    "ModalityError",
    "ModelError",
    "ServiceError",
    "SpaceMismatchError",
    "UnknownModelError",
    "VectorError",
]


class MMEmbedError(Exception):
    """Base of every error that mmembed raises on purpose."""

    def __str__(self) -> str:
        # KeyError shows repr(message); a message for people is shown as it was written.
        return str(self.args[0]) if self.args else ""


class EmbeddingWarning(UserWarning):
    """Some rows have no vector because their content failed and ``errors="coerce"`` was asked for."""


class MixedKindsWarning(UserWarning):
    """A column holds contents of several kinds, which lie apart in the space."""


class ColumnNotFoundError(MMEmbedError, KeyError):
    """A column name that the frame does not have."""


class ColumnExistsError(MMEmbedError, ValueError):
    """A column of the frame that a verb would replace, and that it did not write.

    Attributes
    ----------
    columns : list of str
        Their names.
    """

    def __init__(self, message: str, columns: list[str]) -> None:
        super().__init__(message)
        self.columns = columns

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (str(self), self.columns))


class ModalityError(MMEmbedError, ValueError):
    """A modality that does not exist, or that the model cannot embed."""


class UnknownModelError(MMEmbedError, ValueError):
    """A model name that is not in the model table."""


class VectorError(MMEmbedError, ValueError):
    """Values that cannot become vectors."""


class DimensionMismatchError(VectorError):
    """Vectors of two lengths where one length is needed."""


class SpaceMismatchError(VectorError):
    """Vectors of two spaces (models), which no comparison can mix."""


class ContentError(MMEmbedError, ValueError):
    """One content that cannot be read or embedded; the other rows are not concerned.

    Attributes
    ----------
    code : str
        Short machine-readable reason, e.g. ``"FileNotFound"``; the service's own code where it refused.
    retryable : bool
        Whether the same content may succeed when it is sent again.
    request_id : str or None
        The service's name for the request that it refused; None if the content was in none.
    """

    def __init__(self, code: str, message: str, *, retryable: bool = False, request_id: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable
        self.request_id = request_id

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_content_error, (self.code, str(self), self.retryable, self.request_id))


def _rebuild_content_error(code: str, message: str, retryable: bool, request_id: str | None) -> ContentError:  # noqa: FBT001
    return ContentError(code, message, retryable=retryable, request_id=request_id)


class EmbeddingError(MMEmbedError, RuntimeError):
    """Some rows could not be embedded; every other row was, and is in the cache.

    Attributes
    ----------
    errors : pandas.DataFrame
        One row a failed cell: position, index label, column, code, message, request_id, retryable.
    """

    def __init__(self, message: str, errors: pd.DataFrame) -> None:
        super().__init__(message)
        self.errors = errors

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (str(self), self.errors))


# job: nothing else can succeed either. content: something in the request. size: all of it together.
# passing: may succeed the next time. throttled: will succeed when asked more slowly.
Verdict = Literal["job", "content", "size", "passing", "throttled"]

# Refusals of a content that may be an accident of the service's own download, as its pages have it.
_MAY_PASS = frozenset({"InvalidURL.Timeout", "InvalidParameter.DataInspection"})


class ServiceError(MMEmbedError, RuntimeError):
    """The service did not give vectors, and what that means.

    Attributes
    ----------
    code : str
        The service's code, e.g. ``"InvalidApiKey"``; one of mmembed's own where none came, e.g. ``"ConnectionFailed"``.
    verdict : {"job", "content", "size", "passing", "throttled"}
        Whom it concerns.
    status : int or None
        HTTP status; None if there was no answer.
    request_id : str or None
        The service's name for the request.
    retry_after_seconds : float or None
        How long the service asks to wait.
    ends_job : bool
        Whether it was tried for as long as there was time, so that nothing is left but to stop.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        verdict: Verdict,
        status: int | None = None,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.verdict: Verdict = verdict
        self.status = status
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds
        self.ends_job = False

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed when it is sent again."""
        return self.verdict in {"passing", "throttled"} or self.deserves_one_more

    @property
    def deserves_one_more(self) -> bool:
        """Whether a content that is refused alone is to be sent once more, since fetching its media may have failed."""
        return self.verdict == "content" and self.code in _MAY_PASS

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_service_error, (str(self), vars(self)))


def _rebuild_service_error(message: str, state: Mapping[str, object]) -> ServiceError:
    error = ServiceError(message, code="", verdict="passing")
    vars(error).update(state)
    return error


class ModelError(MMEmbedError, RuntimeError):
    """A model of one's own raised for all contents, or answered with something that is no vectors of its length."""


class BudgetError(MMEmbedError, RuntimeError):
    """The lowest price of a plan is over ``max_cost``, or the bill has reached it."""


class MissingCredentialsError(MMEmbedError, RuntimeError):
    """No API key was given and none is in the environment."""


class MissingExtraError(MMEmbedError, ImportError):
    """An optional package that this call needs is not installed."""


def did_you_mean(name: object, known: Iterable[object]) -> str:
    """Return a sentence that names the nearest known names, or an empty string.

    Examples
    --------
    >>> did_you_mean("foto", ["photo", "title"])
    " Did you mean 'photo'?"
    """
    import difflib  # when somebody mistypes, not at import

    by_text = {str(one).casefold(): one for one in known}
    near = difflib.get_close_matches(str(name).casefold(), list(by_text), n=3, cutoff=0.5)
    if not near:
        return ""
    return f" Did you mean {' or '.join(repr(by_text[one]) for one in near)}?"


def listed(names: Iterable[object], most: int = 12) -> str:
    """Return names for a message: quoted, comma-separated, and cut when there are many.

    Examples
    --------
    >>> listed(["photo", "title"])
    "'photo', 'title'"
    """
    quoted = [repr(name) for name in names]
    if not quoted:
        return "none"
    rest = len(quoted) - most
    return ", ".join(quoted[:most]) + (f" and {rest} more" if rest > 0 else "")


def at_least_one(name: str, value: Any, refused: str, *, else_: str = "") -> int:
    """Return a whole number of at least 1, or raise an error that says what it was given for.

    Parameters
    ----------
    name : str
        The argument that gave it.
    value : object
        What was given; whole numbers of numpy and floats without a fraction are taken.
    refused : str
        What a number below 1 does, such as "asks for no row".
    else_ : str
        What may be done instead, such as ", or leave it out".

    Raises
    ------
    ValueError
        If it is below 1.
    TypeError
        If it is no whole number.

    Examples
    --------
    >>> at_least_one("k", 0, "asks for no row")
    Traceback (most recent call last):
    ValueError: k=0 asks for no row. Give a k of at least 1.
    >>> at_least_one("k", 2.5, "asks for no row")
    Traceback (most recent call last):
    TypeError: k=2.5 is no whole number. Give a k of at least 1.
    """
    article = "an" if name[0] in "aeimno" else "a"  # as letters are spoken: an n, a k
    advice = f"Give {article} {name} of at least 1{else_}."
    try:
        number = int(value) if isinstance(value, float) and value.is_integer() else index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise TypeError(f"{name}={value!r} is no whole number. {advice}")
    if number < 1:
        raise ValueError(f"{name}={number} {refused}. {advice}")
    return number


def one_of(name: str, value: Any, choices: Iterable[_Choice], *, error: type[ValueError] = ValueError) -> _Choice:
    """Return a word that is one of some, or raise an error that names them and the nearest.

    Parameters
    ----------
    name : str
        The argument that gave it.
    value : object
        What was given.
    choices : iterable of str
        What may be given.
    error : type
        The kind of error.

    Raises
    ------
    ValueError
        If it is none of them; of the kind that was asked for.

    Examples
    --------
    >>> one_of("errors", "rise", ("raise", "coerce"))
    Traceback (most recent call last):
    ValueError: errors='rise' is not known. Expected one of 'raise', 'coerce'. Did you mean 'raise'?
    """
    known = tuple(choices)
    if isinstance(value, str) and value in known:
        return known[known.index(value)]
    raise error(f"{name}={value!r} is not known. Expected one of {listed(known)}.{did_you_mean(value, known)}")
