"""Have pictures looked at in a process of its own: untrusted bytes are not decoded in this one.

What is asked for is either a pack's embedding or a difference hash (N. Krawetz, Kind of Like
That, 2013), which small changes of size, colour or compression leave nearly as it was.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from scened.analysis.protocol import receive, send
from scened.config import Limits
from scened.errors import ExitCode, ScenedError

__all__ = ["HASH_BITS", "difference_hashes", "embedding"]

HASH_BITS = 128
HASH_SIDE = 8  # differences a row and a column: two hashes of 64 bits
LONG_SIDE = 256  # pixels, of which a hash is made
BATCH = 64  # photos a process; one that dies takes none but its own photo along


class _Question(msgspec.Struct, frozen=True):
    """Which photos; with a pack their embedding is asked for, without one their hash."""

    photos: tuple[bytes, ...]
    limits: Limits
    pack_folder: str | None = None


class _Answer(msgspec.Struct, frozen=True):
    """What one photo gave, or why it gave nothing."""

    value: bytes = b""
    message: str = ""
    remedy: str = ""
    exit_code: int = 0


_DIED = _Answer(message="its decoder did not survive it", exit_code=ExitCode.BAD_INPUT)


def embedding(photo: bytes, pack_folder: Path) -> bytes:
    """Return a picture's embedding as it would be stored: int8, the unit vector times 127.

    Raises ScenedError where the picture cannot be decoded, or the pack not be used.
    """
    (answer,) = _ask(_Question((photo,), Limits(), str(pack_folder)))
    if answer.exit_code:
        error = ScenedError(f"{os.fsdecode(photo)}: {answer.message}", answer.remedy)
        error.exit_code = ExitCode(answer.exit_code)
        raise error
    return answer.value


def difference_hashes(photos: Sequence[bytes]) -> list[int | None]:
    """Return the difference hash of each picture, 128 bits; None where it cannot be decoded."""
    hashes: list[int | None] = []
    for start in range(0, len(photos), BATCH):
        answers = _ask(_Question(tuple(photos[start : start + BATCH]), Limits()))
        hashes += [None if each.exit_code else int.from_bytes(each.value) for each in answers]
    return hashes


def _ask(question: _Question) -> list[_Answer]:
    """Return an answer a photo; a process that ends too early failed at the first without one."""
    answers: list[_Answer] = []
    while len(answers) < len(question.photos):
        rest = msgspec.structs.replace(question, photos=question.photos[len(answers) :])
        child = subprocess.run(
            [sys.executable, "-m", "scened.analysis.appearance"],
            input=msgspec.msgpack.encode(rest),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # decoders written in C complain there
        )
        answers += _answers(child.stdout)
        if len(answers) < len(question.photos):
            answers.append(_DIED)
    return answers


def _answers(stream: bytes) -> list[_Answer]:
    """Return the answers that arrived whole."""
    decoder = msgspec.msgpack.Decoder(_Answer)
    arrived = io.BytesIO(stream)
    return list(iter(lambda: receive(arrived, decoder), None))


def _main() -> None:
    from scened.analysis.sandbox import allow_seconds, lock_down

    question = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=_Question)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints does not get between answers
    lock_down(question.limits.memory_bytes)
    look: Callable[[bytes], bytes] | None = None
    for photo in question.photos:
        allow_seconds(question.limits.cpu_seconds)
        try:
            look = look or _looker(question)
            answer = _Answer(look(photo))
        except ScenedError as error:
            answer = _Answer(message=error.message, remedy=error.remedy, exit_code=error.exit_code)
        send(answers, answer)


def _looker(question: _Question) -> Callable[[bytes], bytes]:
    limits = question.limits
    if question.pack_folder is None:
        import dhash

        from scened.analysis.decode import read_picture

        def hash_of(photo: bytes) -> bytes:
            picture, _ = read_picture(photo, LONG_SIDE, limits)
            number: int = dhash.dhash_int(picture, HASH_SIDE)
            return number.to_bytes(HASH_BITS // 8)

        return hash_of

    from scened.analysis.decode import decode
    from scened.analysis.network import Network
    from scened.models.pack import open_pack

    network = Network(open_pack(Path(question.pack_folder)))
    return lambda photo: network.findings(decode(photo, limits)).embedding


if __name__ == "__main__":
    _main()
