"""`scened status`: what the daemon does, how far it is, and what failed."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from scened.cli.options import reading
from scened.cli.output import as_json, echo_json, say
from scened.metrics import metrics
from scened.store.faults import disk_trouble
from scened.store.governor_state import Verdict, read_state, read_wish
from scened.store.heartbeat import Counts, daemon_runs
from scened.store.reading import pulse
from scened.store.roots import roots
from scened.wording import duration

__all__ = ["Status", "status"]

CENTURY_SECONDS = 100 * 365.25 * 86_400


class WatchedFolder(msgspec.Struct, frozen=True):
    """A watched folder, whether it is there, and why it is only read at intervals, if it is."""

    path: str
    available: bool
    polled: str | None


class Status(msgspec.Struct, frozen=True):
    """How things stand; `rate` is photos per second, `eta_seconds` the time to the end."""

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
    eta_seconds: float | None
    duty: float
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


@click.command(epilog="Example: scened status --json")
@as_json
@click.option("--metrics", "as_metrics", is_flag=True, help="Print OpenMetrics text instead.")
@click.pass_obj
def status(database_file: Path, json: bool, as_metrics: bool) -> None:
    """Show whether the daemon runs, how far it is, and which folders it watches."""
    if as_metrics:
        with reading(database_file) as connection:
            running = daemon_runs(connection)
            text = metrics(pulse(connection), read_state(connection), running=running)
        click.echo(text, nl=False)
        return
    record = _status(database_file)
    if json:
        echo_json(record)
        return
    say(_headline(record))
    counts = Counts(record.done, record.pending, record.failed, record.unsupported, record.missing)
    say(
        f"{counts.total} photos: {record.done} analysed, {record.pending} pending,"
        f" {record.failed} failed, {record.unsupported} not supported, {record.missing} missing"
    )
    if record.stale:
        click.echo(f"{record.stale} of those pending show what another pack saw until then")
    if record.running:
        say(_work(record))
        for gate in record.gates:
            say(
                f"  {'open  ' if gate.open else 'CLOSED'}  {gate.gate}: {gate.reading}"
                f"  (limit: {gate.limit}; setting: {gate.setting})"
            )
    if record.trouble:
        say(record.trouble)
    if record.last_error:
        say(f"last error: {record.last_error}")
    for root in record.roots:
        away = "" if root.available else "  (away; results are kept)"
        polled = f"  (read at intervals: {root.polled})" if root.polled and not away else ""
        say(f"  {root.path}{away}{polled}")
    say(f"{record.database} ({record.database_bytes / 1e6:.1f} MB), pack {record.pack}")


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
        eta_seconds=last.eta_seconds if running else None,
        duty=governed.duty if running else 0.0,
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
    memory = f"daemon {(record.daemon_bytes or 0) / 1e6:.0f} MB"
    if record.analyzer_bytes:
        memory += f", analyzer {record.analyzer_bytes / 1e6:.0f} MB"
    return f"duty {record.duty:.0%}, {memory}"


def _finite(seconds: float) -> float:
    """Return seconds that JSON can hold; what lasts until `resume` counts as a century."""
    return min(seconds, CENTURY_SECONDS)


def _headline(record: Status) -> str:
    if not record.running:
        advice = "; `scened run` goes on" if record.pending else ""
        return f"not running ({record.reason}){advice}"
    words = f"{record.state}: {record.reason}"
    if record.rate:
        words += f", {record.rate:.1f} photos a second"
    if record.eta_seconds:
        words += f", done in about {duration(record.eta_seconds)}"
    return words
