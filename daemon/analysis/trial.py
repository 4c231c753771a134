"""Have a pack tried in a process of its own: a network from elsewhere is not run in this one."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from scened.config import Limits
from scened.errors import DamagedPack, ScenedError
from scened.models.pack import open_pack

__all__ = ["Timing", "try_pack"]

TRIAL_SECONDS = 60.0
SECONDS_A_ROUND = 5.0  # more, for each round over all shapes


class Timing(msgspec.Struct, frozen=True):
    """How long one look at one shape takes in one thread: the median, in milliseconds."""

    height: int
    width: int
    milliseconds: float


class _Verdict(msgspec.Struct, frozen=True):
    timings: tuple[Timing, ...] = ()
    fault: str = ""
    remedy: str = ""


def try_pack(folder: Path, rounds: int = 1) -> tuple[Timing, ...]:
    """Verify a pack, look with it at noise in each of its shapes, and return the times.

    Raises `DamagedPack` where it does not keep its promises, or does not survive.
    """
    try:
        child = subprocess.run(
            [sys.executable, "-m", "scened.analysis.trial", str(folder), str(rounds)],
            capture_output=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            timeout=TRIAL_SECONDS + rounds * SECONDS_A_ROUND,
        )
        verdict = msgspec.msgpack.decode(child.stdout, type=_Verdict)
    except subprocess.TimeoutExpired as error:
        raise DamagedPack(f"the pack in {folder} takes too long", "use another pack") from error
    except msgspec.MsgspecError as error:
        raise DamagedPack(
            f"the pack in {folder} was not survived by the process that tried it",
            "use another pack",
        ) from error
    if verdict.fault:
        raise DamagedPack(verdict.fault, verdict.remedy)
    return verdict.timings


def _main() -> None:
    try:
        verdict = _Verdict(_timings(Path(sys.argv[1]), int(sys.argv[2])))
    except ScenedError as error:
        verdict = _Verdict(fault=error.message, remedy=error.remedy)
    sys.stdout.buffer.write(msgspec.msgpack.encode(verdict))


def _timings(folder: Path, rounds: int) -> tuple[Timing, ...]:
    import numpy as np

    from scened.analysis.network import Network
    from scened.analysis.sandbox import lock_down

    lock_down(Limits().memory_bytes)  # before any of the stranger's bytes is read
    pack = open_pack(folder)
    network = Network(pack)
    random = np.random.default_rng(0)
    timings = []
    for height, width in pack.manifest.shapes:
        seconds = []
        for _ in range(rounds):
            noise = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
            began = time.perf_counter()
            network.look(noise)
            seconds.append(time.perf_counter() - began)
        timings.append(Timing(height, width, statistics.median(seconds) * 1000))
    return tuple(timings)


if __name__ == "__main__":
    _main()
