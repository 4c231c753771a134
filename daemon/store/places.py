"""How a path is written down: a root, a folder inside it, and a name, all as exact bytes."""

from __future__ import annotations

import os
from typing import NamedTuple

from scened.sidecars import Sidecar
from scened.store.drives import NUMBER_BITS, drive_of

__all__ = [
    "Marks",
    "Place",
    "Sighting",
    "displayed",
    "drive_at",
    "is_behind_link",
    "is_vacant",
    "join",
    "marks_of",
    "split",
]

# By which a file is known: drive of its folder, inode, size, time of its last change (ns). A plain
# tuple, as a walk makes one of every file
Marks = tuple[int, int, int, int]


class Place(NamedTuple):
    """Where a file lies: `folder` is relative to its root, empty for the root itself."""

    root_id: int
    folder: bytes
    name: bytes


class Sighting(NamedTuple):
    """A regular file as the file system describes it now; a change in any number is a change.

    `device` is the drive of the folder it lies in, `sidecar` what lies beside it.
    """

    place: Place
    device: int
    inode: int
    size: int
    modified_ns: int
    sidecar: Sidecar | None = None

    @classmethod
    def of(
        cls, place: Place, stat: os.stat_result, device: int, sidecar: Sidecar | None = None
    ) -> Sighting:
        """Describe the file at `place` by its `stat` and the drive of its folder."""
        return cls(place, *marks_of(stat, device), sidecar)


def marks_of(stat: os.stat_result, device: int) -> Marks:
    """Return the marks of a file from its `stat` and the drive of its folder.

    A folder's drive tells file systems apart also where nothing is left in it, which those of
    files do not (overlayfs(5) gives files numbers of their own).
    """
    return device, stat.st_ino & NUMBER_BITS, stat.st_size, stat.st_mtime_ns


def join(root: bytes, folder: bytes, name: bytes) -> bytes:
    """Return the absolute path of `name`; an empty root is the root of the file system."""
    return b"/".join((root, folder, name) if folder else (root, name))


def split(root: bytes, path: bytes) -> tuple[bytes, bytes] | None:
    """Return folder and name of `path` inside `root`, or None when it lies elsewhere."""
    if not path.startswith(root + b"/"):
        return None
    folder, _, name = path[len(root) + 1 :].rpartition(b"/")
    return folder, name


def is_vacant(root: bytes, folder: bytes, name: bytes) -> bool:
    """Tell whether nothing is at a place any more, or only what a link on the way leads to.

    Where the file system will not say (no permission, a failing disk) there may still be a file.
    """
    try:
        os.lstat(join(root, folder, name))
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return is_behind_link(root, folder)


def is_behind_link(root: bytes, folder: bytes) -> bool:
    """Tell whether a link is among the folders that lead from a root to `folder`."""
    path = root
    for name in folder.split(b"/") if folder else ():
        path += b"/" + name
        if os.path.islink(path):  # noqa: PTH114 - bytes, and False where it cannot be asked
            return True
    return False


def drive_at(root: bytes, folder: bytes) -> int | None:
    """Return the drive of a folder of a root, or of the nearest one above it that is there.

    Where a drive was unplugged that is the drive of what it was mounted on. None where not
    even the root can be asked.
    """
    while True:
        try:
            return drive_of(root + b"/" + folder)
        except (FileNotFoundError, NotADirectoryError):
            if not folder:
                return None
            folder = folder.rpartition(b"/")[0]
        except OSError:
            return None


def displayed(path: bytes) -> str:
    """Return `path` as text, with U+FFFD for each byte that is not UTF-8."""
    return path.decode("utf-8", "replace")
