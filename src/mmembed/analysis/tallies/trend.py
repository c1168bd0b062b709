"""How rows spread over time: dates of a column sorted into days, weeks, months or years that all cards share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

_DAYS_BY_DAY = 45
_DAYS_BY_WEEK = 300
_DAYS_BY_MONTH = 5 * 366
_MOST_PERIODS = 400


@dataclass(frozen=True, slots=True)
class Period:
    """One step of time: how it is called and how many rows fall into it."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Span:
    """The periods from a first date to a last one.

    Attributes
    ----------
    step : {"D", "W", "M", "Y"}
    names : tuple of str
        A week is called by its Monday, which may be before the first date.
    first : int
        Number of the first period, as pandas counts them.
    ends : tuple of str, length 2
        The first and the last date.
    """

    step: Literal["D", "W", "M", "Y"]
    names: tuple[str, ...]
    first: int
    ends: tuple[str, str]

    @classmethod
    def of(cls, dates: pd.Series) -> Span | None:
        """Return the periods of some dates, None where there is none.

        Examples
        --------
        >>> from mmembed.analysis.tallies.dates import read_dates
        >>> Span.of(read_dates(pd.Series(["2024-01-31", "2024-02-01", "soon", None]))[0]).names
        ('2024-01-31', '2024-02-01')
        """
        known = dates.dropna()
        return cls.between(known.min(), known.max()) if len(known) else None

    @classmethod
    def between(cls, first: pd.Timestamp, last: pd.Timestamp) -> Span:
        """Return days up to six weeks, weeks up to ten months, months up to five years; the last 400 at most."""
        days = (last - first).days
        step: Literal["D", "W", "M", "Y"] = (
            "D" if days <= _DAYS_BY_DAY else "W" if days <= _DAYS_BY_WEEK else "M" if days <= _DAYS_BY_MONTH else "Y"
        )
        span = pd.period_range(first.to_period(step), last.to_period(step), freq=step)[-_MOST_PERIODS:]
        names = tuple(str(one.start_time.date()) if step in {"D", "W"} else str(one) for one in span)
        return cls(step, names, int(span[0].ordinal), (str(first.date()), str(last.date())))

    def places(self, dates: pd.Series) -> npt.NDArray[np.int64]:
        """Return the period of each date, −1 where there is none or it is before the first."""
        places = np.full(len(dates), -1, dtype=np.int64)
        periods = dates.dropna().dt.to_period(self.step)
        ordinals = np.asarray(periods.dt.to_timestamp().array.to_period(self.step).asi8)
        places[dates.notna().to_numpy()] = ordinals - self.first
        return np.maximum(places, -1)
