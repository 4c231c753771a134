"""JPEG XL: its decoder registered with Pillow, and a picture's size read before it decodes.

The plugin decodes the whole picture as it opens it, so what is too large must be known before.
Source: ISO/IEC 18181-1 (image header), 18181-2 (container).
"""

from __future__ import annotations

import contextlib
from typing import BinaryIO

__all__ = ["HEADER_BYTES", "PLUGIN", "jxl_size", "keeps_orientation"]

HEADER_BYTES = 65_536  # of a container, in which the codestream must have begun
CODESTREAM = b"\xff\x0a"
BOX_HEADER = 8
PART_NUMBER = 4  # bytes before the codestream in a `jxlp` box

PLUGIN = False
with contextlib.suppress(ImportError):
    from pillow_jxl import JpegXLImagePlugin

    JpegXLImagePlugin.DECODE_THREADS = 0  # one thread: the analyzer is to be noticed by nobody
    PLUGIN = True

_DISTANCES = (9, 13, 18, 30)  # bits of a side, by selector
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


class _Bits:
    """Bits of a codestream, the lowest first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        taken = self._value & ((1 << count) - 1)
        self._value >>= count
        return taken


def jxl_size(file: BinaryIO) -> tuple[int, int] | None:
    """Return width and height as stored, or None where the beginning does not tell.

    Reads from the file's start and leaves it there.
    """
    head = file.read(HEADER_BYTES)
    file.seek(0)
    stream = head if head.startswith(CODESTREAM) else _codestream(head)
    if stream is None or not stream.startswith(CODESTREAM):
        return None
    bits = _Bits(stream[len(CODESTREAM) : len(CODESTREAM) + 16])
    small = bits.take(1)

    def side() -> int:
        return (bits.take(5) + 1) * 8 if small else bits.take(_DISTANCES[bits.take(2)]) + 1

    height = side()
    ratio = bits.take(3)
    if ratio == 0:
        return side(), height
    across, down = _RATIOS[ratio]
    return height * across // down, height


def keeps_orientation(image: object) -> bool:
    """Tell whether EXIF's orientation is still to be applied: only to a JPEG packed losslessly."""
    return bool(getattr(image, "jpeg", False))


def _codestream(head: bytes) -> bytes | None:
    """Return the beginning of the codestream in a container."""
    at = 0
    while at + BOX_HEADER <= len(head):
        length = int.from_bytes(head[at : at + 4], "big")
        kind = head[at + 4 : at + BOX_HEADER]
        if kind == b"jxlc":
            return head[at + BOX_HEADER :]
        if kind == b"jxlp":
            return head[at + BOX_HEADER + PART_NUMBER :]
        if length < BOX_HEADER:
            return None
        at += length
    return None
