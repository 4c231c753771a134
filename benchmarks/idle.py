"""What the daemon costs while it has nothing to do, and how fast a pause is quiet.

    python benchmarks/idle.py --minutes 10 --pauses 100

Prints the processor time and the wake-ups of an idle daemon over that time, its memory, and the
median and 99th percentile of the seconds from a pause being asked for to the last moment at which
the analyzer used the processor.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import psutil
from common import LOOK_SECONDS, PHOTO, Worker, daemon, make_library, percentile

from scened.requests import BOOST, PAUSE
from scened.store.commands import ask
from scened.store.database import open_for_reading

COPIES = 400
IDLE_COPIES = 3
GONE_SECONDS = 90.0  # the analyzer stays for a minute
QUIET_SECONDS = 0.6  # without use of the processor counts as quiet
TICK_SECONDS = 0.005
FOR_EVER = b"inf"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--photo", type=Path, default=PHOTO)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--pauses", type=int, default=100)
    arguments = parser.parse_args()
    print("| figure | value | to reach |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        _measure_idle(Path(folder), arguments)
    with tempfile.TemporaryDirectory() as folder:
        _measure_pauses(Path(folder), arguments)


def _measure_idle(root: Path, arguments: argparse.Namespace) -> None:
    make_library(arguments.photo, root / "photos", IDLE_COPIES)
    with daemon(root, root / "photos") as worker:
        worker.wait_for(IDLE_COPIES)
        deadline = time.monotonic() + GONE_SECONDS
        while len(worker.processes()) > 1 and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        process = psutil.Process(worker.process.pid)
        used, woken = _used(process), process.num_ctx_switches().voluntary
        time.sleep(arguments.minutes * 60)
        seconds = arguments.minutes * 60
        cpu = (_used(process) - used) / seconds
        wakes = (process.num_ctx_switches().voluntary - woken) / seconds
        print(f"| processor while idle, of one core | {cpu:.2%} | 0.1 % |")
        print(f"| wake-ups a second | {wakes:.1f} | 1 |")
        print(f"| memory of the idle daemon | {process.memory_info().rss / 1e6:.0f} MB | 64 MB |")
        print(f"| analyzers while idle | {len(worker.processes()) - 1} | 0 |", flush=True)


def _measure_pauses(root: Path, arguments: argparse.Namespace) -> None:
    make_library(arguments.photo, root / "photos", COPIES)
    seconds: list[float] = []
    with daemon(root, root / "photos") as worker:
        worker.wait_for(1)
        database = open_for_reading(root / "library.sqlite")
        try:
            for _ in range(arguments.pauses):
                ask(database, BOOST, FOR_EVER)
                _wait_for_work(worker)
                asked = time.perf_counter()
                ask(database, PAUSE, FOR_EVER)
                seconds.append(max(0.0, _quiet_since(worker) - asked))
                if worker.done() > COPIES // 2:
                    _start_again(root)
        finally:
            database.close()
    print(f"| pause to quiet, median | {statistics.median(seconds):.2f} s | |")
    print(f"| pause to quiet, 99th percentile | {percentile(seconds, 99):.2f} s | 1 s |")


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _analyzers_used(worker: Worker) -> float:
    used = 0.0
    for process in worker.processes()[1:]:
        try:
            used += _used(process)
        except psutil.Error:
            continue
    return used


def _wait_for_work(worker: Worker) -> None:
    before = _analyzers_used(worker)
    while _analyzers_used(worker) <= before:
        time.sleep(TICK_SECONDS)


def _quiet_since(worker: Worker) -> float:
    """Return when the analyzers last used the processor, once they have kept still for a while."""
    used, since = _analyzers_used(worker), time.perf_counter()
    while time.perf_counter() - since < QUIET_SECONDS:
        time.sleep(TICK_SECONDS)
        if (now := _analyzers_used(worker)) != used:
            used, since = now, time.perf_counter()
    return since


def _start_again(root: Path) -> None:
    """Make the photos new ones, so that there is always work."""
    for photo in (root / "photos").iterdir():
        with photo.open("ab") as file:
            file.write(b"again")


if __name__ == "__main__":
    main()
