"""The analyzer process itself, spoken to as the daemon does."""

from __future__ import annotations

import ctypes
import mmap
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
import psutil
import pytest
import xxhash

from scened.analysis.protocol import (
    KEEP_PRIORITY,
    Answer,
    Done,
    Identified,
    Job,
    Looked,
    MovedOn,
    Ready,
    Slice,
    Started,
    receive,
    send,
)
from scened.analysis.supervisor import ANALYZER_SETTINGS, Supervisor, Victim
from scened.config import Limits
from scened.findings import Outcome
from scened.models.pack import default_pack_folder
from tests.integration.conftest import put
from tests.photos import photo, write_photo

LONG_SECONDS = 600.0
PHOTOS = 4


class Analyzer:
    """A real analyzer process at the other end of two pipes."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "scened.analysis.analyzer", str(default_pack_folder())]
        self.process = subprocess.Popen(
            [*command, msgspec.json.encode(Limits()).decode(), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **ANALYZER_SETTINGS},
        )
        self._decoder = msgspec.msgpack.Decoder(Answer)
        assert self.hear() == Ready()

    def hear(self) -> Answer | None:
        return receive(cast("BinaryIO", self.process.stdout), self._decoder)

    def ask(self, work: Slice) -> list[Answer]:
        """Return everything it says of a slice."""
        send(cast("BinaryIO", self.process.stdin), work)
        said: list[Answer] = []
        while not said or said[-1] != Done():
            answer = self.hear()
            assert answer is not None
            said.append(answer)
        return said


@pytest.fixture(scope="module")
def analyzer() -> Iterator[Analyzer]:
    started = Analyzer()
    yield started
    started.process.communicate()


def job(number: int, path: Path) -> Job:
    about = path.stat()
    return Job(number, bytes(path), about.st_size, about.st_mtime_ns)


@pytest.fixture
def jobs(tmp_path: Path) -> tuple[Job, ...]:
    return tuple(job(each, put(tmp_path / f"{each}.jpg", each)) for each in range(PHOTOS))


def begun_and_answered(said: list[Answer]) -> list[tuple[str, int]]:
    steps = []
    for answer in said:
        match answer:
            case Started(file_id):
                steps.append(("begun", file_id))
            case Looked(outcome):
                steps.append(("answered", outcome.file_id))
            case MovedOn(file_id):
                steps.append(("answered", file_id))
    return steps


def test_one_photo_at_a_time_unless_asked(analyzer: Analyzer, jobs: tuple[Job, ...]) -> None:
    steps = begun_and_answered(analyzer.ask(Slice(jobs, LONG_SECONDS)))
    assert steps == [(step, each) for each in range(PHOTOS) for step in ("begun", "answered")]


def test_decoding_ahead_announces_each_photo_before_the_one_before_is_answered(
    analyzer: Analyzer, jobs: tuple[Job, ...]
) -> None:
    steps = begun_and_answered(analyzer.ask(Slice(jobs, LONG_SECONDS, decode_ahead=True)))
    ahead = [("begun", 0)]
    for each in range(1, PHOTOS):
        ahead += [("begun", each), ("answered", each - 1)]
    assert steps == [*ahead, ("answered", PHOTOS - 1)]


@pytest.mark.parametrize("ahead", [False, True])
def test_after_its_time_no_photo_is_begun_and_none_is_left_unanswered(
    analyzer: Analyzer, jobs: tuple[Job, ...], ahead: bool
) -> None:
    steps = begun_and_answered(analyzer.ask(Slice(jobs, 0.0, decode_ahead=ahead)))
    assert steps == [("begun", 0), ("answered", 0)]


@pytest.mark.parametrize("ahead", [False, True])
def test_a_copy_in_the_same_slice_is_not_looked_at(
    analyzer: Analyzer, tmp_path: Path, ahead: bool
) -> None:
    pair = [job(n, write_photo(tmp_path / f"{n}.jpg", photo(size=(300, 200)))) for n in (0, 1)]
    said = analyzer.ask(Slice(tuple(pair), LONG_SECONDS, decode_ahead=ahead))
    found = [answer.outcome for answer in said if isinstance(answer, Looked)]
    assert [outcome.findings is not None for outcome in found] == [True, False]
    assert found[0].hash == found[1].hash


def test_a_photo_with_a_known_hash_is_not_looked_at(analyzer: Analyzer, tmp_path: Path) -> None:
    new = write_photo(tmp_path / "new.jpg", photo(size=(300, 200)))
    known = write_photo(tmp_path / "known.jpg", photo(size=(310, 200)))
    digest = xxhash.xxh3_128(known.read_bytes()).digest()
    work = Slice((job(0, new), job(1, known)), LONG_SECONDS, known_hashes=(bytes(16), digest))
    said = analyzer.ask(work)
    found = [answer.outcome for answer in said if isinstance(answer, Looked)]
    assert [outcome.findings is not None for outcome in found] == [True, False]


def test_a_file_that_has_changed_does_not_hold_up_the_next(
    analyzer: Analyzer, jobs: tuple[Job, ...]
) -> None:
    Path(os.fsdecode(jobs[0].path)).write_bytes(b"another")
    said = analyzer.ask(Slice(jobs, LONG_SECONDS, decode_ahead=True))
    assert MovedOn(0) in said
    assert sum(isinstance(answer, Looked) for answer in said) == PHOTOS - 1


@pytest.mark.skipif(sys.platform != "linux", reason="threads are listed on Linux")
def test_every_thread_steps_back(analyzer: Analyzer, jobs: tuple[Job, ...]) -> None:
    analyzer.ask(Slice(jobs, LONG_SECONDS))
    threads = [each.id for each in psutil.Process(analyzer.process.pid).threads()]
    assert {os.sched_getscheduler(thread) for thread in threads} == {os.SCHED_IDLE}


@pytest.mark.skipif(sys.platform != "linux", reason="SCHED_IDLE is Linux's")
def test_one_that_keeps_its_priority_has_ours() -> None:
    hurried = Analyzer(KEEP_PRIORITY)
    found = (os.sched_getscheduler(hurried.process.pid), psutil.Process(hurried.process.pid).nice())
    hurried.process.communicate()
    assert found == (os.sched_getscheduler(0), psutil.Process().nice())


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="no posix_fadvise here")
def test_a_large_photo_leaves_the_page_cache(analyzer: Analyzer, tmp_path: Path) -> None:
    large = put(tmp_path / "large.jpg")
    with large.open("ab") as file:
        file.write(bytes(4_000_000))
        file.flush()
        os.fsync(file.fileno())
    cached(large)
    if not cached(large):
        pytest.skip("this file system keeps no page cache")
    analyzer.ask(Slice((job(0, large),), LONG_SECONDS))
    assert cached(large) == 0


def test_a_dead_analyzer_is_held_against_the_photos_it_had_begun() -> None:
    supervisor = Supervisor(default_pack_folder(), Limits(), lambda _: None)
    said = (Started(1), Started(2), Identified(2, b"hash"), Looked(Outcome(1, 0, 0)), Started(3))
    for answer in said:
        supervisor.heard(answer)
    assert supervisor.ended() == (Victim(2, b"hash"), Victim(3, None))


def test_a_photo_that_was_answered_is_not_to_blame() -> None:
    supervisor = Supervisor(default_pack_folder(), Limits(), lambda _: None)
    for answer in (Started(1), MovedOn(1), Started(2), Looked(Outcome(2, 0, 0)), Done()):
        supervisor.heard(answer)
    assert supervisor.ended() == ()


def cached(path: Path) -> int:
    """Return how many bytes of a file the page cache holds. Source: mincore(2)."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        pages = -(-len(mapped) // mmap.PAGESIZE)
        held = (ctypes.c_ubyte * pages)()
        start = ctypes.addressof(ctypes.c_char.from_buffer(mapped))
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mincore(ctypes.c_void_p(start), ctypes.c_size_t(len(mapped)), held):
            pytest.skip("mincore is refused here")
        return sum(each & 1 for each in held) * mmap.PAGESIZE
