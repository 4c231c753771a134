"""What others lose while photos are analysed beside them.

    python benchmarks/neighbour.py --pairs 20

Three foreground jobs: compression and a build (byte-compiling the standard library to files) on
every core, and a server that does 2 ms of work for each request, one request at a time. They run in
short rounds, in turn: alone, then beside us; once with the daemon as it ships, once with the same
analysis at plain `nice 19`, without slices, gates and idle priority. What is not wanted in a round
is stopped where it stands. Prints the median loss against the round alone just before (of
throughput, or of the 99th percentile of the response time), its 95 % bootstrap interval, and our
own photos a second meanwhile.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import py_compile
import random
import socket
import statistics
import sys
import sysconfig
import tempfile
import time
import zlib
from collections.abc import Callable
from multiprocessing.pool import Pool
from pathlib import Path

from common import PHOTO, Worker, daemon, interval, make_library, percentile

COPIES = 500
WORK_SECONDS = 0.002  # of one request
PLAIN = """
import os, sys
from pathlib import Path
from scened.analysis.decode import decode
from scened.analysis.network import Network
from scened.models.pack import default_pack_folder, open_pack
os.nice(19)
network = Network(open_pack(default_pack_folder()))
for path in sorted(Path(sys.argv[1]).iterdir()):
    network.findings(decode(path))
    print(flush=True)
"""

Round = Callable[[float], float]  # seconds -> a figure that is better when it is higher


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--photo", type=Path, default=PHOTO, help="a photo to make a library of")
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=5.0, help="of one round")
    arguments = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    with (
        tempfile.TemporaryDirectory() as folder,
        multiprocessing.Pool(cores) as pool,
        _Server() as server,
    ):
        root = Path(folder)
        make_library(arguments.photo, root / "photos", COPIES)
        jobs: dict[str, Round] = {
            "compression, every core": lambda seconds: _shared(pool, _compress, cores, seconds),
            "build, every core": lambda seconds: _shared(pool, _build, cores, seconds),
            "requests, p99": server.round,
        }
        print("| foreground job | beside | loss, median | 95 % interval | our photos a second |")
        print("|---|---|---|---|---|")
        for job, one_round in jobs.items():
            with daemon(_fresh(root), root / "photos") as worker:
                _compare(f"{job} | the daemon as it ships", worker, one_round, arguments)
            with _plain(root) as worker:
                _compare(f"{job} | plain nice 19", worker, one_round, arguments)


def _fresh(root: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=root))


def _plain(root: Path) -> Worker:
    output = _fresh(root) / "output"
    command = [sys.executable, "-c", PLAIN, str(root / "photos")]
    return Worker(command, output, lambda: output.stat().st_size)


def _compare(name: str, worker: Worker, one_round: Round, arguments: argparse.Namespace) -> None:
    losses, rates = [], []
    worker.wait_for(1)
    for _ in range(arguments.pairs):
        worker.stop(True)
        alone = one_round(arguments.seconds)
        worker.stop(False)
        before = worker.done()
        beside = one_round(arguments.seconds)
        losses.append(1 - beside / alone)
        rates.append((worker.done() - before) / arguments.seconds)
    low, high = interval(losses)
    print(
        f"| {name} | {statistics.median(losses):.1%} | {low:.1%} .. {high:.1%}"
        f" | {statistics.mean(rates):.2f} |",
        flush=True,
    )


def _shared(pool: Pool, work: Callable[[float], int], cores: int, seconds: float) -> float:
    return sum(pool.map(work, [seconds] * cores, chunksize=1)) / seconds


def _compress(seconds: float) -> int:
    data = random.Random(1).randbytes(200_000) + bytes(200_000)  # noqa: S311 - not a secret
    end, blocks = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        zlib.compress(data, 6)
        blocks += 1
    return blocks


def _build(seconds: float) -> int:
    """Return how many bytes of source were compiled."""
    sources = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    end, done = time.perf_counter() + seconds, 0
    with tempfile.TemporaryDirectory() as folder:
        for source in itertools.cycle(sources):
            if time.perf_counter() >= end:
                break
            py_compile.compile(str(source), cfile=f"{folder}/{source.stem}.pyc", doraise=True)
            done += source.stat().st_size
    return done


class _Server:
    """A small server on this machine, in a process of its own."""

    def __enter__(self) -> _Server:
        listener = socket.create_server(("127.0.0.1", 0))
        self._process = multiprocessing.Process(target=_serve, args=(listener,), daemon=True)
        self._process.start()
        self._connection = socket.create_connection(listener.getsockname())
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.close()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._process.terminate()

    def round(self, seconds: float) -> float:
        """Ask one request after the other; return 1 / the 99th percentile of the seconds."""
        end, waits = time.perf_counter() + seconds, []
        while (began := time.perf_counter()) < end:
            self._connection.sendall(b"?")
            self._connection.recv(1)
            waits.append(time.perf_counter() - began)
        return 1 / percentile(waits, 99)


def _serve(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while connection.recv(1):
        end = time.thread_time() + WORK_SECONDS
        while time.thread_time() < end:
            pass
        connection.sendall(b"!")


if __name__ == "__main__":
    main()
