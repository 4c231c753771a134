"""A full disk, a disk that can only be read, damage: said in one line, and mended by a command."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.conftest import Scened, age, until
from tests.integration.conftest import mounted
from tests.photos import photo, write_photo

PAGE_BYTES = 4096


def tables_scribbled_over(database: Path, name: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)
        ).fetchone()
    with database.open("r+b") as file:
        file.seek((page - 1) * PAGE_BYTES)
        file.write(b"\xa5" * PAGE_BYTES)


@pytest.fixture
def analysed(scened: Scened, library: Path) -> Scened:
    scened.look_at(library)
    return scened


def test_a_whole_database_is_said_to_be_whole(analysed: Scened) -> None:
    assert "is whole" in analysed("db", "check")


@pytest.mark.promise(
    "store: bytes of the file are flipped",
    "refused with the command that repairs; what can be read is saved",
)
def test_a_damaged_database_is_refused_checked_and_repaired(analysed: Scened) -> None:
    tables_scribbled_over(analysed.database, "file")
    for command in (("status",), ("run", "--once")):
        said = analysed(*command, expect=65)
        assert "`scened db repair`" in said
        assert len(said.strip().splitlines()) == 1
    assert "is damaged" in analysed("db", "check", expect=65)
    assert "photos saved" in analysed("db", "repair")
    assert "5 analysed" in analysed("run", "--once")


@pytest.mark.promise(
    "store: bytes of the file are flipped",
    "a backup is restored in one command",
)
def test_a_backup_is_restored(analysed: Scened) -> None:
    analysed("db", "backup")
    tables_scribbled_over(analysed.database, "file")
    assert "asked" in analysed("db", "restore", "--list")
    analysed("db", "restore")
    assert analysed.json("status")["done"] == 5


@pytest.mark.parametrize("verb", ["restore", "repair", "vacuum"])
def test_what_exchanges_the_file_waits_for_the_daemon_to_end(
    scened: Scened, daemon: subprocess.Popen[str], verb: str
) -> None:
    scened("db", "backup")
    scened("db", "check")
    assert "another scened works on" in scened("db", verb, expect=75)


@pytest.mark.promise(
    "store: the disk is full",
    "status says so, work waits, and goes on when there is room",
)
def test_the_daemon_outlasts_a_full_disk_and_goes_on(
    scened: Scened, library: Path, tmp_path: Path
) -> None:
    scened.settings.write_text("[gates.load]\nenabled = false\n[gates.disk]\nenabled = false\n")
    (tmp_path / "small").mkdir()
    with mounted(tmp_path / "small", "size=24m"):
        on_small = replace(scened, database=tmp_path / "small" / "library.sqlite")
        process = on_small.start("run", library)
        try:
            on_small.wait_until_idle()
            filler_file = tmp_path / "small" / "filler"
            with filler_file.open("wb", buffering=0) as filler, suppress(OSError):
                while True:
                    filler.write(bytes(PAGE_BYTES))
            for number in range(60):
                age(write_photo(library / f"{number}.jpg", photo(size=(300 + number, 200))))
            trouble = until(lambda: json.loads(on_small("status", "--json"))["trouble"])
            assert "disk is full" in trouble
            until(lambda: "disk is full" in _said_so_far(process))
            filler_file.unlink()
            on_small.wait_for("SELECT 1 FROM daemon WHERE state = 'idle' AND done = 65")
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate()


def _said_so_far(process: subprocess.Popen[str]) -> str:
    """Return what a process has said on stderr, without waiting for more."""
    assert process.stderr is not None
    os.set_blocking(process.stderr.fileno(), False)
    try:
        return os.read(process.stderr.fileno(), 100_000).decode()
    except BlockingIOError:
        return ""


@pytest.mark.promise(
    "store: the file system can only be read",
    "it is read, and writing is refused in words",
)
def test_a_library_on_a_read_only_disk_can_be_read(analysed: Scened, tmp_path: Path) -> None:
    (tmp_path / "drive").mkdir()
    with mounted(tmp_path / "drive"):
        copy = tmp_path / "drive" / "library.sqlite"
        copy.write_bytes(analysed.database.read_bytes())
        copy.chmod(0o600)
        subprocess.run(["mount", "-o", "remount,ro", tmp_path / "drive"], check=True)
        there = replace(analysed, database=copy)
        status = json.loads(there("status", "--json"))
        assert (status["done"], status["trouble"]) == (
            5,
            "the database's file system can only be read",
        )
        assert "cannot create or write" in there("run", "--once", expect=73)
