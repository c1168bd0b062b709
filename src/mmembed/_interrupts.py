"""Ctrl-C while the command line is still being loaded: one line instead of a traceback from the midst of an import.

Importing pandas takes a second, and what is interrupted there has nothing to tidy up. Only the program itself does
this: where mmembed is imported by something else, an interrupt is left alone.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from itertools import pairwise
from pathlib import PurePath
from typing import Any

INTERRUPTED = 130  # the exit code of what Ctrl-C ended
_MESSAGE = b"mmembed: stopped; nothing was written.\n"


def is_program() -> bool:
    """Return whether this process is the command line: ``mmembed`` or ``python -m mmembed``."""
    name = sys.argv[0] if sys.argv else ""
    if name == "-m":  # while python looks for the module to run
        given = sys.orig_argv
        return any(pair in {("-m", "mmembed"), ("-m", "mmembed.cli")} for pair in pairwise(given))
    return PurePath(name).name.casefold() in {"mmembed", "mmembed.exe"}


def _end(*_: Any) -> None:
    os.write(2, _MESSAGE)
    os._exit(INTERRUPTED)


def begin_loading() -> None:
    """Let Ctrl-C end the process with a message; does nothing where this process is another program."""
    is_ours = is_program() and threading.current_thread() is threading.main_thread()
    if is_ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def end_loading() -> None:
    """Let Ctrl-C raise KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


begin_loading()
