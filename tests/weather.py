"""A scripted machine for the governor: its readings, what makes each bad, and the time."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from scened.config import Settings
from scened.governor.gates import SLOW_SECONDS
from scened.governor.governor import Effort, Governor
from scened.governor.pressure import Stall
from scened.governor.sensors import Battery, Heat

__all__ = ["BAD", "BOOSTED", "MINUTE", "Scene", "Weather", "bad_battery", "bad_heat", "bad_load"]

MINUTE = 60.0
BOOSTED = Effort(4, keeps_priority=True)


@dataclass
class Weather:
    """A scripted machine: every reading is what the test says."""

    battery_state: Battery | None = None
    saving: bool | None = None
    hottest: Heat | None = None
    thermal: str | None = None
    others: float | None = 0.0
    stalled: float | None = 0.0
    waits: Stall | None = None
    free: float | None = 50.0
    disk: float | None = 10_000.0
    time: datetime.time = datetime.time(12)
    core_count: int = 4

    def battery(self) -> Battery | None:
        return self.battery_state

    def power_saver(self) -> bool | None:
        return self.saving

    def heat(self) -> Heat | None:
        return self.hottest

    def thermal_state(self) -> str | None:
        return self.thermal

    def others_cores(self, ours: Iterable[int]) -> float | None:
        return self.others

    def others_stall(self, ours: Collection[int]) -> Stall | None:
        return self.waits

    def memory_pressure(self) -> float | None:
        return self.stalled

    def free_memory(self) -> float | None:
        return self.free

    def free_disk(self, path: Path) -> float | None:
        return self.disk

    def time_of_day(self) -> datetime.time:
        return self.time

    def cores(self) -> int:
        return self.core_count


@dataclass
class Scene:
    """A governor, its weather, and the time."""

    settings: Settings = field(default_factory=Settings)
    weather: Weather = field(default_factory=Weather)
    now: float = 1000.0

    def __post_init__(self) -> None:
        self.governor = Governor(
            self.settings, self.weather, lambda: self.now, Path("/"), list, BOOSTED
        )

    def reason(self, after: float = SLOW_SECONDS) -> str | None:
        """Return why the work waits after some time, or None."""
        self.now += after
        hold = self.governor.hold()
        return hold.reason if hold else None

    def gate(self, name: str) -> str:
        (verdict,) = (each for each in self.governor.verdicts if each.gate == name)
        return verdict.reading


def bad_battery(weather: Weather) -> None:
    weather.battery_state = Battery(80, plugged=False)


def bad_saver(weather: Weather) -> None:
    weather.saving = True


def bad_heat(weather: Weather) -> None:
    weather.hottest = Heat(96, 100, "cpu")


def bad_load(weather: Weather) -> None:
    weather.others = 3.9


def bad_pressure(weather: Weather) -> None:
    weather.stalled = 40.0


def bad_memory(weather: Weather) -> None:
    weather.free = 2.0


def bad_disk(weather: Weather) -> None:
    weather.disk = 10.0


BAD: dict[str, Callable[[Weather], None]] = {
    "battery": bad_battery,
    "power_saver": bad_saver,
    "heat": bad_heat,
    "load": bad_load,
    "pressure": bad_pressure,
    "memory": bad_memory,
    "disk": bad_disk,
}
