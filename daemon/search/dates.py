"""What people call a time: `2019`, `June 2019`, `2019-06-14`, `yesterday`, `last summer`."""

from __future__ import annotations

import calendar
import datetime
import re
from typing import NamedTuple

from scened.errors import BadQuery

__all__ = ["Period", "parse_period"]

# English whatever the locale is, and by their first three letters or more
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
SHORTEST_MONTH = 3  # letters
SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}  # first month
SEASON_MONTHS = 3

Day = datetime.date


class Period(NamedTuple):
    """From the `first` day to the `last`, both in it."""

    first: Day
    last: Day


def parse_period(words: str, today: Day) -> Period:
    """Return the days that `words` mean; seasons are those of the northern half of the earth.

    `last summer` is the latest that is over, `this summer` that of this year, and so for months.
    Raises BadQuery with what may be written.
    """
    spoken = words.strip().lower()
    try:
        found = _numbers(spoken) or _relative(spoken, today) or _named(spoken, today)
    except (ValueError, OverflowError):  # the 31st of February, the year 0
        found = None
    if found is None:
        raise BadQuery(
            f"{words!r} is no date",
            "write 2019, 2019-06, 2019-06-14, June 2019, yesterday, last week or last summer",
        )
    return found


def _numbers(spoken: str) -> Period | None:
    parts = re.fullmatch(r"(\d{4})(?:-(\d\d?)(?:-(\d\d?))?)?", spoken)
    if parts is None:
        return None
    year, month, day = (int(part) if part else None for part in parts.groups())
    assert year is not None  # noqa: S101
    if month is None:
        return Period(Day(year, 1, 1), Day(year, 12, 31))
    if day is None:
        return _months(year, month, 1)
    return Period(Day(year, month, day), Day(year, month, day))


def _relative(spoken: str, today: Day) -> Period | None:
    one_day = datetime.timedelta(days=1)
    monday = today - today.weekday() * one_day
    this_month = _months(today.year, today.month, 1)
    before = this_month.first - one_day
    periods = {
        "today": Period(today, today),
        "yesterday": Period(today - one_day, today - one_day),
        "this week": Period(monday, monday + 6 * one_day),
        "last week": Period(monday - 7 * one_day, monday - one_day),
        "this month": this_month,
        "last month": _months(before.year, before.month, 1),
        "this year": Period(Day(today.year, 1, 1), Day(today.year, 12, 31)),
        "last year": Period(Day(today.year - 1, 1, 1), Day(today.year - 1, 12, 31)),
    }
    return periods.get(spoken)


def _named(spoken: str, today: Day) -> Period | None:
    """Read a month or a season, of a year that is named, this one, or the latest that is over."""
    parts = re.fullmatch(r"(?:(this|last)\s+)?([a-z]+)(?:\s+(\d{4}))?", spoken)
    if parts is None or (parts[1] and parts[3]):
        return None
    name = parts[2]
    months = [number for number, month in enumerate(MONTHS, 1) if month.startswith(name)]
    if name in SEASONS:
        first, length = SEASONS[name], SEASON_MONTHS
    elif months and len(name) >= SHORTEST_MONTH:
        first, length = months[0], 1
    else:
        return None
    if parts[3]:
        return _months(int(parts[3]), first, length)
    period = _months(today.year, first, length)
    if parts[1] == "last" and period.last >= today:
        period = _months(today.year - 1, first, length)
        if period.last >= today:  # the winter that began last year
            period = _months(today.year - 2, first, length)
    return period


def _months(year: int, first: int, length: int) -> Period:
    """Return `length` whole months from the `first` of a year."""
    end = first + length - 1
    last_year, last_month = year + (end - 1) // 12, (end - 1) % 12 + 1
    last_day = calendar.monthrange(last_year, last_month)[1]
    return Period(Day(year, first, 1), Day(last_year, last_month, last_day))
