"""What can be wrong with the database file or its disk, told as our own errors."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from scened.errors import DamagedDatabase, DatabaseUnavailable, ScenedError

__all__ = ["disk_trouble", "told_as_ours"]

LEAST_BYTES = 1_000_000  # free on a disk that can still take a transaction

DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
# What passes by itself, or once someone has made room or let go; the words say which it is
UNAVAILABLE = {
    sqlite3.SQLITE_FULL: ("its disk is full", "make room; it goes on by itself then"),
    sqlite3.SQLITE_BUSY: ("another program holds it", "end that program, or try again"),
    sqlite3.SQLITE_LOCKED: ("another program holds it", "end that program, or try again"),
    sqlite3.SQLITE_READONLY: ("it can only be read", "make it and its folder writable"),
    sqlite3.SQLITE_IOERR: ("its disk fails", "see the system's log"),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", "see to its folder's permissions"),
}
PRIMARY_CODE = 0xFF  # https://sqlite.org/rescode.html: the rest says more of the same


@contextmanager
def told_as_ours(file: Path) -> Iterator[None]:
    """Turn SQLite's errors about the file into DamagedDatabase or DatabaseUnavailable.

    Errors of another kind, which are mistakes of the program, stay what they are.
    """
    try:
        yield
    except (sqlite3.Error, DBAPIError) as error:
        ours = _translated(file, error)
        if ours is None:
            raise
        raise ours from error


def disk_trouble(file: Path) -> str | None:
    """Return why nothing can be written to the database now, as far as its disk tells, or None."""
    disk = os.statvfs(file.parent)
    if disk.f_flag & os.ST_RDONLY:
        return "the database's file system can only be read"
    if disk.f_bavail * disk.f_frsize < LEAST_BYTES:
        return "the database's disk is full; the daemon goes on once there is room"
    return None


def _translated(file: Path, error: sqlite3.Error | DBAPIError) -> ScenedError | None:
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", 0) & PRIMARY_CODE
    if code in DAMAGED:
        return DamagedDatabase(
            f"the database {file} is damaged: {cause}",
            "`scened db restore` goes back to a backup, `scened db repair` saves what can be read",
        )
    if code in UNAVAILABLE:
        what, remedy = UNAVAILABLE[code]
        return DatabaseUnavailable(f"the database {file} cannot be used: {what} ({cause})", remedy)
    return None
