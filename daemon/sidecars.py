"""Where what other programs say of a photo lies beside it: `photo.jpg.xmp`, or `photo.xmp`."""

from __future__ import annotations

import os
import stat as modes
from typing import NamedTuple

from scened.errors import ReadFailed, UnreadableSidecar
from scened.formats import format_of

__all__ = [
    "SIDECAR_BYTES",
    "Sidecar",
    "find_sidecar",
    "is_sidecar",
    "names_of",
    "read_sidecar",
    "stem_of",
]

SIDECAR_BYTES = 8_000_000  # a longer one is left alone; darktable's longest are a tenth of it
SUFFIX = b".xmp"


class Sidecar(NamedTuple):
    """A sidecar as the file system describes it; a change in any of it is a change."""

    name: bytes
    size: int
    modified_ns: int


def names_of(photo: bytes) -> tuple[bytes, bytes]:
    """Return the names that the sidecar of a photo file may have, the better one first.

    `photo.jpg.xmp` is what darktable and digiKam write: it cannot be mistaken for that of another
    photo. `photo.xmp` is Lightroom's.
    """
    return photo + SUFFIX, os.path.splitext(photo)[0] + SUFFIX  # noqa: PTH122


def is_sidecar(name: bytes) -> bool:
    """Tell whether a file may be a sidecar, by its name."""
    return name.endswith(SUFFIX)


def stem_of(sidecar: bytes) -> bytes:
    """Return what the names of all photos begin with whose sidecar may be called like this.

    `a.jpg.xmp` may be that of `a.jpg`, and `a.xmp` that of `a.jpg` or `a.png`.
    """
    name = sidecar.removesuffix(SUFFIX)
    return os.path.splitext(name)[0] if format_of(name) else name  # noqa: PTH122


def find_sidecar(folder: bytes, photo: bytes) -> Sidecar | None:
    """Return the sidecar of a photo in a folder, if it has one that is a regular file."""
    for name in names_of(photo):
        try:
            stat = os.lstat(folder + b"/" + name)
        except OSError:
            continue
        if modes.S_ISREG(stat.st_mode):
            return Sidecar(name, stat.st_size, stat.st_mtime_ns)
    return None


def read_sidecar(path: bytes) -> tuple[bytes, Sidecar]:
    """Return a sidecar's bytes with what it was while they were read.

    Raises FileNotFoundError, ReadFailed, or UnreadableSidecar for one that is too long or is no
    file of its own.
    """
    try:
        # neither a link nor a pipe put in its place
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        with os.fdopen(os.open(path, flags), "rb") as file:
            stat = os.fstat(file.fileno())
            if not modes.S_ISREG(stat.st_mode):
                raise UnreadableSidecar("it is not a regular file")
            if stat.st_size > SIDECAR_BYTES:
                raise UnreadableSidecar(
                    f"it has {stat.st_size / 1e6:,.0f} MB, more than the"
                    f" {SIDECAR_BYTES / 1e6:,.0f} MB allowed"
                )
            data = file.read(SIDECAR_BYTES)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(path) from error
    except OSError as error:
        raise ReadFailed(f"it cannot be read: {error.strerror}") from error
    return data, Sidecar(os.path.basename(path), stat.st_size, stat.st_mtime_ns)  # noqa: PTH119
