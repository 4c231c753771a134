"""How long searches take in a library of any size.

    python -m benchmarks.synthetic --photos 1000000 /tmp/million.sqlite
    python -m benchmarks.search /tmp/million.sqlite

In the library: the 99th percentile of many runs, warm. The whole command: the median of some runs,
each a process of its own. Similar photos stand beside their floor, one pass over as many bytes.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import scened
from benchmarks.synthetic import COMMON, RARE

RUNS = 200
COMMANDS = 9
VECTOR_BYTES = 256


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("file", type=Path)
    file = parser.parse_args().file
    with scened.Library.open(file) as library:
        photos = library.stats().photos
        print(f"{photos:,} photos, {file.stat().st_size / photos:,.0f} bytes each")
        for query in (RARE, COMMON, f"{COMMON} 2019", f"{COMMON} nature", "2019", "rome canon"):
            _print(f"search {query!r}", lambda query=query: library.search(query, by="tags"))
        chosen = photos // 2
        _print("similar, top 50", lambda: library.similar([chosen]))
        words = np.ones(photos * VECTOR_BYTES // 8, np.uint64)
        _print("  floor: one pass over as many bytes", lambda: words.sum())
    for arguments in (["--by", "tags", RARE], ["--by", "tags", COMMON], ["two dogs in the snow"]):
        _print_command(file, ["search", *arguments])


def _print(what: str, way: Callable[[], object]) -> None:
    way()
    seconds = sorted(_seconds(way) for _ in range(RUNS))
    print(
        f"{seconds[RUNS * 99 // 100] * 1000:9.2f} ms p99,"
        f" {statistics.median(seconds) * 1000:8.2f} ms median  {what}"
    )


def _print_command(file: Path, arguments: list[str]) -> None:
    scened_command = Path(sys.executable).parent / "scened"
    command = [scened_command, "--db", file, *arguments]
    seconds = [
        _seconds(lambda: subprocess.run(command, capture_output=True)) for _ in range(COMMANDS)
    ]
    said = subprocess.run(command, capture_output=True, text=True).stderr.strip()
    print(
        f"{statistics.median(seconds) * 1000:9.0f} ms median  scened {' '.join(arguments)}"
        + (f"  ({said})" if said else "")
    )


def _seconds(way: Callable[[], object]) -> float:
    began = time.perf_counter()
    way()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
