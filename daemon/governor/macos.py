"""The few things only macOS tells, asked of the system itself; nothing here runs elsewhere."""

from __future__ import annotations

import ctypes
import functools
import os
from typing import Any

__all__ = ["THERMAL_STATES", "enter_background_band", "low_power_mode", "thermal_state"]

PRIO_DARWIN_PROCESS, PRIO_DARWIN_BG = 4, 0x1000  # sys/resource.h
THERMAL_STATES = ("nominal", "fair", "serious", "critical")
FOUNDATION = "/System/Library/Frameworks/Foundation.framework/Foundation"


def enter_background_band() -> None:
    """Let the system throttle this process's processor and disk use. Source: setpriority(2)."""
    os.setpriority(PRIO_DARWIN_PROCESS, 0, PRIO_DARWIN_BG)


def low_power_mode() -> bool | None:
    """Tell whether Low Power Mode is on, macOS 12 or newer.

    Source: https://developer.apple.com/documentation/foundation/nsprocessinfo/lowpowermodeenabled
    """
    found = _ask_process_info(b"isLowPowerModeEnabled", ctypes.c_bool)
    return None if found is None else bool(found)


def thermal_state() -> str | None:
    """Return one of `THERMAL_STATES`; from `serious` on, work is to be put off.

    Source: https://developer.apple.com/documentation/foundation/nsprocessinfothermalstate
    """
    state = _ask_process_info(b"thermalState", ctypes.c_long)
    return THERMAL_STATES[state] if state in range(len(THERMAL_STATES)) else None


def _ask_process_info(selector: bytes, kind: type[Any]) -> Any:
    """Return what NSProcessInfo answers, None where this system does not know the question.

    Source: https://developer.apple.com/documentation/objectivec/objc_msgsend
    """
    try:
        runtime, information = _process_info()
    except (OSError, AttributeError):
        return None
    question = _selector(runtime, selector)
    if not _send(runtime, ctypes.c_bool, information, b"respondsToSelector:", question):
        return None
    return _send(runtime, kind, information, selector)


@functools.cache
def _process_info() -> tuple[Any, int]:
    """Return the Objective-C runtime and the process's one NSProcessInfo."""
    ctypes.CDLL(FOUNDATION)
    runtime = ctypes.CDLL("/usr/lib/libobjc.A.dylib")
    runtime.objc_getClass.restype = ctypes.c_void_p
    runtime.objc_getClass.argtypes = [ctypes.c_char_p]
    kind = runtime.objc_getClass(b"NSProcessInfo")
    return runtime, _send(runtime, ctypes.c_void_p, kind, b"processInfo")


def _selector(runtime: Any, name: bytes) -> int:
    runtime.sel_registerName.restype = ctypes.c_void_p
    runtime.sel_registerName.argtypes = [ctypes.c_char_p]
    return int(runtime.sel_registerName(name))


def _send(runtime: Any, kind: type[Any], receiver: int, name: bytes, *pointers: int) -> Any:
    """Send a message; `objc_msgSend` must be called with the very types of the method."""
    types = [ctypes.c_void_p] * (2 + len(pointers))
    message = ctypes.CFUNCTYPE(kind, *types)(("objc_msgSend", runtime))
    return message(receiver, _selector(runtime, name), *pointers)
