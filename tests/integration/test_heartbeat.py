"""Whether a daemon runs, told from the row it left and the system's processes."""

from __future__ import annotations

import os
import subprocess
import sys

from sqlalchemy import text

from scened.store.database import Database
from scened.store.heartbeat import Counts, Pulse, beat, daemon_runs


def runs(database: Database, pid: int | None, heartbeat_at: str | None = None) -> bool:
    with database.writing() as connection:
        beat(connection, Pulse(pid, "0.1", "idle", "done", Counts()))
        if heartbeat_at is not None:
            connection.execute(text("UPDATE daemon SET heartbeat_at = :at"), {"at": heartbeat_at})
    with database.reading() as connection:
        return daemon_runs(connection)


def test_a_daemon_that_runs_is_seen(database: Database) -> None:
    assert runs(database, os.getpid())


def test_a_daemon_that_stopped_is_not_seen(database: Database) -> None:
    assert not runs(database, None)


def test_a_daemon_that_was_killed_is_not_seen(database: Database) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert not runs(database, child.pid)


def test_a_process_that_only_has_its_number_is_not_taken_for_it(database: Database) -> None:
    assert not runs(database, os.getpid(), heartbeat_at="2001-01-01T00:00:00Z")
