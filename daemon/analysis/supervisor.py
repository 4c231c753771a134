"""Starts the analyzer process, gives it slices, and ends it when a photo is too much for it."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import msgspec
import psutil

from scened.analysis.protocol import (
    KEEP_PRIORITY,
    Answer,
    Done,
    Identified,
    Looked,
    MovedOn,
    ReadBeside,
    Slice,
    Started,
    receive,
    send,
)
from scened.clock import Clock, steady_seconds
from scened.config import Limits

__all__ = ["ANALYZER_SETTINGS", "AnalyzerEnded", "AnalyzerSaid", "Supervisor", "Victim"]

logger = logging.getLogger(__name__)

OWN_BYTES = 500_000_000  # resident, beside what a decode may take
LAST_WORDS_SECONDS = 1.0
LONGEST_LOOK_SECONDS = 1.0  # that counts as standstill; what is more, we were not there ourselves

# One thread for libraries that would take more. glibc gives back at once what a large picture
# took, mallopt(3): measured by benchmarks/memory.py, 70 MB less are held, and decoding is no slower
ANALYZER_SETTINGS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "4000000",
    "MALLOC_TRIM_THRESHOLD_": "4000000",
}

_generations = itertools.count(1)  # one process, one number, whoever started it


class AnalyzerSaid(NamedTuple):
    """An answer came from the analyzer of this generation."""

    generation: int
    answer: Answer


class AnalyzerEnded(NamedTuple):
    """The analyzer of this generation is gone; `reason` says how, as people would.

    `final`: the photo at hand would do the same to the next one. `stuck`: it waited for something
    in vain, perhaps for a disk. `killed`: it was ended from outside, and not by us.
    """

    generation: int
    reason: str
    final: bool = False
    stuck: bool = False
    killed: bool = False


class Victim(NamedTuple):
    """A photo that an analyzer was at when it ended; its hash, if it got that far."""

    file_id: int
    hash: bytes | None


class _Begun(NamedTuple):
    """A photo that was begun, its hash once that is known, and the processor seconds before it."""

    hash: bytes | None
    cpu_seconds: float


class _Still(NamedTuple):
    """An analyzer when it was last looked at, and for how long it had done nothing then."""

    at: float
    cpu_seconds: float
    seconds: float


class Supervisor:
    """One analyzer seen from the daemon; what it says arrives through `tell`, from a thread.

    One generation is one process. When it dies, the photos it has begun and not finished are to
    blame: one, or two where it decodes ahead. `keeps_priority`: it works at our own priority; a
    process that has stepped back cannot be raised again.
    """

    def __init__(
        self,
        pack_folder: Path,
        limits: Limits,
        tell: Callable[[AnalyzerSaid | AnalyzerEnded], None],
        *,
        keeps_priority: bool = False,
        clock: Clock = steady_seconds,
    ) -> None:
        self._limits = limits
        self._pack_folder = pack_folder
        self._tell = tell
        self._clock = clock
        self.keeps_priority = keeps_priority
        self._process: subprocess.Popen[bytes] | None = None
        self._vitals: psutil.Process | None = None
        self._killed_because: str | None = None
        self._begun: dict[int, _Begun] = {}  # by file id
        self._still = _Still(0.0, 0.0, 0.0)
        self.generation = 0
        self.busy = False
        self.suspended = False

    @property
    def _too_long(self) -> str:
        # processor time, so that a busy or sleeping machine kills nothing
        return f"takes more than {self._limits.cpu_seconds:g} seconds of processor time"

    @property
    def _too_still(self) -> str:
        return f"has not moved for {self._limits.standstill_seconds:g} seconds"

    @property
    def running(self) -> bool:
        """Tell whether there is an analyzer process."""
        return self._process is not None

    @property
    def pid(self) -> int | None:
        """Return the process id of the analyzer, if there is one."""
        return self._process.pid if self._process else None

    def give(self, work: Slice) -> None:
        """Send a slice, to a fresh analyzer if there is none."""
        if self._process is None:
            self._start()
        self.busy = True
        self._still = _Still(self._clock(), self._cpu_seconds(), 0.0)
        assert self._process is not None and self._process.stdin is not None  # noqa: S101
        try:
            send(cast("BinaryIO", self._process.stdin), work)
        except BrokenPipeError:
            return  # it has just died: its reader thread tells

    def heard(self, answer: Answer) -> None:
        """Keep track of the photos at hand by what the analyzer says."""
        match answer:
            case Started(file_id):
                self._begun[file_id] = _Begun(None, self._cpu_seconds())
            case Identified(file_id, digest):
                self._begun[file_id] = self._begun[file_id]._replace(hash=digest)
            case Looked(outcome):
                self._begun.pop(outcome.file_id, None)
            case ReadBeside(read):
                self._begun.pop(read.file_id, None)
            case MovedOn(file_id):
                self._begun.pop(file_id, None)
            case Done():
                self.busy = False

    def ended(self) -> tuple[Victim, ...]:
        """Forget a process that is gone, and return the photos it may have died of."""
        victims = tuple(Victim(file_id, begun.hash) for file_id, begun in self._begun.items())
        self._begun = {}
        self._process = self._vitals = self._killed_because = None
        self.busy = self.suspended = False
        return victims

    def check(self) -> None:
        """End an analyzer that does nothing, or takes too much time or memory for its photo."""
        if self._vitals is None:
            return
        if self.busy and self._stands_still() > self._limits.standstill_seconds:
            self._kill(self._too_still)
        if not self._begun:
            return
        try:
            memory = self._vitals.memory_info().rss
        except psutil.Error:
            return
        most = self._limits.memory_bytes + OWN_BYTES
        if memory > most:
            self._kill(f"needs more than {most / 1e9:.1f} GB of memory")
        elif self._cpu_seconds() - self._oldest() > self._limits.cpu_seconds:
            self._kill(self._too_long)

    def suspend(self) -> None:
        """Stop the analyzer where it stands; it goes on with `resume`, and loses nothing."""
        if self._vitals is not None and not self.suspended:
            with contextlib.suppress(psutil.Error):
                self._vitals.suspend()
                self.suspended = True

    def resume(self) -> None:
        """Let a suspended analyzer go on."""
        if self._vitals is not None and self.suspended:
            with contextlib.suppress(psutil.Error):
                self._vitals.resume()
        self.suspended = False

    def dismiss(self) -> None:
        """Ask the analyzer to end after the slice at hand."""
        if self._process is None:
            return
        self.resume()
        assert self._process.stdin is not None  # noqa: S101
        self._process.stdin.close()

    def stop(self) -> None:
        """Let the analyzer end after the slice at hand, or end it when that lasts too long."""
        if self._process is None:
            return
        self.dismiss()
        try:
            self._process.wait(LAST_WORDS_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.ended()
        self.generation = 0  # what its thread still says is of the past

    def _start(self) -> None:
        self.generation = next(_generations)
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "scened.analysis.analyzer",
                str(self._pack_folder),
                msgspec.json.encode(self._limits).decode(),
                *([KEEP_PRIORITY] if self.keeps_priority else []),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # decoders written in C complain there about every odd file
            stderr=None if logger.isEnabledFor(logging.DEBUG) else subprocess.DEVNULL,
            env={**os.environ, **ANALYZER_SETTINGS},
            start_new_session=True,  # Ctrl-C is for the daemon, which lets the photo be finished
        )
        self._process = process
        with contextlib.suppress(psutil.Error):  # it may have died: its reader thread tells
            self._vitals = psutil.Process(process.pid)
        threading.Thread(
            target=self._listen, args=(process, self.generation), name="analyzer", daemon=True
        ).start()

    def _listen(self, process: subprocess.Popen[bytes], generation: int) -> None:
        decoder = msgspec.msgpack.Decoder(Answer)
        assert process.stdout is not None  # noqa: S101
        stream = cast("BinaryIO", process.stdout)
        try:
            while (answer := receive(stream, decoder)) is not None:
                self._tell(AnalyzerSaid(generation, answer))
        except (msgspec.MsgspecError, ValueError):
            process.kill()
        code = process.wait()
        stream.close()
        reason = self._killed_because or self._words_for(code)
        final, stuck = reason == self._too_long, reason == self._too_still
        killed = code == -signal.SIGKILL and self._killed_because is None
        self._tell(AnalyzerEnded(generation, reason, final, stuck, killed))

    def _kill(self, reason: str) -> None:
        if self._process is not None and self._killed_because is None:
            self._killed_because = reason
            self._process.kill()

    def _stands_still(self) -> float:
        """Return for how long it has waited for something, and used no processor time.

        One that is stopped, by us or by others, or that gets no processor is not to blame.
        """
        now, spent = self._clock(), self._cpu_seconds()
        seconds = 0.0
        if self._vitals is not None and spent == self._still.cpu_seconds and _waits(self._vitals):
            seconds = self._still.seconds + min(now - self._still.at, LONGEST_LOOK_SECONDS)
        self._still = _Still(now, spent, seconds)
        return seconds

    def _oldest(self) -> float:
        return min(begun.cpu_seconds for begun in self._begun.values())

    def _cpu_seconds(self) -> float:
        try:
            times = self._vitals.cpu_times() if self._vitals else None
        except psutil.Error:
            return 0.0
        return times.user + times.system if times else 0.0

    def _words_for(self, code: int) -> str:
        if code == -signal.SIGPROF:
            return self._too_long
        if code >= 0:
            return f"the analyzer ended with {code}"
        return f"the analyzer died of signal {-code}"


def _waits(process: psutil.Process) -> bool:
    """Tell whether none of its threads runs, is stopped, or would run if it could."""
    try:
        if sys.platform != "linux":  # which lists threads like processes
            return bool(process.status() == psutil.STATUS_SLEEPING)
        threads = [psutil.Process(thread.id) for thread in process.threads()]
        return all(thread.status() == psutil.STATUS_SLEEPING for thread in threads)
    except psutil.Error:
        return False
