"""What the machine can tell of itself, through one small interface.

A reading is None where the machine has no such sensor; nothing is ever guessed. Tests hand in a
scripted double; `SystemSensors` asks the real machine.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import psutil

from scened.clock import Clock, steady_seconds
from scened.governor import macos
from scened.governor.pressure import OthersWait, Stall, own_group

__all__ = ["Battery", "Heat", "Sensors", "SystemSensors", "resident_bytes"]

PRESSURE_FILE = Path("/proc/pressure/memory")  # https://docs.kernel.org/accounting/psi.html
PROFILE_FILE = Path("/sys/firmware/acpi/platform_profile")  # kernel: sysfs-platform_profile
LEAST_INTERVAL_SECONDS = 0.2  # the kernel counts processor time in hundredths
COUNTED_TIMES = 8  # of psutil's fields; those that follow (guest) are within others, see proc(5)


class Battery(NamedTuple):
    """The charge in percent, and whether the machine is plugged in."""

    percent: float
    plugged: bool


class Heat(NamedTuple):
    """The sensor nearest to its limit: degrees Celsius, the limit it names, and its name."""

    celsius: float
    limit: float
    sensor: str


class Sensors(Protocol):
    """What the gates ask."""

    def battery(self) -> Battery | None:
        """Return the battery's state."""

    def power_saver(self) -> bool | None:
        """Tell whether the system is asked to save power."""

    def heat(self) -> Heat | None:
        """Return the hottest sensor, by its own limit."""

    def thermal_state(self) -> str | None:
        """Return the platform's own word for its heat, one of `macos.THERMAL_STATES`."""

    def others_cores(self, ours: Iterable[int]) -> float | None:
        """Return how many cores are used by all processes but `ours` (process ids)."""

    def others_stall(self, ours: Collection[int]) -> Stall | None:
        """Return how long all processes but `ours` lately waited for memory or disk."""

    def memory_pressure(self) -> float | None:
        """Return the percentage of the last 10 seconds in which some task waited for memory."""

    def free_memory(self) -> float | None:
        """Return the available share of the memory, in percent."""

    def free_disk(self, path: Path) -> float | None:
        """Return the megabytes free on the disk of `path`."""

    def time_of_day(self) -> datetime.time:
        """Return the local wall time."""

    def cores(self) -> int:
        """Return how many cores this process may use."""


class SystemSensors:
    """The real machine, through psutil and the kernel's own files."""

    def __init__(self, clock: Clock = steady_seconds) -> None:
        self._clock = clock
        self._at = clock()
        self._busy = _busy_seconds()
        self._ours = {os.getpid(): _used_seconds(os.getpid())}
        self._others: float | None = None
        self._others_wait = OthersWait(clock, group=own_group())

    def battery(self) -> Battery | None:
        """Return the battery's state."""
        found = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
        if found is None:
            return None
        return Battery(float(found.percent), bool(found.power_plugged))

    def power_saver(self) -> bool | None:
        """Tell whether the system is asked to save power."""
        if psutil.MACOS:
            return macos.low_power_mode()
        try:
            return PROFILE_FILE.read_text().strip() in ("low-power", "quiet")
        except OSError:
            return None

    def heat(self) -> Heat | None:
        """Return the hottest sensor, by its own limit; sensors that name none are left out."""
        if not hasattr(psutil, "sensors_temperatures"):
            return None
        readings = [
            Heat(each.current, limit, each.label or chip)
            for chip, sensors in psutil.sensors_temperatures().items()
            for each in sensors
            if (limit := each.critical or each.high)
        ]
        return min(readings, key=lambda heat: heat.limit - heat.celsius, default=None)

    def thermal_state(self) -> str | None:
        """Return the platform's own word for its heat; only macOS has one."""
        return macos.thermal_state() if psutil.MACOS else None

    def others_cores(self, ours: Iterable[int]) -> float | None:
        """Return how many cores are used by all processes but `ours` since the last call."""
        now = self._clock()
        if now - self._at < LEAST_INTERVAL_SECONDS:
            return self._others
        busy = _busy_seconds()
        used = {pid: _used_seconds(pid) for pid in ours}
        own = sum(seconds - self._ours.get(pid, 0.0) for pid, seconds in used.items())
        self._others = max(0.0, (busy - self._busy - own) / (now - self._at))
        self._at, self._busy, self._ours = now, busy, used
        return self._others

    def others_stall(self, ours: Collection[int]) -> Stall | None:
        """Return how long all processes but `ours` lately waited for memory or disk."""
        return self._others_wait.stall(ours)

    def memory_pressure(self) -> float | None:
        """Return the percentage of the last 10 seconds in which some task waited for memory."""
        try:
            some = PRESSURE_FILE.read_text().split()
            return float(some[1].removeprefix("avg10="))
        except (OSError, ValueError, IndexError):
            return None

    def free_memory(self) -> float | None:
        """Return the available share of the memory, in percent."""
        memory = psutil.virtual_memory()
        return 100.0 * memory.available / memory.total

    def free_disk(self, path: Path) -> float | None:
        """Return the megabytes free on the disk of `path`."""
        try:
            return shutil.disk_usage(path).free / 1e6
        except OSError:
            return None

    def time_of_day(self) -> datetime.time:
        """Return the local wall time."""
        return datetime.datetime.now().astimezone().time()

    def cores(self) -> int:
        """Return how many cores this process may use."""
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1


def resident_bytes(pids: Iterable[int]) -> int | None:
    """Return the memory that processes hold together, or None where none of them is there."""
    held = []
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            held.append(int(psutil.Process(pid).memory_info().rss))
    return sum(held) if held else None


def _busy_seconds() -> float:
    """Return the seconds in which the cores we may use were not idle, since the machine started.

    What a hypervisor takes away (steal) counts as busy: it is no room for us either.
    """
    cores = psutil.cpu_times(percpu=True)
    if hasattr(os, "sched_getaffinity"):
        ours = os.sched_getaffinity(0)
        cores = [times for core, times in enumerate(cores) if core in ours] or cores
    return float(sum(sum(times[:COUNTED_TIMES]) - _idle_seconds(times) for times in cores))


def _idle_seconds(times: Any) -> float:
    return float(times.idle + getattr(times, "iowait", 0.0))


def _used_seconds(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)
