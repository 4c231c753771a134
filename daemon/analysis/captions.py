"""Have sidecars merged in a process of its own: what others wrote is not parsed in this one."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import BinaryIO, cast

import msgspec

from scened.analysis.protocol import receive, send
from scened.config import Limits
from scened.errors import ScenedError, UnreadableSidecar
from scened.records import Caption, Merged

__all__ = ["Captioner"]


class _Question(msgspec.Struct, frozen=True):
    """What to write, into which sidecar; the photo tells which way up it is stored."""

    photo: bytes
    caption: Caption
    before: bytes | None


class _Answer(msgspec.Struct, frozen=True):
    """The sidecar as it should be, None where it is so already, or why it cannot be."""

    after: Merged | None = None
    error: str | None = None


class Captioner:
    """Merges one sidecar after the other; a process that dies takes none but its own along."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._answers = msgspec.msgpack.Decoder(_Answer)

    def __enter__(self) -> Captioner:
        return self

    def __exit__(self, *_failure: object) -> None:
        self._end()

    def merge(self, photo: bytes, caption: Caption, before: bytes | None) -> Merged | None:
        """Return a sidecar with this caption in it, None where all of it is there already.

        `before` are its bytes until now, None where there is none. Raises UnreadableSidecar.
        """
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "scened.analysis.captions"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # libraries written in C complain there
            )
        process = self._process
        try:
            send(cast("BinaryIO", process.stdin), _Question(photo, caption, before))
            answer = receive(cast("BinaryIO", process.stdout), self._answers)
        except (OSError, ValueError, msgspec.MsgspecError):
            answer = None
        if answer is None:
            self._end()
            raise UnreadableSidecar("whatever read it did not survive it")
        if answer.error is not None:
            raise UnreadableSidecar(answer.error)
        return answer.after

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _main() -> None:
    from scened.analysis.decode import stored_orientation
    from scened.analysis.merging import merge
    from scened.analysis.sandbox import allow_seconds, lock_down

    limits = Limits()
    questions = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints does not get between answers
    lock_down(limits.memory_bytes)
    decoder = msgspec.msgpack.Decoder(_Question)
    while (question := receive(questions, decoder)) is not None:
        allow_seconds(limits.cpu_seconds)
        try:
            turned = stored_orientation(question.photo, limits) if question.caption.faces else 1
            answer = _Answer(merge(question.before, question.caption, turned))
        except ScenedError as error:
            answer = _Answer(error=error.message)
        send(answers, answer)


if __name__ == "__main__":
    _main()
