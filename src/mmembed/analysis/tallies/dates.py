"""Dates as people write them: with signs of Chinese, Japanese and Korean, day or month first, in eight digits."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Iterable
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

_EARLIEST, _LATEST = 1000_01_01, 2999_12_31
_YEAR = re.compile(r"(\d{4})\s*[年년]\s*(?:(\d{1,2})\s*[月월]\s*(?:(\d{1,2})\s*[日号號일]?)?)?")
_CHINESE_YEAR = re.compile(
    r"([〇零一二三四五六七八九]{4})年(?:([一二三四五六七八九十]{1,3})月(?:([一二三四五六七八九十]{1,3})[日号號]?)?)?"
)
_CHINESE_DIGITS = {sign: value for value, sign in enumerate("〇一二三四五六七八九")} | {"零": 0}
_CLOCK = re.compile(
    r"(上午|下午|晚上|早上|凌晨|中午)?\s*(\d{1,2})\s*[时時点點:]\s*(\d{1,2})(?:\s*[:分]\s*(\d{1,2}))?\s*[分秒]?"
)
_WEEKDAY = re.compile(r"[(（]?(?:星期|礼拜|周|週)[一二三四五六日天][)）]?")
_QUARTER = re.compile(r"(\d{4})\s*-?\s*Q([1-4])|Q([1-4])\s*-?\s*(\d{4})", re.IGNORECASE)
_OFFSET = re.compile(r"(?<=\d)\s*(?:Z|[+-]\d{2}:?\d{2}(?:\s*\(\w+\))?)$")
_NO_DATE = re.compile(r"\D*|\d{1,2}:\d{2}(?::\d{2}(?:\.\d*)?)?\s*(?:[ap]m)?|[+-]?\d+\.?\d*", re.IGNORECASE)
_DAY_AND_MONTH = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(?:\d{4}|\d{2})(?!\d)")
_LONGEST = 60  # characters of a cell that may be a date
_FIRST_YEAR = 1000


def read_dates(values: pd.Series) -> tuple[pd.Series, int]:
    """Return dates as naive wall-clock times, and how many cells are no date.

    Raises
    ------
    ValueError
        If the column holds numbers, which may count seconds, days or nothing of the kind.
    """
    dates = _dates(values)
    return dates, int((dates.isna() & values.isna().to_numpy().__invert__()).sum())


def _dates(values: pd.Series) -> pd.Series:
    plain = values.reset_index(drop=True)
    if isinstance(plain.dtype, pd.PeriodDtype):
        plain = plain.dt.to_timestamp()
    if pd.api.types.is_numeric_dtype(plain.dtype):
        plain = _texts_of_numbers(plain)
    if not pd.api.types.is_datetime64_any_dtype(plain.dtype):
        # Dates come many times over, and reading one takes longer than knowing it again.
        codes, cells = pd.factorize(
            pd.Series([one if isinstance(one, Hashable) else _NO_DATE for one in plain], dtype=object)
        )
        texts = [_plain_date(cell) for cell in cells]
        read = _read(texts, day_first=_is_day_first(texts))
        plain = pd.concat([read, pd.Series([pd.NaT], dtype=read.dtype)], ignore_index=True).take(codes)
        plain = plain.reset_index(drop=True)
    if isinstance(plain.dtype, pd.ArrowDtype):
        zone = getattr(plain.dtype.pyarrow_dtype, "tz", None)
        if zone is None:
            return plain.astype("datetime64[us]")
        plain = plain.astype(pd.DatetimeTZDtype("us", zone))  # pandas 2.2 would give the time in UTC
    return plain.dt.tz_localize(None) if isinstance(plain.dtype, pd.DatetimeTZDtype) else plain


def _texts_of_numbers(values: pd.Series) -> pd.Series:
    """Return numbers as texts where all are a year, a month and a day in eight digits, as in 20240105."""
    known = values.dropna().to_numpy(dtype=np.float64)
    whole = known[(known >= _EARLIEST) & (known <= _LATEST) & (known == np.floor(known))].astype(np.int64)
    months, days = whole // 100 % 100, whole % 100
    if (
        not len(known)
        or len(whole) < len(known)
        or not ((months >= 1) & (months <= 12) & (days >= 1) & (days <= 31)).all()
    ):
        raise ValueError(
            f"Column {values.name!r} (date=) holds numbers ({values.dtype}), which may count anything; expected dates, "
            f"such as 2024-01-05 or 20240105. Convert it first, e.g. with pandas.to_datetime(df[{values.name!r}], "
            "unit='s')."
        )
    return pd.Series([None if pd.isna(one) else str(int(one)) for one in values], dtype=object)


def _plain_date(cell: Any) -> Any:
    """Return a cell as pandas reads dates: a text in its words, a date as it is; None where it is none."""
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=None)  # the time that the clock showed there
    if isinstance(cell, int | float | np.integer | np.floating) and not isinstance(cell, bool):
        cell = f"{cell:.0f}" if _EARLIEST <= float(cell) <= _LATEST else ""
    if not isinstance(cell, str):
        return cell if isinstance(cell, date | np.datetime64) else None
    text = unicodedata.normalize("NFKC", cell[:_LONGEST]).strip()
    text = _CHINESE_YEAR.sub(lambda found: _joined(map(_chinese_number, found.groups())), text, count=1)
    text = _YEAR.sub(lambda found: _joined(found.groups()), text, count=1)
    text = _QUARTER.sub(lambda q: f"{q[1] or q[4]}-{3 * int(q[2] or q[3]) - 2:02}-01", text, count=1)
    text = _OFFSET.sub("", _CLOCK.sub(_clock, _WEEKDAY.sub(" ", text), count=1)).strip()
    if _NO_DATE.fullmatch(text) and not (text.isdigit() and len(text) in {4, 8, 14}):
        return None
    return text


def _joined(parts: Iterable[Any]) -> str:
    return "-".join(str(part).zfill(2) for part in parts if part is not None) + " "


def _chinese_number(digits: str | None) -> int | None:
    """Return 2024 of 二〇二四, and 21 of 二十一."""
    if digits is None:
        return None
    if "十" not in digits:
        return int("".join(str(_CHINESE_DIGITS[digit]) for digit in digits))
    tens, _, ones = digits.partition("十")
    return 10 * _CHINESE_DIGITS.get(tens, 1) + _CHINESE_DIGITS.get(ones, 0)


def _clock(found: re.Match[str]) -> str:
    half, hour, minute, second = found.groups()
    number = int(hour)
    if half in {"下午", "晚上", "中午"} and number < 12 - (half == "中午"):
        number += 12
    return f" {number:02}:{minute.zfill(2)}:{(second or '0').zfill(2)}"


def _is_day_first(texts: Iterable[Any]) -> bool:
    """Return whether 05/01/2024 is in January: 13/01/2024 stands beside it, or dots part the numbers."""
    found = [match.groups() for text in texts if isinstance(text, str) and (match := _DAY_AND_MONTH.match(text))]
    if any(int(second) > 12 for _, _, second in found):
        return False
    return any(int(first) > 12 for first, _, _ in found) or (bool(found) and all(sign == "." for _, sign, _ in found))


def _read(texts: list[Any], *, day_first: bool) -> pd.Series:
    """Return dates as pandas reads them; where the day comes first, in those that begin with a day only."""
    cells = pd.Series(texts, dtype=object)
    read = pd.to_datetime(cells, errors="coerce", format="mixed")
    if day_first:
        turned = np.array([isinstance(text, str) and bool(_DAY_AND_MONTH.match(text)) for text in texts], dtype=bool)
        again = pd.to_datetime(cells[turned], errors="coerce", format="mixed", dayfirst=True)
        read = read.where(~turned, again.reindex(read.index))
    # What names no year is put into the first one.
    is_yearless = [isinstance(text, str) and not re.match(r"\D*\d{4}", text) for text in texts]
    return read.where(~(np.array(is_yearless, dtype=bool) & (read.dt.year < _FIRST_YEAR).to_numpy()))
