"""Tell whether a file is a database of ours, and open it for reading with SQLite alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from scened.errors import ForeignDatabase, MissingPath, NewerDatabase, ReadFailed
from scened.store.schema import APPLICATION_ID, SCHEMA_VERSION

__all__ = ["open_plainly", "recognise"]

CACHE_KIBIBYTES = 32 * 1024


def recognise(file: Path) -> int:
    """Return the file's schema version, 0 for an empty one.

    Raises `ForeignDatabase`, `NewerDatabase` or `ReadFailed` where it cannot be worked with.
    """
    try:
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
        try:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (things,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        raise ReadFailed(f"cannot read the database {file}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise ForeignDatabase(
            f"{file} is not a scened database", "choose another file with --db FILE"
        ) from error
    if application != APPLICATION_ID and (application or version or things):
        raise ForeignDatabase(
            f"{file} belongs to another program", "choose another file with --db FILE"
        )
    if version > SCHEMA_VERSION:
        raise NewerDatabase(
            f"{file} was written by a newer scened (schema {version}, this one knows"
            f" {SCHEMA_VERSION})",
            "upgrade scened, or choose another file with --db FILE",
        )
    return int(version)


def open_plainly(file: Path) -> sqlite3.Connection:
    """Return a read-only connection to a database of any schema version that we know.

    It does without SQLAlchemy, whose loading alone would take longer than most questions do.
    Raises `MissingPath` or what `recognise` raises.
    """
    if not file.exists():
        raise MissingPath(
            f"there is no database at {file}", "`scened run --once DIR` makes one from a folder"
        )
    if recognise(file) == 0:
        raise ForeignDatabase(f"{file} is empty", "`scened run --once DIR` fills it")
    connection = sqlite3.connect(
        f"{file.absolute().as_uri()}?mode=ro",
        uri=True,
        isolation_level=None,  # transactions begin and end where the code says so
        check_same_thread=False,
    )
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection
