"""Decide how much of the time the analyzer may work while the gates are open.

Additive increase, multiplicative decrease, as congestion control on a network (Chiu and Jain,
1989): where others need the machine our share is halved at once, and quiet gives it back slowly.
Two things tell that they do, and either will do: the cores that they use, and how long they wait
for memory or disk. Our own work is in neither; it is subtracted before it comes here.
"""

from __future__ import annotations

from scened.clock import Clock
from scened.governor.pressure import Stall

__all__ = ["Duty"]

LEAST = 0.05  # of the time: progress is slow, but never none
START = 0.25
RECOVERY_PER_SECOND = 0.1  # share regained while others leave room
DECREASE = 0.5
DECREASE_SECONDS = 1.0  # between two decreases, so that one spike counts once
ROOM_CORES = 0.5  # what others must leave free, or we give way
MOST_STALLED_PERCENT = 20.0  # of the time that others may wait, or we give way
PLAUSIBLE = 1.1  # of the most that can be: two counters are never read at the same moment


class Duty:
    """The share of the time that may be worked, `LEAST`..`most`, and what it follows, in words."""

    def __init__(self, clock: Clock, most: float = 1.0) -> None:
        self._clock = clock
        self._adjusted_at = clock()
        self._decreased_at = clock() - DECREASE_SECONDS
        self.share = START
        self.follows = ""
        self.limit(most)

    def limit(self, most: float) -> None:
        """Set another upper bound."""
        self._most = most
        self.share = min(self.share, most)

    def adjust(self, cores: int, others_cores: float | None, stall: Stall | None) -> None:
        """Follow what others use, in cores, and how long they wait; None where nothing tells.

        What cannot be true is left aside, and `follows` says so.
        """
        now = self._clock()
        passed, self._adjusted_at = now - self._adjusted_at, now
        doubted = ""
        if others_cores is not None and not 0 <= others_cores <= PLAUSIBLE * cores:
            doubted, others_cores = f"{others_cores:.1f} cores of others", None
        if stall is not None and not 0 <= stall.percent <= PLAUSIBLE * 100:
            doubted, stall = f"waits for {stall.awaited} of {stall.percent:.0f} %", None
        room = cores - (others_cores or 0.0)
        used = f"others use {others_cores or 0.0:.1f} of {cores} cores"
        if room < ROOM_CORES:
            self._give_way(now)
            self.follows = used
        elif stall is not None and stall.percent > MOST_STALLED_PERCENT:
            self._give_way(now)
            self.follows = f"others wait for {stall.awaited} {stall.percent:.0f} % of the time"
        else:
            most = min(self._most, room)
            self.share = min(most, self.share + RECOVERY_PER_SECOND * passed)
            grows = "it grows while others leave room" if self.share < most else ""
            self.follows = grows or (used if room < self._most else "")
        if doubted:
            self.follows = f"{doubted} cannot be right and are left aside"

    def rest_seconds(self, worked_seconds: float) -> float:
        """Return how long to rest after so much work."""
        return worked_seconds * (1 - self.share) / self.share

    def _give_way(self, now: float) -> None:
        if now - self._decreased_at >= DECREASE_SECONDS:
            self._decreased_at = now
            self.share = max(min(LEAST, self.share), self.share * DECREASE)
