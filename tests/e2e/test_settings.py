"""`scened config`, and what a running daemon makes of it; its log and its metrics."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import Scened, until

Daemon = subprocess.Popen[str]


def log(scened: Scened) -> str:
    return scened.database.with_name("scened.log").read_text("utf-8")


def test_a_changed_setting_is_taken_up_without_a_restart(
    scened: Scened, library: Path, daemon: Daemon
) -> None:
    scened("config", "set", "gates.disk.least_megabytes", "123")
    until(lambda: "settings taken up" in log(scened))

    def limits() -> list[str]:
        gates = scened.json("status")["gates"]
        return [gate["limit"] for gate in gates if "123 MB" in gate["limit"]]

    assert until(limits) == ["at least 123 MB"]


def test_a_mistake_in_the_settings_changes_nothing_and_is_logged(
    scened: Scened, library: Path, daemon: Daemon
) -> None:
    scened.settings.write_text("most_duty_percent = 'all'\n")
    until(lambda: "the changed settings are not taken up" in log(scened))
    assert "line 1" in scened("config", "check", expect=78)
    assert scened.json("status")["running"]


def test_what_check_says_of_a_sound_file(scened: Scened) -> None:
    assert "gates.load.enabled = false  (default: true)" in scened("config", "check")


@pytest.mark.promise(
    "access: the log",
    "names no tags, faces, places or paths",
)
def test_the_log_tells_nothing_of_the_photos(scened: Scened, library: Path, daemon: Daemon) -> None:
    seen = scened.rows("SELECT DISTINCT tag FROM photo_tags")
    scened("remove", library)
    written = log(scened)
    tags = [tag for (tag,) in seen if re.search(rf"\b{re.escape(tag)}\b", written)]
    assert "command remove" in written
    assert (str(library) in written, "chelsea" in written, tags) == (False, False, [])


def test_metrics_are_printed_and_kept_in_a_file(
    scened: Scened, library: Path, daemon: Daemon, tmp_path: Path
) -> None:
    kept = tmp_path / "scened.prom"
    scened("config", "set", "metrics_file", kept)
    until(lambda: kept.exists() and 'status="analysed"} 5' in kept.read_text())
    assert 'scened_photos{status="analysed"} 5' in scened("status", "--metrics")
