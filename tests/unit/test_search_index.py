"""Dates as words."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scened.store.search_index import date_words


@pytest.mark.parametrize(
    ("taken_at", "words"),
    [
        (None, ""),
        ("", ""),
        ("2019-06-14T18:03:20", "2019 06 14 June"),
        ("1999-12-31T23:59:59.123", "1999 12 31 December"),
        ("2024-01-01T00:00:00", "2024 01 01 January"),
    ],
)
def test_the_words_of_a_date(taken_at: str | None, words: str) -> None:
    assert date_words(taken_at) == words


@given(st.datetimes(min_value=dt.datetime(1000, 1, 1)))
def test_the_month_is_said_in_english_whatever_the_locale(moment: dt.datetime) -> None:
    abbreviated = "JanFebMarAprMayJunJulAugSepOctNovDec"[3 * moment.month - 3 :][:3]
    assert f" {abbreviated}" in date_words(moment.isoformat())
