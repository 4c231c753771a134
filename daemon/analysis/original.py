"""The photo's own file: its hash, whether it is still what it was, and a page cache left clean."""

from __future__ import annotations

import contextlib
import os

import xxhash

from scened.analysis.protocol import Job
from scened.errors import ReadFailed

__all__ = ["ChangedMeanwhile", "check_unchanged", "hash_of", "leave_page_cache"]

READ_BYTES = 1024 * 1024
LARGE_BYTES = 1_000_000  # smaller files push nothing of worth out of the page cache


class ChangedMeanwhile(Exception):
    """The file is not, or no longer, what was asked for."""


def hash_of(job: Job) -> bytes:
    """Return the XXH3-128 digest of the whole file.

    Raises `ChangedMeanwhile` where it is not as the daemon saw it, `ReadFailed` where it cannot
    be read to its end.
    """
    digest = xxhash.xxh3_128()
    try:
        # a pipe put in a photo's place would block without O_NONBLOCK
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(job.path, flags), "rb", buffering=0) as file:
            _compare(job, os.fstat(file.fileno()))
            while block := file.read(READ_BYTES):
                digest.update(block)
            _compare(job, os.fstat(file.fileno()))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ChangedMeanwhile from error
    except OSError as error:
        raise ReadFailed(f"cannot be read: {error.strerror}") from error
    return digest.digest()


def check_unchanged(job: Job) -> None:
    """Raise `ChangedMeanwhile` unless the file is as the daemon saw it."""
    try:
        _compare(job, os.stat(job.path))
    except OSError as error:
        raise ChangedMeanwhile from error


def leave_page_cache(job: Job) -> None:
    """Give back the memory in which the system keeps a large file that nobody reads again soon.

    Fifty thousand photos would push out what other programs work with. Source: posix_fadvise(2);
    where there is none (macOS, Windows) nothing is done.
    """
    if job.size < LARGE_BYTES or not hasattr(os, "posix_fadvise"):
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(job.path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def _compare(job: Job, now: os.stat_result) -> None:
    if (now.st_size, now.st_mtime_ns) != (job.size, job.modified_ns):
        raise ChangedMeanwhile
