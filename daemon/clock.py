"""The time, handed to whatever needs it: steady for measuring, UTC for writing down."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable

__all__ = ["Clock", "steady_seconds", "utc_now"]

Clock = Callable[[], float]


def steady_seconds() -> float:
    """Return seconds that only ever grow, whatever happens to the wall clock."""
    return time.monotonic()


def utc_now() -> str:
    """Return now as ISO 8601 in UTC, to the second, with Z."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
