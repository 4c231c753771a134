"""Reconcile an unchanged library, against a bare scandir-and-stat walk of it in the same run.

`python benchmarks/reconcile.py --files 1000000 --folder /tmp/many` makes the files (empty, 1,000 a
folder or as `--a-folder` says) where they are not there yet, and prints processor seconds and peak
memory. With `--deep` each folder lies in the one before. With `--database FILE` the first walk,
which is the longest part, is done once and for all.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from scened.clock import steady_seconds
from scened.photos.reconcile import reconcile
from scened.photos.settle import Settling
from scened.store.database import Database, open_for_writing
from scened.store.roots import add_root, roots

FILES_A_FOLDER = 1_000
WALKS = 3  # of each kind, in turns; the fastest counts
HOUR_SECONDS = 3_600


def main() -> None:
    """Make the library, walk it both ways, and print what it took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--a-folder", type=int, default=FILES_A_FOLDER)
    parser.add_argument("--deep", action="store_true")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--database", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch, "photos")
        make(folder, arguments.files, arguments.a_folder, deep=arguments.deep)
        database = open_for_writing(arguments.database or Path(scratch, "library.sqlite"))
        with database.writing() as connection:
            add_root(connection, os.fsencode(folder.resolve()))
        began = steady_seconds()
        first = timed(lambda: walk(database))
        first_by_clock = steady_seconds() - began
        before = peak_bytes()
        bare, again = [], []
        for _ in range(WALKS):
            bare.append(timed(lambda: bare_walk(os.fsencode(folder))))
            again.append(timed(lambda: walk(database)))
        with database.reading() as connection:
            photos = connection.exec_driver_sql("SELECT count(*) FROM file").scalar()
        grown = peak_bytes() - before
        database.close()
    print(f"{photos:,} photos; first walk {first:.2f} s, {first_by_clock:.2f} s by the clock")
    print(f"bare scandir and stat   {min(bare):7.2f} s")
    print(f"reconcile, unchanged    {min(again):7.2f} s   {min(again) / min(bare):.1f} times")
    print(f"peak memory grew by     {grown / 1e6:7.1f} MB over {WALKS} walks")


def make(folder: Path, files: int, a_folder: int, *, deep: bool) -> None:
    """Make files that look like photos that have been there for a while."""
    before = time.time() - HOUR_SECONDS
    inner = folder
    for number in range(0, files, a_folder):
        inner = inner / "d" if deep else folder / f"{number // a_folder:04}"
        if inner.exists():
            continue
        inner.mkdir(parents=True)
        for name in range(number, min(files, number + a_folder)):
            path = inner / f"IMG_{name:07}.jpg"
            path.touch()
            os.utime(path, (before, before))


def walk(database: Database) -> None:
    """Reconcile every root."""
    with database.reading() as connection:
        listed = roots(connection)
    for root in listed:
        for _ in reconcile(database, root, Settling(steady_seconds)):
            pass


def bare_walk(folder: bytes) -> int:
    """Return the sum of all sizes, read as cheaply as Python can."""
    total = 0
    stack = [folder]
    while stack:
        with os.scandir(stack.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    stack.append(entry.path)
                else:
                    total += entry.stat(follow_symlinks=False).st_size
    return total


def timed(work: Callable[[], object]) -> float:
    """Return the processor seconds that something takes, which others do not lengthen."""
    began = time.process_time()
    work()
    return time.process_time() - began


def peak_bytes() -> int:
    """Return the most memory this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
