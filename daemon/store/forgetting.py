"""Forget photos for good: out of every table, the search index, the log, and the backups."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, text

from scened.errors import MissingPath
from scened.store.backups import remove_backups
from scened.store.database import Database
from scened.store.faults import told_as_ours
from scened.store.ownership import SIDE_FILES
from scened.store.places import displayed, split
from scened.store.results import drop_orphans
from scened.store.roots import Root, covering_root, remove_root, roots
from scened.store.search_index import index_all

__all__ = ["forget_everything", "forget_photos", "wipe"]

LOGS = "scened.log*"  # at debug level they name files

# '0' is the character after '/', so that this is a range of bytes
AT_OR_BELOW = """
    FROM file WHERE root_id = :root_id AND (
        (folder = :folder AND name = :name)
        OR folder = :path OR (folder > :below AND folder < :beyond)
    )
"""

HAS_FILES = text(f"SELECT 1 {AT_OR_BELOW} LIMIT 1")

FORGET_FILES = text(f"DELETE {AT_OR_BELOW}")


def forget_photos(database: Database, paths: Iterable[bytes]) -> int:
    """Forget photos, or all photos of folders, given by their absolute paths; return how many.

    What is known of their content goes too, unless another file that is not forgotten has it.
    The caller holds the daemon's lock, and calls `wipe` when it has closed the database. Raises
    MissingPath, and forgets nothing, where nothing is known at one of the paths.
    """
    paths = list(paths)
    forgotten = 0
    with database.writing() as connection:
        for path in paths:
            if not _is_known(connection, path):
                raise MissingPath(
                    f"no photo or folder is known at {displayed(path)}", "nothing was forgotten"
                )
        for path in paths:
            forgotten += _forget_roots(connection, path)
            place = _within_root(connection, path)
            if place is not None:
                forgotten += connection.execute(FORGET_FILES, place).rowcount
        drop_orphans(connection)
        connection.execute(
            text("DELETE FROM correction WHERE hash NOT IN (SELECT hash FROM content)")
        )
        connection.execute(text("DELETE FROM command"))  # their arguments are paths
        index_all(connection)
    return forgotten


def wipe(database_file: Path) -> None:
    """Leave nothing of what was deleted in the file, its log, the backups and the daemon's logs.

    The caller holds the daemon's lock, and has closed the database. What the disk itself keeps of
    bytes that were written over is beyond us.
    """
    with told_as_ours(database_file), closing(sqlite3.connect(database_file)) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    _remove_copies(database_file)


def forget_everything(database_file: Path) -> None:
    """Remove the database and all that was ever written beside it; originals are untouched.

    The caller holds the daemon's lock.
    """
    _remove_copies(database_file)
    for suffix in SIDE_FILES:
        if suffix != ".lock":  # held; it is empty
            Path(f"{database_file}{suffix}").unlink(missing_ok=True)


def _is_known(connection: Connection, path: bytes) -> bool:
    if any(_is_within(root, path) for root in roots(connection)):
        return True
    place = _within_root(connection, path)
    return place is not None and connection.execute(HAS_FILES, place).scalar() is not None


def _within_root(connection: Connection, path: bytes) -> dict[str, object] | None:
    """Return where a path lies in the root that holds it, or None where none does."""
    root = covering_root(connection, path)
    place = split(root.path, path) if root is not None else None
    if root is None or place is None:
        return None
    folder, name = place
    inside = path[len(root.path) + 1 :]
    return {
        "root_id": root.id,
        "folder": folder,
        "name": name,
        "path": inside,
        "below": inside + b"/",
        "beyond": inside + b"0",
    }


def _forget_roots(connection: Connection, path: bytes) -> int:
    return sum(
        remove_root(connection, root) for root in roots(connection) if _is_within(root, path)
    )


def _is_within(root: Root, path: bytes) -> bool:
    return root.path == path or root.path.startswith(path + b"/")


def _remove_copies(database_file: Path) -> None:
    remove_backups(database_file)
    shutil.rmtree(
        f"{database_file}.cache", ignore_errors=True
    )  # vectors, and what else is made anew
    for log in database_file.parent.glob(LOGS):
        log.unlink(missing_ok=True)
