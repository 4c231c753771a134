"""Which files are photos, judged by name and first bytes, and which of them can be decoded here."""

from __future__ import annotations

import enum
import os
from typing import NamedTuple

__all__ = ["SIGNATURE_BYTES", "Format", "Support", "format_of", "format_of_content"]

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

_RAW_REASON = "RAW photos cannot be read yet"
_JPEG_XL_REASON = "JPEG XL photos cannot be read yet: no codec for them is installed"


class Support(enum.Enum):
    """Whether a photo's format can be decoded on this computer."""

    READABLE = "readable"
    NEEDS_CODEC = "needs codec"


class Format(NamedTuple):
    """A family of photo files; `reason` says why it cannot be decoded, empty when it can."""

    support: Support
    reason: str = ""


_READABLE_FORMAT = Format(Support.READABLE)
_RAW_FORMAT = Format(Support.NEEDS_CODEC, _RAW_REASON)
_JPEG_XL_FORMAT = Format(Support.NEEDS_CODEC, _JPEG_XL_REASON)

# ISO/IEC 18181-2 (JPEG XL codestream, container); Canon CR3 brand; Fujifilm; Panasonic; Olympus;
# Sigma. RAW files that are plain TIFF inside are known by name only.
_SIGNATURES: tuple[tuple[int, bytes, Format], ...] = (
    (0, b"\xff\x0a", _JPEG_XL_FORMAT),
    (0, b"\x00\x00\x00\x0cJXL \r\n\x87\n", _JPEG_XL_FORMAT),
    (4, b"ftypcrx ", _RAW_FORMAT),
    (0, b"FUJIFILMCCD-RAW", _RAW_FORMAT),
    (0, b"IIU\x00", _RAW_FORMAT),
    (0, b"IIRO", _RAW_FORMAT),
    (0, b"FOVb", _RAW_FORMAT),
    (8, b"CR\x02\x00", _RAW_FORMAT),
)


def format_of(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> Format | None:
    """Return what a file's suffix says of it, or None when it is no photo. Reads no file."""
    suffix = os.path.splitext(os.fsdecode(path))[1].lower()  # noqa: PTH122 - asked of every file
    if suffix in _READABLE:
        return _READABLE_FORMAT
    if suffix in _RAW:
        return _RAW_FORMAT
    return _JPEG_XL_FORMAT if suffix in _JPEG_XL else None


def format_of_content(head: bytes) -> Format | None:
    """Return the format that a file's first SIGNATURE_BYTES give away, where none can decode it.

    None means that the decoders may try: it does not say that the bytes are a picture.
    """
    for offset, signature, found in _SIGNATURES:
        if head.startswith(signature, offset):
            return found
    return None
