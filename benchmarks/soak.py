"""Whether a daemon that works for long stays as it was: memory, file handles, threads, database.

    python benchmarks/soak.py --photos 100000

Gives one daemon small new photos for as long as there is time, restarts nothing, and prints what
its processes hold along the way; then how that grows with the photos, with 95 % intervals (moving
block bootstrap of the residuals, as what is measured in a row is alike). The reference is the same
daemon when it was a tenth of the way.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import psutil
import skimage.data
from common import SCENED, Worker, analysed, ask, daemon
from PIL import Image

SIZE = (160, 120)  # pixels
FOLDER_PHOTOS = 1_000
SIZES = 4_001  # in bytes, that photos of one picture come in
AHEAD_PHOTOS = 500  # that wait to be looked at
SAMPLES = 200
SHOWN = 20  # of them
WARM_UP = 0.1  # of all photos, before growth is counted
LOOK_SECONDS = 0.2
RESAMPLES = 2_000
MEGABYTE = 1e6
NAMES = ("coffee.png", "astronaut.png", "chelsea.png", "rocket.jpg")

Numbers = npt.NDArray[np.float64]


class Sample(NamedTuple):
    """What is held after so many photos; the analyzers' together."""

    photos: float
    daemon_megabytes: float
    analyzer_megabytes: float
    handles: float
    threads: float
    database_megabytes: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=60, help="at the most")
    parser.add_argument("--json", type=Path, help="write all samples there too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "photos").mkdir()
        with daemon(root, root / "photos") as worker:
            samples, processes = _soak(root, worker, arguments.photos, arguments.minutes * 60)
    if arguments.json:
        arguments.json.write_text(json.dumps([sample._asdict() for sample in samples]))
    _print_growth(samples)
    print(f"\nprocesses in all: {processes}, where one daemon and its analyzers are meant to be")


def _soak(root: Path, worker: Worker, photos: int, seconds: float) -> tuple[list[Sample], int]:
    """Give photos to the daemon, and return what was held, and how many processes there were."""
    pictures = [_picture(name) for name in NAMES]
    database = root / "library.sqlite"
    written = done = 0
    samples: list[Sample] = []
    seen: set[psutil.Process] = set()
    deadline = time.monotonic() + seconds
    print(f"| {' | '.join(name.replace('_', ' ') for name in Sample._fields)} |")
    print(f"|{'---|' * len(Sample._fields)}", flush=True)
    worker.wait_for(0)
    while ask(database, "SELECT pid FROM daemon WHERE pid IS NOT NULL") is None:
        time.sleep(LOOK_SECONDS)
    subprocess.run([SCENED, "--db", database, "boost", "24h"], check=True, capture_output=True)
    while done < photos and time.monotonic() < deadline:
        while written < min(photos, done + AHEAD_PHOTOS):
            _write(root / "photos", written, pictures[written % len(pictures)])
            written += 1
        time.sleep(LOOK_SECONDS)
        done = analysed(database)
        if done >= (len(samples) + 1) * photos / SAMPLES:
            held = worker.processes()
            seen.update(held)
            samples.append(_sample(database, done, held))
            if len(samples) % (SAMPLES // SHOWN) == 0:
                print(f"| {' | '.join(f'{each:,.1f}' for each in samples[-1])} |", flush=True)
    return samples, len(seen)


def _sample(database: Path, done: int, processes: list[psutil.Process]) -> Sample:
    resident = [process.memory_info().rss / MEGABYTE for process in processes]
    handles = sum(process.num_fds() for process in processes)
    threads = sum(process.num_threads() for process in processes)
    # the pages of the write-ahead log among them, which may still grow the file
    size = ask(database, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
    megabytes = float(str(size[0])) / MEGABYTE if size else np.nan
    return Sample(done, resident[0], sum(resident[1:]), handles, threads, megabytes)


def _picture(name: str) -> bytes:
    with Image.open(Path(skimage.data.__file__).parent / name) as source:
        picture = source.convert("RGB").resize(SIZE)
    written = io.BytesIO()
    picture.save(written, "JPEG")
    return written.getvalue()


def _write(photos: Path, number: int, picture: bytes) -> None:
    folder = photos / f"{number // FOLDER_PHOTOS:04}"
    folder.mkdir(exist_ok=True)
    # a decoder passes over what follows the end, which makes it another content and size
    after = b"%d" % number + bytes(number % SIZES)
    (folder / f"{number:06}.jpg").write_bytes(picture + after)


def _print_growth(samples: list[Sample]) -> None:
    late = np.array(samples[round(WARM_UP * len(samples)) :])
    photos = late[:, 0] / 1_000
    print("\n| | first | last | growth for each 1,000 photos | 95 % interval | R² |")
    print("|---|---|---|---|---|---|")
    for name, values in zip(Sample._fields[1:], late.T[1:], strict=True):
        slope, low, high, explained = _growth(photos, values)
        print(
            f"| {name.replace('_', ' ')} | {values[0]:,.1f} | {values[-1]:,.1f} |"
            f" {slope:+.4f} | {low:+.4f} to {high:+.4f} | {explained:.4f} |"
        )


def _growth(x: Numbers, y: Numbers) -> tuple[float, float, float, float]:
    """Return the slope of y over x, the ends of its 95 % interval, and R²."""
    line = np.polyfit(x, y, 1)
    residuals = y - np.polyval(line, x)
    length = max(1, round(len(x) ** 0.5))
    chance = np.random.default_rng(0)
    slopes = []
    for _ in range(RESAMPLES):
        starts = chance.integers(0, len(x) - length + 1, -(-len(x) // length))
        drawn = np.concatenate([residuals[start : start + length] for start in starts])[: len(x)]
        slopes.append(np.polyfit(x, np.polyval(line, x) + drawn, 1)[0])
    low, high = np.percentile(slopes, [2.5, 97.5])
    spread = float(np.var(y))
    explained = 1 - float(np.var(residuals)) / spread if spread else 1.0
    return float(line[0]), float(low), float(high), explained


if __name__ == "__main__":
    main()
