"""Take the lowest priority the system gives. There is no way back up for the process."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from scened.governor import macos

__all__ = ["step_back"]

LOWEST_NICENESS = 19
AUTOGROUP = Path("/proc/self/autogroup")


def step_back() -> None:
    """Lower this process's claim on processor and disk; what is refused is left as it is.

    Linux: SCHED_IDLE (sched(7)), which runs only where a core would be idle, nice 19 beneath it
    and the idle I/O class (ioprio_set(2)). Where the kernel groups processes by session, these
    count only within one's own, so a process that leads a session lowers that too (sched(7), The
    autogroup feature). macOS: the background band. Windows: the idle class, or else that below
    normal, and very low I/O priority, or else low.
    """
    process = psutil.Process()
    refused = (psutil.Error, OSError)
    if sys.platform == "win32":
        _ask(process.nice, psutil.IDLE_PRIORITY_CLASS, psutil.BELOW_NORMAL_PRIORITY_CLASS)
        _ask(process.ionice, psutil.IOPRIO_VERYLOW, psutil.IOPRIO_LOW)
        return
    with contextlib.suppress(*refused):
        process.nice(LOWEST_NICENESS)
    if sys.platform == "linux":
        for thread in process.threads():  # a library may have started some while it was loaded
            with contextlib.suppress(*refused):
                os.sched_setscheduler(thread.id, os.SCHED_IDLE, os.sched_param(0))
        with contextlib.suppress(*refused):
            process.ionice(psutil.IOPRIO_CLASS_IDLE)
        if os.getsid(0) == os.getpid():
            with contextlib.suppress(*refused):
                AUTOGROUP.write_text(str(LOWEST_NICENESS))
    elif sys.platform == "darwin":
        with contextlib.suppress(*refused):
            macos.enter_background_band()


def _ask(change: Callable[[int], object], *wishes: int) -> None:
    """Make do with the first wish that is not refused, or with none."""
    for wish in wishes:
        with contextlib.suppress(psutil.Error, OSError):
            change(wish)
            return
