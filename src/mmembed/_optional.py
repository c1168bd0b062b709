"""Import of optional packages at the point of use, with an error that names the extra to install."""

from __future__ import annotations

import importlib
from types import ModuleType

from mmembed.errors import MissingExtraError


def import_optional(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional module.

    Parameters
    ----------
    module : str
        Name of the module to import, e.g. ``"av"``.
    extra : str
        The extra of mmembed that installs it, e.g. ``"video"``.
    purpose : str
        What it is needed for; begins the error message.

    Raises
    ------
    MissingExtraError
        If the module, or something that it imports, is not installed.

    Examples
    --------
    >>> import_optional("json", extra="none", purpose="Reading JSON").__name__
    'json'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        missing = error.name or module
        message = (
            f"{purpose} needs the package {missing!r}, which is not installed. "
            f"Install it with: pip install 'mmembed[{extra}]'"
        )
        raise MissingExtraError(message, name=missing) from error
