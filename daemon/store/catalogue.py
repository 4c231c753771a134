"""The files that are known: seen, moved, changed, away, gone."""

from __future__ import annotations

import os
from collections.abc import Iterable

from sqlalchemy import Connection, Row, text

from scened.store.places import Place, Sighting, displayed, join
from scened.store.roots import Root
from scened.store.schema import Status
from scened.store.search_index import index_photos

__all__ = [
    "drop_file",
    "drop_folder",
    "drop_missing",
    "files_in_folder",
    "lose_file",
    "lose_folder",
    "lose_root",
    "next_folder",
    "see",
]

# What a file's status is, from what is known of its content
STATUS_FROM_CONTENT = """
CASE
    WHEN identified THEN coalesce((SELECT outcome FROM content WHERE id = content_id), 'pending')
    ELSE 'pending'
END
"""
ERROR_FROM_CONTENT = """
CASE WHEN identified THEN (SELECT error FROM content WHERE id = content_id) END
"""

# '0' is the character after '/': a range of bytes that the index serves, as LIKE would not
WITHIN_FOLDER = "(:everything OR folder = :folder OR (folder > :below AND folder < :beyond))"


def see(connection: Connection, sightings: Iterable[Sighting]) -> int:
    """Bring the catalogue in step with files that are there; return how many rows changed.

    A file not known before is a moved one where device, inode, size and time of a known file
    agree and that one is no longer at its place; where it still is, the two are hard links and
    share their content at once. Anything else waits to be identified.
    """
    rows = connection.execute(text("SELECT id, path FROM root"))
    root_paths: dict[int, bytes] = {row.id: row.path for row in rows}
    return sum(_see_one(connection, sighting, root_paths) for sighting in sightings)


def lose_file(connection: Connection, place: Place) -> bool:
    """Mark the file at `place` missing; return whether it was known."""
    changed = connection.execute(
        text(
            f"UPDATE file SET status = '{Status.MISSING}', error = NULL"
            " WHERE root_id = :root_id AND folder = :folder AND name = :name"
            f" AND status <> '{Status.MISSING}'"
        ),
        place._asdict(),
    )
    return bool(changed.rowcount)


def lose_folder(connection: Connection, root_id: int, folder: bytes) -> int:
    """Mark everything in a folder and below it missing; return how many files that were."""
    changed = connection.execute(
        text(
            f"UPDATE file SET status = '{Status.MISSING}', error = NULL"
            f" WHERE root_id = :root_id AND {WITHIN_FOLDER} AND status <> '{Status.MISSING}'"
        ),
        {"root_id": root_id, **_folder_range(folder)},
    )
    return changed.rowcount


def lose_root(connection: Connection, root: Root) -> int:
    """Mark every file of a root missing, because its drive or folder is away."""
    return lose_folder(connection, root.id, b"")


def drop_missing(connection: Connection) -> int:
    """Remove the missing files of roots that are there, once they had time to turn up elsewhere.

    Files of a root that is away stay, whatever their status. What was known of the content
    stays too, until `drop_orphans`. Returns how many were removed.
    """
    rows = connection.execute(
        text(
            "SELECT file.id, root.path, file.folder, file.name FROM file"
            " JOIN root ON root.id = file.root_id"
            f" WHERE file.status = '{Status.MISSING}' AND root.available"
        )
    ).all()
    gone = [row.id for row in rows if not os.path.lexists(join(row.path, row.folder, row.name))]
    for file_id in gone:
        connection.execute(text("DELETE FROM file WHERE id = :id"), {"id": file_id})
    return len(gone)


def drop_file(connection: Connection, place: Place) -> None:
    """Remove a file that is now left alone, though it is still there."""
    connection.execute(
        text("DELETE FROM file WHERE root_id = :root_id AND folder = :folder AND name = :name"),
        place._asdict(),
    )


def drop_folder(connection: Connection, root_id: int, folder: bytes) -> None:
    """Remove the files of a folder that is now left alone, and of those below it."""
    connection.execute(
        text(f"DELETE FROM file WHERE root_id = :root_id AND {WITHIN_FOLDER}"),
        {"root_id": root_id, **_folder_range(folder)},
    )


def next_folder(
    connection: Connection, root_id: int, folder: bytes, after: bytes | None
) -> bytes | None:
    """Return the first folder after `after` that files are known in, at or below `folder`."""
    found: bytes | None = connection.execute(
        text(
            "SELECT folder FROM file WHERE root_id = :root_id"
            " AND (:after IS NULL OR folder > :after)"
            f" AND {WITHIN_FOLDER} AND status <> '{Status.MISSING}' ORDER BY folder LIMIT 1"
        ),
        {"root_id": root_id, "after": after, **_folder_range(folder)},
    ).scalar()
    return found


def files_in_folder(connection: Connection, root_id: int, folder: bytes) -> dict[bytes, Sighting]:
    """Return the files that should lie directly in a folder, by name, as last seen."""
    rows = connection.execute(
        text(
            "SELECT name, device, inode, size, modified_ns FROM file"
            " WHERE root_id = :root_id AND folder = :folder"
            f" AND status <> '{Status.MISSING}'"
        ),
        {"root_id": root_id, "folder": folder},
    )
    return {
        row.name: Sighting(
            Place(root_id, folder, row.name), row.device, row.inode, row.size, row.modified_ns
        )
        for row in rows
    }


def _see_one(connection: Connection, sighting: Sighting, root_paths: dict[int, bytes]) -> bool:
    place, values = sighting.place, _values(sighting)
    known = connection.execute(
        text(
            "SELECT id, device, inode, size, modified_ns, status FROM file"
            " WHERE root_id = :root_id AND folder = :folder AND name = :name"
        ),
        place._asdict(),
    ).one_or_none()
    if known is not None:
        return _see_again(connection, known, sighting)
    twins = connection.execute(
        text(
            "SELECT file.id, root_id, folder, name, content_id, identified FROM file"
            " JOIN root ON root.id = file.root_id AND root.available"
            " WHERE inode = :inode AND file.device = :device AND size = :size"
            " AND modified_ns = :modified_ns"
        ),
        values,
    ).all()
    for twin in twins:
        if not os.path.lexists(join(root_paths[twin.root_id], twin.folder, twin.name)):
            _move(connection, twin.id, values)
            return True
    hard_link = next((twin for twin in twins if twin.identified), None)
    _add(connection, values, hard_link.content_id if hard_link else None)
    return True


def _see_again(connection: Connection, known: Row[tuple[object, ...]], sighting: Sighting) -> bool:
    values = {**_values(sighting), "id": known.id}
    if (known.size, known.modified_ns) != (sighting.size, sighting.modified_ns):
        connection.execute(
            text(
                "UPDATE file SET device = :device, inode = :inode, size = :size,"
                " modified_ns = :modified_ns, identified = 0, attempts = 0, error = NULL,"
                f" status = '{Status.PENDING}' WHERE id = :id"
            ),
            values,
        )
        return True
    if (known.device, known.inode) != (sighting.device, sighting.inode):
        connection.execute(
            text("UPDATE file SET device = :device, inode = :inode WHERE id = :id"), values
        )
    if known.status == Status.MISSING:
        connection.execute(
            text(
                f"UPDATE file SET status = {STATUS_FROM_CONTENT}, error = {ERROR_FROM_CONTENT}"
                " WHERE id = :id"
            ),
            values,
        )
        return True
    return False


def _move(connection: Connection, file_id: int, values: dict[str, object]) -> None:
    connection.execute(
        text(
            "UPDATE file SET root_id = :root_id, folder = :folder, name = :name, shown = :shown,"
            f" status = CASE status WHEN '{Status.MISSING}' THEN {STATUS_FROM_CONTENT}"
            " ELSE status END,"
            f" error = CASE status WHEN '{Status.MISSING}' THEN {ERROR_FROM_CONTENT}"
            " ELSE error END WHERE id = :id"
        ),
        {**values, "id": file_id},
    )
    index_photos(connection, [file_id])


def _add(connection: Connection, values: dict[str, object], content_id: int | None) -> None:
    file_id = connection.execute(
        text(
            "INSERT INTO file (root_id, folder, name, shown, device, inode, size, modified_ns,"
            " content_id, identified, status, error) VALUES (:root_id, :folder, :name, :shown,"
            " :device, :inode, :size, :modified_ns, :content_id, :content_id IS NOT NULL,"
            f" coalesce((SELECT outcome FROM content WHERE id = :content_id), '{Status.PENDING}'),"
            " (SELECT error FROM content WHERE id = :content_id)) RETURNING id"
        ),
        {**values, "content_id": content_id},
    ).scalar_one()
    index_photos(connection, [file_id])


def _folder_range(folder: bytes) -> dict[str, object]:
    return {
        "everything": not folder,
        "folder": folder,
        "below": folder + b"/",
        "beyond": folder + b"0",
    }


def _values(sighting: Sighting) -> dict[str, object]:
    place = sighting.place
    relative = place.folder + b"/" + place.name if place.folder else place.name
    try:
        relative.decode()
        shown = None
    except UnicodeDecodeError:
        shown = displayed(relative)
    return {
        **place._asdict(),
        "shown": shown,
        "device": sighting.device,
        "inode": sighting.inode,
        "size": sighting.size,
        "modified_ns": sighting.modified_ns,
    }
