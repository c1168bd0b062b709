"""Dates of a column are read in the forms that people and programs write, and what is no date is none."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from mmembed.analysis.tallies.dates import read_dates

FIFTH = pd.Timestamp("2024-01-05")


def read(*cells, dtype=object):
    """Return the dates of some cells and how many are none."""
    dates, unreadable = read_dates(pd.Series(cells, dtype=dtype))
    return list(dates), unreadable


@pytest.mark.parametrize(
    "cell",
    [
        "2024年1月5日",
        "2024年01月05号",
        " 2024 年 1 月 5 日（星期五）",
        "２０２４年１月５日",
        "二〇二四年一月五日",
        "2024년 1월 5일",
        "2024/1/5",
        "２０２４／１／５",
        "2024.01.05",
        "5.1.2024",
        "20240105",
        20240105,
        20240105.0,
        np.int64(20240105),
        "5 Jan 2024",
        "Jan 5, 2024",
        "5th of January 2024",
        "2024-01-05\n",
        dt.date(2024, 1, 5),
        np.datetime64("2024-01-05"),
        dt.datetime(2024, 1, 5, tzinfo=dt.UTC),
    ],
)
def test_a_day_is_read_in_every_form(cell):
    """The fifth of January, in Chinese, Korean, with full-width signs, in digits, in English and as objects."""
    assert read(cell) == ([FIFTH], 0)


@pytest.mark.parametrize(
    ("cell", "time"),
    [
        ("2024年1月5日 10:30", "10:30"),
        ("2024年1月5日10点30分15秒", "10:30:15"),
        ("2024年1月5日 下午3:20", "15:20"),
        ("2024-01-05T02:00:00+08:00", "02:00"),
        ("2024-01-05 02:00:00.5Z", "02:00:00.5"),
        ("Fri, 05 Jan 2024 02:00:00 +0800", "02:00"),
        ("20240105103000", "10:30"),
        (dt.datetime(2024, 1, 5, 2, tzinfo=dt.timezone(dt.timedelta(hours=8))), "02:00"),
    ],
)
def test_the_time_is_the_one_that_the_clock_showed(cell, time):
    """An offset moves no row into another day."""
    assert read(cell) == ([pd.Timestamp(f"2024-01-05 {time}")], 0)


@pytest.mark.parametrize(
    ("cell", "first"),
    [("2024年3月", "2024-03-01"), ("2024年", "2024-01-01"), ("2024-03", "2024-03-01"), ("2024", "2024-01-01")]
    + [(quarter, "2024-07-01") for quarter in ("2024Q3", "2024-q3", "Q3 2024")],
)
def test_a_longer_period_counts_from_its_first_day(cell, first):
    """Months, years and quarters are dates, too."""
    assert read(cell) == ([pd.Timestamp(first)], 0)


@pytest.mark.parametrize(
    "cell",
    [
        "soon",
        "today",
        "now",
        "12:30",
        "下午3点",
        "3/14",
        "7 up",
        "3.14",
        "-5",
        "1704412800",
        "2024年13月5日",
        "2024-02-30",
        "1月5日",
        "\ud800",
        "",
        [2024, 1],
        {"year": 2024},
        True,
        12,
        float("inf"),
        b"2024-01-05",
    ],
)
def test_what_is_no_date_is_counted_and_gets_none(cell):
    """No word means the day of the run, no number without a year the first year."""
    dates, unreadable = read(cell, "2024-01-05")
    assert (pd.isna(dates[0]), dates[1], unreadable) == (True, FIFTH, 1)


def test_missing_cells_are_not_unreadable():
    """None, NaN, NaT and NA beside a date."""
    dates, unreadable = read(None, float("nan"), pd.NaT, pd.NA, "2024-01-05")
    assert (pd.isna(dates[:4]).all(), dates[4], unreadable) == (True, FIFTH, 0)


def test_day_and_month_are_in_one_order_in_a_column():
    """A thirteenth in first place makes all days stand first; dates that begin with the year are not turned."""
    assert read("05/01/2024", "13/01/2024", "2024/1/5") == ([FIFTH, pd.Timestamp("2024-01-13"), FIFTH], 0)
    assert read("01/05/2024", "01/13/2024") == ([FIFTH, pd.Timestamp("2024-01-13")], 0)
    assert read("01/05/2024") == ([FIFTH], 0)


@pytest.mark.parametrize("dtype", ["int64", "float64", "Int64", "int64[pyarrow]"])
def test_columns_of_eight_digits_are_dates(dtype):
    """As pandas reads 20240105 from a file; a missing one stays missing."""
    column = pd.Series([20240105, 20231231], dtype=dtype)
    assert list(read_dates(column)[0]) == [FIFTH, pd.Timestamp("2023-12-31")]
    if dtype != "int64":
        assert pd.isna(read_dates(pd.Series([20240105, None], dtype=dtype))[0][1])


@pytest.mark.parametrize("numbers", [[1.7e9], [20241305], [20240105, 5], [45296], [2024], [0.5], [True]])
def test_other_numbers_are_refused(numbers):
    """Seconds, days of a spreadsheet and years cannot be told apart; the message says how to convert them."""
    with pytest.raises(ValueError, match=r"Column 'when' \(date=\) holds numbers.*20240105.*to_datetime"):
        read_dates(pd.Series(numbers, name="when"))


@pytest.mark.parametrize("dtype", ["date32[pyarrow]", "timestamp[us, tz=Asia/Shanghai][pyarrow]", "category", "str"])
def test_other_columns_of_dates(dtype):
    """Arrow's dates and times, categories and pandas' own texts give times that fall into periods."""
    given = [dt.date(2024, 1, 5)] if "date32" in dtype else ["2024-01-05"]
    if "timestamp" in dtype:
        given = pd.to_datetime(given).tz_localize("Asia/Shanghai")
    dates, _ = read_dates(pd.Series(given).astype(dtype) if "date" not in dtype else pd.Series(given, dtype=dtype))
    assert dates.dt.to_period("D").astype(str).tolist() == ["2024-01-05"]
