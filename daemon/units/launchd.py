"""The service on macOS: a launchd agent of the user."""

from __future__ import annotations

import os
import plistlib
from collections.abc import Callable
from pathlib import Path

from scened.errors import MissingPath
from scened.units.manager import Program, Run, ServiceState, call, run_tool, template, write_unit

__all__ = ["LABEL", "Launchd"]

LABEL = "org.scened.daemon"
TEMPLATE = "service.plist"
SEE_LOG = "`scened service logs` shows why"


class Launchd:
    """Source: launchd.plist(5), launchctl(1)."""

    def __init__(
        self,
        run: Run = run_tool,
        home: Path | None = None,
        user_id: Callable[[], int] = os.getuid,
    ) -> None:
        self._run = run
        self._home = home or Path.home()
        self._domain = f"gui/{user_id()}"

    @property
    def file(self) -> Path:
        """Return where the agent lies when it is installed."""
        return self._home / "Library" / "LaunchAgents" / f"{LABEL}.plist"

    @property
    def log(self) -> Path:
        """Return where launchd puts what the agent writes."""
        return self._home / "Library" / "Logs" / "scened.log"

    def text(self, program: Program) -> str:
        """Return the agent with the program and the paths of this computer."""
        keys = plistlib.loads(template(TEMPLATE).encode())
        keys["ProgramArguments"] = list(program.command)
        keys["StandardOutPath"] = keys["StandardErrorPath"] = str(self.log)
        return plistlib.dumps(keys).decode()

    def install(self, program: Program) -> list[str]:
        """Write the agent and start it; done twice, only what changed is done."""
        before = self.state()
        changed = write_unit(self.file, self.text(program))
        if before.running and not changed:
            return ["installed before, nothing has changed, it runs"]
        if self._is_loaded():
            call(self._run, ["launchctl", "bootout", f"{self._domain}/{LABEL}"], SEE_LOG)
        call(self._run, ["launchctl", "bootstrap", self._domain, str(self.file)], SEE_LOG)
        if not before.installed:
            return [f"installed and started: {self.file}"]
        return [f"installed before; brought up to date and started again: {self.file}"]

    def uninstall(self) -> list[str]:
        """Stop it and take the agent away; nothing to do where there is none."""
        if not self.file.exists():
            return ["no service is installed, there is nothing to take away"]
        if self._is_loaded():
            call(self._run, ["launchctl", "bootout", f"{self._domain}/{LABEL}"], SEE_LOG)
        self.file.unlink()
        self.log.unlink(missing_ok=True)
        return [f"stopped and taken away: {self.file}"]

    def start(self) -> list[str]:
        """Start it."""
        self._check_installed()
        if self._is_loaded():
            call(self._run, ["launchctl", "kickstart", f"{self._domain}/{LABEL}"], SEE_LOG)
        else:
            call(self._run, ["launchctl", "bootstrap", self._domain, str(self.file)], SEE_LOG)
        return ["it runs"]

    def stop(self) -> list[str]:
        """Stop it until the next start or login."""
        self._check_installed()
        if self._is_loaded():
            call(self._run, ["launchctl", "bootout", f"{self._domain}/{LABEL}"], SEE_LOG)
        return ["stopped; it starts again at the next login, or with `scened service start`"]

    def state(self) -> ServiceState:
        """Return how it stands."""
        installed = self.file.exists()
        shown = self._run(["launchctl", "print", f"{self._domain}/{LABEL}"])
        said = [line.strip() for line in shown.out.splitlines()]
        detail = next((line for line in said if line.startswith("state = ")), "not loaded")
        program = None
        if installed:
            program = str(plistlib.loads(self.file.read_bytes())["ProgramArguments"][0])
        return ServiceState(
            installed=installed,
            running=detail == "state = running",
            program=program,
            program_there=program is not None and os.access(program, os.X_OK),
            file=str(self.file),
            detail=detail.removeprefix("state = "),
        )

    def log_command(self, lines: int, *, follow: bool) -> list[str]:
        """Return the command that shows its log."""
        return ["tail", "-n", str(lines), *(["-f"] if follow else []), str(self.log)]

    def _is_loaded(self) -> bool:
        return self._run(["launchctl", "print", f"{self._domain}/{LABEL}"]).code == 0

    def _check_installed(self) -> None:
        if not self.file.exists():
            raise MissingPath("no service is installed", "`scened service install` does that")
