"""How numbers are said to people."""

from __future__ import annotations

__all__ = ["duration"]

MINUTE_SECONDS = 60
HOUR_SECONDS = 60 * MINUTE_SECONDS
DAY_SECONDS = 24 * HOUR_SECONDS


def duration(seconds: float) -> str:
    """Return a length of time as people say it: '45 s', '3 min', '2 h 10 min', '1 d 4 h'."""
    whole = round(seconds)
    if whole < 2 * MINUTE_SECONDS:
        return f"{whole} s"
    if whole < HOUR_SECONDS:
        return f"{round(whole / MINUTE_SECONDS)} min"
    if whole < DAY_SECONDS:
        hours, rest = divmod(whole, HOUR_SECONDS)
        return f"{hours} h {rest // MINUTE_SECONDS} min"
    days, rest = divmod(whole, DAY_SECONDS)
    return f"{days} d {rest // HOUR_SECONDS} h"
