"""How things stand as OpenMetrics text, for Prometheus and whatever reads its format.

Source: https://openmetrics.io. Only gauges, which the older text format of node-exporter's
textfile collector spells alike.
"""

from __future__ import annotations

import logging
import math
import os
from pathlib import Path
from typing import NamedTuple

from scened.clock import Clock
from scened.store.governor_state import GovernorState
from scened.store.heartbeat import Pulse

__all__ = ["MetricsFile", "metrics"]

logger = logging.getLogger(__name__)

WRITE_SECONDS = 15.0  # Prometheus seldom asks more often


class _Gauge(NamedTuple):
    name: str
    meaning: str
    samples: list[tuple[str, float]]  # labels as written, value


def metrics(pulse: Pulse, governed: GovernorState, *, running: bool) -> str:
    """Return the text; what is not known is left out."""
    counts = pulse.counts
    gauges = [
        _Gauge("scened_up", "1 while the daemon runs.", [("", float(running))]),
        _Gauge(
            "scened_build_info",
            "Version and pack, as labels.",
            [(_labels(version=pulse.version, pack=pulse.pack or ""), 1.0)],
        ),
        _Gauge(
            "scened_photos",
            "Photos by status.",
            [
                (_labels(status="analysed"), counts.done),
                (_labels(status="pending"), counts.pending),
                (_labels(status="failed"), counts.failed),
                (_labels(status="unsupported"), counts.unsupported),
                (_labels(status="missing"), counts.missing),
            ],
        ),
        _Gauge("scened_photos_per_second", "Photos looked at a second.", _one(pulse.rate)),
        _Gauge("scened_eta_seconds", "Seconds until nothing is pending.", _one(pulse.eta_seconds)),
        _Gauge("scened_duty_ratio", "Share of the time that may be worked.", _one(governed.duty)),
        _Gauge(
            "scened_gate_open",
            "1 where a gate lets the work go on.",
            [(_labels(gate=each.gate), float(each.open)) for each in governed.gates],
        ),
        _Gauge(
            "scened_resident_bytes",
            "Memory held, by process.",
            [
                *_one(governed.daemon_bytes, _labels(process="daemon")),
                *_one(governed.analyzer_bytes, _labels(process="analyzer")),
            ],
        ),
    ]
    lines: list[str] = []
    for gauge in gauges:
        lines += [f"# TYPE {gauge.name} gauge", f"# HELP {gauge.name} {gauge.meaning}"]
        lines += [f"{gauge.name}{labels} {value:.15g}" for labels, value in gauge.samples]
    return "\n".join([*lines, "# EOF"]) + "\n"


class MetricsFile:
    """Keeps a file with the metrics up to date, whole at any moment; an empty name means none."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._file = Path(name).expanduser() if name else None
        self._clock = clock
        self._written_at = -math.inf
        self._refused = False

    def write(self, pulse: Pulse, governed: GovernorState, *, last: bool = False) -> None:
        """Write the file anew unless that was just done; the `last` time it is always done."""
        if self._file is None or not (last or self._clock() - self._written_at >= WRITE_SECONDS):
            return
        self._written_at = self._clock()
        fresh = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        try:
            fresh.write_text(metrics(pulse, governed, running=not last), "utf-8")
            fresh.chmod(0o644)  # another user's node-exporter reads it; it names no photo
            fresh.replace(self._file)
        except OSError as error:
            if not self._refused:
                logger.warning("the metrics file cannot be written: %s", error.strerror)
            self._refused = True
        else:
            self._refused = False


def _one(value: float | None, labels: str = "") -> list[tuple[str, float]]:
    return [] if value is None else [(labels, float(value))]


def _labels(**labels: str) -> str:
    """Return labels as written: backslash, quote and newline are escaped."""
    escaped = {
        name: value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
        for name, value in labels.items()
    }
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped.items()) + "}"
