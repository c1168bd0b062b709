"""Colours and fonts that the map and the report share: safe for colour-blind readers, on white and on dark."""

from __future__ import annotations

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
