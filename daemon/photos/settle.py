"""Files that someone may still be writing: taken once they have kept still."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from scened.clock import Clock
from scened.photos.scan import describe
from scened.store.places import Place, Sighting

__all__ = ["Settling", "is_fresh"]

SETTLE_SECONDS = 2.0  # a file that keeps its size and time this long is taken as complete


class _Waiting(NamedTuple):
    path: bytes
    sighting: Sighting | None
    since: float  # on the steady clock


class Settling:
    """The files that wait; small, and rebuilt from the disk after a restart."""

    def __init__(self, clock: Clock, settle_seconds: float = SETTLE_SECONDS) -> None:
        self._clock = clock
        self._settle_seconds = settle_seconds
        self._waiting: dict[Place, _Waiting] = {}

    def __len__(self) -> int:
        """Return how many files wait."""
        return len(self._waiting)

    def touch(self, place: Place, path: bytes) -> None:
        """Let a file wait because it appeared or changed; anew, if it waited already."""
        sighting = describe(place, path)
        before = self._waiting.get(place)
        if before is None or before.sighting != sighting:
            self._waiting[place] = _Waiting(path, sighting, self._clock())

    def forget(self, place: Place) -> None:
        """Wait no longer for a file that is gone."""
        self._waiting.pop(place, None)

    def seconds_to_next(self) -> float | None:
        """Return when the next file may have settled, or None when none waits."""
        if not self._waiting:
            return None
        first = min(waiting.since for waiting in self._waiting.values())
        return max(0.0, first + self._settle_seconds - self._clock())

    def settled(self) -> Iterator[Sighting]:
        """Yield the files that kept still long enough; those that changed wait anew."""
        now = self._clock()
        due = [
            (place, waiting)
            for place, waiting in self._waiting.items()
            if now - waiting.since >= self._settle_seconds
        ]
        for place, waiting in due:
            sighting = describe(place, waiting.path)
            if sighting != waiting.sighting:
                self._waiting[place] = waiting._replace(sighting=sighting, since=now)
                continue
            del self._waiting[place]
            if sighting is not None:
                yield sighting


def is_fresh(sighting: Sighting, wall_seconds: Callable[[], float] = time.time) -> bool:
    """Tell whether a file was written so lately that its writer may not be done.

    The file system stamps with the wall clock, so this compares with it; a time in the future
    says nothing and does not count as fresh.
    """
    return 0 <= wall_seconds() - sighting.modified_ns / 1e9 < SETTLE_SECONDS
