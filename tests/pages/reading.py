"""A page of Markdown as the blocks of code that it shows, each with the output that it claims."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^(?P<mark>`{3,})(?P<language>[^`]*)$")
_NOT_RUN = re.compile(r"^<!-- not run: \S.* -->$")
_EXAMPLE = "<!-- for example -->"
_CHECK = "<!-- check"


@dataclass(frozen=True)
class Block:
    """Code of a page: its language, its first line (from 0), and where the output that follows it begins and ends."""

    language: str
    code: str
    line: int
    is_run: bool
    shown_from: int
    shown_to: int
    shown: str | None
    is_example: bool


def read_blocks(path: Path) -> list[Block]:
    """Return the fenced blocks of Python and of shell commands in a page, in order.

    A ```` ```text ```` block or a table right after a block is the output that it claims. A comment
    ``<!-- not run: reason -->`` before a block says that it is only shown; ``<!-- for example -->`` before an output,
    that its figures may be others after the next improvement of a method. A comment that begins with ``<!-- check`` and
    ends with a line ``-->`` holds Python that a reader does not see: what the prose around it claims of the results.
    """
    lines = path.read_text("utf-8").splitlines()
    blocks, at = [], 0
    while at < len(lines):
        if lines[at] == _CHECK:
            end = _closing(lines, at, "-->")
            blocks.append(Block("python", "\n".join(lines[at + 1 : end]), at + 1, True, end + 1, end + 1, None, False))
            at = end + 1
            continue
        found = _FENCE.match(lines[at])
        if found is None:
            at += 1
            continue
        end = _closing(lines, at, found["mark"])
        if found["language"] in ("python", "bash"):
            before = next((line for line in reversed(lines[:at]) if line.strip()), "")
            code, is_run = "\n".join(lines[at + 1 : end]), not _NOT_RUN.match(before)
            start, stop = _output(lines, end + 1)
            shown = "\n".join(lines[start:stop]) or None
            is_example = _EXAMPLE in lines[end + 1 : start]
            blocks.append(Block(found["language"], code, at + 1, is_run, start, stop, shown, is_example))
        at = end + 1
    return blocks


def _closing(lines: list[str], opening: int, mark: str) -> int:
    for at in range(opening + 1, len(lines)):
        if lines[at].rstrip() == mark:
            return at
    raise ValueError(f"The block that line {opening + 1} opens is not closed.")


def _output(lines: list[str], after: int) -> tuple[int, int]:
    """Return first line and end of the output at this place; both are the place itself where there is none."""
    at = after
    while at < len(lines) and lines[at].strip() in ("", _EXAMPLE):
        at += 1
    if at < len(lines) and lines[at] == "```text":
        end = _closing(lines, at, "```") + 1
    elif at < len(lines) and lines[at].startswith("|"):
        end = at
        while end < len(lines) and lines[end].startswith("|"):
            end += 1
    else:
        return after, after
    return at, end
