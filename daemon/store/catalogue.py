"""The files that are known: seen, moved, changed, away, gone."""

from __future__ import annotations

import os
from collections.abc import Iterable

from sqlalchemy import Connection, Row, text

from scened.store.places import Place, Sighting, displayed, drive_at, is_vacant, join
from scened.store.roots import Root
from scened.store.search_index import index_photos
from scened.store.sidecars import note_sidecar
from scened.store.stacks import restack

__all__ = [
    "drop_folder",
    "drop_missing",
    "files_called",
    "lose_folder",
    "lose_root",
    "miss_file",
    "outdated_names",
    "see",
    "some_files",
]

AT_PLACE = "root_id = :root_id AND folder = :folder AND name = :name"

# '0' is the character after '/': a range of bytes that the index serves, as LIKE would not
WITHIN_FOLDER = (
    "root_id = :root_id"
    " AND (:everything OR folder = :folder OR (folder > :below AND folder < :beyond))"
)

# What a file that was missing goes back to, from what is known of its content
STATUS_AGAIN = """
    status = CASE WHEN identified
        THEN coalesce((SELECT outcome FROM content WHERE id = content_id), 'pending')
        WHEN setback IS NOT NULL AND NOT transient THEN 'failed'
        ELSE 'pending' END,
    error = CASE WHEN identified THEN (SELECT error FROM content WHERE id = content_id)
        WHEN NOT transient THEN setback END,
    setback = CASE WHEN NOT transient THEN setback END, transient = 0
"""

ROOT_PATHS = text("SELECT id, path FROM root")

FILE_AT_PLACE = text(
    f"SELECT id, device, inode, size, modified_ns, status, transient FROM file WHERE {AT_PLACE}"
)

# A file moved over another, and then on, has left its marks with that one too: its own comes first
FILES_OF_INODE = text(
    """
    SELECT file.id, root_id, folder, name, content_id, identified, status
    FROM file JOIN root ON root.id = file.root_id AND root.available
    WHERE inode = :inode AND file.device = :device
        AND size = :size AND modified_ns = :modified_ns
    ORDER BY status = 'missing' DESC, identified DESC
    """
)

ADD_FILE = text(
    """
    INSERT INTO file (
        root_id, folder, name, shown, device, inode, size, modified_ns,
        content_id, identified, status, error
    )
    VALUES (
        :root_id, :folder, :name, :shown, :device, :inode, :size, :modified_ns,
        :content_id, :content_id IS NOT NULL,
        coalesce((SELECT outcome FROM content WHERE id = :content_id), 'pending'),
        (SELECT error FROM content WHERE id = :content_id)
    )
    RETURNING id
    """
)

MOVE_FILE = text(
    """
    UPDATE file SET root_id = :root_id, folder = :folder, name = :name, shown = :shown
    WHERE id = :id
    """
)

FIND_FILE_AGAIN = text(f"UPDATE file SET {STATUS_AGAIN} WHERE id = :id")

RENUMBER_FILE = text("UPDATE file SET device = :device, inode = :inode WHERE id = :id")

RENUMBER_DEVICE = text(
    "UPDATE file SET device = :device WHERE root_id = :root_id AND device = :old_device"
)

CHANGE_FILE = text(
    """
    UPDATE file SET
        device = :device, inode = :inode, size = :size, modified_ns = :modified_ns,
        identified = 0, attempts = 0, error = NULL, setback = NULL, transient = 0,
        status = 'pending'
    WHERE id = :id
    """
)

LOSE_FILE = text(
    f"UPDATE file SET status = 'missing', error = NULL WHERE {AT_PLACE} AND status <> 'missing'"
)

LOSE_FOLDER = text(
    "UPDATE file SET status = 'missing', error = NULL"
    f" WHERE {WITHIN_FOLDER} AND status <> 'missing'"
)

MISSING_FILES = text(
    """
    SELECT file.id, root_id, root.path, file.folder, file.name, file.device
    FROM file JOIN root ON root.id = file.root_id
    WHERE file.status = 'missing' AND root.available
    """
)

DELETE_FILE = text("DELETE FROM file WHERE id = :id")

DELETE_FILE_AT_PLACE = text(f"DELETE FROM file WHERE {AT_PLACE}")

DELETE_FOLDER = text(f"DELETE FROM file WHERE {WITHIN_FOLDER}")

OUTDATED_NAMES = text(
    """
    SELECT root_id, folder, name FROM file
    WHERE inode = :inode AND device = :device
        AND (size <> :size OR modified_ns <> :modified_ns OR transient)
        AND NOT (root_id = :root_id AND folder = :folder AND name = :name)
    """
)

SOME_FILES = text(
    "SELECT folder, name, size, modified_ns FROM file WHERE root_id = :root_id ORDER BY id LIMIT 8"
)

FILES_CALLED = text(
    """
    SELECT name FROM file
    WHERE root_id = :root_id AND folder = :folder AND name >= :first AND name < :beyond
    """
)


