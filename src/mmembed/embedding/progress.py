"""The progress bar of a run: in notebooks and terminals, quiet elsewhere."""

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
    notebook = _in_notebook()
    disabled = not (notebook or sys.stderr.isatty()) if show is None else not show
    if notebook and not disabled and _has_widgets():
        from tqdm.notebook import tqdm
    else:
        from tqdm import tqdm
    # There is no share and no speed of steps to tell.
    form = "{desc} [{elapsed}]" if total == 0 else None
    # The delay keeps work of a moment from flashing a bar.
    return tqdm(total=total, disable=disabled, unit=unit, desc=description, delay=0.3, leave=False, bar_format=form)


def _in_notebook() -> bool:
    # Asked of the running kernel without importing IPython where nobody has.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and "IPKernelApp" in shell.config


def _has_widgets() -> bool:
    import importlib.util

    return importlib.util.find_spec("ipywidgets") is not None
