"""Starts the analyzer process, gives it slices, and ends it when a photo is too much for it."""

from __future__ import annotations

import contextlib
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
    Answer,
    Done,
    Identified,
    Job,
    Looked,
    MovedOn,
    Slice,
    Started,
    receive,
    send,
)
from scened.config import Limits

__all__ = ["AnalyzerEnded", "AnalyzerSaid", "Supervisor", "Victim"]

logger = logging.getLogger(__name__)

OWN_BYTES = 500_000_000  # resident, beside what a decode may take
LAST_WORDS_SECONDS = 1.0


class AnalyzerSaid(NamedTuple):
    """An answer came from the analyzer of this generation."""

    generation: int
    answer: Answer


class AnalyzerEnded(NamedTuple):
    """The analyzer of this generation is gone; `reason` says how, as people would.

    `final`: the photo at hand would do the same to the next one.
    """

    generation: int
    reason: str
    final: bool = False


class Victim(NamedTuple):
    """The photo that an analyzer was at when it ended; its hash, if it got that far."""

    file_id: int
    hash: bytes | None


class Supervisor:
    """The analyzer seen from the daemon; what it says arrives through `tell`, from a thread.

    One generation is one process. `photo` is the file id that the analyzer has begun and not
    finished: the one to blame when it dies. A changed `pack_folder` is for the next process.
    """

    def __init__(
        self,
        pack_folder: Path,
        limits: Limits,
        tell: Callable[[AnalyzerSaid | AnalyzerEnded], None],
    ) -> None:
        self._limits = limits
        self.pack_folder = pack_folder
        self._tell = tell
        self._process: subprocess.Popen[bytes] | None = None
        self._killed_because: str | None = None
        self._cpu_at_start = 0.0
        self.generation = 0
        self.busy = False
        self.suspended = False
        self.photo: int | None = None
        self._hash: bytes | None = None

    @property
    def _too_long(self) -> str:
        # processor time, so that a busy or sleeping machine kills nothing
        return f"takes more than {self._limits.cpu_seconds:g} seconds of processor time"

    @property
    def running(self) -> bool:
        """Tell whether there is an analyzer process."""
        return self._process is not None

    @property
    def pid(self) -> int | None:
        """Return the process id of the analyzer, if there is one."""
        return self._process.pid if self._process else None

    def give(self, photos: tuple[Job, ...], budget_seconds: float) -> None:
        """Send a slice, to a fresh analyzer if there is none."""
        if self._process is None:
            self._start()
        self.busy = True
        assert self._process is not None and self._process.stdin is not None  # noqa: S101
        try:
            send(cast("BinaryIO", self._process.stdin), Slice(photos, budget_seconds))
        except BrokenPipeError:
            return  # it has just died: its reader thread tells

    def heard(self, answer: Answer) -> None:
        """Keep track of the photo at hand by what the analyzer says."""
        match answer:
            case Started(file_id):
                self.photo, self._hash = file_id, None
                self._cpu_at_start = self._cpu_seconds()
            case Identified(digest):
                self._hash = digest
            case Looked() | MovedOn():
                self.photo = None
            case Done():
                self.busy = False

    def ended(self) -> Victim | None:
        """Forget a process that is gone, and return the photo it died on, if any."""
        photo, self.photo = self.photo, None
        self._process, self.busy, self._killed_because = None, False, None
        self.suspended = False
        return Victim(photo, self._hash) if photo is not None else None

    def check(self) -> None:
        """End the analyzer where the photo at hand takes too much processor time or memory."""
        if self._process is None or self.photo is None:
            return
        try:
            memory = psutil.Process(self._process.pid).memory_info().rss
        except psutil.Error:
            return
        most = self._limits.memory_bytes + OWN_BYTES
        if memory > most:
            self._kill(f"needs more than {most / 1e9:.1f} GB of memory")
        elif self._cpu_seconds() - self._cpu_at_start > self._limits.cpu_seconds:
            self._kill(self._too_long)

    def suspend(self) -> None:
        """Stop the analyzer where it stands; it goes on with `resume`, and loses nothing."""
        if self._process is not None and not self.suspended:
            with contextlib.suppress(psutil.Error):
                psutil.Process(self._process.pid).suspend()
                self.suspended = True

    def resume(self) -> None:
        """Let a suspended analyzer go on."""
        if self._process is not None and self.suspended:
            with contextlib.suppress(psutil.Error):
                psutil.Process(self._process.pid).resume()
        self.suspended = False

    def stop(self) -> None:
        """Let the analyzer end after the photo at hand, or end it when that lasts too long."""
        if self._process is None:
            return
        self.resume()
        assert self._process.stdin is not None  # noqa: S101
        self._process.stdin.close()
        try:
            self._process.wait(LAST_WORDS_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.ended()
        self.generation += 1  # what its thread still says is of the past

    def _start(self) -> None:
        self.generation += 1
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "scened.analysis.analyzer",
                str(self.pack_folder),
                msgspec.json.encode(self._limits).decode(),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # decoders written in C complain there about every odd file
            stderr=None if logger.isEnabledFor(logging.DEBUG) else subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C is for the daemon, which lets the photo be finished
        )
        self._process = process
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
        self._tell(AnalyzerEnded(generation, reason, final=reason == self._too_long))

    def _kill(self, reason: str) -> None:
        if self._process is not None and self._killed_because is None:
            self._killed_because = reason
            self._process.kill()

    def _cpu_seconds(self) -> float:
        try:
            times = psutil.Process(self._process.pid).cpu_times() if self._process else None
        except psutil.Error:
            return 0.0
        return times.user + times.system if times else 0.0

    def _words_for(self, code: int) -> str:
        if code == -signal.SIGXCPU:
            return self._too_long
        if code >= 0:
            return f"the analyzer ended with {code}"
        return f"the analyzer died of signal {-code}"
