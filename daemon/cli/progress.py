"""The progress bar of `scened run --once`."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from scened.store.heartbeat import Pulse
from scened.wording import duration

__all__ = ["ProgressBar"]


class ProgressBar:
    """Shows each pulse on stderr, where that is a terminal; nothing at all unless `shown`."""

    def __init__(self, shown: bool) -> None:
        console = Console(stderr=True)
        redraws = console.is_terminal and not console.is_dumb_terminal
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}"),
            console=console,
            transient=True,
            disable=not (shown and redraws),
        )
        self._task = self._progress.add_task("starting", total=None, pace="")

    def __enter__(self) -> ProgressBar:
        self._progress.start()
        return self

    def __exit__(self, *_failure: object) -> None:
        self._progress.stop()

    def show(self, pulse: Pulse) -> None:
        """Draw how things stand."""
        counts = pulse.counts
        pace = f"{pulse.rate:.1f} a second" if pulse.rate else ""
        if pulse.eta_seconds:
            pace += f", {duration(pulse.eta_seconds)} to go"
        self._progress.update(
            self._task,
            description=pulse.reason,
            total=counts.total or None,
            completed=counts.total - counts.pending,
            pace=pace,
        )
