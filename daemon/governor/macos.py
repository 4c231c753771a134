"""The few things only macOS tells, asked of its own tools; nothing here runs elsewhere."""

from __future__ import annotations

import os
import re
import subprocess

__all__ = ["enter_background_band", "low_power_mode"]

TOOL_SECONDS = 2.0
PRIO_DARWIN_PROCESS, PRIO_DARWIN_BG = 4, 0x1000  # sys/resource.h


def enter_background_band() -> None:
    """Let the system throttle this process's processor and disk use. Source: setpriority(2)."""
    os.setpriority(PRIO_DARWIN_PROCESS, 0, PRIO_DARWIN_BG)


def low_power_mode() -> bool | None:
    """Tell whether Low Power Mode is on. Source: pmset(1), `lowpowermode`."""
    found = re.search(r"lowpowermode\s+(\d)", _said("pmset", "-g"))
    return found[1] == "1" if found else None


def _said(*command: str) -> str:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=TOOL_SECONDS, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
