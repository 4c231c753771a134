"""The SQLite file itself: created, recognised, upgraded, opened for one writer or any reader."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from scened.errors import CannotCreate, ForeignDatabase, MissingPath, ReadFailed
from scened.store.backups import back_up
from scened.store.faults import told_as_ours
from scened.store.ownership import make_private, refuse_foreign_owner
from scened.store.recognition import read_uri, recognise
from scened.store.schema import SCHEMA_VERSION

__all__ = ["Database", "open_for_reading", "open_for_writing"]

BUSY_SECONDS = 30  # how long a write waits for another program's write
WAL_BYTES_KEPT = 16 * 1024 * 1024
READER_CACHE_KIB = 512  # every write empties it: a larger one only scatters the memory of others


class Database:
    """One SQLite file, seen by one thread: a connection that writes and one that reads.

    The two are apart so that a question never takes the write lock, and so that
    `PRAGMA data_version` on the reading one notices every write, ours and others'.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._writer = _engine(file, "rw")
        self._reader = _engine(file, "ro")
        self._asked: sqlite3.Connection | None = None  # kept, as every folder of a walk asks

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Hold one transaction with the write lock taken at its start: all of it, or nothing."""
        with told_as_ours(self.file), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Hold one consistent view of the database, which no writer waits for."""
        with told_as_ours(self.file), self._reader.connect() as connection:
            yield connection

    def data_version(self) -> int:
        """Return a number that changes when anyone commits to the file."""
        with told_as_ours(self.file):
            if self._asked is None:
                driver: Any = self._reader.raw_connection().driver_connection
                self._asked = driver
            return int(self._asked.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Let go of the file."""
        self._asked = None
        self._reader.dispose()
        self._writer.dispose()


def open_for_writing(file: Path) -> Database:
    """Open the database at `file`, made or upgraded first where need be.

    The caller holds the daemon's lock. Raises `ForeignDatabase` or `NewerDatabase` before
    anything in the file is touched, and `CannotCreate` where no file can be made.
    """
    _create_if_absent(file)
    make_private(file)
    version = recognise(file)
    if version < SCHEMA_VERSION:
        if version:
            back_up(file, f"schema-{version}")
        _migrate(file)
    return Database(file)


def open_for_reading(file: Path) -> Database:
    """Open an existing database, which must be ours and of this version's schema."""
    if not file.exists():
        raise MissingPath(
            f"there is no database at {file}", "`scened run --once DIR` makes one from a folder"
        )
    refuse_foreign_owner(file)
    version = recognise(file)
    if version < SCHEMA_VERSION:
        raise ForeignDatabase(
            f"{file} has schema {version}, this scened reads {SCHEMA_VERSION}",
            "`scened run` upgrades it",
        )
    return Database(file)


def _create_if_absent(file: Path) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise CannotCreate(
            f"cannot create or write the database {file}: {error.strerror}",
            "choose another place with --db FILE",
        ) from error


def _migrate(file: Path) -> None:
    child = subprocess.run(
        [sys.executable, "-m", "scened.migrations", str(file)], capture_output=True, text=True
    )
    if child.returncode != 0:
        reason = child.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise ReadFailed(f"cannot bring {file} to schema {SCHEMA_VERSION}: {reason[0]}")


def _engine(file: Path, mode: str) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            read_uri(file) if mode == "ro" else f"{file.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,  # SQLAlchemy's events below say when a transaction begins
            check_same_thread=False,
        )
        if mode == "rw":
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}")
        else:
            connection.execute(f"PRAGMA cache_size = -{READER_CACHE_KIB}")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool)
    begin = "BEGIN IMMEDIATE" if mode == "rw" else "BEGIN"

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
