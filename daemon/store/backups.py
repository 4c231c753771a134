"""Copies of the database beside it, made while others work with it, and the way back to one."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from scened.errors import CannotCreate, DamagedDatabase, MissingPath, ScenedError
from scened.store.faults import told_as_ours
from scened.store.ownership import PRIVATE_FILE, PRIVATE_FOLDER
from scened.store.recognition import read_uri, recognise

__all__ = [
    "Backup",
    "back_up",
    "back_up_daily",
    "backups",
    "put_in_place",
    "remove_backups",
    "restore",
]

logger = logging.getLogger(__name__)

KEPT = 3  # backups of each occasion
ROOM_BYTES = 100_000_000  # a backup leaves at least so much of the disk free
REPLACED = "replaced"  # the occasion of what `restore` and `repair` took out of the way


class Backup(NamedTuple):
    """A copy of the database: why it was made, and when (UTC, `20261121T081500Z`)."""

    file: Path
    occasion: str
    made_at: str


def backups(database: Path) -> list[Backup]:
    """Return the copies that lie beside a database, newest first."""
    found = []
    for file in _folder(database).glob(f"{database.name}.*.*"):
        occasion, _, made_at = file.name.removeprefix(f"{database.name}.").rpartition(".")
        if made_at.endswith("Z"):
            found.append(Backup(file, occasion, made_at))
    return sorted(found, key=lambda backup: (backup.made_at, backup.file.name), reverse=True)


def back_up(database: Path, occasion: str) -> Backup:
    """Copy the database as it is at this moment, check the copy, and let the oldest ones go.

    Others may read and write meanwhile (https://sqlite.org/backup.html). Raises CannotCreate
    where there is no room, DamagedDatabase where it would be a copy of damage.
    """
    folder = _folder(database)
    made_at = _now()
    unfinished = folder / f"{database.name}.unfinished"
    try:
        folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        _refuse_if_short(database, folder)
        unfinished.unlink(missing_ok=True)
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_RDWR, PRIVATE_FILE))
        with told_as_ours(database):
            _copy(database, unfinished)
        backup = Backup(folder / f"{database.name}.{occasion}.{made_at}", occasion, made_at)
        unfinished.replace(backup.file)
    except OSError as error:
        raise CannotCreate(
            f"cannot write a backup to {folder}: {error.strerror}", "make room on its disk"
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
    _rotate(database, occasion)
    return backup


def back_up_daily(database: Path) -> None:
    """Make the daily copy; where that fails, work goes on, and the log says why."""
    try:
        back_up(database, "daily")
    except ScenedError as error:
        logger.warning("no backup was made: %s", error)


def restore(database: Path, backup: Path | None = None) -> Backup:
    """Put a backup in the database's place, the newest one unless another is named.

    The caller holds the daemon's lock. What was there is kept among the backups. Returns the
    copy that was kept of it. Raises MissingPath, and DamagedDatabase or ForeignDatabase where
    the backup itself cannot serve.
    """
    chosen = backup or next(
        (each.file for each in backups(database) if each.occasion != REPLACED), None
    )
    if chosen is None or not chosen.exists():
        raise MissingPath(
            f"there is no backup of {database}" if chosen is None else f"there is no {chosen}",
            "`scened db repair` saves what can be read",
        )
    recognise(chosen)
    unfinished = database.with_name(f"{database.name}.unfinished")
    try:
        shutil.copyfile(chosen, unfinished)
        unfinished.chmod(PRIVATE_FILE)
        return put_in_place(unfinished, database)
    finally:
        unfinished.unlink(missing_ok=True)


def put_in_place(new: Path, database: Path) -> Backup:
    """Exchange the database for a new file; whenever this is interrupted, one of both is there.

    The caller holds the daemon's lock. Returns the copy that was kept of the old one.
    """
    with closing(sqlite3.connect(new)) as connection, told_as_ours(new):
        if connection.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise DamagedDatabase(f"{new} is damaged", "choose an older backup")
    _folder(database).mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    made_at = _now()
    kept = _folder(database) / f"{database.name}.{REPLACED}.{made_at}"
    kept.unlink(missing_ok=True)
    # the old log first: beside a new file it would be taken for that one's
    for suffix in ("-wal", "-shm"):
        log = Path(f"{database}{suffix}")
        if log.exists():
            log.replace(f"{kept}{suffix}")
    if database.exists():
        os.link(database, kept)
        kept.chmod(PRIVATE_FILE)
    with new.open("rb") as file:
        os.fsync(file.fileno())
    new.replace(database)
    _rotate(database, REPLACED)
    return Backup(kept, REPLACED, made_at)


def remove_backups(database: Path) -> None:
    """Remove every copy of the database, as they hold what it must not hold any more."""
    shutil.rmtree(_folder(database), ignore_errors=True)


def _copy(database: Path, copy: Path) -> None:
    with (
        closing(sqlite3.connect(read_uri(database), uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        if target.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise DamagedDatabase(
                f"the database {database} is damaged, so no backup was made of it",
                "`scened db restore` goes back to an older one",
            )


def _refuse_if_short(database: Path, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < database.stat().st_size + ROOM_BYTES:
        raise CannotCreate(
            f"no room for a backup in {folder}: {free / 1e6:.0f} MB are free",
            "make room on its disk",
        )


def _rotate(database: Path, occasion: str) -> None:
    of_occasion = [backup for backup in backups(database) if backup.occasion == occasion]
    for backup in of_occasion[KEPT:]:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{backup.file}{suffix}").unlink(missing_ok=True)


def _folder(database: Path) -> Path:
    return database.with_name("backups")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
