"""Pausing, boosting and resuming a running daemon, and its manners."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.e2e.conftest import (
    PATIENCE_SECONDS,
    Scened,
    age,
    analyzer_reading,
    until,
    watching,
    write_endless,
)
from tests.photos import photo, write_photo

Daemon = subprocess.Popen[str]


def test_a_paused_daemon_waits_and_says_why(scened: Scened, library: Path, daemon: Daemon) -> None:
    scened("pause", "1h")
    age(write_photo(library / "new.png", photo("camera.png")))
    until(lambda: scened.json("status")["state"] == "waiting")
    assert scened.json("status")["reason"].startswith("paused for ")


def test_a_resumed_daemon_goes_on(scened: Scened, library: Path, daemon: Daemon) -> None:
    scened("pause")
    age(write_photo(library / "new.png", photo("camera.png")))
    until(lambda: scened.json("status")["state"] == "waiting")
    scened("resume")
    assert scened.wait_for(
        "SELECT 1 FROM photos WHERE path LIKE '%/new.png' AND status = 'analysed'"
    )


def test_a_pause_is_remembered_over_a_restart(
    scened: Scened, library: Path, daemon: Daemon
) -> None:
    scened("pause", "1h")
    daemon.send_signal(signal.SIGTERM)
    daemon.communicate(timeout=PATIENCE_SECONDS)
    age(write_photo(library / "new.png", photo("camera.png")))
    again = scened.start("run")
    until(lambda: scened.json("status")["state"] == "waiting")
    again.send_signal(signal.SIGTERM)
    again.communicate(timeout=PATIENCE_SECONDS)
    assert scened.rows("SELECT status FROM photos WHERE path LIKE '%/new.png'") == [("pending",)]


@pytest.fixture
def suspended(scened: Scened, library: Path, daemon: Daemon) -> psutil.Process:
    """An analyzer that was paused in the middle of a photo."""
    write_endless(library / "endless.jpg")
    analyzer = analyzer_reading(daemon.pid)
    scened("pause")
    until(lambda: analyzer.status() == psutil.STATUS_STOPPED)
    return analyzer


def test_a_long_photo_is_suspended_by_a_pause_and_goes_on_later(
    scened: Scened, suspended: psutil.Process
) -> None:
    scened("resume")
    assert until(lambda: suspended.status() != psutil.STATUS_STOPPED)


def test_a_suspended_analyzer_does_not_keep_the_daemon(
    daemon: Daemon, suspended: psutil.Process
) -> None:
    daemon.send_signal(signal.SIGTERM)
    daemon.communicate(timeout=PATIENCE_SECONDS)
    psutil.wait_procs([suspended], timeout=PATIENCE_SECONDS)
    assert not suspended.is_running()


def test_once_does_not_wait_for_a_pause(scened: Scened, library: Path) -> None:
    scened("add", library)
    assert "no daemon runs now" in scened("pause")
    assert "5 analysed" in scened("run", "--once")


def test_commands_on_a_stopped_daemon_say_so(scened: Scened, library: Path) -> None:
    scened("add", library)
    assert "no daemon runs now; the next one will know" in scened("boost", "10m")


@pytest.mark.parametrize("length", ["3x", "soon", "-1h", "0m"])
def test_a_length_of_time_that_is_none_says_how_to_write_one(
    scened: Scened, library: Path, length: str
) -> None:
    scened("add", library)
    assert "write 30m, 2h, 1h30m, 90s or 1d" in scened("pause", "--", length, expect=2)


def test_a_bad_setting_is_refused_before_anything_is_done(scened: Scened, library: Path) -> None:
    scened.settings.write_text("[gates.load]\nmost_percent = 300\n")
    said = scened("run", "--once", library, expect=78)
    assert "line 2: gates.load.most_percent" in said
    assert not scened.database.exists()


def test_status_shows_every_gate(scened: Scened, library: Path, daemon: Daemon) -> None:
    gates = {gate["gate"]: gate for gate in scened.json("status")["gates"]}
    assert gates["load"]["reading"] == "switched off"
    assert {"battery", "heat", "load", "pressure", "memory", "hours", "disk"} <= set(gates)


def test_status_shows_the_memory_of_the_daemon(
    scened: Scened, library: Path, daemon: Daemon
) -> None:
    told = scened.json("status")["daemon_bytes"]
    assert told == pytest.approx(psutil.Process(daemon.pid).memory_info().rss, rel=0.2)


@pytest.mark.skipif(sys.platform != "linux", reason="SCHED_IDLE is Linux's")
def test_the_analyzer_runs_only_where_a_core_is_idle(
    scened: Scened, library: Path, daemon: Daemon
) -> None:
    write_endless(library / "endless.jpg")
    analyzer = analyzer_reading(daemon.pid)
    assert (os.sched_getscheduler(analyzer.pid), analyzer.nice()) == (os.SCHED_IDLE, 19)
    autogroup = Path(f"/proc/{analyzer.pid}/autogroup")
    if autogroup.exists():  # the kernel groups by session, and nice alone counts for nothing
        assert autogroup.read_text().endswith("nice 19\n")


@pytest.mark.skipif(sys.platform != "linux", reason="SCHED_IDLE is Linux's")
def test_a_boost_starts_an_analyzer_that_has_not_stepped_back(
    scened: Scened, library: Path, daemon: Daemon
) -> None:
    scened("boost")
    write_endless(library / "endless.jpg")
    analyzer = analyzer_reading(daemon.pid)
    found = (os.sched_getscheduler(analyzer.pid), analyzer.nice())
    assert found == (os.sched_getscheduler(daemon.pid), psutil.Process(daemon.pid).nice())


@pytest.mark.parametrize("terminal", ["xterm", "dumb"])
def test_status_watch_shows_what_changes(
    scened: Scened,
    library: Path,
    daemon: Daemon,
    monkeypatch: pytest.MonkeyPatch,
    terminal: str,
) -> None:
    monkeypatch.setenv("TERM", terminal)
    with watching(scened) as said:
        until(lambda: "idle: every photo has been looked at" in said())
        scened("pause")
        age(write_photo(library / "new.png", photo("camera.png")))
        assert until(lambda: "waiting: paused" in said())


def test_status_watch_in_a_pipe_is_a_line_for_each_change(
    scened: Scened, library: Path, daemon: Daemon
) -> None:
    process = scened.start("status", "--watch")
    assert process.stdout is not None
    said = [process.stdout.readline()]
    scened("pause")
    age(write_photo(library / "new.png", photo("camera.png")))
    until(lambda: "waiting: paused" in said[-1] or said.append(process.stdout.readline()))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_SECONDS)
    assert said[0] == "idle: every photo has been looked at; 5 analysed, 0 pending, 0 failed\n"
    assert len(said) == len(set(said))


def test_status_watch_as_json_is_one_document_a_line(
    scened: Scened, library: Path, daemon: Daemon
) -> None:
    process = scened.start("status", "--watch", "--json")
    assert process.stdout is not None
    states = [json.loads(process.stdout.readline())["state"] for _ in range(2)]
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert (states, process.returncode, err) == (["idle", "idle"], 0, "")


def test_status_is_several_lines(scened: Scened, library: Path, daemon: Daemon) -> None:
    first, second, *_ = scened("status").splitlines()
    assert first.startswith("idle: ")
    assert second.startswith("5 photos: 5 analysed")


def test_jobs_without_once_is_refused(scened: Scened, library: Path) -> None:
    assert "--jobs goes with --once" in scened("run", "--jobs", "2", library, expect=2)
