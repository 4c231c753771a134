"""A folder of files made to do harm, and a daemon that stays what it was."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from scened.config import Limits
from tests.e2e.conftest import LOOK_SECONDS, Scened, age, until
from tests.hostile_files import write_hostile

LONGEST_SECONDS = 280.0  # for all of them, on a busy machine
RESIDENT_BYTES = Limits().memory_bytes + 500_000_000
NO_PHOTOS = ("pipe.jpg", "socket.jpg", "null.jpg", "proc", "loop.jpg", "folder.jpg")
GOOD = frozenset({"astronaut", "chelsea", "coffee", "motorcycle_left", "rocket"})


@contextlib.contextmanager
def growing(path: Path) -> Iterator[None]:
    """Let something write to a file all the time."""
    end = threading.Event()

    def write() -> None:
        with path.open("wb", buffering=0) as file:
            while not end.wait(LOOK_SECONDS):
                file.write(b"\xff\xd8")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        end.set()
        writer.join()


@contextlib.contextmanager
def kernel_log_at(path: Path) -> Iterator[None]:
    """Lay a file of /proc over another one where the system allows it: no size, no end."""
    path.touch()
    mounted = (
        shutil.which("mount")
        and not subprocess.run(
            ["mount", "--bind", "/proc/kmsg", path], capture_output=True, check=False
        ).returncode
    )
    try:
        yield
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", path], check=True)


def write_no_photos(root: Path) -> None:
    """Make things that are called like photos and are no files."""
    os.mkfifo(root / "pipe.jpg")
    (root / "loop.jpg").symlink_to("loop.jpg")
    (root / "proc").symlink_to("/proc")
    (root / "folder.jpg").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        short = root.parent / "s.jpg"  # a socket's path is short
        server.bind(str(short))
        short.rename(root / "socket.jpg")
    try:
        os.mknod(root / "null.jpg", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    except PermissionError:
        (root / "null.jpg").symlink_to("/dev/null")


def most_memory(daemon: subprocess.Popen[str], so_far: int) -> int:
    """Return the most resident bytes of an analyzer of this daemon."""
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(daemon.pid).children():
            so_far = max(so_far, child.memory_info().rss)
    return so_far


@pytest.mark.promise(
    "file: bombs in every format, polyglots, 100,000 EXIF tags, deep XML, pipes, devices, a sparse"
    " file, one that grows for ever, and hostile names, all in one folder",
    "each is answered or left alone within 20 s of processor time and 2 GB, failures have a reason,"
    " the rest is analysed, the daemon stays",
)
@pytest.mark.timeout(2 * LONGEST_SECONDS)
def test_every_hostile_file_is_answered(
    scened: Scened, library: Path, record_property: Callable[[str, object], None]
) -> None:
    scened.settings.write_text("[gates.load]\nenabled = false\n")
    expected = write_hostile(library)
    write_no_photos(library)
    for path in expected:
        age(Path(os.fsdecode(path)))
    with growing(library / "growing.jpg"), kernel_log_at(library / "kernel.jpg"):
        daemon = scened.start("run", library)
        try:
            memory, began = 0, time.monotonic()
            while not _answered(scened, len(expected)):
                assert daemon.poll() is None, daemon.stderr
                assert time.monotonic() - began < LONGEST_SECONDS, unanswered(scened)
                memory = most_memory(daemon, memory)
                time.sleep(LOOK_SECONDS)
            until(lambda: "still being written" in scened.json("status")["reason"])
            status = scened.json("status")
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.communicate()
    ended = {
        path: (state, error)
        for path, state, error in scened.rows("SELECT path_bytes, status, error FROM photos")
    }
    assert {p: ended[p] for p, ends in expected.items() if ended[p][0] not in ends} == {}
    assert [path for path, (state, error) in ended.items() if state == "failed" and not error] == []
    assert [path for path in ended if os.path.basename(path).decode("latin-1") in NO_PHOTOS] == []  # noqa: PTH119
    good = {bytes(path) for path in library.rglob("*.jpg") if path.stem in GOOD}
    assert {ended[path][0] for path in good} == {"analysed"}
    assert (status["pid"], status["running"]) == (daemon.pid, True)
    assert bytes(library / "growing.jpg") not in ended or (
        ended[bytes(library / "growing.jpg")][0] == "pending"
    )
    assert memory < RESIDENT_BYTES
    record_property("tried", len(expected) + len(NO_PHOTOS) + 2)
    record_property("seen", f"at most {memory / 1e6:,.0f} MB in the analyzer")


def unanswered(scened: Scened) -> str:
    rows = scened.rows("SELECT path FROM photos WHERE status = 'pending'")
    return f"still pending: {rows}"


def _answered(scened: Scened, files: int) -> bool:
    if not scened.database.exists():
        return False
    with contextlib.suppress(sqlite3.OperationalError):  # the schema is still being made
        ((there, waiting),) = scened.rows(
            "SELECT count(*), count(*) FILTER (WHERE status = 'pending'"
            " AND path NOT LIKE '%growing.jpg' AND path NOT LIKE '%kernel.jpg') FROM photos"
        )
        return bool(there >= files + len(GOOD) and not waiting)
    return False
