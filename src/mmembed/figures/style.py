"""How every figure and the report look: paper, ink, fonts, and colours that colour-blind readers can tell apart."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from mmembed.errors import one_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


ThemeName = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of a figure; ``side`` picks the tone of a pair (on white, on dark)."""

    side: int
    paper: str
    ink: str
    veil: str  # behind names that stand on points
    template: str

    def tone(self, position: int) -> str:
        """Return the colour of a category by its rank."""
        return tone(position)[self.side]

    @property
    def noise(self) -> str:
        """Colour of what the clustering left alone."""
        return NOISE_TONE[self.side]

    @property
    def missing(self) -> str:
        """Colour of rows without a value."""
        return MISSING_TONE[self.side]


_THEMES = {
    "light": Theme(0, "#FFFFFF", "#1C1F24", "rgba(255,255,255,0.8)", "plotly_white"),
    "dark": Theme(1, "#15181D", "#E6E8EB", "rgba(21,24,29,0.78)", "plotly_dark"),
}


def theme_of(name: str) -> Theme:
    """Return a theme by name.

    Raises
    ------
    ValueError
        If there is no such theme.
    """
    return _THEMES[one_of("theme", name, _THEMES)]


def dress(figure: Figure, theme: Theme, *, title: str | None, size: tuple[int, int], **layout: Any) -> None:
    """Give a figure its size, title, fonts and colours; ``layout`` goes to plotly as it is."""
    figure.update_layout(
        **{
            "template": theme.template,
            "width": size[0],
            "height": size[1],
            "paper_bgcolor": theme.paper,
            "plot_bgcolor": theme.paper,
            "font": {"family": FONT_STACK, "size": 13, "color": theme.ink},
            "title": plain(title) if title else None,
            "margin": {"l": 16, "r": 16, "t": 56 if title else 16, "b": 16},
            "hoverlabel": {"align": "left", "font": {"family": FONT_STACK}},
            **layout,
        }
    )


def is_measure(values: pd.Series) -> bool:
    """Tell whether a column is a quantity: floats, or integers of many values; labels and flags are categories."""
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return False
    return bool(pd.api.types.is_float_dtype(values)) or values.nunique() > 20


def readable(value: float) -> str:
    """Return white or near black, whichever is read more easily on Viridis at a value from 0 (dark) to 1 (light)."""
    return "#FFFFFF" if np.isnan(value) or value < 0.6 else "#1C1F24"


def plain(text: str) -> str:
    """Return a text so that plotly shows it as it is written: neither markup nor a place to fill in."""
    return html.escape(text, quote=False).replace("%{", "%&#123;")


FONT_STACK = (
    'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "PingFang SC", "Hiragino Sans GB", '
    '"Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Micro Hei", sans-serif'
)

NOISE_TONE = ("#BFC3C9", "#565C66")

MISSING_TONE = ("#DDDFE3", "#3C414A")

# (on white, on dark). Okabe and Ito's colours come first; their yellow vanishes on white and their black on dark, so
# both are left out. The rest follow Paul Tol's muted scheme, which keeps hues apart for the common kinds of colour
# blindness; dark variants are lighter so that a dot keeps its contrast.
_TONES = (
    ("#0072B2", "#4BA3E0"),
    ("#E69F00", "#F0B43C"),
    ("#009E73", "#2CC29A"),
    ("#D55E00", "#F08445"),
    ("#CC79A7", "#E296C0"),
    ("#56B4E9", "#8AD0F7"),
    ("#332288", "#988CF0"),
    ("#999933", "#C2C25C"),
    ("#882255", "#D0688F"),
    ("#44AA99", "#6FD3C3"),
    ("#AA4499", "#D67BC9"),
    ("#117733", "#58B474"),
    ("#8C564B", "#C08D80"),
    ("#6479B8", "#9DB0EA"),
)


def tone(position: int) -> tuple[str, str]:
    """Return the colour of one category, on white and on dark.

    Parameters
    ----------
    position : int
        Rank of the category, from 0. Past the 14 base colours come a lighter and a darker round, then it repeats.

    Examples
    --------
    >>> tone(0)
    ('#0072B2', '#4BA3E0')
    """
    light, dark = _TONES[position % len(_TONES)]
    turn = position // len(_TONES) % 3
    if turn == 1:
        return _mix(light, "#FFFFFF", 0.38), _mix(dark, "#FFFFFF", 0.38)
    if turn == 2:
        return _mix(light, "#000000", 0.36), _mix(dark, "#000000", 0.30)
    return light, dark


def _mix(color: str, other: str, share: float) -> str:
    channels = (
        round(int(color[start : start + 2], 16) * (1 - share) + int(other[start : start + 2], 16) * share)
        for start in (1, 3, 5)
    )
    return "#" + "".join(f"{channel:02X}" for channel in channels)
