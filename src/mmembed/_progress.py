"""The progress bar of a run: in notebooks and terminals, quiet elsewhere, and gone when the work is done."""

from __future__ import annotations

import sys
from typing import Any


def progress_bar(total: int, *, show: bool | None, unit: str = "row", description: str = "embed") -> Any:
    """Return a tqdm bar, which is also a context manager; a disabled one where nobody looks.

    Parameters
    ----------
    total : int
        How many units the work has; 0 is work in named steps, of which the bar shows name and time.
    show : bool or None
        None shows it in a notebook or a terminal only; True and False decide.
    """
    from tqdm import tqdm

    class Bar(tqdm):  # type: ignore[misc]  # tqdm tells no types
        def close(self) -> None:
            # tqdm forgets a bar that was drawn before its delay.
            self.delay = 0
            super().close()

    notebook = _notebook()
    disabled = notebook is None and not sys.stderr.isatty() if show is None else not show
    # There is no share and no speed of steps to tell.
    form = "{desc} [{elapsed}]" if total == 0 else None
    line: dict[str, Any] = {} if notebook is None or disabled else {"file": CellLine(notebook), "ncols": 88}
    # The delay keeps work of a moment from flashing a bar.
    return Bar(
        total=total, disable=disabled, unit=unit, desc=description, delay=0.3, leave=False, bar_format=form, **line
    )


class CellLine:
    """One line below the cell of a notebook that changes, and is empty in the end.

    A bar made of widgets would leave its last state in the saved notebook.

    Parameters
    ----------
    display : callable
        ``IPython.display.display``: shows a bundle of formats, and returns a handle to change it.
    """

    def __init__(self, display: Any) -> None:
        self._display = display
        self._handle: Any = None

    def write(self, text: str) -> None:
        """Replace the line by what tqdm writes over it."""
        line = text.strip("\r\n ")
        bundle = {"text/plain": line}
        if self._handle is not None:
            self._handle.update(bundle, raw=True)
        elif line:
            self._handle = self._display(bundle, raw=True, display_id=True)

    def flush(self) -> None:
        """Do nothing: each line is shown at once."""


def _notebook() -> Any:
    """Return what shows things below a cell, or None where there is no notebook."""
    # Asked of the running kernel without importing IPython where nobody has.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if ipython is None or shell is None or "IPKernelApp" not in shell.config:
        return None
    return ipython.display.display
