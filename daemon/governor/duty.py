"""Decide how much of the time the analyzer may work while the gates are open.

Additive increase, multiplicative decrease, as congestion control on a network (Chiu and Jain,
1989): others at work halve our share at once, quiet gives it back slowly. Only what *others* use
counts; our own work is subtracted before it comes here.
"""

from __future__ import annotations

from scened.clock import Clock

__all__ = ["Duty"]

LEAST = 0.05  # of the time: progress is slow, but never none
START = 0.25
RECOVERY_PER_SECOND = 0.1  # share regained while others leave room
DECREASE = 0.5
DECREASE_SECONDS = 0.5  # between two decreases, so that one spike counts once
ROOM_CORES = 0.5  # what others must leave free, or we give way


class Duty:
    """The share of the time that may be worked, `least`..`most`."""

    def __init__(self, clock: Clock, most: float = 1.0) -> None:
        self._clock = clock
        self._most = most
        self._adjusted_at = clock()
        self._decreased_at = clock() - DECREASE_SECONDS
        self.share = min(START, most)

    def limit(self, most: float) -> None:
        """Set another upper bound."""
        self._most = most
        self.share = min(self.share, max(LEAST, most))

    def adjust(self, others_cores: float | None, cores: int) -> None:
        """Follow what others use, in cores; without that reading only the upper bound holds."""
        now = self._clock()
        passed, self._adjusted_at = now - self._adjusted_at, now
        room = cores - others_cores if others_cores is not None else float(cores)
        if room < ROOM_CORES:
            if now - self._decreased_at >= DECREASE_SECONDS:
                self._decreased_at = now
                self.share = max(LEAST, self.share * DECREASE)
            return
        ceiling = max(LEAST, min(self._most, room))
        self.share = min(ceiling, self.share + RECOVERY_PER_SECOND * passed)

    def rest_seconds(self, worked_seconds: float) -> float:
        """Return how long to rest after so much work."""
        return worked_seconds * (1 - self.share) / self.share
