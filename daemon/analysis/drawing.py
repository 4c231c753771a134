"""Have a photo drawn on in a process of its own: untrusted bytes are not decoded in this one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from scened.config import Limits
from scened.errors import CannotCreate, ExitCode, ScenedError
from scened.findings import Face, TagScore

__all__ = ["Drawing", "draw"]


class Drawing(msgspec.Struct, frozen=True):
    """What to draw on which photo, within which limits."""

    photo: bytes
    tags: tuple[TagScore, ...]
    faces: tuple[Face, ...]
    limits: Limits


class _Refusal(msgspec.Struct, frozen=True):
    message: str
    remedy: str
    exit_code: int


def draw(photo: bytes, tags: Sequence[TagScore], faces: Sequence[Face], output: Path) -> None:
    """Write `photo` with its face boxes and best tags drawn on it to `output`, a PNG.

    Raises `ScenedError` where the photo cannot be decoded, and CannotCreate where the output
    cannot be written or is the photo itself.
    """
    if output.exists() and output.samefile(os.fsdecode(photo)):
        raise CannotCreate(f"{output} is the photo itself", "name another file")
    png = _drawn(Drawing(photo, tuple(tags), tuple(faces), Limits()))
    try:
        output.write_bytes(png)
    except OSError as error:
        raise CannotCreate(f"{output} cannot be written: {error.strerror}") from error


def _drawn(drawing: Drawing) -> bytes:
    child = subprocess.run(
        [sys.executable, "-m", "scened.analysis.drawing"],
        input=msgspec.msgpack.encode(drawing),
        capture_output=True,
    )
    if child.returncode == 0:
        return child.stdout
    try:
        refusal = msgspec.msgpack.decode(child.stdout, type=_Refusal)
    except msgspec.MsgspecError:
        refusal = _Refusal(
            "the picture could not be drawn", "its decoder did not survive it", ExitCode.BAD_INPUT
        )
    error = ScenedError(refusal.message, refusal.remedy)
    error.exit_code = ExitCode(refusal.exit_code)
    raise error


def _main() -> int:
    from scened.analysis.render import render
    from scened.analysis.sandbox import allow_seconds, lock_down

    drawing = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Drawing)
    lock_down(drawing.limits.memory_bytes)
    allow_seconds(drawing.limits.cpu_seconds)
    try:
        png = render(drawing.photo, drawing.tags, drawing.faces, drawing.limits)
    except ScenedError as error:
        refusal = _Refusal(error.message, error.remedy, error.exit_code)
        sys.stdout.buffer.write(msgspec.msgpack.encode(refusal))
        return 1
    sys.stdout.buffer.write(png)
    return 0


if __name__ == "__main__":
    sys.exit(_main())
