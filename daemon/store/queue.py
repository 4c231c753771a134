"""Pending work: a question to the store, so that nothing is lost with a process."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, text

from scened.store.places import join

__all__ = ["ATTEMPTS", "PendingPhoto", "pending_photos", "retry_unread"]

ATTEMPTS = 3  # looks at one photo that the analyzer may not survive before it is quarantined

NEWEST_PENDING = text(
    """
    SELECT file.id, root.path, folder, name, size, modified_ns, attempts
    FROM file JOIN root ON root.id = file.root_id
    WHERE status = 'pending'
    ORDER BY attempts, modified_ns DESC LIMIT :limit
    """
)

# One file of each content that another pack looked at, unless it could not be read of late;
# written as two ranges, which the index on pack_id serves, as it would not serve <>
SEEN_BY_ANOTHER_PACK = text(
    """
    SELECT file.id, root.path, folder, name, file.size, modified_ns, attempts
    FROM content
    JOIN file ON file.content_id = content.id
    JOIN root ON root.id = file.root_id
    WHERE (content.pack_id < :pack_id OR content.pack_id > :pack_id)
        AND status <> 'missing' AND identified AND attempts < :most
    GROUP BY content.id LIMIT :limit
    """
)

HASHES_OF_SIZE = text("SELECT hash FROM content WHERE size = :size AND pack_id = :pack_id")

RETRY_UNREAD = text(
    """
    UPDATE file SET status = 'pending', error = NULL
    WHERE status = 'failed' AND NOT identified AND attempts = 0
    """
)


class PendingPhoto(NamedTuple):
    """A photo to look at, and the hashes of known contents that it may turn out to be."""

    file_id: int
    path: bytes
    size: int
    modified_ns: int
    known_hashes: tuple[bytes, ...]


def pending_photos(connection: Connection, pack_id: int, limit: int) -> list[PendingPhoto]:
    """Return what to look at next, newest first; old results to replace come last.

    A photo that the analyzer did not survive before comes alone, after all others.
    """
    rows = connection.execute(NEWEST_PENDING, {"limit": limit}).all()
    if not rows:
        values = {"pack_id": pack_id, "limit": limit, "most": ATTEMPTS}
        rows = connection.execute(SEEN_BY_ANOTHER_PACK, values).all()
    untroubled = [row for row in rows if not row.attempts]
    return [
        PendingPhoto(
            row.id,
            join(row.path, row.folder, row.name),
            row.size,
            row.modified_ns,
            _known_hashes(connection, row.size, pack_id),
        )
        for row in untroubled or rows[:1]
    ]


def retry_unread(connection: Connection) -> int:
    """Make photos pending again that could not even be read (no permission, a failing disk).

    Their content was never seen, so time alone may have helped. Returns how many there are.
    """
    return connection.execute(RETRY_UNREAD).rowcount


def _known_hashes(connection: Connection, size: int, pack_id: int) -> tuple[bytes, ...]:
    rows = connection.execute(HASHES_OF_SIZE, {"size": size, "pack_id": pack_id})
    return tuple(rows.scalars())
