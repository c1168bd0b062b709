"""What is whole in a damaged file of vectors: its pages are read one by one, without SQLite.

SQLite gives up where one page of a tree is damaged, though each vector has a checksum that ties it to its key. Here
each page is looked at by itself, as SQLite's file format is described (https://sqlite.org/fileformat2.html), and only
the checksum decides: nothing that damage left behind can pass for a vector.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

__all__ = ["whole_entries"]

_USUAL_PAGE_BYTES = 4_096

_LOG_HEADER_BYTES = 32

_FRAME_HEADER_BYTES = 24

_TABLE_LEAF, _INDEX_LEAF, _INDEX_INTERIOR = 13, 10, 2

_LONGEST_VARINT = 9

_INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


def whole_entries(
    path: Path, checksum: Callable[[bytes, bytes], int], *, most_bytes: int
) -> Iterator[tuple[bytes, bytes]]:
    """Yield the key and the vector's bytes of each entry that is whole, each key once.

    Parameters
    ----------
    path : Path
        The damaged file; its write-ahead log is read where there is one.
    checksum : callable
        ``checksum(key, blob)`` is what the entry of the key must say.
    most_bytes : int
        No vector is longer.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    log = path.with_name(path.name + "-wal")
    logged = log.read_bytes() if log.exists() else b""
    if not path.stat().st_size:
        return
    given: set[bytes] = set()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for page_bytes in dict.fromkeys((_page_bytes(data), _USUAL_PAGE_BYTES)):
            newer = _pages_of_log(logged, page_bytes)
            # What the log has of a page is newer; below it lies what is whole where the log is damaged.
            for overlay in (newer, {}) if newer else ({},):
                pages = _Pages(data, page_bytes, overlay)
                for key, blob in _entries_of(pages, checksum, most_bytes):
                    if key not in given:
                        given.add(key)
                        yield key, blob


def _page_bytes(data: mmap.mmap) -> int:
    """Return the size of a page as the header has it; 1 stands for 65,536, and anything may stand in a damaged one."""
    said = int.from_bytes(data[16:18], "big")
    said = 65_536 if said == 1 else said
    return said if said >= 512 and said & (said - 1) == 0 else _USUAL_PAGE_BYTES


def _pages_of_log(logged: bytes, page_bytes: int) -> dict[int, bytes]:
    """Return the last state that the write-ahead log has of each page.

    Frames of an earlier round of the log lie behind those of the present one, and have another salt.
    """
    of_this_round: dict[int, bytes] = {}
    of_any: dict[int, bytes] = {}
    salt = logged[16:24]
    step = _FRAME_HEADER_BYTES + page_bytes
    for start in range(_LOG_HEADER_BYTES, len(logged) - step + 1, step):
        number = int.from_bytes(logged[start : start + 4], "big")
        page = logged[start + _FRAME_HEADER_BYTES : start + step]
        of_any[number] = page
        if logged[start + 8 : start + 16] == salt:
            of_this_round[number] = page
    return of_this_round or of_any


class _Pages:
    """The pages of a file by their number, from 1."""

    def __init__(self, data: mmap.mmap, page_bytes: int, overlay: Mapping[int, bytes]) -> None:
        self._data = data
        self._overlay = overlay
        self.page_bytes = page_bytes
        self.numbers = range(1, max(-(-len(data) // page_bytes), *overlay, 0) + 1)

    def __getitem__(self, number: int) -> bytes:
        page = self._overlay.get(number)
        if page is None:
            page = self._data[(number - 1) * self.page_bytes : number * self.page_bytes]
        return page

    def of_type(self, *types: int) -> Iterator[bytes]:
        """Yield the pages that say that they are of one of these types; the first one holds the schema."""
        for number in self.numbers[1:]:
            page = self._overlay.get(number)
            start = (number - 1) * self.page_bytes
            kind = page[:1] if page is not None else self._data[start : start + 1]
            if kind and kind[0] in types:
                yield self[number]


def _entries_of(
    pages: _Pages, checksum: Callable[[bytes, bytes], int], most_bytes: int
) -> Iterator[tuple[bytes, bytes]]:
    """Yield key and blob of each entry whose vector is there and has its checksum."""
    places: dict[int, list[tuple[bytes, int]]] = {}
    for page in pages.of_type(_INDEX_LEAF, _INDEX_INTERIOR):
        skipped = 4 if page[0] == _INDEX_INTERIOR else 0  # the number of the page below
        for at in _cells(page):
            size, start = _varint(page, at + skipped)
            record = _record(page[start : start + size])
            match record:
                case [bytes() as key, int() as place, int() as said, int()]:
                    places.setdefault(place, []).append((key, said))
                case _:
                    pass  # of the index by use, or damaged
    for page in pages.of_type(_TABLE_LEAF):
        for at in _cells(page):
            size, start = _varint(page, at)
            place, start = _varint(page, start)
            if place not in places or size > most_bytes + 2 * _LONGEST_VARINT:
                continue
            record = _record(_payload(pages, page, start, size))
            if len(record) == 2 and isinstance(record[1], bytes):
                for key, said in places[place]:
                    if checksum(key, record[1]) == said:
                        yield key, record[1]


def _cells(page: bytes) -> Iterator[int]:
    """Yield where the cells of a page begin, as far as that can be on it."""
    first = 12 if page[0] == _INDEX_INTERIOR else 8
    count = int.from_bytes(page[3:5], "big")
    for pointer in range(first, min(first + 2 * count, len(page) - 1), 2):
        at = int.from_bytes(page[pointer : pointer + 2], "big")
        if first <= at < len(page):
            yield at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of one to nine bytes and where it ends; beyond the end there are zeros."""
    value = 0
    for place in range(_LONGEST_VARINT):
        byte = data[at + place] if at + place < len(data) else 0
        if place == _LONGEST_VARINT - 1:
            return value << 8 | byte, at + place + 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + place + 1
    raise AssertionError


def _payload(pages: _Pages, page: bytes, start: int, size: int) -> bytes:
    """Return the record of a cell of a table, with what overflows to further pages."""
    usable = pages.page_bytes
    most = usable - 35
    if size <= most:
        return page[start : start + size]
    least = (usable - 12) * 32 // 255 - 23
    here = least + (size - least) % (usable - 4)
    here = here if here <= most else least
    found = [page[start : start + here]]
    further = int.from_bytes(page[start + here : start + here + 4], "big")
    held = here
    while held < size and further in pages.numbers:
        more = pages[further]
        further = int.from_bytes(more[:4], "big")
        found.append(more[4 : 4 + size - held])
        held += usable - 4
    return b"".join(found)


def _record(payload: bytes) -> list[bytes | int | None]:
    """Return the columns of a record; an empty list where there is anything that we never write."""
    header_bytes, at = _varint(payload, 0)
    if header_bytes > len(payload):
        return []
    kinds = []
    while at < header_bytes:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    columns: list[bytes | int | None] = []
    at = header_bytes
    for kind in kinds:
        if kind >= 12 and kind % 2 == 0:
            size = (kind - 12) // 2
            columns.append(payload[at : at + size])
        elif kind in (0, 8, 9):
            size = 0
            columns.append(None if kind == 0 else kind - 8)
        elif kind in _INTEGER_BYTES:
            size = _INTEGER_BYTES[kind]
            columns.append(int.from_bytes(payload[at : at + size], "big", signed=True))
        else:
            return []
        at += size
    return columns
