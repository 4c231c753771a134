"""What the benchmarks share: a library of copies, a daemon that works on it, and intervals."""

from __future__ import annotations

import random
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

PHOTO = Path("../shared/photos/2014-phone/Samsung SM-G935L (Galaxy S7 Edge).jpg")  # 12 MP
SCENED = str(Path(sys.executable).parent / "scened")
LIBRARY_BYTES = 3_000_000_000  # at the most, of a library of copies
RESAMPLES = 2_000
LOOK_SECONDS = 0.02


class Worker:
    """A process that analyses, its children, and how many photos it has done."""

    def __init__(self, command: Sequence[str], output: Path, done: Callable[[], int]) -> None:
        self._command = command
        self._output = output
        self.done = done

    def __enter__(self) -> Worker:
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(self._command, stdout=output)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(False)
        self.process.terminate()
        self.process.wait()

    def wait_for(self, photos: int) -> None:
        """Return as soon as so many photos are done."""
        while self.done() < photos:
            if self.process.poll() is not None and self.done() < photos:
                raise SystemExit(f"{self._command[0]} ended early: {self._output.read_text()}")
            time.sleep(LOOK_SECONDS)

    def stop(self, wanted: bool) -> None:
        """Stop it where it stands, with its children, or let it go on."""
        for each in self.processes():
            with suppress(psutil.Error):
                each.suspend() if wanted else each.resume()

    def processes(self) -> list[psutil.Process]:
        """Return the process and its children."""
        try:
            process = psutil.Process(self.process.pid)
            return [process, *process.children(recursive=True)]
        except psutil.Error:
            return []


def daemon(root: Path, photos: Path, *arguments: str) -> Worker:
    """Return a `scened run` on a folder, with a database of its own in `root`."""
    database = root / "library.sqlite"
    command = [SCENED, "--db", str(database), "run", *arguments, str(photos)]
    return Worker(command, root / "output", lambda: analysed(database))


def analysed(database: Path) -> int:
    """Return how many photos have been looked at."""
    row = ask(database, "SELECT count(*) FROM file WHERE status IN ('analysed', 'failed')")
    return int(row[0]) if row else 0


def ask(database: Path, question: str) -> tuple[object, ...] | None:
    """Return one row, None while the database is being made."""
    try:
        connection = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)
        try:
            row: tuple[object, ...] = connection.execute(question).fetchone()
        finally:
            connection.close()
    except sqlite3.Error:
        return None
    return row


def make_library(photo: Path, folder: Path, copies: int) -> list[Path]:
    """Write copies of a photo that differ in what stands after its end, and so in their hash."""
    folder.mkdir()
    whole = photo.read_bytes()
    made = []
    for number in range(min(copies, LIBRARY_BYTES // len(whole))):
        made.append(folder / f"{number:05}{photo.suffix}")
        made[-1].write_bytes(whole + str(number).encode())
    return made


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the median."""
    draw = random.Random(0)  # noqa: S311 - not a secret
    medians = sorted(
        statistics.median(draw.choices(values, k=len(values))) for _ in range(RESAMPLES)
    )
    return medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES)]


def percentile(values: Sequence[float], percent: int) -> float:
    """Return a percentile by nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
