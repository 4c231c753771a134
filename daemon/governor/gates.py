"""The gates: each reads one thing, knows its limit, and says whether work may go on.

A gate closes at its limit and opens again only well on the right side of it, so that it does not
flap. Without a sensor it stays open and says so. A sensor that fails, a reading that cannot be
true, or one that keeps the gate shut without changing by a hair for half an hour, is broken: it is
reported and closes nothing.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from scened.clock import Clock
from scened.config import GateSettings
from scened.governor.sensors import Sensors
from scened.store.governor_state import Verdict

__all__ = ["Gate", "Judgement", "gates"]

STUCK_SECONDS = 30 * 60.0
SLOW_SECONDS = 2.0  # between two readings of what changes slowly, or is slow to read
CALM_SECONDS = 3.0  # how long a reading must be well before a closed gate opens

BATTERY_MARGIN = 5  # percent of charge
HEAT_MARGIN = 5  # degrees
LOAD_MARGIN = 15  # percent of all cores
PRESSURE_MARGIN = 5  # percent of the time
MEMORY_MARGIN = 3  # percent of the memory
DISK_MARGIN = 20  # megabytes
HOT_STATES = ("serious", "critical")  # of macOS, which asks then to put off what can wait
PLAUSIBLE_CELSIUS = (-40.0, 150.0)


class Judgement(NamedTuple):
    """A reading in words, its number if it is one, and whether it is bad or well again.

    Between the two lies the margin in which a gate stays as it is. `stands_still`: a number
    that honestly may not change for long.
    """

    reading: str
    bad: bool
    well: bool
    number: float | None = None
    plausible: bool = True
    stands_still: bool = False


class Gate:
    """One gate with its memory of having been closed."""

    def __init__(
        self,
        name: str,
        limit: str,
        ask: Callable[[], Judgement | None],
        clock: Clock,
        *,
        enabled: bool,
        yields_to_boost: bool,
        slow: bool,
    ) -> None:
        self.name = name
        self._slow = slow
        self._last: tuple[Verdict, float] | None = None
        self.yields_to_boost = yields_to_boost
        self._limit = limit
        self._ask = ask
        self._clock = clock
        self._enabled = enabled
        self._open = True
        self._well_since: float | None = None
        self._still: tuple[float | None, float] = (None, clock())

    def judge(self) -> Verdict:
        """Say whether work may go on, after a reading unless that of a slow sensor is fresh."""
        now = self._clock()
        if self._slow and self._last is not None and now - self._last[1] < SLOW_SECONDS:
            return self._last[0]
        self._last = (self._read(), now)
        return self._last[0]

    def _read(self) -> Verdict:
        if not self._enabled:
            return self._verdict("switched off", opened=True)
        try:
            judgement = self._ask()
        except Exception as error:  # drivers fail in ways of their own, which are no reason to end
            return self._verdict(f"the sensor fails ({type(error).__name__})", opened=True)
        if judgement is None:
            return self._verdict("no sensor", opened=True)
        if not judgement.plausible:
            return self._verdict(f"{judgement.reading}: the sensor cannot be right", opened=True)
        if self._is_stuck(judgement):
            return self._verdict(f"{judgement.reading}: the sensor stands still", opened=True)
        self._move(judgement)
        return self._verdict(judgement.reading, opened=self._open)

    def _move(self, judgement: Judgement) -> None:
        now = self._clock()
        if judgement.bad:
            self._open = False
        if self._open or not judgement.well:
            self._well_since = None
            return
        if self._well_since is None:
            self._well_since = now
        if now - self._well_since >= CALM_SECONDS:
            self._open = True
            self._well_since = None

    def _is_stuck(self, judgement: Judgement) -> bool:
        number, since = self._still
        if judgement.number != number or judgement.stands_still or number is None:
            self._still = (judgement.number, self._clock())
            return False
        return not self._open and self._clock() - since >= STUCK_SECONDS

    def _verdict(self, reading: str, *, opened: bool) -> Verdict:
        return Verdict(self.name, opened, reading, self._limit, f"gates.{self.name}")


def gates(
    settings: GateSettings,
    sensors: Sensors,
    clock: Clock,
    disk: Path,
    ours: Callable[[], list[int]],
) -> list[Gate]:
    """Return every gate, those first whose word is heard first.

    `disk`: a path on the database's disk. `ours`: the ids of our own processes.
    """
    battery, load, pressure = settings.battery, settings.load, settings.pressure
    memory, hours, space, heat = settings.memory, settings.hours, settings.disk, settings.heat

    def ask_battery() -> Judgement | None:
        found = sensors.battery()
        if found is None:
            return None
        shown = f"{found.percent:.0f} %, {'plugged in' if found.plugged else 'on battery'}"
        unplugged = not found.plugged and not battery.on_battery
        low = found.percent < battery.least_percent and not found.plugged
        enough = found.plugged or found.percent >= battery.least_percent + BATTERY_MARGIN
        return Judgement(
            shown,
            bad=unplugged or low,
            well=not unplugged and enough,
            number=found.percent,
            plausible=0 <= found.percent <= 100,
            stands_still=True,
        )

    def ask_saver() -> Judgement | None:
        saving = sensors.power_saver()
        if saving is None:
            return None
        return Judgement("on" if saving else "off", bad=saving, well=not saving)

    def ask_heat() -> Judgement | None:
        state = sensors.thermal_state()
        if state is not None:
            hot = state in HOT_STATES
            return Judgement(f"{state}, as the system says", bad=hot, well=not hot)
        found = sensors.heat()
        if found is None:
            return None
        room = found.limit - found.celsius
        lowest, highest = PLAUSIBLE_CELSIUS
        return Judgement(
            f"{found.celsius:.0f} °C of {found.limit:.0f} °C ({found.sensor})",
            bad=room < heat.margin,
            well=room >= heat.margin + HEAT_MARGIN,
            number=found.celsius,
            plausible=lowest < found.celsius < highest and found.limit > 0,
        )

    def ask_load() -> Judgement | None:
        used = sensors.others_cores(ours())
        if used is None:
            return None
        percent = 100 * used / sensors.cores()
        return _at_most(
            percent, load.most_percent, LOAD_MARGIN, f"{percent:.0f} % of all cores", highest=110
        )

    def ask_pressure() -> Judgement | None:
        percent = sensors.memory_pressure()
        if percent is None:
            return None
        return _at_most(
            percent, pressure.most_percent, PRESSURE_MARGIN, f"{percent:.1f} % of the time"
        )

    def ask_memory() -> Judgement | None:
        percent = sensors.free_memory()
        if percent is None:
            return None
        return Judgement(
            f"{percent:.0f} % available",
            bad=percent < memory.least_percent,
            well=percent >= memory.least_percent + MEMORY_MARGIN,
            number=percent,
            plausible=0 <= percent <= 100,
        )

    def ask_hours() -> Judgement | None:
        now = sensors.time_of_day()
        inside = not hours.windows or any(_within(now, window) for window in hours.windows)
        return Judgement(f"{now:%H:%M}", bad=not inside, well=inside)

    def ask_disk() -> Judgement | None:
        free = sensors.free_disk(disk)
        if free is None:
            return None
        return Judgement(
            f"{free:,.0f} MB free",
            bad=free < space.least_megabytes,
            well=free >= space.least_megabytes + DISK_MARGIN,
            number=free,
            plausible=free >= 0,
            stands_still=True,
        )

    charge = f"at least {battery.least_percent:.0f} %"

    def gate(
        name: str,
        limit: str,
        ask: Callable[[], Judgement | None],
        *,
        yields_to_boost: bool = True,
        slow: bool = True,
    ) -> Gate:
        enabled = getattr(settings, name).enabled
        return Gate(
            name, limit, ask, clock, enabled=enabled, yields_to_boost=yields_to_boost, slow=slow
        )

    return [
        gate("battery", charge if battery.on_battery else "plugged in", ask_battery),
        gate("power_saver", "off", ask_saver),
        gate(
            "heat",
            f"{heat.margin:.0f} °C below the sensor's limit",
            ask_heat,
            yields_to_boost=False,
        ),
        gate("load", _at_most_words(load.most_percent, LOAD_MARGIN), ask_load, slow=False),
        gate(
            "pressure",
            _at_most_words(pressure.most_percent, PRESSURE_MARGIN),
            ask_pressure,
            slow=False,
        ),
        gate("memory", f"at least {memory.least_percent:.0f} %", ask_memory),
        gate("hours", ", ".join(hours.windows) or "all day", ask_hours),
        gate("disk", f"at least {space.least_megabytes:.0f} MB", ask_disk, yields_to_boost=False),
    ]


def _at_most(
    percent: float, most: float, margin: float, shown: str, highest: float = 100
) -> Judgement:
    return Judgement(
        shown,
        bad=percent > most,
        well=percent <= max(0.0, most - margin),
        number=percent,
        plausible=0 <= percent <= highest,
    )


def _at_most_words(most: float, margin: float) -> str:
    return f"at most {most:.0f} %, {max(0.0, most - margin):.0f} % to go on"


def _within(now: datetime.time, window: str) -> bool:
    begin, end = (datetime.time.fromisoformat(each) for each in window.split("-"))
    if begin < end:
        return begin <= now < end
    return now >= begin or now < end
