"""The units that are written, and what is asked of systemd and launchd."""

from __future__ import annotations

import configparser
import os
import plistlib
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scened.errors import MissingPath, ServiceFailed
from scened.units.launchd import LABEL, Launchd
from scened.units.manager import Program, Ran, template
from scened.units.systemd import Systemd

MOST_EXPOSURE = 1.5
PROGRAM = Program(
    ("/opt/my photos/bin/scened", "--db", "/data/100%/l.sqlite", "run"), Path("/data")
)

# launchd.plist(5), with the type each key has there
LAUNCHD_KEYS = {
    "Label": str,
    "ProgramArguments": list,
    "EnvironmentVariables": dict,
    "RunAtLoad": bool,
    "KeepAlive": dict,
    "ThrottleInterval": int,
    "ExitTimeOut": int,
    "ProcessType": str,
    "Nice": int,
    "LowPriorityIO": bool,
    "LowPriorityBackgroundIO": bool,
    "Umask": int,
    "StandardOutPath": str,
    "StandardErrorPath": str,
}
KEEP_ALIVE_KEYS = {"SuccessfulExit": bool}
PROCESS_TYPES = {"Background", "Standard", "Adaptive", "Interactive"}

needs_systemd_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


@dataclass
class Tool:
    """Stands for systemctl or launchctl, which need a session of their own."""

    answers: dict[str, Ran] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __call__(self, command: Sequence[str]) -> Ran:
        words = " ".join(command)
        self.asked.append(words)
        return next((ran for part, ran in self.answers.items() if part in words), Ran(0, "", ""))


@pytest.fixture
def tool() -> Tool:
    return Tool()


@pytest.fixture
def systemd(tool: Tool, tmp_path: Path) -> Systemd:
    return Systemd(tool, tmp_path)


@pytest.fixture
def launchd(tool: Tool, tmp_path: Path) -> Launchd:
    return Launchd(tool, tmp_path, lambda: 501)


def value(unit: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit, re.MULTILINE)


def test_program_and_folder_are_filled_in(systemd: Systemd) -> None:
    unit = systemd.text(PROGRAM)
    assert value(unit, "ExecStart") == [
        '"/opt/my photos/bin/scened" --db "/data/100%%/l.sqlite" run'
    ]
    assert value(unit, "ReadWritePaths") == ["/data"]


def test_what_a_private_tmp_would_hide_is_bound(systemd: Systemd) -> None:
    data, photos = Path("/var/tmp/d"), Path("/var/tmp/p")  # noqa: S108 - only as words
    unit = systemd.text(Program(PROGRAM.command, data, reads=(photos, Path("/p"))))
    assert value(unit, "BindPaths") == [str(data)]
    assert value(unit, "BindReadOnlyPaths") == [f"-{photos}"]


def written(systemd: Systemd, folder: Path) -> Path:
    """Write a unit whose program is there, as `verify` asks."""
    program = folder / "scened"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    file = folder / "unit" / "scened.service"
    file.parent.mkdir()
    file.write_text(systemd.text(Program((str(program), "run"), folder)))
    return file


def analyze(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", "--user", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder)},
    )


@needs_systemd_analyze
def test_systemd_finds_no_fault_with_the_unit(systemd: Systemd, tmp_path: Path) -> None:
    verified = analyze(tmp_path, "verify", written(systemd, tmp_path))
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


@needs_systemd_analyze
def test_the_service_is_hardly_exposed(systemd: Systemd, tmp_path: Path) -> None:
    rated = analyze(tmp_path, "security", "--offline=true", written(systemd, tmp_path))
    found = re.search(r"Overall exposure level.*: ([\d.]+)", rated.stdout)
    assert found, rated.stderr
    assert float(found[1]) <= MOST_EXPOSURE


def test_the_unit_is_notified_and_watched(systemd: Systemd) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(systemd.text(PROGRAM))
    service = unit["Service"]
    assert (service["Type"], service["Restart"]) == ("notify", "on-failure")
    assert {"WatchdogSec", "CPUWeight", "IOWeight", "MemoryHigh"} <= service.keys()
    assert service["KillMode"] == "mixed"  # else the photo at hand is lost at each stop
    assert "CPUSchedulingPolicy" not in service  # a boost could not undo it


