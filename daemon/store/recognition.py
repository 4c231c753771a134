"""Whether a file is a database of ours, and of which schema, before anything in it is touched."""

from __future__ import annotations

import os
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

from scened.errors import DamagedDatabase, ForeignDatabase, MissingPath, NewerDatabase, ReadFailed
from scened.store.schema import APPLICATION_ID, SCHEMA_VERSION

__all__ = ["open_plainly", "read_uri", "recognise"]

# https://sqlite.org/fileformat2.html#the_database_header
MAGIC = b"SQLite format 3\0"
APPLICATION_ID_AT = 68
HEADER_BYTES = 100
CACHE_KIBIBYTES = 32 * 1024
RESTORE = "`scened db restore` goes back to a backup, `scened db repair` saves what can be read"


def read_uri(file: Path) -> str:
    """Return how SQLite is told to open the file for reading.

    Readers of a WAL database write beside it, unless told that nobody can
    (https://sqlite.org/wal.html#read_only_databases).
    """
    read_only = os.statvfs(file.parent).f_flag & os.ST_RDONLY
    return f"{file.absolute().as_uri()}?mode=ro{'&immutable=1' if read_only else ''}"


def recognise(file: Path) -> int:
    """Return the file's schema version, 0 for an empty one.

    Raises ForeignDatabase, NewerDatabase, DamagedDatabase where it was ours and has lost its
    end or more, and ReadFailed.
    """
    try:
        with closing(sqlite3.connect(read_uri(file), uri=True)) as connection:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (things,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    except sqlite3.OperationalError as error:
        raise ReadFailed(f"cannot read the database {file}: {error}") from error
    except sqlite3.DatabaseError as error:
        if _was_ours(file):
            raise DamagedDatabase(f"the database {file} is damaged: {error}", RESTORE) from error
        raise ForeignDatabase(
            f"{file} is not a scened database",
            "choose another file with --db FILE, or, if it was one, see `scened db restore`",
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
    if not _log_of(file) and file.stat().st_size < pages * page_bytes:
        raise DamagedDatabase(f"the database {file} is damaged: its end is missing", RESTORE)
    return int(version)


def _log_of(file: Path) -> int:
    """Return the bytes of the write-ahead log, whose pages the file itself may not have yet."""
    try:
        return Path(f"{file}-wal").stat().st_size
    except OSError:
        return 0


def _was_ours(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            header = opened.read(HEADER_BYTES)
    except OSError:
        return False
    if len(header) < HEADER_BYTES or not header.startswith(MAGIC):
        return False
    (application,) = struct.unpack_from(">I", header, APPLICATION_ID_AT)
    return bool(application == APPLICATION_ID)


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
        read_uri(file),
        uri=True,
        isolation_level=None,  # transactions begin and end where the code says so
        check_same_thread=False,
    )
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection
