"""Ten minutes in which the load of others comes and goes, as a plot.

    pip install '.[benchmark]'
    python benchmarks/weather.py --minutes 10 --plot weather.png

Processes that keep a core busy come and go while a daemon analyses; twice a second its duty, the
cores that others use and the cores that we use are noted. Draws them over time, and prints for
each number of busy processes the medians and our photos a second.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import psutil
from common import Worker, ask, daemon, make_library

PHOTO = Path("../shared/photos/2012-garden/silver_fir.jpg")  # small: many are needed
COPIES_PER_SECOND = 40  # more than one process looks at
SAMPLE_SECONDS = 0.5
SCRIPT = (0, 1, 2, 0, 2, 1, 0, 2, 2, 0)  # busy processes, each for a tenth of the time


class Sample(NamedTuple):
    """One moment: seconds since the start, busy processes, duty, cores used, photos done."""

    at: float
    busy: int
    duty: float
    others: float
    ours: float
    photos: int


def main() -> None:
    """Measure, draw and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--photo", type=Path, default=PHOTO)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--plot", type=Path, default=Path("weather.png"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_library(
            arguments.photo, root / "photos", int(arguments.minutes * 60 * COPIES_PER_SECOND)
        )
        with daemon(root, root / "photos") as worker:
            worker.wait_for(1)
            samples = _watch(worker, root / "library.sqlite", arguments.minutes * 60)
    _print(samples)
    _draw(samples, arguments.plot)


def _watch(worker: Worker, database: Path, seconds: float) -> list[Sample]:
    samples: list[Sample] = []
    spinners: list[multiprocessing.Process] = []
    started = last = time.perf_counter()
    used, idle = _ours(worker), _idle()
    while (passed := time.perf_counter() - started) < seconds:
        wanted = SCRIPT[min(len(SCRIPT) - 1, int(passed / seconds * len(SCRIPT)))]
        while len(spinners) < wanted:
            spinners.append(multiprocessing.Process(target=_spin, daemon=True))
            spinners[-1].start()
        while len(spinners) > wanted:
            spinners.pop().terminate()
        time.sleep(SAMPLE_SECONDS)
        now, used_now, idle_now = time.perf_counter(), _ours(worker), _idle()
        ours = max(0.0, used_now - used) / (now - last)
        others = psutil.cpu_count() - (idle_now - idle) / (now - last) - ours
        used, idle, last = used_now, idle_now, now
        duty = float(str((ask(database, "SELECT duty FROM governor") or (0,))[0]))
        samples.append(Sample(now - started, wanted, duty, max(0.0, others), ours, worker.done()))
    for spinner in spinners:
        spinner.terminate()
    return samples


def _ours(worker: Worker) -> float:
    used = 0.0
    for process in worker.processes():
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        used += times.user + times.system
    return used


def _idle() -> float:
    times = psutil.cpu_times()
    return float(times.idle + getattr(times, "iowait", 0.0))


def _spin() -> None:
    while os.getppid() != 1:
        sum(range(100_000))


def _print(samples: list[Sample]) -> None:
    print("| busy processes | duty | others' cores | our cores | our photos a second |")
    print("|---|---|---|---|---|")
    for busy in sorted({sample.busy for sample in samples}):
        these = [sample for sample in samples if sample.busy == busy]
        photos = seconds = 0.0
        for before, after in itertools.pairwise(samples):
            if before.busy == after.busy == busy:
                photos += after.photos - before.photos
                seconds += after.at - before.at
        duty, others, ours = (
            statistics.median(getattr(sample, name) for sample in these)
            for name in ("duty", "others", "ours")
        )
        rate = photos / seconds if seconds else 0.0
        print(f"| {busy} | {duty:.0%} | {others:.2f} | {ours:.2f} | {rate:.2f} |")


def _draw(samples: list[Sample], file: Path) -> None:
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    minutes = [sample.at / 60 for sample in samples]
    figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(10, 6))
    above.fill_between(minutes, [each.others for each in samples], color="0.8", label="others")
    above.plot(minutes, [each.ours for each in samples], color="tab:blue", label="scened")
    above.set_ylabel("cores used")
    above.legend(loc="upper right")
    below.plot(minutes, [each.duty for each in samples], color="tab:orange")
    below.set_ylabel("duty")
    below.set_ylim(0, 1.05)
    below.set_xlabel("minutes")
    figure.tight_layout()
    figure.savefig(file, dpi=120)


if __name__ == "__main__":
    main()
