"""What people call a time."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scened.errors import BadQuery
from scened.search.dates import parse_period

TODAY = datetime.date(2024, 2, 7)  # a Wednesday in winter, in a leap year


@pytest.mark.parametrize(
    ("words", "first", "last"),
    [
        ("2019", "2019-01-01", "2019-12-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2019-06-14", "2019-06-14", "2019-06-14"),
        ("2019-6-4", "2019-06-04", "2019-06-04"),
        ("June 2019", "2019-06-01", "2019-06-30"),
        ("sept 2019", "2019-09-01", "2019-09-30"),
        ("december", "2024-12-01", "2024-12-31"),
        ("last december", "2023-12-01", "2023-12-31"),
        ("last january", "2024-01-01", "2024-01-31"),
        ("summer 2019", "2019-06-01", "2019-08-31"),
        ("winter 2019", "2019-12-01", "2020-02-29"),
        ("last summer", "2023-06-01", "2023-08-31"),
        ("last winter", "2022-12-01", "2023-02-28"),
        ("this summer", "2024-06-01", "2024-08-31"),
        ("today", "2024-02-07", "2024-02-07"),
        (" Yesterday ", "2024-02-06", "2024-02-06"),
        ("this week", "2024-02-05", "2024-02-11"),
        ("last week", "2024-01-29", "2024-02-04"),
        ("this month", "2024-02-01", "2024-02-29"),
        ("last month", "2024-01-01", "2024-01-31"),
        ("last year", "2023-01-01", "2023-12-31"),
    ],
)
def test_a_time_is_a_first_and_a_last_day(words: str, first: str, last: str) -> None:
    period = parse_period(words, TODAY)
    assert (period.first.isoformat(), period.last.isoformat()) == (first, last)


@pytest.mark.parametrize(
    "words", ["", "soon", "0000", "2019-13", "2019-02-31", "last 2019", "ma 2019", "last june 2019"]
)
def test_what_is_no_time_is_refused_with_what_may_be_written(words: str) -> None:
    with pytest.raises(BadQuery, match="last summer"):
        parse_period(words, TODAY)


@given(
    st.sampled_from(["last", "this"]),
    st.sampled_from(["spring", "summer", "autumn", "winter", "may", "february"]),
    st.dates(datetime.date(1950, 1, 1), datetime.date(2100, 12, 31)),
)
def test_the_last_of_anything_is_over_and_not_long_ago(
    which: str, name: str, today: datetime.date
) -> None:
    period = parse_period(f"{which} {name}", today)
    assert period.first < period.last
    if which == "last":
        assert period.last < today
        assert today - period.last <= datetime.timedelta(days=366)
