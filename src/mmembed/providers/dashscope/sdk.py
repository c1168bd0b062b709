"""The official SDK, which this module alone imports: its call without the upload step, and what others told it.

A key or an address that the SDK was given counts where neither an argument nor the environment gives one. What the SDK
itself read from the environment when it was imported here is no such thing: the environment may have changed since.
"""

from __future__ import annotations

import functools
import importlib.metadata
import inspect
import os
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

from mmembed.errors import MissingCredentialsError, MMEmbedError

GOOD_SDK_VERSIONS = "1.25.19, 1.26.7, 1.27.4 and 2.0.2"  # read, or run by the tests

_UPLOAD_HOOK = "_preprocess_message_inputs"
_UPLOAD_PARAMETERS = ("model", "input_data", "api_key")

_KEY_FILE_VARIABLE = "DASHSCOPE_API_KEY_FILE_PATH"
_REGION_VARIABLE = "DASHSCOPE_API_REGION"
_DEFAULT_REGION = "cn-beijing"
_DEFAULT_ADDRESS = "https://dashscope.aliyuncs.com/api/v1"

# What the SDK read from the environment when it was imported by us: names of its settings, and their values.
_read_at_import: dict[str, Any] = {}


def _import_sdk() -> ModuleType:
    is_ours = "dashscope" not in sys.modules
    with warnings.catch_warnings():
        # Some releases warn of parts of theirs, which nobody asked for, as soon as they are imported.
        warnings.simplefilter("ignore", DeprecationWarning)
        import dashscope

    if is_ours:
        _read_at_import.update(
            {name: getattr(dashscope, name, None) for name in ("api_key", "api_key_file_path", "base_http_api_url")}
        )
    return dashscope


def _told(name: str) -> str | None:
    """Return a setting of the SDK that somebody gave it, if the SDK is there; never its default."""
    value = getattr(sys.modules.get("dashscope"), name, None)
    return value if isinstance(value, str) and value and value != _read_at_import.get(name) else None


def key_of_sdk() -> str:
    """Return the key that the SDK was given, or that lies in its file; empty if there is none.

    In the SDK's own order: ``dashscope.api_key``, the file of ``dashscope.api_key_file_path`` or
    ``DASHSCOPE_API_KEY_FILE_PATH``, the file ``~/.dashscope/api_key``. Files are read anew each time.

    Raises
    ------
    MissingCredentialsError
        If a file is named that cannot be read; shows nothing of what is in it.
    """
    if key := _told("api_key"):
        return key
    named = _told("api_key_file_path") or os.environ.get(_KEY_FILE_VARIABLE)
    try:
        file = Path(named) if named else Path.home() / ".dashscope" / "api_key"
        return file.read_text("utf-8").strip()
    except (OSError, RuntimeError, ValueError) as error:
        if not named and isinstance(error, FileNotFoundError | NotADirectoryError | RuntimeError):
            return ""
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise MissingCredentialsError(
            f"The file {named or '~/.dashscope/api_key'!r}, which is to hold the API key, cannot be read: {reason}. "
            f"Correct {_KEY_FILE_VARIABLE} or the file, or give the key as DASHSCOPE_API_KEY or api_key=."
        ) from None


def address_of_sdk() -> str | None:
    """Return the root of the API that the SDK was given, or None if it was given none.

    That is ``dashscope.base_http_api_url`` where it was assigned, also by ``dashscope.set_region``, and the address of
    ``DASHSCOPE_API_REGION``; it may hold ``{workspace_id}``.
    """
    if os.environ.get(_REGION_VARIABLE, _DEFAULT_REGION) != _DEFAULT_REGION:
        return str(_import_sdk().base_http_api_url)  # the SDK alone knows what its regions are called
    address = _told("base_http_api_url")
    return None if address is None or address.rstrip("/") == _DEFAULT_ADDRESS else address


def text_embedding_call() -> Any:
    """Return the SDK's class for text models, which looks for no files: its texts go out as they are."""
    return _import_sdk().TextEmbedding


@functools.cache
def embedding_call() -> Any:
    """Return the SDK's class with its upload step taken out: there, a text that names a file becomes the file."""
    return close_upload(_import_sdk().MultiModalEmbedding, importlib.metadata.version("dashscope"))


def close_upload(sdk: type[Any], version: str) -> type[Any]:
    """Return a subclass of the SDK's class that sends contents as they are.

    The step is a private method, so that another release may have it elsewhere; then nothing is sent at all.

    Raises
    ------
    MMEmbedError
        If the class has no such step, one with other parameters, or a ``call`` that does not go through it.
    """
    hook = inspect.getattr_static(sdk, _UPLOAD_HOOK, None)
    call = inspect.getattr_static(sdk, "call", None)
    steps = getattr(inspect.unwrap(getattr(call, "__func__", call)), "__code__", None) if call is not None else None
    if not isinstance(hook, classmethod):
        fault = f"has no class method {_UPLOAD_HOOK}"
    elif list(inspect.signature(hook.__func__).parameters) != ["cls", *_UPLOAD_PARAMETERS]:
        fault = f"has a method {_UPLOAD_HOOK}{inspect.signature(hook.__func__)}"
    elif steps is None or _UPLOAD_HOOK not in steps.co_names or "preprocess_message_element" in steps.co_names:
        fault = f"does not go through {_UPLOAD_HOOK} in MultiModalEmbedding.call"
    else:
        return type("MultiModalEmbedding", (sdk,), {_UPLOAD_HOOK: classmethod(_upload_nothing)})
    raise MMEmbedError(
        f"dashscope {version} {fault}, where mmembed keeps texts that name a file from being uploaded as that file; "
        f"expected {_UPLOAD_HOOK}({', '.join(_UPLOAD_PARAMETERS)}). Nothing was sent. Known good are "
        f"{GOOD_SDK_VERSIONS}: install one of them."
    )


def _upload_nothing(cls: type[Any], model: str, input_data: Any, api_key: str) -> bool:
    del cls, model, input_data, api_key
    return False
