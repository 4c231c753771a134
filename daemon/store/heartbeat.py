"""The daemon's one row about itself, for `scened status` and any other reader."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, text

from scened.clock import utc_now
from scened.store.schema import Status

__all__ = ["Counts", "Pulse", "beat", "count_photos"]


class Counts(msgspec.Struct, frozen=True):
    """How many photos stand where; `done` are the analysed ones."""

    done: int = 0
    pending: int = 0
    failed: int = 0
    unsupported: int = 0
    missing: int = 0

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
    )


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
