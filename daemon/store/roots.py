"""The folders that are watched."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, text

from scened.errors import CannotCreate
from scened.store.places import displayed
from scened.store.search_index import index_photos

__all__ = [
    "Root",
    "add_root",
    "covering_root",
    "relocate_roots",
    "remove_root",
    "roots",
    "set_availability",
    "set_polled",
]


class Root(NamedTuple):
    """A watched folder; `path` has no slash at its end and is empty for the root folder.

    `polled`: why it is read at intervals instead, None where the system tells of changes.
    """

    id: int
    path: bytes
    device: int | None
    available: bool
    polled: str | None = None

    @property
    def shown(self) -> str:
        """Return the path as people write it."""
        return displayed(self.path) or "/"


def roots(connection: Connection) -> list[Root]:
    """Return every root, oldest first."""
    rows = connection.execute(
        text("SELECT id, path, device, available, polled FROM root ORDER BY id")
    )
    return [Root(row.id, row.path, row.device, bool(row.available), row.polled) for row in rows]


def covering_root(connection: Connection, path: bytes) -> Root | None:
    """Return the root that is `path` or holds it."""
    for root in roots(connection):
        if path == root.path or path.startswith(root.path + b"/"):
            return root
    return None


def add_root(connection: Connection, path: bytes) -> Root:
    """Watch `path`; roots inside it are taken over with all that is known of their photos."""
    covering = covering_root(connection, path)
    if covering is not None:
        return covering
    inside = [root for root in roots(connection) if root.path.startswith(path + b"/")]
    root_id = connection.execute(
        text("INSERT INTO root (path, path_text) VALUES (:path, :shown) RETURNING id"),
        {"path": path, "shown": displayed(path)},
    ).scalar_one()
    for root in inside:
        _take_over(connection, root, root_id, root.path[len(path) + 1 :])
    return Root(root_id, path, None, True)


def remove_root(connection: Connection, root: Root) -> int:
    """Forget a root and its photos, and return how many there were; originals are untouched."""
    photos = connection.execute(
        text("DELETE FROM file WHERE root_id = :root_id"), {"root_id": root.id}
    ).rowcount
    connection.execute(text("DELETE FROM root WHERE id = :root_id"), {"root_id": root.id})
    return photos


def relocate_roots(connection: Connection, old: bytes, new: bytes) -> list[Root]:
    """Give every root that is `old` or lies in it its place in `new`; return them as they are now.

    What is known of their photos stays, ids too. Raises CannotCreate where a root would lie in
    another one.
    """
    before = roots(connection)
    moving = [root for root in before if root.path == old or root.path.startswith(old + b"/")]
    moved = [root._replace(path=new + root.path[len(old) :]) for root in moving]
    ids = {root.id for root in moving}
    for root in moved:
        for other in before:
            if other.id not in ids and _overlap(root.path, other.path):
                raise CannotCreate(
                    f"{root.shown} overlaps the watched folder {other.shown}",
                    f"`scened remove` {other.shown} first",
                )
    for root in moved:
        values = {"id": root.id, "path": root.path, "shown": displayed(root.path)}
        connection.execute(
            text("UPDATE root SET path = :path, path_text = :shown, device = NULL WHERE id = :id"),
            values,
        )
        # their paths changed: whoever follows `seq` is to learn of it
        connection.execute(text("UPDATE file SET root_id = root_id WHERE root_id = :id"), values)
        photos = connection.execute(text("SELECT id FROM file WHERE root_id = :id"), values)
        index_photos(connection, photos.scalars().all())
    return moved


def set_polled(connection: Connection, root_id: int, reason: str | None) -> None:
    """Note why a root is read at intervals, or that it is not."""
    connection.execute(
        text("UPDATE root SET polled = :reason WHERE id = :root_id"),
        {"reason": reason, "root_id": root_id},
    )


def set_availability(
    connection: Connection, root: Root, available: bool, device: int | None = None
) -> None:
    """Note whether the root's folder is there, and on which device it was seen."""
    connection.execute(
        text(
            "UPDATE root SET available = :available, device = coalesce(:device, device)"
            " WHERE id = :root_id"
        ),
        {"available": int(available), "device": device, "root_id": root.id},
    )


def _overlap(one: bytes, other: bytes) -> bool:
    return (one + b"/").startswith(other + b"/") or (other + b"/").startswith(one + b"/")


def _take_over(connection: Connection, root: Root, root_id: int, prefix: bytes) -> None:
    connection.execute(
        text(
            "UPDATE file SET root_id = :new, shown = :shown_prefix || '/' || coalesce(shown,"
            " CASE WHEN :exact THEN NULL WHEN length(folder) THEN CAST(folder AS TEXT) || '/'"
            " || CAST(name AS TEXT) ELSE CAST(name AS TEXT) END),"
            " folder = CAST(:prefix || CASE WHEN length(folder) THEN x'2f' ELSE x'' END || folder"
            " AS BLOB) WHERE root_id = :old"
        ),
        {
            "new": root_id,
            "old": root.id,
            "prefix": prefix,
            "shown_prefix": displayed(prefix),
            "exact": displayed(prefix).encode() == prefix,
        },
    )
    connection.execute(text("DELETE FROM root WHERE id = :old"), {"old": root.id})
