"""Thousands of files appear, move and go within a minute: a real daemon loses none of them.

SCENED_SOAK_STORM: how many; 1,000 unless it is set, `make soak` has it at 10,000.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.e2e.conftest import PATIENCE_SECONDS, Scened, until
from tests.e2e.disk import content, photos_on

STORM_FILES = int(os.environ.get("SCENED_SOAK_STORM", "1000"))
STORM_SECONDS = 60.0  # for all of them, at the most
FOLDERS = 50
MORE_BYTES = 64 * 10**6  # that the daemon may hold for a while
SILENT_SECONDS = 20.0  # in which a daemon that works says nothing, on a machine that is busy
LOOK_SECONDS = 0.2
QUEUED_EVENTS = Path("/proc/sys/fs/inotify/max_queued_events")
EVENTS_A_FILE = 3  # at the least: made, written, closed

Recorder = Callable[[str, object], None]


class Onlooker(threading.Thread):
    """Looks at a daemon all the time: what it holds, and how long it says nothing."""

    def __init__(self, scened: Scened, pid: int) -> None:
        super().__init__()
        self._scened = scened
        self._process = psutil.Process(pid)
        self._ended = threading.Event()
        self.before = self.most_bytes = self._process.memory_info().rss
        self.longest_silence = self.longest_answer = 0.0

    def run(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            asked = time.monotonic()
            assert self._scened.json("status")["running"]
            self.longest_answer = max(self.longest_answer, time.monotonic() - asked)
            self.most_bytes = max(self.most_bytes, self._process.memory_info().rss)
            ((beat, state),) = self._scened.rows("SELECT heartbeat_at, state FROM daemon")
            if state != "idle":  # it says less when there is nothing to do
                said = datetime.datetime.fromisoformat(beat).timestamp()
                self.longest_silence = max(self.longest_silence, time.time() - said)

    def end(self) -> None:
        self._ended.set()
        self.join()


@contextlib.contextmanager
def watching(scened: Scened, root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a daemon that watches a new folder and looks at nothing; end it, come what may."""
    root.mkdir()
    scened("add", root)
    scened("pause", "2h")
    with subprocess.Popen(
        [scened.command, "run"], env=scened.environment, stdout=subprocess.DEVNULL
    ) as daemon:
        try:
            scened.wait_for("SELECT 1 FROM daemon WHERE state = 'idle'")
            yield daemon
        finally:
            daemon.send_signal(signal.SIGCONT)
            daemon.terminate()
            daemon.wait(PATIENCE_SECONDS)


def storm(root: Path) -> float:
    """Make files, rename a third of them and delete a tenth; return how long that took."""
    began = time.monotonic()
    for number in range(STORM_FILES):
        path = root / f"{number % FOLDERS}" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content(number * 9))
        if number % 3 == 0:
            path.rename(root / f"{(number + 1) % FOLDERS}-moved-{number}.jpg")
        elif number % 10 == 1:
            path.unlink()
    return time.monotonic() - began


@pytest.mark.skipif(not QUEUED_EVENTS.exists(), reason="the queue of inotify is Linux's")
@pytest.mark.promise("watch: the system loses events", "the folder is walked")
def test_what_happened_while_the_system_dropped_events_is_found(
    scened: Scened, tmp_path: Path
) -> None:
    root = tmp_path / "photos"
    with watching(scened, root) as daemon:
        daemon.send_signal(signal.SIGSTOP)  # so it takes nothing out of the queue
        for number in range(int(QUEUED_EVENTS.read_text()) // EVENTS_A_FILE + 1):
            (root / f"{number}.txt").write_bytes(b"no photo")
        (root / "new.jpg").write_bytes(content(0))
        daemon.send_signal(signal.SIGCONT)
        assert scened.wait_for("SELECT 1 FROM photos WHERE path LIKE '%new.jpg'")


@pytest.mark.promise(
    "watch: ten thousand files appear, move and go within a minute",
    "none is lost, the daemon goes on to answer, and holds little more memory",
)
@pytest.mark.timeout(0 if STORM_FILES > 1_000 else 300)
def test_a_daemon_weathers_a_storm_of_events(
    scened: Scened, tmp_path: Path, record_property: Recorder
) -> None:
    root = tmp_path / "photos"
    with watching(scened, root) as daemon:
        onlooker = Onlooker(scened, daemon.pid)
        onlooker.start()
        try:
            seconds = storm(root)
            disk = {str(path) for path in photos_on(root)}
            until(lambda: {path for (path,) in scened.rows("SELECT path FROM photos")} == disk)
        finally:
            onlooker.end()
    more = onlooker.most_bytes - onlooker.before
    assert seconds < STORM_SECONDS
    assert onlooker.longest_silence < SILENT_SECONDS
    assert more < MORE_BYTES
    record_property("tried", STORM_FILES)
    record_property(
        "seen",
        f"written in {seconds:.0f} s; silent for {onlooker.longest_silence:.1f} s at the most,"
        f" status within {onlooker.longest_answer:.1f} s, {more / 1e6:.0f} MB more",
    )
