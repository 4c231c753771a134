"""How many photos a second, against what the same photos cost otherwise.

    python benchmarks/speed.py --rounds 5

Copies of one 12-megapixel JPEG, in each round once in every way, in turn:

- decode only: the same reduced decode of the same files, and nothing else;
- naive: the whole decode, resized, and three networks: the pack's own for the tags, again for
  the embedding, and a face detector (YuNet from `--teachers`, else the pack's a third time);
- `run --once`: one analyzer that decodes ahead; `--jobs 1` and `--jobs 2`: one core each;
- the daemon as it ships, at its full duty, alone and beside a job that keeps one core busy.

Starting up is not counted.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from common import LOOK_SECONDS, PHOTO, Worker, ask, daemon, make_library

from scened.models.pack import default_pack_folder

DUTY_SECONDS = 15.0  # the daemon needs less to come to its full duty on an idle machine
WINDOW_SECONDS = 10.0  # over which the daemon's rate is taken
FLOOR = """
import sys, time
from scened.analysis.decode import decode
decode(sys.argv[1])
began = time.perf_counter()
for path in sys.argv[1:]:
    decode(path)
print((len(sys.argv) - 1) / (time.perf_counter() - began))
"""
NAIVE = """
import sys, time
import numpy as np
import onnxruntime
from PIL import Image
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
pack, yunet, *paths = sys.argv[1:]
tags, embedding = (onnxruntime.InferenceSession(pack, options) for _ in range(2))
faces = onnxruntime.InferenceSession(yunet or pack, options)
def look(path):
    with Image.open(path) as image:
        whole = image.convert("RGB")
    for network, output in ((tags, "tags"), (embedding, "embedding")):
        pixels = np.asarray(whole.resize((320, 256)))
        network.run([output], {"image": pixels[None]})
    pixels = np.asarray(whole.resize((320, 256)))
    if not yunet:
        faces.run(["face_boxes", "face_scores"], {"image": pixels[None]})
        return
    planes = pixels[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32)
    faces.run(None, {faces.get_inputs()[0].name: planes})
look(paths[0])
began = time.perf_counter()
for path in paths:
    look(path)
print(len(paths) / (time.perf_counter() - began))
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--photo", type=Path, default=PHOTO)
    parser.add_argument("--teachers", type=Path, default=Path("../shared/teachers"))
    parser.add_argument("--copies", type=int, default=400, help="photos of one round")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        photos = make_library(arguments.photo, root / "photos", arguments.copies)
        yunet = arguments.teachers / "yunet_n_dynamic.onnx"
        network = str(default_pack_folder() / "image.onnx")
        detector = str(yunet) if yunet.exists() else ""
        ways: dict[str, Callable[[], float]] = {
            "decode only": lambda: _python(FLOOR, *map(str, photos)),
            "naive": lambda: _python(NAIVE, network, detector, *map(str, photos[::10])),
            "`run --once`": lambda: _once(root, photos),
            "`run --once --jobs 1`": lambda: _once(root, photos, "--jobs", "1"),
            "`run --once --jobs 2`": lambda: _once(root, photos, "--jobs", "2"),
            "daemon, alone": lambda: _as_daemon(root, photos, busy=False),
            "daemon, one core busy": lambda: _as_daemon(root, photos, busy=True),
        }
        found: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(arguments.rounds):
            for name, measure in ways.items():
                _warm(photos)
                found[name].append(measure())
    _print_ways({name: statistics.median(rates) for name, rates in found.items()})


def _print_ways(rates: dict[str, float]) -> None:
    print("| way | photos a second |\n|---|---|")
    for name, rate in rates.items():
        print(f"| {name} | {rate:.1f} |")
    print("\n| figure | value | to reach |\n|---|---|---|")
    for figure, ours, reference, reach in (
        ("of the decode-only floor", "`run --once`", "decode only", 0.7),
        ("of the decode-only floor, one core", "`run --once --jobs 1`", "decode only", 0.7),
        ("against the naive way", "`run --once`", "naive", 4.0),
        ("two jobs against one", "`run --once --jobs 2`", "`run --once --jobs 1`", 1.8),
        ("one core busy against alone", "daemon, one core busy", "daemon, alone", 0.3),
    ):
        print(f"| {figure} | {rates[ours] / rates[reference]:.2f} | {reach} |")


def _warm(photos: list[Path]) -> None:
    """Bring the photos into the page cache, as what was measured before may have let go of them."""
    for photo in photos:
        photo.read_bytes()


def _python(code: str, *arguments: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def _once(root: Path, photos: list[Path], *options: str) -> float:
    """Return the rate from a tenth of the photos to the last."""
    with daemon(_fresh(root), photos[0].parent, "--once", *options) as worker:
        return _rate(worker, len(photos) // 10, len(photos))


def _as_daemon(root: Path, photos: list[Path], *, busy: bool) -> float:
    """Return the rate of the daemon once its duty has settled."""
    home = _fresh(root)
    with _Busy() if busy else nullcontext(), daemon(home, photos[0].parent) as worker:
        worker.wait_for(1)
        settled = time.monotonic() + DUTY_SECONDS
        while _duty(home) < 1.0 and time.monotonic() < settled:
            time.sleep(LOOK_SECONDS)
        began, before = time.perf_counter(), worker.done()
        while (passed := time.perf_counter() - began) < WINDOW_SECONDS:
            if worker.done() == len(photos):
                break  # it was faster than the window is long
            time.sleep(LOOK_SECONDS)
        return (worker.done() - before) / passed


def _duty(home: Path) -> float:
    row = ask(home / "library.sqlite", "SELECT duty FROM governor")
    return float(str(row[0])) if row else 0.0


def _rate(worker: Worker, first: int, last: int) -> float:
    worker.wait_for(first)
    began, first = time.perf_counter(), worker.done()
    worker.wait_for(last)
    return (last - first) / (time.perf_counter() - began)


def _fresh(root: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=root))


class _Busy:
    """A process that keeps one core busy."""

    def __enter__(self) -> None:
        self._process = multiprocessing.Process(target=_spin, daemon=True)
        self._process.start()

    def __exit__(self, *_: object) -> None:
        self._process.terminate()


def _spin() -> None:
    while os.getppid() != 1:
        sum(range(100_000))


if __name__ == "__main__":
    main()
