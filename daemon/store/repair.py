"""Find damage in a database file, save what can be read of it, and give back its empty room."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from scened.errors import DamagedDatabase
from scened.store.backups import Backup, put_in_place
from scened.store.database import Database, open_for_writing
from scened.store.faults import told_as_ours
from scened.store.recognition import read_uri
from scened.store.search_index import index_all

__all__ = ["faults_of", "repair", "vacuum"]

logger = logging.getLogger(__name__)

FAULTS_TOLD = 20

# In an order in which what is referred to comes first. What is not here is made anew: the
# search index, and the counts of the daemon.
TABLES = (
    "sequence",
    "root",
    "pack",
    "tag",
    "content",
    "content_tag",
    "content_face",
    "content_embedding",
    "content_keyword",
    "content_tag_seen",
    "correction",
    "file",
    "sidecar",
    "sidecar_keyword",
    "companion",
    "removed",
    "governor",
)
SINGLE_ROWS = ("sequence", "governor")  # a new database has theirs already
OF_CONTENT = (  # content_id comes first
    "content_tag",
    "content_face",
    "content_embedding",
    "content_keyword",
    "content_tag_seen",
)

DROP_WHAT_REFERS_TO_NOTHING = (
    "DELETE FROM content WHERE pack_id NOT IN (SELECT id FROM pack)",
    # whatever was seen has an embedding
    "DELETE FROM content WHERE outcome = 'analysed'"
    " AND id NOT IN (SELECT content_id FROM content_embedding)",
    "DELETE FROM content_tag WHERE tag_id NOT IN (SELECT id FROM tag)",
    *(
        f"DELETE FROM {table} WHERE content_id NOT IN (SELECT id FROM content)"
        for table in OF_CONTENT
    ),
    "DELETE FROM content_tag_seen WHERE tag_id NOT IN (SELECT id FROM tag)",
    "DELETE FROM file WHERE root_id NOT IN (SELECT id FROM root)",
    "DELETE FROM sidecar WHERE file_id NOT IN (SELECT id FROM file)",
    "DELETE FROM sidecar_keyword WHERE file_id NOT IN (SELECT file_id FROM sidecar)",
    "DELETE FROM companion WHERE file_id NOT IN (SELECT id FROM file)",
    "UPDATE file SET content_id = NULL, identified = 0, error = NULL,"
    " status = CASE status WHEN 'missing' THEN status ELSE 'pending' END"
    " WHERE content_id NOT IN (SELECT id FROM content)",
)


def faults_of(database: Path) -> list[str]:
    """Return what SQLite finds wrong with a database; nothing where it is whole.

    Needs no lock; on a large library it takes minutes.
    """
    with closing(_opened(database)) as connection:
        try:
            said = connection.execute(f"PRAGMA integrity_check({FAULTS_TOLD})").fetchall()
            broken = connection.execute("PRAGMA foreign_key_check").fetchmany(FAULTS_TOLD)
        except sqlite3.DatabaseError as error:
            return [str(error)]
    faults = [line for (line,) in said if line != "ok"]
    return faults + [
        f"a row of {table} refers to {parent}, where it is not" for table, _, parent, _ in broken
    ]


def repair(database: Path) -> tuple[Backup, int]:
    """Write all that can be read into a new file and put it in the database's place.

    The caller holds the daemon's lock. Rows that cannot be read, and those that belong to such,
    are left out: their photos are found and looked at again. Returns the copy that was kept of
    the old file, and how many photos were saved.
    """
    new = database.with_name(f"{database.name}.unfinished")
    for suffix in ("", "-wal", "-shm"):
        Path(f"{new}{suffix}").unlink(missing_ok=True)
    try:
        open_for_writing(new).close()
        with closing(_opened(database)) as old, closing(sqlite3.connect(new)) as saved:
            _save(old, saved)
            (photos,) = saved.execute("SELECT count(*) FROM file").fetchone()
        made = Database(new)
        try:
            with made.writing() as connection:
                index_all(connection)
        finally:
            made.close()
        return put_in_place(new, database), photos
    finally:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{new}{suffix}").unlink(missing_ok=True)


def vacuum(database: Path) -> int:
    """Write the database anew without its empty room; return the bytes that were freed.

    The caller holds the daemon's lock.
    """
    before = database.stat().st_size
    with told_as_ours(database), closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return before - database.stat().st_size


def _save(old: sqlite3.Connection, saved: sqlite3.Connection) -> None:
    saved.execute("PRAGMA foreign_keys = OFF")
    for table in TABLES:
        try:
            known = {row[1] for row in old.execute(f"PRAGMA table_info({table})")}
        except sqlite3.DatabaseError as error:
            raise DamagedDatabase(
                f"nothing can be read any more: {error}",
                "`scened db restore` goes back to a backup",
            ) from error
        columns = [
            row[1] for row in saved.execute(f"PRAGMA table_info({table})") if row[1] in known
        ]
        if table in SINGLE_ROWS:
            changes = ", ".join(f"{column} = ?" for column in columns)
            _save_rows(old, saved, table, columns, f"UPDATE {table} SET {changes}")
        elif columns:
            marks = ", ".join("?" * len(columns))
            statement = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})"
            _save_rows(old, saved, table, columns, statement)
    for statement in DROP_WHAT_REFERS_TO_NOTHING:
        saved.execute(statement)
    saved.commit()


def _save_rows(
    old: sqlite3.Connection,
    saved: sqlite3.Connection,
    table: str,
    columns: list[str],
    statement: str,
) -> None:
    """Save the rows before the first damage in a table and, from its end, those after the last."""
    edges: list[object] = []
    for order in ("ASC", "DESC"):
        key = ", ".join(f"{column} {order}" for column in _key(saved, table))
        last: object = None
        try:
            for row in old.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {key}"):
                saved.execute(statement, row)
                last = row[0]
        except sqlite3.DatabaseError as error:
            logger.debug("%s: %s", table, error)
            edges.append(last)
        else:
            return
    if table in OF_CONTENT:  # what lies between may have lost a part
        saved.execute(
            "DELETE FROM content WHERE (:first IS NULL OR id >= :first)"
            " AND (:last IS NULL OR id <= :last)",
            {"first": edges[0], "last": edges[1]},
        )


def _key(connection: sqlite3.Connection, table: str) -> list[str]:
    """Return the columns in whose order a table is stored."""
    key = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[5]]
    return key if len(key) > 1 else ["rowid"]


def _opened(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(read_uri(database), uri=True)