def see(connection: Connection, sightings: Iterable[Sighting]) -> set[tuple[int, bytes]]:
    """Bring the catalogue in step with files that are there.

    A file not known before is a moved one where device, inode, size and time of a known file
    agree and that one is no longer at its place; where it still is, the two are hard links and
    share their content at once. Anything else waits to be identified. Returns the folders, each
    with the id of its root, to `restack`.
    """
    root_paths: dict[int, bytes] = {row.id: row.path for row in connection.execute(ROOT_PATHS)}
    renamed: list[int] = []
    folders: set[tuple[int, bytes]] = set()
    for sighting in sightings:
        place = sighting.place
        known = connection.execute(FILE_AT_PLACE, place._asdict()).one_or_none()
        if known is not None:
            _see_again(connection, known, sighting)
            note_sidecar(connection, known.id, sighting.sidecar)
            continue
        file_id, moved_from = _see_first(connection, sighting, root_paths)
        note_sidecar(connection, file_id, sighting.sidecar)
        renamed.append(file_id)
        folders |= {(place.root_id, place.folder), moved_from or (place.root_id, place.folder)}
    index_photos(connection, renamed)
    return folders


def lose_folder(connection: Connection, root_id: int, folder: bytes) -> int:
    """Mark everything in a folder and below it missing; return how many files that were."""
    return connection.execute(LOSE_FOLDER, _within(root_id, folder)).rowcount


def lose_root(connection: Connection, root: Root) -> int:
    """Mark every file of a root missing, because its drive or folder is away."""
    return lose_folder(connection, root.id, b"")


def drop_missing(connection: Connection) -> int:
    """Remove missing files whose file system is there, once they had time to turn up elsewhere.

    Files of a drive that is away stay, whether it is a whole root or mounted inside one, even
    where nobody has noticed yet that it is. What was known of the content stays too, until
    `results.drop_orphans`. Returns how many were removed.
    """
    rows = connection.execute(MISSING_FILES).all()
    folders = {(row.path, row.folder) for row in rows}
    drives = {(path, folder): drive_at(path, folder) for path, folder in folders}
    gone = [
        row
        for row in rows
        if row.device == drives[row.path, row.folder] and is_vacant(row.path, row.folder, row.name)
    ]
    for row in gone:
        connection.execute(DELETE_FILE, {"id": row.id})
    restack(connection, {(row.root_id, row.folder) for row in gone})
    return len(gone)


def miss_file(connection: Connection, root: Root, place: Place) -> bool:
    """Take in that no photo was found at `place`; return whether one was lost there.

    What is there but is none (a link, or a file now left alone) has no row any more. A file that
    cannot be asked about, because its folder or disk refuses, stays as it was.
    """
    if os.path.lexists(join(root.path, place.folder, place.name)):
        connection.execute(DELETE_FILE_AT_PLACE, place._asdict())
    elif is_vacant(root.path, place.folder, place.name):
        return bool(connection.execute(LOSE_FILE, place._asdict()).rowcount)
    return False


def drop_folder(connection: Connection, root_id: int, folder: bytes) -> None:
    """Remove the files of a folder that is now left alone, and of those below it."""
    connection.execute(DELETE_FOLDER, _within(root_id, folder))


def some_files(connection: Connection, root_id: int) -> list[tuple[bytes, bytes, int, int]]:
    """Return folder, name, size and time (ns) of a few files of a root, by which it is known."""
    rows = connection.execute(SOME_FILES, {"root_id": root_id})
    return [(row.folder, row.name, row.size, row.modified_ns) for row in rows]


def files_called(connection: Connection, root_id: int, folder: bytes, stem: bytes) -> list[bytes]:
    """Return the names of the known files in a folder that are `stem`, a dot and something more."""
    values = {
        "root_id": root_id,
        "folder": folder,
        "first": stem + b".",
        "beyond": stem + b"/",  # the character after '.'
    }
    return list(connection.execute(FILES_CALLED, values).scalars())


def outdated_names(connection: Connection, sighting: Sighting) -> list[Place]:
    """Return the other names of a file under which it is known as it was before."""
    rows = connection.execute(OUTDATED_NAMES, _values(sighting))
    return [Place(*row) for row in rows]


def _see_again(connection: Connection, known: Row[tuple[object, ...]], sighting: Sighting) -> None:
    values = {**_values(sighting), "id": known.id}
    if (known.size, known.modified_ns) != (sighting.size, sighting.modified_ns):
        connection.execute(CHANGE_FILE, values)
        return
    if known.inode != sighting.inode:
        connection.execute(RENUMBER_FILE, values)
    elif known.device != sighting.device:  # its drive came back under another number
        connection.execute(RENUMBER_DEVICE, {**values, "old_device": known.device})
    if known.status == "missing" or known.transient:
        connection.execute(FIND_FILE_AGAIN, values)


def _see_first(
    connection: Connection, sighting: Sighting, root_paths: dict[int, bytes]
) -> tuple[int, tuple[int, bytes] | None]:
    """Take in a file at a place where none was known; return its id, and whence it was moved."""
    values = _values(sighting)
    twins = connection.execute(FILES_OF_INODE, values).all()
    for twin in twins:
        if is_vacant(root_paths[twin.root_id], twin.folder, twin.name):
            connection.execute(MOVE_FILE, {**values, "id": twin.id})
            if twin.status == "missing" or not twin.identified:  # its new name may tell more
                connection.execute(FIND_FILE_AGAIN, {"id": twin.id})
            return int(twin.id), (twin.root_id, twin.folder)
    hard_link = next((twin for twin in twins if twin.identified), None)
    values["content_id"] = hard_link.content_id if hard_link else None
    return int(connection.execute(ADD_FILE, values).scalar_one()), None


def _within(root_id: int, folder: bytes) -> dict[str, object]:
    return {
        "root_id": root_id,
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
