"""How every figure looks: ink, paper and fonts, light and dark."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mmembed.errors import did_you_mean, listed
from mmembed.reporting.palette import FONT_STACK, MISSING_TONE, NOISE_TONE, tone

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
    if name not in _THEMES:
        raise ValueError(f"theme={name!r} does not exist. Known: {listed(_THEMES)}.{did_you_mean(name, _THEMES)}")
    return _THEMES[name]


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


def readable(value: float) -> str:
    """Return white or near black, whichever is read more easily on Viridis at a value from 0 (dark) to 1 (light)."""
    return "#FFFFFF" if np.isnan(value) or value < 0.6 else "#1C1F24"


def plain(text: str) -> str:
    """Return a text so that plotly shows it as it is written: neither markup nor a place to fill in."""
    return html.escape(text, quote=False).replace("%{", "%&#123;")
