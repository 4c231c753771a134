"""The daemon's one row about itself, for `scened status` and any other reader."""

from __future__ import annotations

import datetime

import msgspec
import psutil
from sqlalchemy import Connection, text

from scened.clock import utc_now
from scened.store.schema import Status

__all__ = ["Counts", "Pulse", "beat", "count_photos", "daemon_runs", "name_pack", "process_runs"]

CLOCK_TOLERANCE_SECONDS = 60.0  # the clock may be set while the daemon runs


class Counts(msgspec.Struct, frozen=True):
    """How many photos stand where; `done` are the analysed ones.

    `stale`, which count among the pending: those that show what another pack saw.
    """

    done: int = 0
    pending: int = 0
    failed: int = 0
    unsupported: int = 0
    missing: int = 0
    stale: int = 0

    @property
    def total(self) -> int:
        """Return how many photos are known."""
        return self.done + self.pending + self.failed + self.unsupported + self.missing


class Pulse(msgspec.Struct, frozen=True):
    """What the daemon says of itself: `rate` in photos per second, `eta_seconds` to the end."""

    pid: int | None
    version: str
    state: str
    reason: str
    counts: Counts
    rate: float | None = None
    eta_seconds: float | None = None
    pack: str | None = None


def count_photos(connection: Connection, pack_id: int | None = None) -> Counts:
    """Count photos by status; results of another pack than `pack_id` count as pending."""
    rows = connection.execute(text("SELECT status, count(*) AS photos FROM file GROUP BY status"))
    by_status: dict[str, int] = {row.status: row.photos for row in rows}
    stale = 0
    if pack_id is not None:
        stale = connection.execute(
            text(
                "SELECT count(*) FROM content JOIN file ON file.content_id = content.id"
                f" WHERE content.pack_id <> :pack_id AND file.status = '{Status.ANALYSED}'"
            ),
            {"pack_id": pack_id},
        ).scalar_one()
    return Counts(
        done=by_status.get(Status.ANALYSED, 0) - stale,
        pending=by_status.get(Status.PENDING, 0) + stale,
        failed=by_status.get(Status.FAILED, 0),
        unsupported=by_status.get(Status.UNSUPPORTED, 0),
        missing=by_status.get(Status.MISSING, 0),
        stale=stale,
    )


def daemon_runs(connection: Connection) -> bool:
    """Tell whether the daemon that wrote its row is alive, by asking the system for its process.

    The lock would tell it too, but asking for it might keep a daemon from starting.
    """
    row = connection.execute(text("SELECT pid, heartbeat_at FROM daemon")).one()
    return process_runs(row.pid, row.heartbeat_at)


def process_runs(pid: int | None, heartbeat_at: str | None) -> bool:
    """Tell whether the process that wrote this heartbeat (UTC) is alive."""
    if pid is None or heartbeat_at is None:
        return False
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        began = process.create_time()
    except psutil.Error:
        return False
    # a process that began after the heartbeat has the number of a daemon that ended
    beaten = datetime.datetime.fromisoformat(heartbeat_at).timestamp()
    return began <= beaten + CLOCK_TOLERANCE_SECONDS


def name_pack(connection: Connection, identity: str) -> None:
    """Write which pack is in use, so that what it has not seen yet counts as pending."""
    connection.execute(text("UPDATE daemon SET pack = :pack"), {"pack": identity})


def beat(connection: Connection, pulse: Pulse) -> None:
    """Write the row anew."""
    connection.execute(
        text(
            "UPDATE daemon SET pid = :pid, version = :version, heartbeat_at = :now,"
            " state = :state, reason = :reason, done = :done, pending = :pending,"
            " failed = :failed, rate = :rate, eta_seconds = :eta_seconds, pack = :pack"
        ),
        {
            "pid": pulse.pid,
            "version": pulse.version,
            "now": utc_now(),
            "state": pulse.state,
            "reason": pulse.reason,
            "done": pulse.counts.done,
            "pending": pulse.counts.pending,
            "failed": pulse.counts.failed,
            "rate": pulse.rate,
            "eta_seconds": pulse.eta_seconds,
            "pack": pulse.pack,
        },
    )
