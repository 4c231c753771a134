"""What is asked of Windows for a low priority; other systems are asked for real elsewhere."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

import psutil
import pytest

from scened.governor.priority import step_back

# psutil has these names on Windows only
CLASSES = {
    "IDLE_PRIORITY_CLASS": 0x40,
    "BELOW_NORMAL_PRIORITY_CLASS": 0x4000,
    "IOPRIO_VERYLOW": 0,
    "IOPRIO_LOW": 1,
}


@dataclass
class WindowsProcess:
    """A process that is refused some wishes."""

    refused: frozenset[int]
    granted: list[int] = field(default_factory=list)

    def nice(self, wish: int) -> None:
        if wish in self.refused:
            raise psutil.AccessDenied
        self.granted.append(wish)

    ionice = nice


@pytest.mark.parametrize(
    ("refused", "granted"),
    [
        ((), ["IDLE_PRIORITY_CLASS", "IOPRIO_VERYLOW"]),
        (("IDLE_PRIORITY_CLASS",), ["BELOW_NORMAL_PRIORITY_CLASS", "IOPRIO_VERYLOW"]),
        (("IOPRIO_VERYLOW",), ["IDLE_PRIORITY_CLASS", "IOPRIO_LOW"]),
        (CLASSES.keys(), []),
    ],
)
def test_windows_is_asked_for_less_where_it_refuses(
    monkeypatch: pytest.MonkeyPatch, refused: tuple[str, ...], granted: list[str]
) -> None:
    process = WindowsProcess(frozenset(CLASSES[name] for name in refused))
    for name, value in CLASSES.items():
        monkeypatch.setattr(psutil, name, value, raising=False)
    monkeypatch.setattr(psutil, "Process", lambda: process)
    with monkeypatch.context() as context:
        context.setattr(sys, "platform", "win32")
        step_back()
    assert process.granted == [CLASSES[name] for name in granted]
