"""The analyzer process: hashes, decodes and looks, photo by photo, at the lowest priority.

Run as `python -m scened.analysis.analyzer PACK_FOLDER LIMITS` (JSON) with the protocol on stdin
and stdout. It holds no database and keeps nothing between photos but the loaded network.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec
import xxhash

from scened.analysis.decode import decode
from scened.analysis.network import Network
from scened.analysis.protocol import (
    Done,
    Identified,
    Job,
    Looked,
    MovedOn,
    PackRefused,
    Ready,
    Slice,
    Started,
    receive,
    send,
)
from scened.analysis.sandbox import allow_seconds, lock_down
from scened.config import Limits
from scened.errors import MissingPath, ReadFailed, ScenedError, UnsupportedFormat
from scened.findings import Findings, Outcome
from scened.formats import Support, format_of
from scened.governor.priority import step_back
from scened.models.pack import open_pack

__all__ = ["Looker", "main"]

READ_BYTES = 1024 * 1024


class _ChangedMeanwhile(Exception):
    """The file is not, or no longer, what was asked for."""


class Looker:
    """Looks at one photo at a time and tells what became of it."""

    def __init__(self, network: Network, limits: Limits) -> None:
        self._network = network
        self._limits = limits

    def look(
        self, job: Job, known_hashes: frozenset[bytes], tell: Callable[[Identified], None]
    ) -> Looked | MovedOn:
        """Identify a photo, tell its hash and, unless that is known, say what it shows.

        A file whose name says that no codec here reads it is not opened at all, and so has no
        hash: what a name says is no property of the content.
        """
        if (by_name := format_of(job.path)) and by_name.support is Support.NEEDS_CODEC:
            return Looked(
                Outcome(
                    job.file_id, job.size, job.modified_ns, error=by_name.reason, unsupported=True
                )
            )
        if job.size > self._limits.file_bytes:
            reason = (
                f"is {job.size / 1e9:,.1f} GB long, more than the"
                f" {self._limits.file_bytes / 1e9:,.1f} GB allowed"
            )
            return Looked(Outcome(job.file_id, job.size, job.modified_ns, error=reason))
        allow_seconds(self._limits.cpu_seconds)
        began = time.perf_counter()
        hashed = decoded = began
        digest: bytes | None = None
        findings: Findings | None = None
        error: str | None = None
        unsupported = transient = False
        try:
            digest = _hash_of(job)
            hashed = decoded = time.perf_counter()
            if digest not in known_hashes:
                tell(Identified(digest))
                picture = decode(job.path, self._limits)
                decoded = time.perf_counter()
                findings = self._network.findings(picture)
                _check_unchanged(job)
        except (_ChangedMeanwhile, MissingPath):
            return MovedOn(job.file_id)
        except UnsupportedFormat as refusal:
            error, unsupported = refusal.message, True
        except ReadFailed as refusal:
            digest, error, transient = None, refusal.message, True
        except ScenedError as refusal:
            error = refusal.message
        ended = time.perf_counter()
        return Looked(
            Outcome(
                job.file_id,
                job.size,
                job.modified_ns,
                digest,
                findings,
                error,
                unsupported,
                transient,
            ),
            hash_seconds=hashed - began,
            decode_seconds=decoded - hashed,
            network_seconds=ended - decoded,
        )


def main() -> None:
    """Serve slices until the daemon closes its end of the pipe."""
    requests, answers = _take_pipes()
    limits = msgspec.json.decode(sys.argv[2], type=Limits)
    step_back()
    lock_down(limits.memory_bytes)
    try:
        network = Network(open_pack(Path(sys.argv[1])))
    except ScenedError as error:
        send(answers, PackRefused(str(error)))
        return
    looker = Looker(network, limits)
    send(answers, Ready())
    decoder = msgspec.msgpack.Decoder(Slice)
    while (work := receive(requests, decoder)) is not None:
        _serve(looker, work, answers)


def _serve(looker: Looker, work: Slice, answers: BinaryIO) -> None:
    deadline = time.monotonic() + work.budget_seconds
    seen_now: set[bytes] = set()  # two copies in one slice are looked at once
    for job in work.photos:
        send(answers, Started(job.file_id))
        known = frozenset({*job.known_hashes, *seen_now})
        answer = looker.look(job, known, functools.partial(send, answers))
        if isinstance(answer, Looked) and answer.outcome.hash is not None:
            seen_now.add(answer.outcome.hash)
        send(answers, answer)
        if time.monotonic() >= deadline:
            break
    send(answers, Done())


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Keep the pipes to ourselves, so that nothing a library prints gets between messages."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return requests, answers


def _hash_of(job: Job) -> bytes:
    """Return the XXH3-128 digest of the whole file; raise where it is not as the daemon saw it."""
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
        raise _ChangedMeanwhile from error
    except OSError as error:
        raise ReadFailed(f"cannot be read: {error.strerror}") from error
    return digest.digest()


def _check_unchanged(job: Job) -> None:
    try:
        _compare(job, os.stat(job.path))
    except OSError as error:
        raise _ChangedMeanwhile from error


def _compare(job: Job, now: os.stat_result) -> None:
    if (now.st_size, now.st_mtime_ns) != (job.size, job.modified_ns):
        raise _ChangedMeanwhile


if __name__ == "__main__":
    main()
