"""`scened status`: what the daemon does, how far it is, and what failed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.live import Live
from rich.text import Text

from scened.cli.options import reading
from scened.cli.output import as_json, echo_json, json_line, say
from scened.metrics import metrics
from scened.store.faults import disk_trouble
from scened.store.governor_state import Verdict, read_state, read_wish
from scened.store.heartbeat import Counts, daemon_runs
from scened.store.reading import pulse
from scened.store.roots import roots
from scened.wording import duration, file_size, visible

__all__ = ["Status", "status"]

WATCH_SECONDS = 1.0
CENTURY_SECONDS = 100 * 365.25 * 86_400


class WatchedFolder(msgspec.Struct, frozen=True):
    """A watched folder, whether it is there, and why it is only read at intervals, if it is."""

    path: str
    available: bool
    polled: str | None


class Status(msgspec.Struct, frozen=True):
    """How things stand.

    `rate` and `rate_since_start` are photos per second of work, over the last minute and since
    the daemon started; `eta_seconds` the work that is left; `duty` the share of the time that may
    be worked, 0..1, and `duty_follows` what lessens it. Times and memory in seconds, bytes.
    """

    running: bool
    state: str
    reason: str
    pid: int | None
    done: int
    pending: int
    failed: int
    unsupported: int
    missing: int
    stale: int
    rate: float | None
    rate_since_start: float | None
    eta_seconds: float | None
    duty: float
    duty_follows: str
    gates: tuple[Verdict, ...]
    last_error: str | None
    trouble: str | None
    daemon_bytes: int | None
    analyzer_bytes: int | None
    paused_seconds: float
    boosted_seconds: float
    pack: str | None
    database: str
    database_bytes: int
    roots: tuple[WatchedFolder, ...]


@click.command(
    short_help="Show what it does or waits for, and how far it is.",
    epilog="Example: scened status --watch",
)
@click.option("--watch", is_flag=True, help="Show it anew every second, until Ctrl-C.")
@as_json
@click.option("--metrics", "as_metrics", is_flag=True, help="Print OpenMetrics text instead.")
@click.pass_obj
def status(database_file: Path, watch: bool, json: bool, as_metrics: bool) -> None:
    """Show what the daemon does or waits for, how fast and how far it is, and what it watches.

    With --watch, where the screen cannot be redrawn, a line for each change; with --json too, one
    JSON document a line.
    """
    if as_metrics:
        with reading(database_file) as connection:
            running = daemon_runs(connection)
            text = metrics(pulse(connection), read_state(connection), running=running)
        click.echo(text, nl=False)
    elif watch:
        with contextlib.suppress(KeyboardInterrupt):
            _watch(database_file, json)
    elif json:
        echo_json(_status(database_file))
    else:
        for line in _lines(_status(database_file)):
            say(line)


def _watch(database_file: Path, json: bool) -> None:
    """Show the record every second; returns never."""
    console = Console()
    redraws = console.is_terminal and not console.is_dumb_terminal
    with contextlib.ExitStack() as stack:
        live = None
        if redraws and not json:
            live = stack.enter_context(Live(console=console, auto_refresh=False))
        last_line = ""
        while True:
            record = _status(database_file)
            if live is not None:
                live.update(Text("\n".join(map(visible, _lines(record)))), refresh=True)
            elif json:
                click.echo(json_line(record))
            elif last_line != (last_line := _line(record)):
                say(last_line)
            time.sleep(WATCH_SECONDS)


def _line(record: Status) -> str:
    """Return what changes when something happens, and not with every second."""
    state = f"{record.state}: {record.reason}" if record.running else _headline(record)
    return f"{state}; {record.done} analysed, {record.pending} pending, {record.failed} failed"


def _lines(record: Status) -> list[str]:
    counts = Counts(record.done, record.pending, record.failed, record.unsupported, record.missing)
    lines = [
        _headline(record),
        f"{counts.total} photos: {record.done} analysed, {record.pending} pending,"
        f" {record.failed} failed, {record.unsupported} not supported, {record.missing} missing",
    ]
    if record.stale:
        lines.append(f"{record.stale} of those pending show what another pack saw until then")
    if record.running:
        lines.append(_work(record))
        lines += _gates(record.gates)
    if record.trouble:
        lines.append(record.trouble)
    if record.last_error:
        lines.append(f"last error: {record.last_error}")
    for root in record.roots:
        away = "" if root.available else "  (away; results are kept)"
        polled = f"  (read at intervals: {root.polled})" if root.polled and not away else ""
        lines.append(f"  {root.path}{away}{polled}")
    size = file_size(record.database_bytes)
    return [*lines, f"{record.database} ({size}), pack {record.pack}"]


def _gates(gates: Sequence[Verdict]) -> list[str]:
    """Return a line for each gate, in columns."""
    names, readings = (
        max((len(getattr(gate, column)) for gate in gates), default=0)
        for column in ("setting", "reading")
    )
    return [
        f"  {'open  ' if gate.open else 'CLOSED'}  {gate.setting:{names}}"
        f"  {gate.reading:{readings}}  limit: {gate.limit}"
        for gate in gates
    ]


def _status(database_file: Path) -> Status:
    with reading(database_file) as connection:
        last = pulse(connection)
        governed = read_state(connection)
        wished = read_wish(connection)
        running = daemon_runs(connection)
        watched = tuple(
            WatchedFolder(root.shown, root.available, root.polled) for root in roots(connection)
        )
    return Status(
        running=running,
        state=last.state if running else "stopped",
        reason=last.reason if running or last.state == "stopped" else "it ended unexpectedly",
        pid=last.pid if running else None,
        done=last.counts.done,
        pending=last.counts.pending,
        failed=last.counts.failed,
        unsupported=last.counts.unsupported,
        missing=last.counts.missing,
        stale=last.counts.stale,
        rate=last.rate if running else None,
        rate_since_start=governed.rate_since_start if running else None,
        eta_seconds=last.eta_seconds if running else None,
        duty=governed.duty if running else 0.0,
        duty_follows=governed.duty_follows if running else "",
        gates=governed.gates,
        last_error=governed.last_error,
        trouble=disk_trouble(database_file),
        daemon_bytes=governed.daemon_bytes if running else None,
        analyzer_bytes=governed.analyzer_bytes if running else None,
        paused_seconds=_finite(wished.paused_seconds),
        boosted_seconds=_finite(wished.boosted_seconds),
        pack=last.pack,
        database=str(database_file),
        database_bytes=database_file.stat().st_size,
        roots=watched,
    )


def _work(record: Status) -> str:
    memory = f"memory: daemon {(record.daemon_bytes or 0) / 1e6:.0f} MB"
    if record.analyzer_bytes:
        memory += f", analyzer {record.analyzer_bytes / 1e6:.0f} MB"
    speed = ""
    if record.rate_since_start:
        now = f"{record.rate:.1f} photos a second over the last minute, " if record.rate else ""
        speed = f"speed: {now}{record.rate_since_start:.1f} since the start of the daemon; "
    why = f" ({record.duty_follows})" if record.duty_follows else ""
    return f"works at most {record.duty:.0%} of the time{why}; {speed}{memory}"


def _finite(seconds: float) -> float:
    """Return seconds that JSON can hold; what lasts until `resume` counts as a century."""
    return min(seconds, CENTURY_SECONDS)


def _headline(record: Status) -> str:
    if not record.running:
        advice = "`scened run` goes on, `scened service install` for good"
        return f"not running ({record.reason}); {advice}"
    words = f"{record.state}: {record.reason}"
    if record.state == "working" and record.rate:
        words += f", {record.rate:.1f} photos a second"
    if record.eta_seconds and record.state == "working":
        words += f", done in about {duration(record.eta_seconds)}"
    elif record.eta_seconds:
        words += f"; about {duration(record.eta_seconds)} of work left"
    return words
