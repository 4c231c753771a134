"""How numbers are said to people."""

from __future__ import annotations

__all__ = ["duration"]

MINUTE_SECONDS = 60
HOUR_MINUTES = 60
DAY_MINUTES = 24 * HOUR_MINUTES


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
