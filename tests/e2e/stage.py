"""Two folders, a daemon that runs on them, and somebody who looks that nothing goes wrong."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, ClassVar

import pytest
from hypothesis import note

from tests.e2e.conftest import PATIENCE_SECONDS, SETTINGS, Scened
from tests.e2e.disk import OnDisk, content, photos_on
from tests.e2e.witness import Looks, Witness

__all__ = ["FOLDERS", "HOUR_NS", "OBEY_PERMISSIONS", "PLACES", "ROOTS", "Stage"]

LOOK_SECONDS = 0.1
HOUR_NS = 3_600 * 10**9
# Root passes over permissions; the daemon is not to
OBEY_PERMISSIONS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")

ROOTS = ("a", "b")
FOLDERS = ("a/inner", "b/trip", "a/album", "b/album")
NAMES = ("one.jpg", "One.jpg", "two.jpeg")
PLACES = tuple(f"{folder}/{name}" for folder in (*ROOTS, *FOLDERS[:2]) for name in NAMES)


class Stage:
    """Where a user and bad luck do things to folders and a daemon, which is held to the truth."""

    tried: ClassVar[Counter[str]] = Counter()  # on all stages

    def __init__(self) -> None:
        super().__init__()
        self._temporary = tempfile.TemporaryDirectory()
        self._top = Path(self._temporary.name).resolve()
        for folder in ("a/inner", "b/trip", "outside", "away"):
            (self._top / folder).mkdir(parents=True)
        self._outside = self._top / "outside"
        (self._outside / "photo.jpg").write_bytes(content(100))
        for number, place in enumerate(PLACES[::2]):
            (self._top / place).write_bytes(content(number))
        written = self._top / "settings.toml"
        written.write_text(SETTINGS)
        self._scened = Scened(self._top / "data" / "library.sqlite", written)
        self._output = self._top / "output"
        self._witness = Witness(self._scened, Looks(self._output))
        self._disturbed: Counter[Path] = Counter()
        self._writing: list[tuple[BinaryIO, bytes]] = []
        self._clock_ns = 0  # how far the user's clock is set wrong
        self._made = 0
        self._kills = 0
        self._steps_to_rest = 0
        self._daemon: subprocess.Popen[bytes] | None = None
        self._scened("add", *(self._top / root for root in ROOTS))
        self._scened("boost", "24h")  # or it would leave the machine to the tests beside it
        self._start()

    def end_the_daemon(self, number: signal.Signals) -> None:
        """End it in one way or another, where it runs."""
        if self._daemon is not None:
            self._note_kill(number == signal.SIGKILL)
            self._daemon.send_signal(number)
            self._daemon.wait(PATIENCE_SECONDS)
            self._daemon = None

    def clear_away(self) -> None:
        """Hold the end against the disk too, and leave nothing behind."""
        try:
            self._rest(final=True)
            self.end_the_daemon(signal.SIGTERM)
            assert self._witness.differences(self._disk(), self._away()) == []
            assert self._scened.rows("PRAGMA integrity_check") == [("ok",)]
            assert self._scened.rows("PRAGMA foreign_key_check") == []
        finally:
            if self._daemon is not None:
                self._daemon.kill()
                self._daemon.wait()
            self._temporary.cleanup()

    def _rest(self, *, final: bool = False) -> None:
        """Wait until the daemon says it is idle while the database is as the disk; then look."""
        if self._daemon is None:
            self._start()
        assert self._daemon is not None
        disk, away = self._disk(), self._away()
        wrong = ["it is never idle"]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._busy() or (wrong := self._witness.differences(disk, away, final=final)):
            assert self._daemon.poll() is None, self._output.read_text()[-3000:]
            if time.monotonic() > deadline:
                note(self._output.read_text()[-3000:])
                pytest.fail("\n".join(wrong))
            time.sleep(LOOK_SECONDS)
        whole = disk | self._disk_of_away()
        self._witness.check(whole, self._disturbed, self._kills)
        self._disturbed.clear()
        self.tried["times at rest"] += 1

    def _note_kill(self, kills: int) -> None:
        self._kills += kills
        self.tried["kills"] += kills

    def _busy(self) -> bool:
        try:
            return not self._scened.rows("SELECT 1 FROM daemon WHERE state = 'idle'")
        except sqlite3.OperationalError:  # there is no schema yet
            return True

    def _start(self) -> None:
        prefix = OBEY_PERMISSIONS if os.geteuid() == 0 and shutil.which("setpriv") else ()
        command = [*prefix, self._scened.command, "run", "--verbose"]
        with self._output.open("ab") as output:
            self._daemon = subprocess.Popen(
                command, stdout=output, stderr=output, env=self._scened.environment
            )

    def _disk(self) -> dict[Path, OnDisk]:
        """Return the photos of the roots that are there."""
        found: dict[Path, OnDisk] = {}
        for root in ROOTS:
            if (self._top / root).is_dir():
                found |= photos_on(self._top / root)
        return found

    def _disk_of_away(self) -> dict[Path, OnDisk]:
        """Return the photos of the other roots, by the paths they had."""
        away = self._top / "away"
        return {
            self._top / path.relative_to(away): file
            for root in away.iterdir()
            for path, file in photos_on(root).items()
        }

    def _away(self) -> set[Path]:
        return {self._top / root for root in ROOTS if not (self._top / root).exists()}

    @contextlib.contextmanager
    def _into(self, place: str) -> Iterator[Path]:
        """Give a place to put something in; where its root is away, one that nobody watches."""
        path = self._top / place
        root = self._top / path.relative_to(self._top).parts[0]
        if not root.is_dir() or path.parent.is_symlink():
            path = self._outside / "elsewhere.jpg"
            path.unlink(missing_ok=True)
        path.parent.mkdir(exist_ok=True)
        self._disturbed[path] += 1
        yield path

    def _files(self, number: int) -> list[Path]:
        """Return one of the files that lie in the roots, if there are any."""
        found = [
            Path(folder, name)
            for root in ROOTS
            for folder, _, names in os.walk(self._top / root)
            for name in names
            if not name.startswith(".") and not Path(folder, name).is_symlink()
        ]
        return [sorted(found)[number % len(found)]] if found else []

    def _is_being_written(self, path: Path) -> bool:
        """Tell whether somebody is at a file: what two leave of it may be a photo or not."""
        return path.exists() and any(
            os.path.samestat(path.stat(), os.fstat(file.fileno())) for file, _ in self._writing
        )

    def _put(self, path: Path, data: bytes, aged: bool) -> None:
        """Write a file elsewhere and move it to its place, as careful programs do."""
        fresh = self._outside / "fresh"
        fresh.write_bytes(data)
        self._stamp(fresh, -HOUR_NS if aged else 0)
        fresh.replace(path)

    def _stamp(self, path: Path, ahead: int = 0) -> None:
        now = time.time_ns() + self._clock_ns + ahead
        os.utime(path, ns=(now, now))

    def _move(self, source: Path, goal: Path) -> None:
        vacant = goal.parent.is_dir() and not os.path.lexists(goal)
        if vacant and source.exists() and not source.is_symlink():
            self._disturb_all_in(source)
            source.rename(goal)
            self._disturb_all_in(goal)

    def _disturb_all_in(self, path: Path) -> None:
        self._disturbed.update(path.iterdir() if path.is_dir() else [path])
