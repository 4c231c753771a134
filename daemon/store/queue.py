"""Pending work: a question to the store, so that nothing is lost with a process."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, text

from scened.store.places import join

__all__ = ["ATTEMPTS", "PendingPhoto", "pending_photos", "retry_failed"]

END_ROWS = 256  # contents at either end of those that another pack saw
ALL_ROWS = -1
ATTEMPTS = 3  # looks at one photo that the analyzer may not survive before it is quarantined

NEWEST_PENDING = text(
    """
    SELECT file.id, root.path, folder, name, size, modified_ns, attempts
    FROM file JOIN root ON root.id = file.root_id
    WHERE status = 'pending'
    ORDER BY attempts, modified_ns DESC LIMIT :limit
    """
)

OTHER_PACKS = text("SELECT id FROM pack WHERE id <> :pack_id ORDER BY id DESC")

# One file of each content that a pack looked at, unless it could not be read of late. To sort
# them all would take longer than to look at some, so only some from either end are sorted: a
# first walk numbers contents from the newest to the oldest, and what comes later follows. The
# cross joins keep the planner from walking past every file
SEEN_BY = text(
    """
    WITH ends (id) AS (
        SELECT * FROM (
            SELECT id FROM content INDEXED BY content_by_pack
            WHERE pack_id = :pack_id AND outcome = 'analysed' ORDER BY id LIMIT :most_rows
        )
        UNION
        SELECT * FROM (
            SELECT id FROM content INDEXED BY content_by_pack
            WHERE pack_id = :pack_id AND outcome = 'analysed' ORDER BY id DESC LIMIT :most_rows
        )
    )
    SELECT file.id, root.path, folder, name, size, modified_ns, attempts
    FROM ends CROSS JOIN file ON file.content_id = ends.id CROSS JOIN root ON root.id = root_id
    WHERE status <> 'missing' AND identified AND attempts < :most
    GROUP BY ends.id ORDER BY attempts, modified_ns DESC LIMIT :limit
    """
)

# Few contents share a size, most share a pack: the planner cannot know which index is the better
HASHES_OF_SIZE = text(
    """
    SELECT hash FROM content INDEXED BY content_by_size
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
    rows = list(connection.execute(NEWEST_PENDING, {"limit": limit}))
    if not rows:
        rows = _seen_by_another(connection, pack_id, limit)
    known: dict[int, tuple[bytes, ...]] = {}  # by size, as many photos may share one
    for size in {row.size for row in rows}:
        known[size] = _known_hashes(connection, size, pack_id)
    untroubled = [row for row in rows if not row.attempts]
    return [
        PendingPhoto(
            row.id,
            join(row.path, row.folder, row.name),
            row.size,
            row.modified_ns,
            known[row.size],
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


def _seen_by_another(connection: Connection, pack_id: int, limit: int) -> list[Row[Any]]:
    for other in connection.execute(OTHER_PACKS, {"pack_id": pack_id}).scalars().all():
        for most_rows in (END_ROWS, ALL_ROWS):  # those at the ends may all be missing
            values = {"pack_id": other, "most": ATTEMPTS, "most_rows": most_rows, "limit": limit}
            if rows := connection.execute(SEEN_BY, values).all():
                return list(rows)
    return []


def _known_hashes(connection: Connection, size: int, pack_id: int) -> tuple[bytes, ...]:
    rows = connection.execute(HASHES_OF_SIZE, {"size": size, "pack_id": pack_id})
    return tuple(rows.scalars())
