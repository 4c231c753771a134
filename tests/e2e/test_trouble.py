"""What may befall the analyzer or the daemon without killing it: stopped, stuck, out of memory.

SCENED_SOAK_STOP_SECONDS: how long processes are stopped; `make soak` stops them for a minute.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.e2e.conftest import PATIENCE_SECONDS, SETTINGS, Scened, age, until
from tests.e2e.disk import content
from tests.e2e.witness import Looks

STOP_SECONDS = float(os.environ.get("SCENED_SOAK_STOP_SECONDS", "3"))
PHOTOS = 12
STANDSTILL_SECONDS = 1.0
MEMORY_BYTES = 100_000_000  # for a decode
# A decoder's bugs, put where Pillow opens photos: those that begin like this bring them out
BUGS = """
import os, sys
if "scened.analysis.analyzer" in sys.orig_argv:
    import PIL.Image, threading
    def with_bugs(file, *arguments, opened=PIL.Image.open, **options):
        begin = file.read(16)
        file.seek(0)
        if begin.startswith(b"BUG:wait"):
            threading.Event().wait()
        if begin.startswith(b"BUG:memory"):
            held = []
            while True:
                held.append(b"x" * 10_000_000)
        return opened(file, *arguments, **options)
    PIL.Image.open = with_bugs
"""
Recorder = Callable[[str, object], None]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    root.mkdir()
    for number in range(PHOTOS):
        (root / f"{number}.jpg").write_bytes(content(number * 9))
        age(root / f"{number}.jpg")
    return root


@pytest.fixture
def decoder_with_bugs(scened: Scened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the real analyzer meet a decoder that waits for ever, or takes memory without end."""
    (tmp_path / "bugs").mkdir()
    (tmp_path / "bugs" / "sitecustomize.py").write_text(BUGS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "bugs"))
    limits = f"standstill_seconds = {STANDSTILL_SECONDS}\nmemory_bytes = {MEMORY_BYTES}\n"
    scened.settings.write_text(f"{SETTINGS}\n{limits}")


@contextlib.contextmanager
def running(scened: Scened, photos: Path, output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a daemon that says everything, until the end of the test."""
    with output.open("ab") as told:
        command = [scened.command, "run", "--verbose", str(photos)]
        process = subprocess.Popen(command, stdout=told, stderr=told, env=scened.environment)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)


def analyzer_of(daemon: subprocess.Popen[bytes]) -> psutil.Process:
    (found,) = until(lambda: psutil.Process(daemon.pid).children())
    return found


def failures(scened: Scened) -> list[tuple[str, str]]:
    return scened.rows("SELECT path, error FROM photos WHERE status = 'failed'")


def wait_until_all_are_seen(scened: Scened, photos: int) -> None:
    statement = "SELECT 1 FROM photos WHERE status = 'analysed' GROUP BY 1 HAVING count(*) = ?"
    scened.wait_for(statement, photos)


@pytest.mark.promise(
    "kill: the analyzer is stopped (SIGSTOP)", "it goes on where it was; none is blamed"
)
def test_a_stopped_analyzer_goes_on_where_it_was(
    scened: Scened, photos: Path, tmp_path: Path, record_property: Recorder
) -> None:
    scened.settings.write_text(f"{SETTINGS}\nstandstill_seconds = {STANDSTILL_SECONDS}\n")
    with running(scened, photos, tmp_path / "output") as daemon:
        scened.wait_for("SELECT 1 FROM photos WHERE status = 'analysed' LIMIT 1")
        analyzer = analyzer_of(daemon)
        analyzer.suspend()
        time.sleep(STOP_SECONDS)  # the fault itself
        assert scened.json("status")["running"]
        analyzer.resume()
        wait_until_all_are_seen(scened, PHOTOS)
        assert analyzer_of(daemon) == analyzer
    assert set(Looks(tmp_path / "output").count().values()) == {1}
    record_property("tried", 1)
    record_property("seen", f"stopped for {STOP_SECONDS:g} s: {PHOTOS} photos, one look each")


@pytest.mark.promise(
    "kill: the daemon is stopped (SIGSTOP)", "readers go on; so does it, afterwards"
)
def test_a_stopped_daemon_goes_on_where_it_was(
    scened: Scened, photos: Path, tmp_path: Path, record_property: Recorder
) -> None:
    scened.settings.write_text(f"{SETTINGS}\nstandstill_seconds = {STANDSTILL_SECONDS}\n")
    with running(scened, photos, tmp_path / "output") as daemon:
        scened.wait_for("SELECT 1 FROM photos WHERE status = 'analysed' LIMIT 1")
        analyzer = analyzer_of(daemon)
        daemon.send_signal(signal.SIGSTOP)
        time.sleep(STOP_SECONDS)  # the fault itself
        assert scened.json("stats")["photos"] == PHOTOS
        daemon.send_signal(signal.SIGCONT)
        wait_until_all_are_seen(scened, PHOTOS)
        assert analyzer_of(daemon) == analyzer
    assert set(Looks(tmp_path / "output").count().values()) == {1}
    record_property("tried", 1)
    record_property("seen", f"stopped for {STOP_SECONDS:g} s: {PHOTOS} photos, one look each")


@pytest.mark.parametrize(
    ("bug", "reason", "tries"),
    [
        pytest.param(
            "wait",
            r"has not moved for 1 seconds \(3 times\)",
            3,
            marks=pytest.mark.promise(
                "kill: a decoder waits for ever", "the photo is set aside, all others are seen"
            ),
        ),
        pytest.param(
            "memory",
            "memory",  # the system's limit or the daemon's, whichever is met first
            1,
            marks=pytest.mark.promise(
                "kill: a decoder takes memory without end", "the photo fails, all others are seen"
            ),
        ),
    ],
)
def test_a_photo_that_takes_all_there_is_fails_alone(
    scened: Scened,
    decoder_with_bugs: None,
    photos: Path,
    tmp_path: Path,
    record_property: Recorder,
    bug: str,
    reason: str,
    tries: int,
) -> None:
    (photos / "bad.jpg").write_bytes(f"BUG:{bug}".encode())
    with running(scened, photos, tmp_path / "output") as daemon:
        ((_, error),) = until(lambda: failures(scened))
        wait_until_all_are_seen(scened, PHOTOS)
        assert daemon.poll() is None
    assert re.search(reason, error)
    record_property("tried", tries)
    record_property("seen", f"“{error}”; {PHOTOS} others seen")
