"""What every service manager can do for us, and how its tools are called."""

from __future__ import annotations

import subprocess
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

import scened
from scened.errors import CannotCreate, MissingPath, ServiceFailed

__all__ = [
    "Manager",
    "Program",
    "Ran",
    "Run",
    "ServiceState",
    "call",
    "run_tool",
    "template",
    "write_unit",
]

TOOL_SECONDS = 120.0  # starting waits until the daemon says that it is ready


class Program(msgspec.Struct, frozen=True):
    """What the service runs, and where it may write; all paths absolute.

    `reads`: the watched folders and the settings, of which those in a private place need a way
    in.
    """

    command: tuple[str, ...]
    data_folder: Path
    also_writable: tuple[Path, ...] = ()
    reads: tuple[Path, ...] = ()


class ServiceState(msgspec.Struct, frozen=True):
    """How the service stands; `program_there` is False where its environment was moved away."""

    installed: bool
    running: bool
    program: str | None
    program_there: bool
    file: str
    detail: str


class Ran(NamedTuple):
    """How a tool ended."""

    code: int
    out: str
    err: str


Run = Callable[[Sequence[str]], Ran]


class Manager(Protocol):
    """systemd or launchd, for the user who asks. Each action returns sentences about it."""

    @property
    def file(self) -> Path:
        """Return where the unit lies when it is installed."""

    def text(self, program: Program) -> str:
        """Return the unit, filled in."""

    def install(self, program: Program) -> list[str]:
        """Write the unit and start it; done twice, only what changed is done."""

    def uninstall(self) -> list[str]:
        """Stop it and take the unit away; nothing to do where there is none."""

    def start(self) -> list[str]:
        """Start it."""

    def stop(self) -> list[str]:
        """Stop it until the next start or login."""

    def state(self) -> ServiceState:
        """Return how it stands."""

    def log_command(self, lines: int, *, follow: bool) -> list[str]:
        """Return the command that shows its log."""


def run_tool(command: Sequence[str]) -> Ran:
    """Run one of the system's tools."""
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=TOOL_SECONDS, check=False
        )
    except FileNotFoundError:
        return Ran(127, "", f"{command[0]} is not here")
    except subprocess.TimeoutExpired:
        return Ran(124, "", f"{command[0]} gives no answer")
    return Ran(ended.returncode, ended.stdout.strip(), ended.stderr.strip())


def call(run: Run, command: Sequence[str], remedy: str) -> str:
    """Run a tool that must succeed and return what it says; raises `ServiceFailed`."""
    ran = run(command)
    if ran.code:
        said = (ran.err or ran.out).splitlines()
        raise ServiceFailed(
            f"`{' '.join(command)}` failed: {said[0] if said else f'exit code {ran.code}'}", remedy
        )
    return ran.out


def template(name: str) -> str:
    """Return the unit that ships with scened, from a checkout or from an installed wheel's data."""
    schemes = (sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user"))
    folders = [Path(scened.__file__).parents[1]]
    folders += [Path(sysconfig.get_path("data", scheme), "share", "scened") for scheme in schemes]
    for folder in folders:
        if (folder / name).is_file():
            return (folder / name).read_text("utf-8")
    raise MissingPath(f"{name} is missing from this installation", "install scened again")


def write_unit(file: Path, text: str) -> bool:
    """Write a unit; return False where the very same lies there already."""
    try:
        if file.exists() and file.read_text("utf-8") == text:
            return False
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    except OSError as error:
        raise CannotCreate(
            f"cannot write {file}: {error.strerror}", "check the permissions of its folder"
        ) from error
    return True
