"""The installed command, a database for each test, and small libraries of real photos."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.photos import photo, write_photo

PATIENCE_SECONDS = 120.0  # for a machine that is busy with other things
LOOK_SECONDS = 0.05
READING_SECONDS = 1.0  # that the system spends on it
ENDLESS_BYTES = 2**40
# The tests are themselves the load of others, which a daemon would wait out
# and an endless file is to be read for as long as a test needs
SETTINGS = f"""
[gates.load]
enabled = false
[limits]
file_bytes = {ENDLESS_BYTES}
cpu_seconds = 600
"""
NAMES = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")


@dataclass(frozen=True)
class Scened:
    """The command `scened` on one database."""

    database: Path
    settings: Path

    @property
    def surroundings(self) -> dict[str, str]:
        return {
            "SCENED_DB": str(self.database),
            "SCENED_SETTINGS": str(self.settings),
            "XDG_CACHE_HOME": str(self.cache),
        }

    @property
    def cache(self) -> Path:
        return self.settings.parent / "cache"

    def start(self, *arguments: str | Path, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command_line(*arguments),
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
        )

    def __call__(self, *arguments: str | Path, expect: int = 0) -> str:
        """Run a command, hold it to its exit code, and return what it printed."""
        ended = subprocess.run(
            self.command_line(*arguments), capture_output=True, text=True, env=self.environment
        )
        said = ended.stdout + ended.stderr
        assert ended.returncode == expect, f"ended with {ended.returncode}: {said}"
        assert "Traceback" not in said
        return said

    def look_at(self, *arguments: str | Path, expect: int = 0) -> str:
        """Look at everything now, at full priority, for tests of what comes after."""
        return self("run", "--once", "--jobs", "1", *arguments, expect=expect)

    def json(self, *arguments: str | Path) -> Any:
        return json.loads(self(*arguments, "--json"))

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database as any other program would."""
        connection = sqlite3.connect(f"{self.database.as_uri()}?mode=ro", uri=True)
        try:
            return connection.execute(statement, values).fetchall()
        finally:
            connection.close()

    def wait_for(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a statement as soon as there are any."""
        return until(lambda: self.rows(statement, *values) if self.database.exists() else [])

    def wait_until_idle(self) -> None:
        self.wait_for("SELECT 1 FROM daemon WHERE state = 'idle' AND done + failed > 0")

    @property
    def command(self) -> str:
        return str(Path(sys.executable).parent / "scened")

    def command_line(self, *arguments: str | Path) -> list[str]:
        return [self.command, *map(str, arguments)]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.surroundings, "COLUMNS": "100"}


def until(ask: Callable[[], Any]) -> Any:
    """Ask until the answer is true, and return it; fail after a generous while."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            answer = ask()
        except sqlite3.OperationalError:  # the schema is still being made
            answer = None
        if answer:
            return answer
        time.sleep(LOOK_SECONDS)
    return pytest.fail("waited in vain")


@contextlib.contextmanager
def watching(scened: Scened) -> Iterator[Callable[[], str]]:
    """Run `status --watch` on a terminal; gives what it has said so far."""
    ours, theirs = pty.openpty()
    process = scened.start("status", "--watch", stdout=theirs)
    os.close(theirs)
    os.set_blocking(ours, False)
    seen = bytearray()

    def said() -> str:
        with contextlib.suppress(OSError):  # nothing yet, or it has ended
            seen.extend(os.read(ours, 100_000))
        return seen.decode(errors="replace")

    def ended() -> bool:
        said()  # or it would wait for ever to say more than a terminal holds
        return process.poll() is not None

    try:
        yield said
    finally:
        process.send_signal(signal.SIGINT)
        until(ended)
        process.communicate()
        os.close(ours)


def said_on_terminal(scened: Scened, *arguments: str | Path) -> str:
    """Return what a command says on a terminal, its complaints too, however it ends."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        scened.command_line(*arguments),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=scened.environment,
    )
    os.close(theirs)
    said = bytearray()
    with contextlib.suppress(OSError):  # how Linux says that nobody has the terminal any more
        while more := os.read(ours, 65_536):
            said += more
    os.close(ours)
    process.wait()
    return said.decode(errors="replace")


def write_endless(path: Path) -> Path:
    """Make a photo file that takes for ever to read and takes up no room."""
    with path.open("wb") as file:
        file.truncate(ENDLESS_BYTES)
    return age(path)


def analyzer_reading(daemon_pid: int) -> psutil.Process:
    """Return the analyzer as soon as it has read for longer than any photo of a test takes.

    What it has open cannot be asked: it does not let itself be looked into.
    """
    first_seen: dict[int, float] = {}

    def ask() -> psutil.Process | None:
        for child in psutil.Process(daemon_pid).children():
            with contextlib.suppress(psutil.Error):  # it may end while it is looked at
                spent = child.cpu_times().system
                if spent - first_seen.setdefault(child.pid, spent) > READING_SECONDS:
                    return child
        return None

    found: psutil.Process = until(ask)
    return found


@pytest.fixture
def scened(tmp_path: Path) -> Scened:
    settings = tmp_path / "settings.toml"
    settings.write_text(SETTINGS)
    return Scened(tmp_path / "data" / "library.sqlite", settings)


def hide_extras(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every command run as if the codecs of the extras were not installed."""
    hidden = folder / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import sys\nsys.modules['rawpy'] = sys.modules['pillow_jxl'] = None\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(hidden))


@pytest.fixture
def without_extras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hide_extras(tmp_path, monkeypatch)


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Five different photos in two folders, written long enough ago to have settled."""
    root = tmp_path / "photos"
    (root / "inner").mkdir(parents=True)
    for number, name in enumerate(NAMES):
        folder = root if number % 2 else root / "inner"
        age(write_photo(folder / f"{Path(name).stem}.jpg", photo(name), quality=90))
    return root


def age(path: Path, seconds: float = 3600) -> Path:
    """Make a file look as if it was written a while ago."""
    before = time.time() - seconds
    os.utime(path, (before, before))
    return path


@pytest.fixture
def daemon(scened: Scened, library: Path) -> Iterator[subprocess.Popen[str]]:
    """A running daemon that has looked at the whole library."""
    process = scened.start("run", library)
    scened.wait_until_idle()
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE_SECONDS)
