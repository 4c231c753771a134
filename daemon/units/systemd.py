"""The service on Linux: a unit of the user's own systemd."""

from __future__ import annotations

import getpass
import os
import re
import shlex
from pathlib import Path

from scened.errors import MissingPath, ServiceFailed
from scened.units.manager import Program, Run, ServiceState, call, run_tool, template, write_unit

__all__ = ["Systemd"]

UNIT = "scened.service"
PRIVATE_FOLDERS = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - PrivateTmp= hides these
SEE_LOG = "`scened service logs` shows why"
NO_MANAGER = (
    "log in as yourself (not through su or sudo); on a machine nobody logs in to, run"
    " `sudo loginctl enable-linger {user}` first"
)

_HARMLESS = re.compile(r"[A-Za-z0-9_@+./:,=~-]+", re.ASCII)


class Systemd:
    """Source: systemd.unit(5), systemd.service(5), systemd.exec(5), systemctl(1)."""

    def __init__(self, run: Run = run_tool, config_home: Path | None = None) -> None:
        self._run = run
        home = os.environ.get("XDG_CONFIG_HOME", "")
        self._config_home = config_home or (Path(home) if home else Path.home() / ".config")

    @property
    def file(self) -> Path:
        """Return where the unit lies when it is installed."""
        return self._config_home / "systemd" / "user" / UNIT

    def text(self, program: Program) -> str:
        """Return the unit with the lines filled in that differ between computers."""
        command = " ".join(_quoted(word, in_command=True) for word in program.command)
        writes = (program.data_folder, *program.also_writable)
        lines = []
        for line in template(UNIT).splitlines():
            key = line.partition("=")[0]
            if key == "ExecStart":
                lines.append(f"ExecStart={command}")
            elif key == "ReadWritePaths":
                lines += [
                    f"{'BindPaths' if _is_hidden(path) else 'ReadWritePaths'}={_quoted(str(path))}"
                    for path in writes
                ]
                lines += [
                    f"BindReadOnlyPaths=-{_quoted(str(path))}"
                    for path in program.reads
                    if _is_hidden(path)
                ]
            else:
                lines.append(line)
        return "\n".join(lines) + "\n"

    def install(self, program: Program) -> list[str]:
        """Write the unit and start it; done twice, only what changed is done."""
        self._check_manager()
        before = self.state()
        changed = write_unit(self.file, self.text(program))
        call(self._run, ["systemctl", "--user", "daemon-reload"], SEE_LOG)
        call(self._run, ["systemctl", "--user", "enable", UNIT], SEE_LOG)
        if changed or not before.running:
            call(self._run, ["systemctl", "--user", "restart", UNIT], SEE_LOG)
        if not before.installed:
            words = [f"installed and started: {self.file}"]
        elif changed:
            words = [f"installed before; brought up to date and started again: {self.file}"]
        else:
            words = ["installed before, nothing has changed" + (", it runs" * before.running)]
        return [*words, *self._about_lingering()]

    def uninstall(self) -> list[str]:
        """Stop it and take the unit away; nothing to do where there is none."""
        if not self.file.exists():
            return ["no service is installed, there is nothing to take away"]
        if self._run(["systemctl", "--user", "show-environment"]).code == 0:
            call(self._run, ["systemctl", "--user", "disable", "--now", UNIT], SEE_LOG)
        self.file.unlink()
        self._run(["systemctl", "--user", "daemon-reload"])
        return [f"stopped and taken away: {self.file}"]

    def start(self) -> list[str]:
        """Start it."""
        self._check_installed()
        self._check_manager()
        call(self._run, ["systemctl", "--user", "start", UNIT], SEE_LOG)
        return ["it runs"]

    def stop(self) -> list[str]:
        """Stop it until the next start or login."""
        self._check_installed()
        self._check_manager()
        call(self._run, ["systemctl", "--user", "stop", UNIT], SEE_LOG)
        return ["stopped; it starts again at the next login, or with `scened service start`"]

    def state(self) -> ServiceState:
        """Return how it stands."""
        installed = self.file.exists()
        shown = self._run(
            ["systemctl", "--user", "show", UNIT, "--property=ActiveState,SubState,StatusText"]
        )
        properties = dict(line.partition("=")[::2] for line in shown.out.splitlines())
        detail = ", ".join(
            properties[key]
            for key in ("ActiveState", "SubState", "StatusText")
            if properties.get(key)
        )
        program = _program(self.file.read_text("utf-8")) if installed else None
        return ServiceState(
            installed=installed,
            running=installed and properties.get("ActiveState") == "active",
            program=program,
            program_there=program is not None and os.access(program, os.X_OK),
            file=str(self.file),
            detail=detail if shown.code == 0 else shown.err,
        )

    def log_command(self, lines: int, *, follow: bool) -> list[str]:
        """Return the command that shows its log."""
        follows = ["--follow"] if follow else ["--no-pager"]
        return ["journalctl", "--user", f"--unit={UNIT}", f"--lines={lines}", *follows]

    def _check_manager(self) -> None:
        ran = self._run(["systemctl", "--user", "show-environment"])
        if ran.code:
            raise ServiceFailed(
                f"systemd does not answer for this user: {ran.err or 'no reason given'}",
                NO_MANAGER.format(user=getpass.getuser()),
            )

    def _check_installed(self) -> None:
        if not self.file.exists():
            raise MissingPath("no service is installed", "`scened service install` does that")

    def _about_lingering(self) -> list[str]:
        ran = self._run(["loginctl", "show-user", getpass.getuser(), "--property=Linger"])
        if ran.out == "Linger=yes":
            return ["it runs from boot on, whether or not you are logged in"]
        return [
            "it runs while you are logged in; `loginctl enable-linger` lets it run from boot on,"
            " for a machine nobody logs in to"
        ]


def _is_hidden(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in PRIVATE_FOLDERS)


def _quoted(word: str, *, in_command: bool = False) -> str:
    """Return a word as unit files write it; see 'Quoting' in systemd.syntax(7)."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    if in_command:
        escaped = escaped.replace("$", "$$")
    return word if _HARMLESS.fullmatch(word) else f'"{escaped}"'


def _program(text: str) -> str | None:
    found = re.search(r"^ExecStart=(.+)$", text, re.MULTILINE)
    words = shlex.split(found[1]) if found else []
    return words[0].replace("%%", "%").replace("$$", "$") if words else None
