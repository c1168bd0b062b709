"""A verb on Dask takes its signature and its words from the verb of the same name on pandas."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

_Verb = TypeVar("_Verb", bound=Callable[..., Any])

_NOT_YET = "it is not there yet"


def as_on_pandas(
    twin: Callable[..., Any], *, adds: str | Sequence[str] = (), lacks: Mapping[str, str] | None = None
) -> Callable[[_Verb], _Verb]:
    """Give a verb the parameters, the defaults and the documentation of its pandas twin.

    The verb takes the parameters that it names and, through ``**options: Unpack[…]``, those of a TypedDict that stands
    beside the pandas verb. It is called with all of them, for defaults are filled in from the twin. Its own docstring
    comes first, and what that says of a parameter stands instead of what pandas says.

    Parameters
    ----------
    twin : callable
        The pandas verb.
    adds : str or sequence of str
        Parameters that only Dask has.
    lacks : mapping of str to str, optional
        Parameters that only pandas has, each with the reason and the way out.
    """

    def decorate(verb: _Verb) -> _Verb:
        own, theirs = inspect.signature(verb), inspect.signature(twin)
        added = [adds] if isinstance(adds, str) else list(adds)
        signature = _join_parameters(verb, own, theirs, added)
        absent = {name: _NOT_YET for name in theirs.parameters if name not in signature.parameters} | dict(lacks or {})

        @functools.wraps(verb)
        def wrapper(*args: Any, **given: Any) -> Any:
            for name in given:
                if name in absent:
                    raise TypeError(f"{verb.__name__}() takes no {name}= on Dask: {absent[name]}.")
            try:
                bound = signature.bind(*args, **given)
            except TypeError as error:
                raise TypeError(f"{verb.__name__}() {error}") from None
            bound.apply_defaults()
            return verb(*bound.args, **bound.kwargs)

        wrapper.__signature__ = signature  # type: ignore[attr-defined]  # inspect and Sphinx read it
        wrapper.__doc__ = _words(verb.__doc__ or "", twin.__doc__ or "", list(signature.parameters))
        return wrapper  # type: ignore[return-value]

    return decorate


def _join_parameters(
    verb: Callable[..., Any], own: inspect.Signature, theirs: inspect.Signature, added: Sequence[str]
) -> inspect.Signature:
    """Return the parameters of pandas that a verb takes, in their order, then those that only Dask has."""
    known = set(own.parameters) | _names_of_options(verb, own)
    if strange := set(own.parameters) - set(theirs.parameters) - set(added) - _variable(own):
        raise TypeError(f"{verb.__name__} takes {sorted(strange)}, which pandas does not; name them in adds=.")
    kept = [
        parameter.replace(annotation=own.parameters[name].annotation) if name in own.parameters else parameter
        for name, parameter in theirs.parameters.items()
        if name in known
    ]
    rest = [parameter for parameter in kept if parameter.kind is inspect.Parameter.VAR_KEYWORD]
    named = [parameter for parameter in kept if parameter.kind is not inspect.Parameter.VAR_KEYWORD]
    return own.replace(parameters=[*named, *(own.parameters[name] for name in added), *rest])


def _variable(signature: inspect.Signature) -> set[str]:
    return {name for name, one in signature.parameters.items() if one.kind is inspect.Parameter.VAR_KEYWORD}


def _names_of_options(verb: Callable[..., Any], own: inspect.Signature) -> set[str]:
    """Return the names in the TypedDict of ``**options: Unpack[…]``, whose types need not be imported."""
    for name in _variable(own):
        if unpacked := re.fullmatch(r"Unpack\[(\w+)\]", str(own.parameters[name].annotation)):
            return set(verb.__globals__[unpacked[1]].__annotations__)
    return set()


def _words(own: str, theirs: str, known: Sequence[str]) -> str:
    """Return a verb's own notes, then the parameters, of pandas where it does not say its own, in their order."""
    mine, others = _sections(own), _sections(theirs)
    said = _entries(mine.get("Parameters", ""))
    names = {name for head, _ in said for name in _names(head)}
    inherited = [
        (", ".join(left) + colon + kind, text)
        for head, text in _entries(others.get("Parameters", ""))
        for listed, colon, kind in [head.partition(" : ")]
        if (left := [name for name in _names(listed) if name in known and name not in names])
    ]
    parts = {"": mine[""] or others[""]}
    if entries := sorted([*said, *inherited], key=lambda entry: known.index(_names(entry[0])[0])):
        parts["Parameters"] = "\n".join("\n".join(filter(None, entry)) for entry in entries)
    returns = mine.get("Returns", others.get("Returns", "").replace("pandas.DataFrame", "dask DataFrame"))
    if returns:
        parts["Returns"] = returns
    if raises := "\n".join(filter(None, (mine.get("Raises"), others.get("Raises")))):
        parts["Raises"] = raises
    if "Warns" in mine:
        parts["Warns"] = mine["Warns"]
    return "\n\n".join(text if not name else f"{name}\n{'-' * len(name)}\n{text}" for name, text in parts.items())


def _sections(text: str) -> dict[str, str]:
    """Return the sections of a numpydoc docstring by their titles; what comes first has none."""
    pieces = re.split(r"^(\w+)\n-+\n", inspect.cleandoc(text), flags=re.MULTILINE)
    titles = ["", *pieces[1::2]]
    return {title: body.strip("\n") for title, body in zip(titles, pieces[0::2], strict=True)}


def _entries(section: str) -> list[tuple[str, str]]:
    """Return the heads of a section's entries, such as ``k : int``, with what is said of each."""
    heads = re.split(r"^(?=\S)", section, flags=re.MULTILINE)
    return [(head.rstrip(), text.rstrip()) for head, _, text in (one.partition("\n") for one in heads) if head.strip()]


def _names(head: str) -> list[str]:
    return [name.strip().lstrip("*") for name in head.partition(" : ")[0].split(",")]
