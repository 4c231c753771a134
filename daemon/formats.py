"""Which files are photos, judged by name and first bytes, and which of them can be decoded here."""

from __future__ import annotations

import enum
import functools
import importlib.util
import os
from typing import NamedTuple

__all__ = [
    "EXTRA_FORMATS",
    "JPEG_XL",
    "RAW",
    "SIGNATURE_BYTES",
    "Format",
    "Support",
    "format_of",
    "format_of_content",
    "is_video",
]

SIGNATURE_BYTES = 16  # enough of a file's start for format_of_content

# Pillow's own suffixes for the formats that decode.py opens, and pillow-heif's.
_READABLE = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".mpo",
        ".png",
        ".apng",
        ".webp",
        ".gif",
        ".tif",
        ".tiff",
        ".bmp",
        ".dib",
        ".heic",
        ".heics",
        ".heif",
        ".heifs",
        ".hif",
        ".avif",
        ".avifs",
        ".jp2",
        ".j2k",
        ".j2c",
        ".jpc",
        ".jpf",
        ".jpx",
    ]
)
_RAW = frozenset(
    [
        ".3fr",
        ".ari",
        ".arw",
        ".bay",
        ".cap",
        ".cr2",
        ".cr3",
        ".crw",
        ".dcr",
        ".dcs",
        ".dng",
        ".drf",
        ".eip",
        ".erf",
        ".fff",
        ".gpr",
        ".iiq",
        ".k25",
        ".kdc",
        ".mdc",
        ".mef",
        ".mos",
        ".mrw",
        ".nef",
        ".nrw",
        ".orf",
        ".pef",
        ".ptx",
        ".pxn",
        ".r3d",
        ".raf",
        ".raw",
        ".rw2",
        ".rwl",
        ".rwz",
        ".sr2",
        ".srf",
        ".srw",
        ".x3f",
    ]
)
_JPEG_XL = frozenset({".jxl"})
_VIDEO = (b".mov", b".mp4")  # what phones write beside the still of a Live Photo


class Support(enum.Enum):
    """Whether a photo's format can be decoded on this computer."""

    READABLE = "readable"
    NEEDS_CODEC = "needs codec"


class Format(NamedTuple):
    """A family of photo files, and the module and the extra of scened that decode it, if any."""

    family: str
    module: str = ""
    extra: str = ""

    @property
    def support(self) -> Support:
        """Tell whether it can be decoded here; nothing is imported to find out."""
        there = not self.module or _is_installed(self.module)
        return Support.READABLE if there else Support.NEEDS_CODEC

    @property
    def reason(self) -> str:
        """Say why it cannot be decoded where its codec is missing, and what to do about it."""
        return f"{self.family} photos need a codec: the extra [{self.extra}], see `scened doctor`"


COMMON = Format("common")
RAW = Format("RAW", "rawpy", "raw")
JPEG_XL = Format("JPEG XL", "pillow_jxl", "jxl")
EXTRA_FORMATS = (RAW, JPEG_XL)

# ISO/IEC 18181-2 (JPEG XL codestream, container); Canon CR3 brand; Fujifilm; Panasonic; Olympus;
# Sigma. RAW files that are plain TIFF inside are known by name only.
_SIGNATURES: tuple[tuple[int, bytes, Format], ...] = (
    (0, b"\xff\x0a", JPEG_XL),
    (0, b"\x00\x00\x00\x0cJXL \r\n\x87\n", JPEG_XL),
    (4, b"ftypcrx ", RAW),
    (0, b"FUJIFILMCCD-RAW", RAW),
    (0, b"IIU\x00", RAW),
    (0, b"IIRO", RAW),
    (0, b"FOVb", RAW),
    (8, b"CR\x02\x00", RAW),
    # what is plainly a common picture is one, whatever its name says
    (0, b"\xff\xd8\xff", COMMON),
    (0, b"\x89PNG\r\n", COMMON),
    (0, b"GIF8", COMMON),
    (8, b"WEBP", COMMON),
)


@functools.cache
def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def format_of(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> Format | None:
    """Return what a file's suffix says of it, or None when it is no photo. Reads no file."""
    suffix = os.path.splitext(os.fsdecode(path))[1].lower()  # noqa: PTH122 - asked of every file
    if suffix in _READABLE:
        return COMMON
    if suffix in _RAW:
        return RAW
    return JPEG_XL if suffix in _JPEG_XL else None


def format_of_content(head: bytes) -> Format | None:
    """Return the format that a file's first SIGNATURE_BYTES give away.

    None means that they say nothing, and the file's name counts.
    """
    for offset, signature, found in _SIGNATURES:
        if head.startswith(signature, offset):
            return found
    return None


def is_video(name: bytes) -> bool:
    """Tell whether a file may be the video of a Live Photo, by its name."""
    return name[-4:].lower() in _VIDEO
