"""What the daemon's own commands ask: what failed, what is seen most, how things stand."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, text

from scened.records import TagCount
from scened.store.heartbeat import Pulse, count_photos

__all__ = ["FailedPhoto", "frequent_tags", "not_analysed", "pulse"]


class FailedPhoto(msgspec.Struct, frozen=True):
    """A photo that has no findings, and why.

    `transient`: the disk or its permissions were the reason, and it is tried again by itself.
    Others are tried again with a newer decoder, other limits, or on request.
    """

    path: str
    status: str
    error: str | None
    transient: bool


def not_analysed(connection: Connection) -> list[FailedPhoto]:
    """Return the photos that failed or need a codec, by path."""
    rows = connection.execute(
        text(
            "SELECT path, photos.status, photos.error, transient"
            " FROM photos JOIN file ON file.id = photos.id"
            " WHERE photos.status IN ('failed', 'unsupported') ORDER BY path"
        )
    )
    return [FailedPhoto(row.path, row.status, row.error, bool(row.transient)) for row in rows]


def frequent_tags(connection: Connection, limit: int) -> list[TagCount]:
    """Return the tags that most photos carry."""
    rows = connection.execute(
        text(
            "SELECT name, kind, parent, photos FROM tags WHERE photos > 0"
            " ORDER BY photos DESC, name LIMIT :limit"
        ),
        {"limit": limit},
    )
    return [TagCount(*row) for row in rows]


def pulse(connection: Connection) -> Pulse:
    """Return what the daemon last said of itself, with the counts as they are now."""
    row = connection.execute(text("SELECT * FROM daemon")).one()
    pack_id = connection.execute(
        text("SELECT id FROM pack WHERE identity = :pack"), {"pack": row.pack}
    ).scalar()
    return Pulse(
        pid=row.pid,
        version=row.version or "",
        state=row.state,
        reason=row.reason,
        counts=count_photos(connection, pack_id),
        rate=row.rate,
        eta_seconds=row.eta_seconds,
        pack=row.pack,
    )
