"""Figures of a classification experiment: what is confused, what confidence is worth, what more labels would bring.

They draw what the experiment measured and fit nothing; texts of the table are escaped, since plotly reads them as HTML.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmembed.figures.style import FONT_STACK, tone
from mmembed.frames import one_line

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_MOST_NUMBERED_CLASSES = 30  # more numbers are too small to read
_INK = "#1C1F24"
_GREY = "#8A9099"


def plot_confusion(classifier: Any, *, title: str | None = None) -> Figure:
    """Draw how often rows of each class (lines) were held to be of each class (columns), while held out.

    Colours are shares of a line, so that small classes show as much as large ones; numbers are rows.

    Parameters
    ----------
    classifier : Classifier
        What :func:`mmembed.fit_classifier` gave.
    title : str, optional
        By default the accuracy with its interval.

    Returns
    -------
    plotly.graph_objects.Figure
        Not shown.
    """
    from plotly import graph_objects as go

    counts = classifier.confusion()
    values = counts.to_numpy()
    total = values.sum(axis=1, keepdims=True)
    shares = np.divide(values, total, out=np.zeros(values.shape), where=total > 0)
    names = _names(counts.index)
    small = len(names) > _MOST_NUMBERED_CLASSES
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=list(range(len(names))),
            y=list(range(len(names))),
            customdata=values,
            text=None if small else np.where(values > 0, values.astype(str), ""),
            texttemplate=None if small else "%{text}",
            colorscale=[[0, "#FFFFFF"], [0.02, "#E8F0F8"], [0.5, "#6BA3D0"], [1, "#0B4F8A"]],
            zmin=0,
            zmax=1,
            xgap=1,
            ygap=1,
            colorbar={"title": {"text": "share of line"}, "tickformat": ".0%", "thickness": 12},
            hovertemplate="%{customdata} rows of the line (%{z:.0%})<extra></extra>",
        )
    )
    side = int(np.clip(90 + 46 * len(names), 380, 900))
    ticks = {"tickmode": "array", "tickvals": list(range(len(names))), "ticktext": names, "showgrid": False}
    _lay_out(figure, title or _accuracy_title(classifier), width=side + 200, height=side + 120, top=56)
    figure.update_xaxes(title="predicted", **ticks, tickangle=-40 if len(names) > 6 else 0)
    figure.update_yaxes(
        title={"text": html.escape(one_line(counts.index.name, 40)), "standoff": 12}, autorange="reversed", **ticks
    )
    return figure


def plot_calibration(classifier: Any, *, title: str | None = None) -> Figure:
    """Draw confidence against the share that was right, for bins of equally many held-out rows.

    Parameters
    ----------
    classifier : Classifier
    title : str, optional
        By default the expected calibration error, and what it would be by chance alone.

    Returns
    -------
    plotly.graph_objects.Figure
        Not shown.
    """
    from plotly import graph_objects as go

    table = classifier.calibration()
    scores = classifier.scores()["value"]
    error, chance = scores["calibration_error"], scores["calibration_error_by_chance"]
    figure = go.Figure(
        go.Scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            line={"color": _GREY, "dash": "dot", "width": 1},
            name="confidence = accuracy",
            hoverinfo="skip",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=table["confidence"].to_numpy(),
            y=table["accuracy"].to_numpy(),
            error_y=_bars(table, "accuracy"),
            mode="lines+markers",
            line={"color": tone(0)[0], "width": 2},
            marker={"size": 8},
            customdata=table["rows"].to_numpy(),
            hovertemplate="confidence %{x:.2f}, right %{y:.2f} of %{customdata} rows<extra></extra>",
            name="held-out rows, 95 %",
        )
    )
    _lay_out(
        figure,
        title or f"Confidence is off by {error:.3f} on average; by chance alone it would be {chance:.3f}",
        width=620,
        height=520,
    )
    figure.update_xaxes(title="confidence", range=[0, 1.02])
    figure.update_yaxes(title="share that is right", range=[0, 1.02])
    return figure


def plot_learning_curve(curve: pd.DataFrame, *, title: str | None = None) -> Figure:
    """Draw accuracy against the number of labels.

    Parameters
    ----------
    curve : pandas.DataFrame
        What ``classifier.learning_curve()`` gave; its extrapolated rows are drawn dashed.
    title : str, optional

    Returns
    -------
    plotly.graph_objects.Figure
        Not shown.

    Raises
    ------
    ValueError
        If the frame is not a learning curve.
    """
    from plotly import graph_objects as go

    if missing := [name for name in ("labels", "accuracy", "low", "high", "measured") if name not in curve]:
        raise ValueError(f"The frame has no column {missing[0]!r}. Give classifier.learning_curve().")
    measured = curve[curve["measured"]]
    ahead = pd.concat([measured.tail(1), curve[~curve["measured"]]])
    figure = go.Figure()
    for part, name, dash in ((measured, "measured, ± 2 standard errors", "solid"), (ahead, "looking ahead", "dot")):
        if len(part) > (dash == "dot"):
            figure.add_trace(
                go.Scatter(
                    x=part["labels"].to_numpy(),
                    y=part["accuracy"].to_numpy(),
                    error_y=_bars(part, "accuracy"),
                    mode="lines+markers",
                    line={"color": tone(0)[0] if dash == "solid" else _GREY, "dash": dash, "width": 2},
                    marker={"size": 8},
                    name=name,
                    hovertemplate="%{x} labels: %{y:.3f}<extra></extra>",
                )
            )
    _lay_out(figure, title or "What more labels would bring", width=700, height=460)
    figure.update_xaxes(title="labelled rows", rangemode="tozero")
    figure.update_yaxes(title="accuracy on held-out rows")
    return figure


def _names(index: pd.Index) -> list[str]:
    return [html.escape(one_line(name, 24), quote=False) for name in index]


def _accuracy_title(classifier: Any) -> str:
    low, high = classifier.scores().loc["accuracy", ["low", "high"]]
    return f"{one_line(classifier.target, 40)}: accuracy {classifier.accuracy:.3f} ({low:.3f} to {high:.3f})"


def _bars(table: pd.DataFrame, column: str) -> dict[str, Any]:
    up, down = (table["high"] - table[column]).to_numpy(), (table[column] - table["low"]).to_numpy()
    return {"type": "data", "array": up, "arrayminus": down, "thickness": 1.2, "width": 3}


def _lay_out(figure: Figure, title: str, *, width: int, height: int, top: int = 96) -> None:
    figure.update_layout(
        template="plotly_white",
        width=width,
        height=height,
        title={"text": html.escape(title, quote=False), "x": 0.02, "font": {"size": 16}},
        font={"family": FONT_STACK, "size": 13, "color": _INK},
        margin={"l": 80, "r": 24, "t": top, "b": 64},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        plot_bgcolor="#FFFFFF",
    )
