"""One daemon a database: the lock that says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from scened.errors import AnotherDaemon, CannotCreate

__all__ = ["daemon_lock"]


@contextmanager
def daemon_lock(database_file: Path, patience_seconds: float = 0.0) -> Iterator[None]:
    """Hold the database for this process alone; the system frees it however the process ends.

    A daemon waits a little for it, as a command may hold it for a moment to change something.
    Raises `AnotherDaemon` when some process holds it already, and `CannotCreate` where no lock
    can be made.
    """
    lock = _lock(database_file)
    try:
        lock.acquire(timeout=patience_seconds)
    except Timeout as error:
        raise AnotherDaemon(
            f"another scened works on {database_file}",
            "`scened status` shows what it does; stop it first, or choose another --db",
        ) from error
    except OSError as error:
        raise CannotCreate(
            f"cannot create or write {lock.lock_file}: {error.strerror}",
            "choose another place with --db FILE",
        ) from error
    try:
        yield
    finally:
        lock.release()


def _lock(database_file: Path) -> FileLock:
    try:
        database_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotCreate(
            f"cannot create the folder {database_file.parent}: {error.strerror}",
            "choose another place with --db FILE",
        ) from error
    return FileLock(f"{database_file}.lock", mode=0o600)
