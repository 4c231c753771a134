"""Have a photo drawn on in a process of its own: untrusted bytes are not decoded in this one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from scened.errors import ExitCode, ScenedError
from scened.findings import Face, TagScore

__all__ = ["Drawing", "draw"]


class Drawing(msgspec.Struct, frozen=True):
    """What to draw on which photo, and the PNG to write."""

    photo: bytes
    tags: tuple[TagScore, ...]
    faces: tuple[Face, ...]
    output: str


class _Refusal(msgspec.Struct, frozen=True):
    message: str
    remedy: str
    exit_code: int


def draw(photo: bytes, tags: Sequence[TagScore], faces: Sequence[Face], output: Path) -> None:
    """Write `photo` with its face boxes and best tags drawn on it to `output`, a PNG.

    Raises `ScenedError` where the photo cannot be decoded or the output cannot be written.
    """
    drawing = Drawing(photo, tuple(tags), tuple(faces), str(output))
    child = subprocess.run(
        [sys.executable, "-m", "scened.analysis.drawing"],
        input=msgspec.msgpack.encode(drawing),
        capture_output=True,
    )
    if child.returncode == 0:
        return
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

    drawing = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Drawing)
    try:
        render(drawing.photo, drawing.tags, drawing.faces, Path(drawing.output))
    except ScenedError as error:
        refusal = _Refusal(error.message, error.remedy, error.exit_code)
        sys.stdout.buffer.write(msgspec.msgpack.encode(refusal))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
