"""How fast the work goes, and when it will be done."""

from __future__ import annotations

from collections import deque

from scened.clock import Clock

__all__ = ["Rate"]

WINDOW_SECONDS = 60.0


class Rate:
    """Photos a second over the last minute of work."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock()
        self._moments: deque[tuple[float, int]] = deque()

    def add(self, photos: int) -> None:
        """Count photos that were finished just now."""
        self._moments.append((self._clock(), photos))

    def begin(self) -> None:
        """Start afresh after a time without work, which says nothing of the speed."""
        self._moments.clear()
        self._began = self._clock()

    def per_second(self) -> float | None:
        """Return the rate, or None while nothing was finished."""
        now = self._clock()
        while self._moments and now - self._moments[0][0] > WINDOW_SECONDS:
            self._moments.popleft()
        if not self._moments:
            return None
        span = min(now - self._began, WINDOW_SECONDS)
        return sum(photos for _, photos in self._moments) / span if span > 0 else None

    def seconds_for(self, photos: int) -> float | None:
        """Return how long so many photos will take at this rate, or None where none is known."""
        rate = self.per_second()
        return photos / rate if rate else None
