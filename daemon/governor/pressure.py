"""How long others wait for memory and disk, as the Linux kernel counts it.

`/proc/pressure` counts the time in which at least one task stood still for want of something. Ours
are among them, so what the kernel counts for our control group is taken off, where nobody but us
is in it, as in that of a service. What remains is the time in which others waited and we did not:
at times less than they waited, never more. Without a group of our own, a wait for the disk may be
our own reading; then only memory counts, for which nobody waits while there is enough.

The processor's pressure tells nothing here: at idle priority it is we who stand still, all the
time that others fill the cores. How many cores they use says the same, and of them alone.

Sources: https://docs.kernel.org/accounting/psi.html and, on control groups,
https://docs.kernel.org/admin-guide/cgroup-v2.html.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from scened.clock import Clock

__all__ = ["OthersWait", "Stall", "own_group"]

PRESSURE = Path("/proc/pressure")
OWN_GROUP = Path("/proc/self/cgroup")  # cgroups(7)
GROUPS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))  # systemd mounts version 2 here
WINDOW_SECONDS = 1.0  # in a shorter one, writing a single file may look like distress
RESOURCES = {"memory": "memory", "io": "the disk"}  # the kernel's names, and people's


class Stall(NamedTuple):
    """How much of the time some task of others stood still, and what most waited for."""

    percent: float
    awaited: str


class _Count(NamedTuple):
    """Microseconds that some task, and some task of ours, has ever waited, by resource."""

    at: float
    anyone: dict[str, int]
    ours: dict[str, int]


class OthersWait:
    """Measures window by window how long others wait. `group`: our control group's folder."""

    def __init__(self, clock: Clock, pressure: Path = PRESSURE, group: Path | None = None) -> None:
        self._clock = clock
        self._pressure = pressure
        self._group = group
        self._last = self._count(())
        self._stall: Stall | None = None

    def stall(self, ours: Collection[int]) -> Stall | None:
        """Return what the last window told, None where the kernel counts nothing.

        `ours`: our process ids. The number is as the kernel's counters give it, even if absurd.
        """
        if self._clock() - self._last.at >= WINDOW_SECONDS:
            before, self._last = self._last, self._count(ours)
            stalls = [
                Stall(percent, awaited)
                for resource, awaited in RESOURCES.items()
                if (percent := _percent_of_others(resource, before, self._last)) is not None
            ]
            self._stall = max(stalls, key=lambda stall: abs(stall.percent), default=None)
        return self._stall

    def _count(self, ours: Collection[int]) -> _Count:
        anyone = {each: _microseconds(self._pressure / each) for each in RESOURCES}
        own = {}
        if self._group is not None and _holds_nobody_but(ours, self._group):
            own = {each: _microseconds(self._group / f"{each}.pressure") for each in RESOURCES}
        return _Count(
            self._clock(),
            {each: waited for each, waited in anyone.items() if waited is not None},
            {each: waited for each, waited in own.items() if waited is not None},
        )


def own_group() -> Path | None:
    """Return the folder of this process's control group, where the kernel counts its waits."""
    try:
        lines = OWN_GROUP.read_text().splitlines()
    except OSError:
        return None
    path = next((line[len("0::/") :] for line in lines if line.startswith("0::/")), None)
    if path is None:
        return None
    folders = (mount / path for mount in GROUPS)
    return next((folder for folder in folders if (folder / "io.pressure").exists()), None)


def _percent_of_others(resource: str, before: _Count, after: _Count) -> float | None:
    grown = _grown(resource, before.anyone, after.anyone)
    own = _grown(resource, before.ours, after.ours)
    if own is None and resource == "memory":
        own = 0
    if grown is None or own is None:
        return None
    others = max(0, grown - own) if grown > 0 else grown
    return others / (after.at - before.at) / 10_000  # microseconds a second are millionths


def _grown(resource: str, before: dict[str, int], after: dict[str, int]) -> int | None:
    if resource not in before or resource not in after:
        return None
    return after[resource] - before[resource]


def _microseconds(file: Path) -> int | None:
    """Return `total` of the line `some`, which is the first."""
    try:
        some = file.read_text().splitlines()[0]
        return int(some.rpartition("total=")[2])
    except (OSError, ValueError, IndexError):
        return None


def _holds_nobody_but(ours: Collection[int], group: Path) -> bool:
    try:
        members = {int(pid) for pid in (group / "cgroup.procs").read_text().split()}
    except (OSError, ValueError):
        return False
    return members <= set(ours)
