"""What a job that keeps every core busy loses while photos are analysed beside it.

    python benchmarks/neighbour.py --photo ../shared/photos/2014-phone/*S7*.jpg --pairs 20

The foreground job compresses on every core. It runs in short rounds, in turn: alone; beside the
daemon as it ships; beside the same analysis at plain `nice 19`, without slices, gates and idle
priority. What is not wanted in a round is stopped where it stands. Prints the median loss against
the round alone just before, its 95 % bootstrap interval, and our own photos a second.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil

COPIES = 4_000
RESAMPLES = 2_000
PLAIN = """
import os, sys
from pathlib import Path
from scened.analysis.decode import decode
from scened.analysis.network import Network
from scened.models.pack import default_pack_folder, open_pack
os.nice(19)
network = Network(open_pack(default_pack_folder()))
for path in sorted(Path(sys.argv[1]).iterdir()):
    network.findings(decode(path))
    print(flush=True)
"""


class Round(NamedTuple):
    """Blocks compressed a second by the foreground job, and photos a second by us."""

    blocks: float
    photos: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--photo", type=Path, required=True, help="a photo to make a library of")
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=5.0, help="of one round")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _make_library(arguments.photo.read_bytes(), root / "photos")
        print("| beside the foreground job | loss, median | 95 % interval | our photos a second |")
        print("|---|---|---|---|")
        with _daemon(root) as (process, count):
            _compare("the daemon as it ships", process, count, arguments)
        with _plain(root) as (process, count):
            _compare("plain nice 19", process, count, arguments)


class _Beside:
    """A process that analyses, and how many photos it has done."""

    def __init__(self, command: list[str], root: Path, count: Callable[[], int]) -> None:
        self._command = command
        self._output = root / "output"
        self._count = count

    def __enter__(self) -> tuple[subprocess.Popen[bytes], Callable[[], int]]:
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(self._command, stdout=output)
        while not self._count():
            time.sleep(0.1)
        return self._process, self._count

    def __exit__(self, *_: object) -> None:
        _signal(self._process.pid, stop=False)
        self._process.terminate()
        self._process.wait()


def _daemon(root: Path) -> _Beside:
    database = root / "library.sqlite"

    def count() -> int:
        try:
            connection = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)
            (done,) = connection.execute(
                "SELECT count(*) FROM photos WHERE status = 'analysed'"
            ).fetchone()
            connection.close()
        except sqlite3.Error:
            return 0
        return int(done)

    scened = str(Path(sys.executable).parent / "scened")
    return _Beside([scened, "--db", str(database), "run", str(root / "photos")], root, count)


def _plain(root: Path) -> _Beside:
    command = [sys.executable, "-c", PLAIN, str(root / "photos")]
    return _Beside(command, root, lambda: (root / "output").stat().st_size)


def _compare(
    name: str,
    process: subprocess.Popen[bytes],
    count: Callable[[], int],
    arguments: argparse.Namespace,
) -> None:
    losses, rates = [], []
    for _ in range(arguments.pairs):
        _signal(process.pid, stop=True)
        alone = _round(arguments.seconds, count)
        _signal(process.pid, stop=False)
        beside = _round(arguments.seconds, count)
        losses.append(1 - beside.blocks / alone.blocks)
        rates.append(beside.photos)
    low, high = _interval(losses)
    print(
        f"| {name} | {statistics.median(losses):.1%} | {low:.1%} .. {high:.1%}"
        f" | {statistics.median(rates):.2f} |",
        flush=True,
    )


def _round(seconds: float, count: Callable[[], int]) -> Round:
    before = count()
    cores = len(os.sched_getaffinity(0))
    with multiprocessing.Pool(cores) as pool:
        blocks = sum(pool.map(_compress, [seconds] * cores))
    return Round(blocks / seconds, (count() - before) / seconds)


def _compress(seconds: float) -> int:
    data = random.Random(1).randbytes(200_000) + bytes(200_000)  # noqa: S311 - not a secret
    end, blocks = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        zlib.compress(data, 6)
        blocks += 1
    return blocks


def _signal(pid: int, *, stop: bool) -> None:
    process = psutil.Process(pid)
    for each in (process, *process.children(recursive=True)):
        if stop:
            each.suspend()
        else:
            each.resume()


def _interval(values: list[float]) -> tuple[float, float]:
    draw = random.Random(0)  # noqa: S311 - not a secret
    medians = sorted(
        statistics.median(draw.choices(values, k=len(values))) for _ in range(RESAMPLES)
    )
    return medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES)]


def _make_library(photo: bytes, folder: Path) -> None:
    """Write copies of a photo that differ in a byte after its end, and so in their hash."""
    folder.mkdir()
    for number in range(min(COPIES, 2_000_000_000 // len(photo))):
        (folder / f"{number:05}.jpg").write_bytes(photo + str(number).encode())


if __name__ == "__main__":
    main()
