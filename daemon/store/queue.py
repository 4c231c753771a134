"""Pending work: a question to the store, so that nothing is lost with a process."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, text

from scened.store.places import join

__all__ = ["ATTEMPTS", "PendingPhoto", "pending_photos", "retry_failed"]

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
        AND content.outcome = 'analysed'
    GROUP BY content.id LIMIT :limit
    """
)

HASHES_OF_SIZE = text(
    """
    SELECT hash FROM content
    WHERE size = :size AND (pack_id = :pack_id OR outcome <> 'analysed')
    """
)

# A decoder of NULL is any: everything that failed is tried again
FAILED_CONTENT = """
    SELECT id FROM content
    WHERE outcome <> 'analysed' AND (:decoder IS NULL OR decoder IS NOT :decoder)
"""

RETRY_UNREAD = text(
    """
    UPDATE file SET
        status = CASE status WHEN 'missing' THEN status ELSE 'pending' END,
        error = NULL, setback = NULL, transient = 0, attempts = 0
    WHERE NOT identified AND (setback IS NOT NULL OR status = 'unsupported')
        AND (transient OR :decoder IS NULL OR decoder IS NOT :decoder)
    """
)

RETRY_CONTENT = text(
    f"""
    UPDATE file SET
        status = CASE status WHEN 'missing' THEN status ELSE 'pending' END,
        error = NULL, attempts = 0, identified = 0, content_id = NULL
    WHERE content_id IN ({FAILED_CONTENT})
    """
)

FORGET_FAILED_CONTENT = text(f"DELETE FROM content WHERE id IN ({FAILED_CONTENT})")


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


def retry_failed(connection: Connection, decoder: str | None = None) -> int:
    """Make photos pending again whose failure may be cured; return how many there are.

    That is what could not be read (no permission, a failing disk), as time may have helped, and
    what another decoder than `decoder` failed on; without a `decoder` all that failed.
    """
    unread = connection.execute(RETRY_UNREAD, {"decoder": decoder}).rowcount
    failed = connection.execute(RETRY_CONTENT, {"decoder": decoder}).rowcount
    connection.execute(FORGET_FAILED_CONTENT, {"decoder": decoder})
    return unread + failed


def _known_hashes(connection: Connection, size: int, pack_id: int) -> tuple[bytes, ...]:
    rows = connection.execute(HASHES_OF_SIZE, {"size": size, "pack_id": pack_id})
    return tuple(rows.scalars())
