"""Have small pictures made in one process that stays; none is decoded in this one."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import threading
from typing import IO, BinaryIO, cast

import msgspec

from scened.analysis.protocol import receive, send
from scened.config import Limits
from scened.errors import ExitCode, ScenedError, UnreadablePhoto

__all__ = ["Thumbnailer"]

LONGEST_SECONDS = 60.0  # for one picture, on a disk that does not answer
JPEG_QUALITY = 82


class _Request(msgspec.Struct, frozen=True):
    photo: bytes
    long_side: int


class _Answer(msgspec.Struct, frozen=True):
    """The picture, or why there is none."""

    jpeg: bytes = b""
    message: str = ""
    remedy: str = ""
    exit_code: int = 0


class Thumbnailer:
    """A process that decodes pictures, one at a time, started when the first is asked for.

    Any thread may ask. A picture that its decoder does not survive, or that takes too long, takes
    the process along; the next one gets a new process.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._turn = threading.Lock()
        self._answers = msgspec.msgpack.Decoder(_Answer)
        self._child: subprocess.Popen[bytes] | None = None

    def jpeg(self, photo: bytes, long_side: int) -> bytes:
        """Return a photo as a JPEG: upright, sRGB, at most `long_side` pixels, without metadata.

        Raises ScenedError where it cannot be decoded.
        """
        with self._turn:
            answer = self._ask(_Request(photo, long_side))
        if answer is None:
            raise UnreadablePhoto("its decoder did not survive it, or took too long")
        if answer.exit_code:
            error = ScenedError(answer.message, answer.remedy)
            error.exit_code = ExitCode(answer.exit_code)
            raise error
        return answer.jpeg

    def close(self) -> None:
        """End the process."""
        with self._turn:
            self._end()

    def _ask(self, request: _Request) -> _Answer | None:
        child = self._running()
        watch = threading.Timer(LONGEST_SECONDS, child.kill)
        watch.daemon = True
        watch.start()
        try:
            send(_pipe(child.stdin), request)
            answer = receive(_pipe(child.stdout), self._answers)
        except (OSError, ValueError, msgspec.MsgspecError):
            answer = None
        finally:
            watch.cancel()
        if answer is None:
            self._end()
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is not None:
            self._end()
        if self._child is None:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "scened.analysis.thumbnailing"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # decoders written in C complain there
            )
            send(_pipe(self._child.stdin), self._limits)
        return self._child

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                with contextlib.suppress(OSError):  # what was not sent yet has no reader any more
                    _pipe(pipe).close()


def _pipe(stream: IO[bytes] | None) -> BinaryIO:
    return cast("BinaryIO", stream)


def _main() -> None:
    from scened.analysis.decode import read_picture
    from scened.analysis.sandbox import allow_seconds, lock_down

    questions = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints does not get between answers
    limits = receive(questions, msgspec.msgpack.Decoder(Limits))
    if limits is None:
        return
    lock_down(limits.memory_bytes)
    requests = msgspec.msgpack.Decoder(_Request)
    while (request := receive(questions, requests)) is not None:
        allow_seconds(limits.cpu_seconds)
        try:
            picture, _ = read_picture(request.photo, request.long_side, limits)
            picture.info.clear()  # what the camera noted stays here
            file = io.BytesIO()
            picture.save(file, "JPEG", quality=JPEG_QUALITY)
            answer = _Answer(file.getvalue())
        except ScenedError as error:
            answer = _Answer(message=error.message, remedy=error.remedy, exit_code=error.exit_code)
        send(answers, answer)


if __name__ == "__main__":
    _main()
