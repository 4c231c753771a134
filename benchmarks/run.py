"""How fast a folder is analysed, where the time goes, and what it costs in memory.

    python benchmarks/run.py --photos ../shared/photos

Runs `scened run --once` on the folder with a new database, several times, each time beside its
reference in the same run: the same reduced decode of the same files and nothing else. Prints
medians.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import psutil

from scened.models.pack import default_pack_folder, open_pack

SAMPLE_SECONDS = 0.02
NETWORK_ROUNDS = 50
DECODE_ALL = """
import sys, time
from scened.analysis.decode import decode
from scened.errors import ScenedError
began = time.perf_counter()
done = 0
for path in sys.argv[1:]:
    try:
        decode(path)
        done += 1
    except ScenedError:
        pass
print(done, time.perf_counter() - began)
"""
FORWARD = """
import statistics, sys, time
import numpy as np
from scened.analysis.network import Network
from scened.models.pack import default_pack_folder, open_pack
network = Network(open_pack(default_pack_folder()))
pixels = np.random.default_rng(0).integers(0, 256, (320, 256, 3), dtype=np.uint8)
seconds = []
for _ in range(int(sys.argv[1])):
    began = time.perf_counter()
    network.look(pixels)
    seconds.append(time.perf_counter() - began)
print(statistics.median(seconds))
"""


class Run(NamedTuple):
    """One run over the folder: photos a second of work, and the most memory each process held."""

    summary: str
    seconds: float
    daemon_bytes: int
    analyzer_bytes: int


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--photos", type=Path, default=Path("../shared/photos"))
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    files = sorted(path for path in arguments.photos.rglob("*") if path.is_file())
    runs, floors = [], []
    for _ in range(arguments.rounds):
        runs.append(_run(arguments.photos))
        floors.append(_decode_only(files))
    print(runs[-1].summary)
    work = statistics.median(run.seconds for run in runs)
    floor = statistics.median(floors)
    pack = open_pack(default_pack_folder())
    size = sum(path.stat().st_size for path in pack.folder.iterdir())
    forward = float(_python(FORWARD, str(NETWORK_ROUNDS)))
    print("| figure | value |\n|---|---|")
    print(f"| whole command, start to exit | {work:.2f} s |")
    print(f"| decode-only floor, same files | {floor:.2f} s |")
    print(f"| daemon, most resident | {max(run.daemon_bytes for run in runs) / 1e6:.0f} MB |")
    print(f"| analyzer, most resident | {max(run.analyzer_bytes for run in runs) / 1e6:.0f} MB |")
    print(f"| pack {pack.identity} | {size / 1e6:.2f} MB |")
    print(f"| one forward at 320x256, one thread | {forward * 1000:.1f} ms |")


def _run(photos: Path) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        command = [Path(sys.executable).parent / "scened", "--db", f"{folder}/library.sqlite"]
        process = subprocess.Popen(
            [*command, "run", "--once", photos], stdout=subprocess.PIPE, text=True
        )
        daemon = psutil.Process(process.pid)
        most = {"daemon": 0, "analyzer": 0}
        while process.poll() is None:
            for name, watched in (("daemon", [daemon]), ("analyzer", _children(daemon))):
                most[name] = max([most[name], *map(_resident, watched)])
            time.sleep(SAMPLE_SECONDS)
        seconds = time.perf_counter() - began
        lines = process.communicate()[0].splitlines()
    return Run("\n".join(lines[:2]), seconds, most["daemon"], most["analyzer"])


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children()
    except psutil.Error:
        return []


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _decode_only(files: list[Path]) -> float:
    return float(_python(DECODE_ALL, *map(str, files)).split()[1])


def _python(code: str, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True
    ).stdout


if __name__ == "__main__":
    main()
