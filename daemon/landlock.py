"""Give up rights for good: landlock, a network of one's own, and no privileges through programs.

Linux only; elsewhere every function says that it could do nothing. The numbers are those of the
kernel's headers (linux/landlock.h, linux/prctl.h, linux/sched.h), see landlock(7).
"""

from __future__ import annotations

import ctypes
import sys

__all__ = ["isolate_network", "landlock_version", "restrict", "secure_process"]

# One number on every architecture since Linux 5.13
CREATE_RULESET, RESTRICT_SELF = 444, 446
ASK_VERSION = 1
SET_DUMPABLE, SET_NO_NEW_PRIVILEGES = 4, 38
NEW_USER, NEW_NETWORK = 0x1000_0000, 0x4000_0000

# Everything about files but reading them (bit 2) and listing folders (bit 3), by the version of
# landlock that brought it
FILE_RIGHTS = ((1, 0x1FF3), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
NETWORK_RIGHTS = ((4, 0b11),)  # TCP: bind, connect
SCOPES = ((6, 0b11),)  # abstract local sockets and signals of others


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


def landlock_version() -> int:
    """Return the version of landlock that this kernel has; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_libc().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ASK_VERSION)))


def restrict() -> int:
    """Deny this process, for good, to change files, run programs and use TCP.

    Files can still be read, and what is open stays open. Needs `secure_process` before. Returns
    the version of landlock that was used; 0 where there is none and nothing was denied.
    """
    version = landlock_version()
    if not version:
        return 0
    libc = _libc()
    rules = _Ruleset(*(_known(rights, version) for rights in (FILE_RIGHTS, NETWORK_RIGHTS, SCOPES)))
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    descriptor = libc.syscall(
        CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0)
    )
    if descriptor < 0:
        return 0
    restricted = libc.syscall(RESTRICT_SELF, descriptor, ctypes.c_uint32(0)) == 0
    libc.close(descriptor)
    return version if restricted else 0


def isolate_network() -> bool:
    """Move this process to a network without interfaces; tell whether the system allowed it.

    Where that takes a privilege, a user namespace of one's own gives it; that needs a process
    of one thread.
    """
    if sys.platform != "linux":
        return False
    libc = _libc()
    return any(libc.unshare(what) == 0 for what in (NEW_NETWORK, NEW_USER | NEW_NETWORK))


def secure_process() -> bool:
    """Let this process never gain privileges, nor be looked into by its user's other programs."""
    if sys.platform != "linux":
        return False
    libc = _libc()
    done = [
        libc.prctl(SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0),
        libc.prctl(SET_DUMPABLE, 0, 0, 0, 0),
    ]
    return not any(done)


def _known(rights: tuple[tuple[int, int], ...], version: int) -> int:
    return sum(bits for since, bits in rights if since <= version)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
