"""The analyzer's memory between photos, over thousands of photos of mixed sizes and formats.

    python benchmarks/memory.py --photos 10000

Makes 63 different pictures, asks the analyzer to look at each of them again and again (it
remembers nothing between slices), and prints what it holds between slices, and by how much that
grows after the first photos. The analyzer keeps its priority here, or another program would decide
how long this takes. Peaks within a decode, format by format: `benchmarks/decode.py`.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
import pillow_heif
import psutil
import skimage.data
from PIL import Image

from scened.analysis.protocol import (
    KEEP_PRIORITY,
    Answer,
    Done,
    Job,
    Looked,
    Slice,
    receive,
    send,
)
from scened.analysis.supervisor import ANALYZER_SETTINGS
from scened.config import Limits
from scened.models.pack import default_pack_folder

FORMATS: dict[str, dict[str, int]] = {  # with what makes writing them quicker
    "jpg": {},
    "png": {"compress_level": 1},
    "webp": {"method": 0},
    "heic": {},
    "tif": {},
    "gif": {},
    "bmp": {},
    "avif": {"speed": 10},
    "jp2": {},
}
SIDES = (200, 640, 1_024, 1_600, 2_048, 3_000, 4_000)  # pixels, of the long side
NAMES = ("coffee.png", "astronaut.png", "chelsea.png", "rocket.jpg")
EARLY = 200  # photos, after which growth is counted
SLICE_PHOTOS = 20
LONG_SECONDS = 3600.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--photos", type=int, default=10_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = list(_pictures(Path(folder)))
        marks = [EARLY, *range(1_000, arguments.photos, 1_000), arguments.photos]
        print("| photos | analyzer holds | most it held |\n|---|---|---|")
        later: list[tuple[int, int]] = []
        for done, held, most in _memory(paths, arguments.photos):
            if done >= EARLY:
                later.append((done, held))
            if marks and done >= marks[0]:
                print(f"| {done:,} | {held / 1e6:.0f} MB | {most / 1e6:.0f} MB |", flush=True)
                marks = [mark for mark in marks if mark > done]
    slope, _ = statistics.linear_regression(*zip(*later, strict=True))
    holds = [held / 1e6 for _, held in later]
    print(
        f"\nAfter {EARLY} photos: {min(holds):.0f} to {max(holds):.0f} MB,"
        f" median {statistics.median(holds):.0f} MB;"
        f" {slope * 1_000 / 1e6:+.1f} MB for each 1,000 photos (least squares)"
    )


def _pictures(folder: Path) -> Iterator[Path]:
    pillow_heif.register_heif_opener()
    for number, (suffix, side) in enumerate(itertools.product(FORMATS, SIDES)):
        name = NAMES[number % len(NAMES)]
        with Image.open(Path(skimage.data.__file__).parent / name) as source:
            size = (side, side * 3 // 4) if number % 3 else (side * 3 // 4, side)
            picture = source.convert("RGB").resize(size)
        path = folder / f"{number:03}.{suffix}"
        picture.save(path, **FORMATS[suffix])
        yield path


def _memory(paths: list[Path], photos: int) -> Iterator[tuple[int, int, int]]:
    """Yield photos done, bytes held between slices, and the most that was ever held."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "scened.analysis.analyzer",
            str(default_pack_folder()),
            msgspec.json.encode(Limits()).decode(),
            KEEP_PRIORITY,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **ANALYZER_SETTINGS},
    )
    decoder = msgspec.msgpack.Decoder(Answer)
    answers = cast("BinaryIO", process.stdout)
    receive(answers, decoder)
    endless = itertools.cycle(paths)
    done = 0
    while done < photos:
        jobs = tuple(_job(number, next(endless)) for number in range(SLICE_PHOTOS))
        send(cast("BinaryIO", process.stdin), Slice(jobs, LONG_SECONDS, decode_ahead=True))
        while (answer := receive(answers, decoder)) != Done():
            if answer is None:
                raise SystemExit("the analyzer ended early")
            if isinstance(answer, Looked) and answer.outcome.error:
                raise SystemExit(f"a photo failed: {answer.outcome.error}")
        done += SLICE_PHOTOS
        yield done, psutil.Process(process.pid).memory_info().rss, _most(process.pid)
    process.communicate()


def _most(pid: int) -> int:
    """Return the most a process ever held, where the system tells (Linux: VmHWM)."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024


def _job(number: int, path: Path) -> Job:
    about = path.stat()
    return Job(number, bytes(path), about.st_size, about.st_mtime_ns)


if __name__ == "__main__":
    main()
