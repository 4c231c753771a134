"""What a reader that holds a transaction costs the daemon, and the daemon the reader.

    python -m benchmarks.reader --seconds 60

A library of copies is looked at while another process reads: first without a transaction, then in
one that it holds for as long. Neither should wait for the other, and the write-ahead log, which
cannot be tidied away meanwhile, should be small again soon after.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import time
from pathlib import Path

from benchmarks.common import PHOTO, Worker, daemon, make_library, percentile

COPIES = 100_000  # or as many as there is room for
READ_EVERY = 0.05  # seconds
TIDIED_SECONDS = 30.0  # after which the log is looked at again


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--photo", type=Path, default=PHOTO)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        make_library(arguments.photo, photos, COPIES)
        with daemon(Path(folder), photos, "--once", "--jobs", "1") as worker:
            worker.wait_for(20)
            _measure(Path(folder) / "library.sqlite", worker, arguments.seconds)


def _measure(database: Path, worker: Worker, seconds: float) -> None:
    log = Path(f"{database}-wal")
    connection = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, isolation_level=None)
    print("| reader | photos a second | one read, ms: median, longest | log, MB |")
    print("|---|---|---|---|")
    for name in ("no transaction held", f"one held for {seconds:.0f} s", "after it"):
        if name.startswith("one"):
            connection.execute("BEGIN")
        before, began, reads = worker.done(), time.monotonic(), []
        while time.monotonic() - began < (seconds if name != "after it" else TIDIED_SECONDS):
            asked = time.perf_counter()
            connection.execute("SELECT count(*), max(seq) FROM photos").fetchone()
            reads.append((time.perf_counter() - asked) * 1000)
            time.sleep(READ_EVERY)
        rate = (worker.done() - before) / (time.monotonic() - began)
        size = log.stat().st_size / 1e6
        print(
            f"| {name} | {rate:.1f} | {percentile(reads, 50):.2f}, {max(reads):.1f} | {size:.1f} |"
        )
        if connection.in_transaction:
            connection.execute("COMMIT")
    connection.close()


if __name__ == "__main__":
    main()
