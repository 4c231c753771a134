"""Pending work: a question to the store, so that nothing is lost with a process."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, text

from scened.store.places import join
from scened.store.schema import Status

__all__ = ["ATTEMPTS", "PendingPhoto", "pending_photos", "retry_unread"]

ATTEMPTS = 3  # looks at one photo that the analyzer may not survive before it is quarantined


class PendingPhoto(NamedTuple):
    """A photo to look at, and the hashes of known contents that it may turn out to be."""

    file_id: int
    path: bytes
    size: int
    modified_ns: int
    attempts: int
    known_hashes: tuple[bytes, ...]


def pending_photos(connection: Connection, pack_id: int, limit: int) -> list[PendingPhoto]:
    """Return what to look at next, newest first; old results to replace come last.

    A photo that the analyzer did not survive before comes alone, after all others.
    """
    rows = connection.execute(
        text(
            "SELECT file.id, root.path, file.folder, file.name, file.size, file.modified_ns,"
            " file.attempts FROM file JOIN root ON root.id = file.root_id"
            f" WHERE file.status = '{Status.PENDING}'"
            " ORDER BY file.attempts, file.modified_ns DESC LIMIT :limit"
        ),
        {"limit": limit},
    ).all()
    if not rows:
        rows = connection.execute(
            text(
                "SELECT file.id, root.path, file.folder, file.name, file.size, file.modified_ns,"
                " file.attempts FROM content JOIN file ON file.content_id = content.id"
                " JOIN root ON root.id = file.root_id WHERE content.pack_id <> :pack_id"
                f" AND file.status <> '{Status.MISSING}' AND file.attempts < :attempts"
                " GROUP BY content.id LIMIT :limit"
            ),
            {"pack_id": pack_id, "limit": limit, "attempts": ATTEMPTS},
        ).all()
    if rows and rows[0].attempts:
        rows = rows[:1]
    elif rows:
        rows = [row for row in rows if not row.attempts]
    return [
        PendingPhoto(
            row.id,
            join(row.path, row.folder, row.name),
            row.size,
            row.modified_ns,
            row.attempts,
            _known_hashes(connection, row.size, pack_id),
        )
        for row in rows
    ]


def retry_unread(connection: Connection) -> int:
    """Make photos pending again that could not even be read (no permission, a failing disk).

    Their content was never seen, so time alone may have helped. Returns how many there are.
    """
    changed = connection.execute(
        text(
            f"UPDATE file SET status = '{Status.PENDING}', error = NULL"
            f" WHERE status = '{Status.FAILED}' AND NOT identified AND attempts = 0"
        )
    )
    return changed.rowcount


def _known_hashes(connection: Connection, size: int, pack_id: int) -> tuple[bytes, ...]:
    rows = connection.execute(
        text("SELECT hash FROM content WHERE size = :size AND pack_id = :pack_id"),
        {"size": size, "pack_id": pack_id},
    )
    return tuple(row.hash for row in rows)
