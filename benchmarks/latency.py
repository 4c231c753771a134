"""How long after it was copied a photo is in the database, with a daemon that watches the folder.

    python benchmarks/latency.py --photo ../shared/photos/2012-garden/silver_fir.jpg

Copies a photo into the folder several times (each with another byte at its end, so that it is a
new one) and waits for its tags. Prints the median and the slowest. Two seconds of it are the wait
for the file to keep still.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LOOK_SECONDS = 0.02


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--photo", type=Path, required=True)
    parser.add_argument("--copies", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, database = Path(folder) / "photos", Path(folder) / "library.sqlite"
        root.mkdir()
        scened = Path(sys.executable).parent / "scened"
        daemon = subprocess.Popen(
            [scened, "--db", database, "run", root], stdout=subprocess.DEVNULL
        )
        _wait(database, "SELECT count(*) FROM daemon WHERE state = 'idle'", 1)
        seconds = []
        for number in range(arguments.copies):
            began = time.perf_counter()
            photo = arguments.photo.read_bytes() + bytes([number])
            (root / f"{number}.jpg").write_bytes(photo)
            _wait(database, "SELECT count(*) FROM photos WHERE status = 'analysed'", number + 1)
            seconds.append(time.perf_counter() - began)
        daemon.terminate()
        daemon.wait()
    print(f"median {statistics.median(seconds):.2f} s, slowest {max(seconds):.2f} s")


def _wait(database: Path, statement: str, wanted: int) -> None:
    while True:
        try:
            connection = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)
            found = connection.execute(statement).fetchone()[0]
            connection.close()
        except sqlite3.Error:
            found = 0
        if found >= wanted:
            return
        time.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    main()
