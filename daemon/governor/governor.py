"""When and how hard: the first closed gate holds the work, and the duty spaces out the slices.

The policy on one page. Someone's `pause` holds everything until it ends. Then the gates are
asked in order; a closed one holds the work and is named as the reason (the load of others lets
one slice in ten seconds through, so that there is always some progress). A `boost` passes over all
gates but heat and disk, works without rests, in several processes and at our own priority.
Otherwise one process at the lowest priority works in slices, each followed by a rest that keeps
to the duty. That is halved when others use nearly all cores, or wait for memory or disk, and grows
again when they do neither.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from pathlib import Path

import msgspec

from scened.clock import Clock
from scened.config import Settings
from scened.governor.duty import Duty
from scened.governor.gates import gates
from scened.governor.sensors import Sensors
from scened.store.governor_state import Verdict, Wish
from scened.wording import duration

__all__ = ["Effort", "Governor", "Hold"]

TRICKLE_SECONDS = 10.0  # under others' load one slice in so long still passes, at idle priority
REVIEW_SECONDS = 0.25  # between two rounds of the gates: a spike shows in one of two rounds


class Hold(msgspec.Struct, frozen=True):
    """Why the work waits, and how to overrule that."""

    reason: str
    remedy: str


class Effort(msgspec.Struct, frozen=True):
    """How many analyzers work, whether at our own priority, and whether they decode ahead.

    One that decodes ahead opens the next photo while its network looks at this one: up to two
    cores for one process.
    """

    processes: int = 1
    keeps_priority: bool = False
    decodes_ahead: bool = False


class Governor:
    """Asked before every slice; cheap between reviews. `boosted_effort`: under a boost."""

    def __init__(
        self,
        settings: Settings,
        sensors: Sensors,
        clock: Clock,
        disk: Path,
        ours: Callable[[], list[int]],
        boosted_effort: Effort,
    ) -> None:
        self._clock = clock
        self._boosted_effort = boosted_effort
        self._sensors = sensors
        self._disk = disk
        self._ours = ours
        self._gates = gates(settings.gates, sensors, clock, disk, ours)
        self._duty = Duty(clock, settings.most_duty_percent / 100)
        self._heeds_pressure = settings.gates.pressure.enabled
        self._reviewed_at: float | None = None
        self._paused_until = self._boosted_until = self._worked_at = clock()
        self.verdicts: tuple[Verdict, ...] = ()
        self._shut: Verdict | None = None

    @property
    def duty(self) -> float:
        """Return the share of the time that may be worked, 0..1."""
        if self.paused_seconds() or self._shut is not None:
            return 0.0
        return 1.0 if self.boosted_seconds() else self._duty.share

    @property
    def duty_follows(self) -> str:
        """Return in words what makes the duty what it is, empty where nothing lessens it."""
        if self.paused_seconds():
            return "paused"
        if self._shut is not None:
            some = f", but for a slice in {TRICKLE_SECONDS:.0f} s" if _trickles(self._shut) else ""
            return f"{self._shut.setting} is closed{some}"
        return "boosted" if self.boosted_seconds() else self._duty.follows

    def obey(self, wish: Wish) -> None:
        """Pause or boost from now on as the user wishes; an earlier wish ends with it."""
        now = self._clock()
        self._paused_until = now + wish.paused_seconds
        self._boosted_until = now + wish.boosted_seconds

    def adopt(self, settings: Settings) -> None:
        """Keep to other settings from now on; each gate forgets that it was closed."""
        self._gates = gates(settings.gates, self._sensors, self._clock, self._disk, self._ours)
        self._duty.limit(settings.most_duty_percent / 100)
        self._heeds_pressure = settings.gates.pressure.enabled
        self._reviewed_at = None

    def paused_seconds(self) -> float:
        """Return how long the pause still lasts, 0 when there is none."""
        return self._left(self._paused_until)

    def boosted_seconds(self) -> float:
        """Return how long the boost still lasts, 0 when there is none."""
        return self._left(self._boosted_until)

    def hold(self) -> Hold | None:
        """Return why the work must wait now, or None when it may go on."""
        self._review()
        paused = self.paused_seconds()
        if paused:
            how_long = "" if math.isinf(paused) else f" for {duration(paused)} more"
            return Hold(f"paused{how_long}", "`scened resume` goes on")
        if self._shut is not None and not self._may_trickle(self._shut):
            return Hold(
                f"{self._shut.gate}: {self._shut.reading} (limit: {self._shut.limit})",
                f"`scened boost` overrules it, {self._shut.setting} in the settings changes it",
            )
        return None

    def effort(self) -> Effort:
        """Return how the next slices are to be worked."""
        return self._boosted_effort if self.boosted_seconds() else Effort()

    def rest_seconds(self, worked_seconds: float) -> float:
        """Return how long to rest after a slice of so much work."""
        self._worked_at = self._clock()
        return 0.0 if self.boosted_seconds() else self._duty.rest_seconds(worked_seconds)

    def _may_trickle(self, shut: Verdict) -> bool:
        return _trickles(shut) and self._clock() - self._worked_at >= TRICKLE_SECONDS

    def _review(self) -> None:
        now = self._clock()
        if self._reviewed_at is not None and now - self._reviewed_at < REVIEW_SECONDS:
            return
        self._reviewed_at = now
        boosted = bool(self.boosted_seconds())
        judged = [(gate, gate.judge()) for gate in self._gates]
        self.verdicts = tuple(verdict for _, verdict in judged)
        self._shut = next(
            (
                verdict
                for gate, verdict in judged
                if not verdict.open and not (boosted and gate.yields_to_boost)
            ),
            None,
        )
        ours = self._ours()
        used = stall = None
        with contextlib.suppress(Exception):  # of a sensor that fails, which its gate reports
            used = self._sensors.others_cores(ours)
            stall = self._sensors.others_stall(ours) if self._heeds_pressure else None
        self._duty.adjust(self._sensors.cores(), used, stall)

    def _left(self, until: float) -> float:
        return max(0.0, until - self._clock())


def _trickles(shut: Verdict) -> bool:
    return shut.gate == "load"
