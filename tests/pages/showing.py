"""What a block of code leaves on the page: a frame as a table, everything else as text."""

from __future__ import annotations

import math
import re
from typing import Any

import pandas as pd


def shown(value: Any, printed: str) -> str:
    r"""Return the Markdown that shows what a block printed and its last value.

    Examples
    --------
    >>> print(shown(pd.DataFrame({"a": [1], "b": ["x|y"]}), ""))
    |   | a | b |
    |---|---|---|
    | 0 | 1 | x\|y |
    >>> print(shown(3, "two\n"))
    ```text
    two
    3
    ```
    """
    if isinstance(value, pd.DataFrame) and not printed:
        return _table(value)
    text = printed + ("" if value is None else f"{value!r}\n")
    return f"```text\n{text}```"


def agree(claimed: str, real: str) -> bool:
    """Return whether the output on the page is the real one, spaces aside; ``…`` on the page stands for anything.

    Examples
    --------
    >>> agree("about … s", "about 0.31  s"), agree("3 rows", "4 rows")
    (True, False)
    """
    pattern = r"\s+".join(re.escape(word).replace("…", r".*?") for word in _words(claimed))
    return re.fullmatch(pattern, " ".join(_words(real)), re.DOTALL) is not None


def _words(text: str) -> list[str]:
    return re.sub(r"-{3,}", "---", text).split()


def _table(df: pd.DataFrame) -> str:
    names = [name or "" for name in df.index.names] + [str(name) for name in df.columns]
    rows = [
        [*(index if isinstance(index, tuple) else (index,)), *cells]
        for index, cells in zip(df.index, df.itertuples(index=False, name=None), strict=True)
    ]
    lines = [names, *rows]
    texts = [[_cell(cell) for cell in line] for line in lines]
    head, *body = ["| " + " | ".join(line) + " |" for line in texts]
    return "\n".join([head.replace("|  |", "|   |"), "|" + "---|" * len(names), *body])


def _cell(value: Any) -> str:
    if isinstance(value, float):
        # Three places, as one reads them; prices are smaller than that.
        value = "NaN" if math.isnan(value) else f"{value:.3g}" if abs(value) < 0.01 else f"{round(value, 3):g}"
    return str(value).replace("|", "\\|").replace("\n", " ")
