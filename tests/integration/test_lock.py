"""One daemon a database."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from scened.errors import AnotherDaemon, CannotCreate
from scened.store.lock import daemon_lock

HOLDER = """
import sys
from pathlib import Path
from scened.store.lock import daemon_lock
with daemon_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(database_file: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(database_file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_second_holder_is_refused(database_file: Path, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(AnotherDaemon, match="another scened works on"), daemon_lock(database_file):
        pass


@pytest.mark.promise(
    "store: whoever held the daemon's lock was killed",
    "it is free",
)
def test_a_killed_holder_holds_nothing(database_file: Path, holder: subprocess.Popen[str]) -> None:
    end(holder)
    with daemon_lock(database_file):
        pass


def test_a_daemon_waits_a_little_for_a_command_to_be_done(
    database_file: Path, holder: subprocess.Popen[str]
) -> None:
    timer = threading.Timer(0.2, end, (holder,))
    timer.start()
    with daemon_lock(database_file, patience_seconds=30):
        pass
    timer.join()


def test_the_lock_is_free_after_its_holder_failed(database_file: Path) -> None:
    with pytest.raises(ZeroDivisionError), daemon_lock(database_file):
        raise ZeroDivisionError
    with daemon_lock(database_file):
        pass


def test_another_database_has_another_lock(
    database_file: Path, holder: subprocess.Popen[str]
) -> None:
    with daemon_lock(database_file.with_name("other.sqlite")):
        pass


@pytest.mark.promise(
    "access: any umask",
    "database, log, lock, backups and caches are 0600 in folders 0700",
)
def test_the_lock_is_its_owners_alone(database_file: Path) -> None:
    with daemon_lock(database_file):
        lock = Path(f"{database_file}.lock")
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotCreate), daemon_lock(tmp_path / "file" / "library.sqlite"):
        pass


def test_a_lock_that_cannot_be_made_is_told(database_file: Path) -> None:
    Path(f"{database_file}.lock").mkdir()
    with pytest.raises(CannotCreate), daemon_lock(database_file):
        pass
