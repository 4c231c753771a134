"""A clock that tests turn."""

from __future__ import annotations

__all__ = ["FakeClock"]


class FakeClock:
    """A steady clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds
