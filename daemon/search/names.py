"""What people and programs call a photo by: its id, or a path that leads to it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from scened.errors import MissingPath
from scened.store.places import displayed, split

__all__ = ["PhotoName", "exact_path", "photo_id_of"]

PhotoPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]
PhotoName = int | PhotoPath


def photo_id_of(connection: sqlite3.Connection, photo: PhotoName) -> int:
    """Return the id of a photo that is named by id or path. Raises MissingPath."""
    if isinstance(photo, int):
        row = connection.execute("SELECT id FROM file WHERE id = ?", (photo,)).fetchone()
        if row is None:
            raise MissingPath(f"there is no photo with the id {photo}", "it may have been removed")
        return photo
    exact = exact_path(photo)
    for root_id, root in connection.execute("SELECT id, path FROM root"):
        parts = split(root, exact)
        row = (
            parts
            and connection.execute(
                "SELECT id FROM file WHERE root_id = ? AND folder = ? AND name = ?",
                (root_id, *parts),
            ).fetchone()
        )
        if row:
            return int(row[0])
    there = os.path.lexists(exact)
    remedy = "`scened add` its folder first" if there else "there is no such file either"
    raise MissingPath(f"{displayed(exact)} is not in the library", remedy)


def exact_path(path: PhotoPath) -> bytes:
    """Return the absolute path in the form roots are kept in: links on the way resolved."""
    absolute = Path(os.fsdecode(path)).absolute()
    return os.fsencode(absolute.parent.resolve() / absolute.name)
