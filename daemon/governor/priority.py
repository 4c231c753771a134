"""Take the lowest priority the system gives. There is no way back up for the process."""

from __future__ import annotations

import contextlib
import os
import sys

import psutil

from scened.governor import macos

__all__ = ["step_back"]

LOWEST_NICENESS = 19


def step_back() -> None:
    """Lower this process's claim on processor and disk; what is refused is left as it is.

    Linux: SCHED_IDLE (sched(7)), which runs only where a core would be idle, nice 19 beneath it
    and the idle I/O class (ioprio_set(2)). macOS: the background band. Windows: the idle class.
    """
    process = psutil.Process()
    refused = (psutil.Error, OSError)
    if sys.platform == "win32":
        with contextlib.suppress(*refused):
            process.nice(psutil.IDLE_PRIORITY_CLASS)
        with contextlib.suppress(*refused):
            process.ionice(psutil.IOPRIO_VERYLOW)
        return
    with contextlib.suppress(*refused):
        process.nice(LOWEST_NICENESS)
    if sys.platform == "linux":
        with contextlib.suppress(*refused):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        with contextlib.suppress(*refused):
            process.ionice(psutil.IOPRIO_CLASS_IDLE)
    elif sys.platform == "darwin":
        with contextlib.suppress(*refused):
            macos.enter_background_band()
