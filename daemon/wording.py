"""How numbers are said to people, and how people say them."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["duration", "file_size", "parse_duration", "visible"]

MINUTE_SECONDS = 60
HOUR_MINUTES = 60
DAY_MINUTES = 24 * HOUR_MINUTES

# Controls, formats (which turn the direction of writing), surrogates, line and paragraph ends
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def visible(text: str) -> str:
    """Return text in one line in which nothing is a command to a terminal.

    File names and metadata may hold anything; what would not be seen is shown as an escape.
    """
    return "".join(
        letter.encode("unicode_escape").decode()
        if unicodedata.category(letter) in UNSEEN
        else letter
        for letter in text
    )


def duration(seconds: float) -> str:
    """Return a length of time as people say it: '45 s', '3 min', '2 h 10 min', '1 d 4 h'."""
    if round(seconds) < 2 * MINUTE_SECONDS:
        return f"{round(seconds)} s"
    minutes = round(seconds / MINUTE_SECONDS)
    if minutes < HOUR_MINUTES:
        return f"{minutes} min"
    if minutes < DAY_MINUTES:
        return f"{minutes // HOUR_MINUTES} h {minutes % HOUR_MINUTES} min"
    return f"{minutes // DAY_MINUTES} d {minutes % DAY_MINUTES // HOUR_MINUTES} h"


def file_size(byte_count: int) -> str:
    """Return a size as people say it: '12 kB', '3.4 MB', '120 MB', '1.2 GB'."""
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if byte_count >= unit:
            digits = 0 if byte_count >= 100 * unit else 1
            return f"{byte_count / unit:,.{digits}f} {name}"
    return f"{byte_count / 1e3:.0f} kB"


def parse_duration(words: str) -> float:
    """Return the seconds that '90s', '30m', '2h', '1h30m' or '1d' mean.

    Raises ValueError, with how to write one.
    """
    parts = re.fullmatch(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", words.replace(" ", ""))
    if not words.strip() or parts is None:
        raise ValueError(f"{words!r} is no length of time; write 30m, 2h, 1h30m, 90s or 1d")
    days, hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    total = ((days * 24 + hours) * HOUR_MINUTES + minutes) * MINUTE_SECONDS + seconds
    if not total:
        raise ValueError(f"{words!r} is no time at all; write 30m, 2h, 1h30m, 90s or 1d")
    return float(total)
