"""The analyzer process: hashes, decodes and looks, photo by photo, at the lowest priority.

Run as `python -m scened.analysis.analyzer PACK_FOLDER LIMITS [keep]` (limits as JSON) with the
protocol on stdin and stdout; `keep` leaves the priority as it is. It holds no database and keeps
nothing between slices but the loaded network.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Set
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec
from PIL import Image

from scened.analysis.decode import Decoded, decode
from scened.analysis.labels import look_beside
from scened.analysis.network import Network
from scened.analysis.original import ChangedMeanwhile, check_unchanged, hash_of, leave_page_cache
from scened.analysis.protocol import (
    KEEP_PRIORITY,
    Done,
    Identified,
    Job,
    Looked,
    MovedOn,
    PackRefused,
    ReadBeside,
    Ready,
    Slice,
    Started,
    receive,
    send,
)
from scened.analysis.sandbox import allow_seconds, lock_down
from scened.config import Limits
from scened.errors import MissingPath, ReadFailed, ScenedError, UnsupportedFormat
from scened.findings import Outcome
from scened.formats import Support, format_of
from scened.governor.priority import step_back
from scened.models.pack import open_pack

__all__ = ["Opened", "look", "main", "open_photo"]


AHEAD_PIXELS = 25_000_000  # held of one photo; beside more than that no other one is decoded


class Opened(NamedTuple):
    """A photo that was hashed and decoded, and the seconds that took."""

    job: Job
    digest: bytes
    picture: Decoded
    hash_seconds: float
    decode_seconds: float


def open_photo(
    job: Job, known_hashes: Set[bytes], limits: Limits, tell: Callable[[Identified], None]
) -> Opened | Looked | MovedOn:
    """Identify a photo, tell its hash and, unless that is known, decode it.

    Returns an answer where there is nothing to look at.

    A file whose name says that no codec here reads it is not opened at all, and so has no
    hash: what a name says is no property of the content.
    """
    if (by_name := format_of(job.path)) and by_name.support is Support.NEEDS_CODEC:
        return Looked(
            Outcome(job.file_id, job.size, job.modified_ns, error=by_name.reason, unsupported=True)
        )
    if job.size > limits.file_bytes:
        reason = (
            f"is {job.size / 1e9:,.1f} GB long, more than the"
            f" {limits.file_bytes / 1e9:,.1f} GB allowed"
        )
        return Looked(Outcome(job.file_id, job.size, job.modified_ns, error=reason))
    allow_seconds(limits.cpu_seconds)
    began = time.perf_counter()
    hashed: float | None = None
    digest: bytes | None = None
    error: str | None = None
    unsupported = transient = False
    try:
        digest = hash_of(job)
        hashed = time.perf_counter()
        if digest not in known_hashes:
            tell(Identified(job.file_id, digest))
            picture = decode(job.path, limits)
            check_unchanged(job)
            return Opened(job, digest, picture, hashed - began, time.perf_counter() - hashed)
    except (ChangedMeanwhile, MissingPath):
        return MovedOn(job.file_id)
    except UnsupportedFormat as refusal:
        error, unsupported = refusal.message, True
    except ReadFailed as refusal:
        digest, error, transient = None, refusal.message, True
    except ScenedError as refusal:
        error = refusal.message
    finally:
        leave_page_cache(job)
    ended = time.perf_counter()
    return Looked(
        Outcome(
            job.file_id,
            job.size,
            job.modified_ns,
            digest,
            error=error,
            unsupported=unsupported,
            transient=transient,
        ),
        hash_seconds=(hashed or ended) - began,
        decode_seconds=ended - (hashed or ended),
    )


def look(network: Network, opened: Opened) -> Looked | MovedOn:
    """Say what an opened photo shows; its file may be read again for that."""
    began = time.perf_counter()
    job, digest = opened.job, opened.digest
    try:
        outcome = Outcome(
            job.file_id, job.size, job.modified_ns, digest, network.findings(opened.picture)
        )
        check_unchanged(job)
    except (ChangedMeanwhile, MissingPath):
        return MovedOn(job.file_id)
    except ScenedError as refusal:
        outcome = Outcome(job.file_id, job.size, job.modified_ns, digest, error=refusal.message)
    finally:
        leave_page_cache(job)
    return Looked(outcome, opened.hash_seconds, opened.decode_seconds, time.perf_counter() - began)


def main() -> None:
    """Serve slices until the daemon closes its end of the pipe."""
    requests, answers = _take_pipes()
    limits = msgspec.json.decode(sys.argv[2], type=Limits)
    if KEEP_PRIORITY not in sys.argv[3:]:
        step_back()
    lock_down(limits.memory_bytes)
    try:
        network = Network(open_pack(Path(sys.argv[1])))
    except ScenedError as error:
        send(answers, PackRefused(str(error)))
        return
    send(answers, Ready())
    decoder = msgspec.msgpack.Decoder(Slice)
    with ThreadPoolExecutor(1, "decode") as opener:  # inherits the priority and the sandbox
        while (work := receive(requests, decoder)) is not None:
            _serve(network, work, limits, answers, opener)


def _serve(
    network: Network, work: Slice, limits: Limits, answers: BinaryIO, opener: Executor
) -> None:
    """Look at photos until the time is up; where asked, open the next one meanwhile.

    At most one opened photo waits, and each is announced before it is opened. Only one photo is
    decoded at a time, also where a closer look needs more of one.
    """
    deadline = time.monotonic() + work.budget_seconds
    waiting = deque(work.photos)
    known = set(work.known_hashes)  # and those seen now: two copies in one slice are looked at once
    speaking, decoding = threading.Lock(), threading.Lock()

    def say(answer: msgspec.Struct) -> None:
        with speaking:
            send(answers, answer)

    def open_next(job: Job) -> Opened | Looked | MovedOn:
        with decoding:
            return open_photo(job, known, limits, say)

    def begin() -> Future[Opened | Looked | MovedOn]:
        job = waiting.popleft()
        say(Started(job.file_id))
        return opener.submit(open_next, job)

    def larger(opened: Opened) -> Opened:
        def one_at_a_time(long_side: int) -> Image.Image:
            with decoding:
                return opened.picture.larger(long_side)

        return opened._replace(picture=replace(opened.picture, larger=one_at_a_time))

    coming = begin() if waiting else None
    while coming is not None:
        opened, coming = coming.result(), None
        if isinstance(opened, Opened):
            known.add(opened.digest)
        elif isinstance(opened, Looked) and opened.outcome.hash is not None:
            known.add(opened.outcome.hash)
        small = not isinstance(opened, Opened) or opened.picture.held_pixels <= AHEAD_PIXELS
        if work.decode_ahead and small and waiting and time.monotonic() < deadline:
            coming = begin()
        say(look(network, larger(opened)) if isinstance(opened, Opened) else opened)
        del opened  # a large picture is held no longer than it is looked at
        if coming is None and waiting and time.monotonic() < deadline:
            coming = begin()
    for beside in work.sidecars:
        if time.monotonic() < deadline:
            say(Started(beside.file_id))
            say(ReadBeside(look_beside(beside)))
    say(Done())


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Keep the pipes to ourselves, so that nothing a library prints gets between messages."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return requests, answers


if __name__ == "__main__":
    main()
