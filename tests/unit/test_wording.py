"""Lengths of time and sizes as people say them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scened.wording import duration, file_size, visible

UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (45.4, "45 s"),
        (119, "119 s"),
        (120, "2 min"),
        (170, "3 min"),
        (3600, "1 h 0 min"),
        (7800, "2 h 10 min"),
        (100_800, "1 d 4 h"),
        (3599, "1 h 0 min"),
        (86399, "1 d 0 h"),
    ],
)
def test_a_length_of_time(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 kB"),
        (15_534, "16 kB"),
        (3_400_000, "3.4 MB"),
        (118_700_000, "119 MB"),
        (1_234_000_000, "1.2 GB"),
    ],
)
def test_a_size(size: int, said: str) -> None:
    assert file_size(size) == said


@given(st.floats(0, 200_000))
def test_no_unit_is_said_more_often_than_it_fits_into_the_next(seconds: float) -> None:
    said = {unit: int(count) for count, unit in re.findall(r"(\d+) (\w+)", duration(seconds))}
    assert said.get("s", 0) < 120
    assert said.get("min", 0) < 60
    assert said.get("h", 0) < 24


@given(st.floats(0, 200_000))
def test_what_is_said_is_near_the_truth(seconds: float) -> None:
    said = re.findall(r"(\d+) (\w+)", duration(seconds))
    meant = sum(int(count) * UNITS[unit] for count, unit in said)
    assert abs(meant - seconds) <= UNITS[said[-1][1]]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a beach, é 日本.jpg", "a beach, é 日本.jpg"),
        ("a\nb", r"a\nb"),
        ("\x1b[2J\x07", r"\x1b[2J\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("gpj.\u202eexe", r"gpj.\u202eexe"),
        ("\u2028", r"\u2028"),
        ("\udcff", r"\udcff"),
    ],
)
def test_nothing_in_a_text_is_a_command_to_a_terminal(text: str, shown: str) -> None:
    assert visible(text) == shown
