"""What a process that decodes untrusted bytes gives up before it opens the first of them.

`python -m scened.analysis.sandbox` gives it all up and prints as JSON what this system granted.
"""

from __future__ import annotations

import resource
import signal
import sys

import msgspec
import psutil

from scened.landlock import isolate_network, restrict, secure_process

__all__ = ["Confinement", "allow_seconds", "lock_down"]

OVERHEAD_BYTES = 768 * 1024 * 1024  # of addresses: network, libraries, allocator, reserves


class Confinement(msgspec.Struct, frozen=True):
    """What a process was kept from.

    `landlock`: the version in use, 0 where the kernel has none and only file sizes are bounded.
    `own_network`: it sees no network interface. `secured`: it can gain no privileges.
    """

    landlock: int
    own_network: bool
    secured: bool


def lock_down(memory_bytes: int) -> Confinement:
    """Give up writing, running programs, the network, and more memory than a decode may take.

    Reading files stays allowed, and whatever is open stays open. Call it while the process has
    one thread. There is no way back.
    """
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    if sys.platform == "linux":  # elsewhere it is not kept, or counts what is only reserved
        addresses = psutil.Process().memory_info().vms
        _limit(resource.RLIMIT_AS, addresses + memory_bytes + OVERHEAD_BYTES)
    secured = secure_process()
    own_network = isolate_network()
    return Confinement(restrict(), own_network, secured)


def allow_seconds(seconds: float) -> None:
    """Let the system end this process when it uses more processor time than `seconds` from now.

    A timer, setitimer(2), as the moments at which a limit of setrlimit(2) ends a process are on
    Linux's clock of ticks, and what a process has used so far is told by another, which it leads or
    lags by a tenth: with time, that alone would be too much. The daemon looks too, but this also
    holds when the daemon is gone or stopped.
    """
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _limit(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    print(msgspec.json.encode(lock_down(0)).decode())
