"""Pictures and clips in object stores, ``s3://bucket/a.jpg`` and its kin, by whatever fsspec knows.

Only a column whose modality says picture or clip is read so; the address is then like a file name. Credentials are
those that the driver finds by itself: its variables, its files, and fsspec's configuration.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, BinaryIO

from mmembed.errors import ContentError

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)

# What is not opened. A cell may not choose a server to be called (a store is one that the user has configured), nor
# wrap one address in another; http goes to the service as it is, and oss belongs to it.
_REFUSED = frozenset(
    {
        *("http", "https", "data", "oss"),
        *("ftp", "sftp", "ssh", "smb", "git", "github", "jupyter", "jlab", "webhdfs"),
        *("file", "local", "asynclocal", "dask", "dir", "generic", "reference", "async_wrapper", "asyncwrapper"),
        *("zip", "tar", "libarchive", "cached", "simplecache", "filecache", "blockcache"),
    }
)
_HEAD_BYTES = 2**16  # read at once where only the head of a picture is asked for


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in an object store; what is asked of a ``pathlib.Path`` to a picture or a clip can be asked of it.

    Attributes
    ----------
    address : str
        With its scheme.
    n_bytes : int
        How large it was when it was hashed; 0 before.
    """

    address: str
    n_bytes: int = 0

    def __str__(self) -> str:
        return self.address[:300]

    def stat(self) -> SimpleNamespace:
        """Return its size as it was when it was hashed, without asking the store."""
        return SimpleNamespace(st_size=self.n_bytes)

    def read_bytes(self) -> bytes:
        """Return what is in it, read anew at each call.

        Raises
        ------
        ContentError
            If it is not there or cannot be read, or if the store's driver is not installed.
        """
        with self._driver_errors():
            files, path = self._opened()
            data: bytes = files.cat_file(path)
            return data

    @contextlib.contextmanager
    def open(self, mode: str = "rb") -> Iterator[BinaryIO]:
        """Open it to read its head.

        Raises
        ------
        ContentError
            As of :meth:`read_bytes`.
        """
        with self._driver_errors():
            files, path = self._opened()
            file = files.open(path, mode, block_size=_HEAD_BYTES)
        with file:
            yield file

    def _opened(self) -> tuple[Any, str]:
        import fsspec

        files, path = fsspec.core.url_to_fs(self.address)
        return files, path

    @contextlib.contextmanager
    def _driver_errors(self) -> Iterator[None]:
        """Turn whatever a driver raises into a ContentError, without its words, which may hold signed addresses."""
        try:
            yield
        except FileNotFoundError as error:
            raise ContentError(
                "FileNotFound", f"There is no {str(self)!r} in the store. Correct the name, or leave the cell missing."
            ) from error
        except ImportError as error:
            raise _unavailable(self.address, error) from error
        except Exception as error:  # drivers raise errors of their own kinds
            reason = getattr(error, "strerror", None) or type(error).__name__
            refused = isinstance(error, PermissionError | IsADirectoryError)
            raise ContentError(
                "FileUnreadable",
                f"{str(self)!r} cannot be read: {reason}. Look whether fsspec opens it: fsspec.open(address).",
                retryable=not refused,
            ) from error


def stored_file(text: str) -> StoredFile | None:
    """Return the file of an address that a store may have; None for any other text.

    Raises
    ------
    ContentError
        If the address is that of a store whose driver, or fsspec itself, is not installed.
    """
    match = _ADDRESS.match(text)
    if match is None or match[1].lower() in _REFUSED or "::" in text or "\0" in text:
        return None
    try:
        import fsspec

        fsspec.get_filesystem_class(match[1].lower())
    except ImportError as error:
        raise _unavailable(text, error) from error
    except ValueError:  # no store of this name
        return None
    return StoredFile(match[1].lower() + text[len(match[1]) :])


def names_stored_file(cell: Any) -> bool:
    """Say whether a cell of a column of pictures or clips looks like the address of a stored file, or holds one."""
    if isinstance(cell, str):
        match = _ADDRESS.match(cell.lstrip())
        return match is not None and match[1].lower() not in _REFUSED
    if isinstance(cell, Mapping):
        return names_stored_file(cell.get("path"))
    return isinstance(cell, list | tuple) and _any_stored(cell)


def _any_stored(cells: Iterable[Any]) -> bool:
    return any(names_stored_file(one) for one in cells)


def _unavailable(address: str, error: ImportError) -> ContentError:
    wanted = error.name or str(error).partition("\n")[0][:120]
    return ContentError(
        "StoreUnavailable",
        f"{address[:80]!r} is read by fsspec, and something is missing for that: {wanted}. Install fsspec and the "
        "driver of the store: s3fs for s3://, gcsfs for gs://, adlfs for abfs://.",
    )
