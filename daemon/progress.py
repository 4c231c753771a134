"""How fast the work goes, and when it will be done."""

from __future__ import annotations

from collections import deque

from scened.clock import Clock

__all__ = ["Estimator"]

WINDOW_SECONDS = 60.0  # of work; what the present speed is taken from


class Estimator:
    """Photos a second of working time, and the time left at that speed.

    Working time passes while `work` has been told last, and stands still after `rest`: a pause, a
    closed gate and a time without photos say nothing of the speed, so the time left neither
    grows nor shrinks meanwhile. The short rests that keep the duty do belong to the speed.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._worked = 0.0  # seconds, up to `_working_since`
        self._working_since: float | None = None
        self._finished = 0
        self._moments: deque[tuple[float, int]] = deque()  # working time, photos

    def work(self) -> None:
        """Let working time pass from now on."""
        if self._working_since is None:
            self._working_since = self._clock()

    def rest(self) -> None:
        """Let working time stand still from now on."""
        self._worked, self._working_since = self._seconds(), None

    def add(self, photos: int) -> None:
        """Count photos that were finished just now."""
        self._finished += photos
        self._moments.append((self._seconds(), photos))

    def over_last_minute(self) -> float | None:
        """Return photos a second over the last minute of work, None where none was finished."""
        worked = self._seconds()
        while self._moments and worked - self._moments[0][0] > WINDOW_SECONDS:
            self._moments.popleft()
        span = min(worked, WINDOW_SECONDS)
        photos = sum(count for _, count in self._moments)
        return photos / span if photos and span > 0 else None

    def since_start(self) -> float | None:
        """Return photos a second over all working time, None where none was finished."""
        worked = self._seconds()
        return self._finished / worked if self._finished and worked > 0 else None

    def seconds_for(self, photos: int) -> float | None:
        """Return how much working time so many photos need, None while no speed is known."""
        if not photos:
            return 0.0
        rate = self.over_last_minute() or self.since_start()
        return photos / rate if rate else None

    def _seconds(self) -> float:
        since = self._working_since
        return self._worked + (self._clock() - since if since is not None else 0.0)
