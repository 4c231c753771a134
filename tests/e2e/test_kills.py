"""Whatever is killed in the middle of a run: no photo is lost, none is looked at twice."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from scened.dispatch import STARTS
from tests.e2e.conftest import NAMES, Scened, age, analyzer_reading, until, write_endless
from tests.photos import photo, write_photo

PHOTOS = 60


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Enough different photos that a run can be caught in the middle."""
    root = tmp_path / "many"
    root.mkdir()
    for number in range(PHOTOS):
        picture = photo(NAMES[number % len(NAMES)]).resize((640 + number, 480))
        age(write_photo(root / f"{number:03}.jpg", picture, quality=85))
    return root


@pytest.fixture
def caught(scened: Scened, many: Path) -> Iterator[subprocess.Popen[str]]:
    """A daemon that has written some of its results, and not yet all."""
    process = scened.start("run", many)
    scened.wait_for("SELECT 1 FROM photos WHERE status = 'analysed' LIMIT 1")
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    process.communicate()


def results(scened: Scened) -> dict[int, tuple[str, int]]:
    """Return the contents that are analysed; a second look at one would change its seq."""
    return {
        photo_id: (content_hash, seq)
        for photo_id, content_hash, seq in scened.rows(
            "SELECT id, content_hash, seq FROM photos WHERE status = 'analysed'"
        )
    }


def check_whole(scened: Scened, before: dict[int, tuple[str, int]]) -> None:
    after = results(scened)
    assert len(after) == PHOTOS
    assert {photo_id: after[photo_id] for photo_id in before} == before
    connection = sqlite3.connect(scened.database)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


def test_after_a_killed_daemon_the_next_run_goes_on(
    scened: Scened, caught: subprocess.Popen[str]
) -> None:
    caught.send_signal(signal.SIGKILL)
    caught.communicate()
    before = results(scened)
    assert 0 < len(before) < PHOTOS
    scened("run", "--once")
    check_whole(scened, before)


def test_after_a_killed_analyzer_the_daemon_goes_on(
    scened: Scened, caught: subprocess.Popen[str]
) -> None:
    before = results(scened)
    (analyzer,) = psutil.Process(caught.pid).children()
    analyzer.kill()
    scened.wait_for("SELECT 1 FROM daemon WHERE state = 'idle' AND done = ?", PHOTOS)
    check_whole(scened, before)


@pytest.mark.promise(
    "kill: the analyzer is killed before it begins, again and again",
    "the daemon starts another after a rest; no photo is to blame",
)
def test_analyzers_killed_before_they_begin_end_no_daemon(scened: Scened, many: Path) -> None:
    process = scened.start("run", "--once", many)
    scened.wait_for("SELECT 1 FROM photos LIMIT 1")
    for _ in range(STARTS):
        for analyzer in until(psutil.Process(process.pid).children):
            analyzer.kill()
            psutil.wait_procs([analyzer])
    process.communicate()
    assert process.returncode == 0
    check_whole(scened, {})


def test_a_stopped_run_ends_at_once_and_the_next_goes_on(scened: Scened, many: Path) -> None:
    process = scened.start("run", "--once", many)
    scened.wait_for("SELECT 1 FROM photos WHERE status = 'analysed' LIMIT 1")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate()
    before = results(scened)
    assert "stopped; " in out
    scened("run", "--once")
    check_whole(scened, before)


@pytest.mark.promise(
    "kill: the analyzer dies of one photo, as when the system runs out of memory",
    "the photo is set aside after the third time, with a reason",
)
def test_a_photo_the_analyzer_never_survives_is_set_aside(
    scened: Scened,
    daemon: subprocess.Popen[str],
    library: Path,
    record_property: Callable[[str, object], None],
) -> None:
    write_endless(library / "victim.jpg")  # the analyzer is caught while it reads
    for _ in range(3):
        analyzer = analyzer_reading(daemon.pid)
        analyzer.kill()
        analyzer.wait()
    ((error,),) = scened.wait_for("SELECT error FROM photos WHERE status = 'failed'")
    assert error == "the analyzer died of signal 9 (3 times)"
    record_property("tried", 3)
    record_property("seen", f"“{error}”")


def analyzers(process: subprocess.Popen[str], number: int) -> list[psutil.Process]:
    """Return the analyzers as soon as there are so many."""

    def ask() -> list[psutil.Process] | None:
        children = psutil.Process(process.pid).children()
        return children if len(children) >= number else None

    found: list[psutil.Process] = until(ask)
    return found


def test_with_two_jobs_every_photo_is_looked_at_once(scened: Scened, many: Path) -> None:
    process = scened.start("run", "--once", "--jobs", "2", many)
    analyzers(process, 2)
    out, _ = process.communicate()
    assert f"Looked at {PHOTOS} in" in out
    assert len(results(scened)) == PHOTOS


@pytest.mark.parametrize("jobs", [(), ("--jobs", "2")])
def test_after_one_analyzer_is_killed_no_photo_is_missing(
    scened: Scened, many: Path, jobs: tuple[str, ...]
) -> None:
    process = scened.start("run", "--once", *jobs, many)
    scened.wait_for("SELECT 1 FROM photos WHERE status = 'analysed' LIMIT 1")
    before = results(scened)
    analyzers(process, max(1, len(jobs)))[-1].kill()
    process.communicate()
    assert process.returncode == 0
    check_whole(scened, before)


def test_a_photo_no_analyzer_survives_takes_none_with_it(scened: Scened, many: Path) -> None:
    victim = write_endless(many / "victim.jpg")
    process = scened.start("run", "--once", many)
    for _ in range(3):
        analyzer = analyzer_reading(process.pid)
        analyzer.kill()
        analyzer.wait()
    process.communicate()
    assert scened.rows("SELECT path FROM photos WHERE status = 'failed'") == [(str(victim),)]
    assert len(results(scened)) == PHOTOS