def test_installing_writes_enables_and_starts(systemd: Systemd, tool: Tool) -> None:
    said = systemd.install(PROGRAM)
    assert systemd.file.read_text() == systemd.text(PROGRAM)
    assert [words for words in tool.asked if "restart" in words or "enable" in words] == [
        "systemctl --user enable scened.service",
        "systemctl --user restart scened.service",
    ]
    assert said[0].startswith("installed and started")


def test_installing_again_restarts_only_for_a_change(systemd: Systemd, tool: Tool) -> None:
    systemd.install(PROGRAM)
    tool.answers["show scened.service"] = Ran(0, "ActiveState=active\nSubState=running", "")
    tool.asked.clear()
    assert systemd.install(PROGRAM)[0] == "installed before, nothing has changed, it runs"
    assert not [words for words in tool.asked if "restart" in words]


def test_without_a_session_the_way_to_one_is_told(systemd: Systemd, tool: Tool) -> None:
    tool.answers["show-environment"] = Ran(1, "", "No medium found")
    with pytest.raises(ServiceFailed, match="enable-linger"):
        systemd.install(PROGRAM)
    assert not systemd.file.exists()


def test_lingering_is_explained_where_it_is_off(systemd: Systemd, tool: Tool) -> None:
    assert "enable-linger" in systemd.install(PROGRAM)[-1]
    tool.answers["--property=Linger"] = Ran(0, "Linger=yes", "")
    assert "from boot on" in systemd.install(PROGRAM)[-1]


def test_a_tool_that_fails_is_quoted(systemd: Systemd, tool: Tool) -> None:
    tool.answers["restart"] = Ran(1, "", "Job for scened.service failed.\nSee status.")
    with pytest.raises(ServiceFailed, match=r"Job for scened\.service failed\.; `scened service"):
        systemd.install(PROGRAM)


@pytest.mark.parametrize("manager", ["systemd", "launchd"])
def test_uninstalling_what_is_not_there_asks_for_nothing(
    manager: str, tool: Tool, request: pytest.FixtureRequest
) -> None:
    found: Systemd | Launchd = request.getfixturevalue(manager)
    assert "nothing to take away" in found.uninstall()[0]
    assert tool.asked == []


@pytest.mark.parametrize("manager", ["systemd", "launchd"])
def test_starting_what_is_not_installed_names_the_command(
    manager: str, request: pytest.FixtureRequest
) -> None:
    found: Systemd | Launchd = request.getfixturevalue(manager)
    with pytest.raises(MissingPath, match="scened service install"):
        found.start()


@pytest.mark.parametrize("manager", ["systemd", "launchd"])
def test_a_moved_environment_is_noticed(manager: str, request: pytest.FixtureRequest) -> None:
    found: Systemd | Launchd = request.getfixturevalue(manager)
    found.install(PROGRAM)
    state = found.state()
    assert (state.installed, state.program, state.program_there) == (
        True,
        "/opt/my photos/bin/scened",
        False,
    )


def test_every_key_of_the_agent_is_one_of_launchds() -> None:
    agent = plistlib.loads(template("service.plist").encode())
    assert {key: type(value) for key, value in agent.items()} == LAUNCHD_KEYS
    assert {key: type(value) for key, value in agent["KeepAlive"].items()} == KEEP_ALIVE_KEYS
    assert agent["ProcessType"] in PROCESS_TYPES
    assert -20 <= agent["Nice"] <= 20
    assert agent["Label"] == LABEL


def test_the_agent_is_filled_in(launchd: Launchd) -> None:
    agent = plistlib.loads(launchd.text(PROGRAM).encode())
    assert tuple(agent["ProgramArguments"]) == PROGRAM.command
    assert agent["StandardErrorPath"] == str(launchd.log)


def test_launchd_is_asked_for_this_users_domain(launchd: Launchd, tool: Tool) -> None:
    tool.answers["print"] = Ran(113, "", "Could not find service")
    launchd.install(PROGRAM)
    assert tool.asked[-1] == f"launchctl bootstrap gui/501 {launchd.file}"


def test_an_agent_that_is_loaded_is_replaced(launchd: Launchd, tool: Tool) -> None:
    launchd.install(PROGRAM)
    assert tool.asked[-2:] == [
        f"launchctl bootout gui/501/{LABEL}",
        f"launchctl bootstrap gui/501 {launchd.file}",
    ]
