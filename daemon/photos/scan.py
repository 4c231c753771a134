"""One folder as it is on the disk: its photos, and the folders inside it."""

from __future__ import annotations

import os
import stat as modes
from typing import NamedTuple

from scened.formats import format_of
from scened.photos.ignore import FolderRules
from scened.store.places import Place, Sighting

__all__ = ["Folder", "describe", "scan_folder"]

DATALESS_FLAG = 0x4000_0000  # SF_DATALESS in macOS's sys/stat.h
RECALL_ATTRIBUTES = 0x0040_0000 | 0x0004_0000  # FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS | _ON_OPEN


class Folder(NamedTuple):
    """What was found: photos by name, the rules of the folders inside."""

    photos: dict[bytes, Sighting]
    folders: list[FolderRules]
    empty: bool


def scan_folder(root_id: int, rules: FolderRules) -> Folder:
    """List one folder; raises OSError where it cannot be listed.

    Links are not followed: what they lead to is looked at where it lies. What is neither a
    regular file nor a folder (a pipe, a device) is not looked at.
    """
    photos: dict[bytes, Sighting] = {}
    folders: list[FolderRules] = []
    empty = True
    device = os.stat(rules.path or b"/").st_dev
    with os.scandir(rules.path or b"/") as entries:
        for entry in entries:
            empty = False
            if entry.is_dir(follow_symlinks=False):
                inside = rules.enter(entry.name)
                if inside is not None:
                    folders.append(inside)
            elif format_of(entry.name) is not None and rules.takes_file(entry.name):
                sighting = describe(Place(root_id, rules.folder, entry.name), entry.path, device)
                if sighting is not None:
                    photos[entry.name] = sighting
    return Folder(photos, folders, empty)


def describe(place: Place, path: bytes, device: int | None = None) -> Sighting | None:
    """Return what the file system says of a photo file, or None where none can be read there.

    `device`: of its folder, where that is known already. A file that is only the placeholder of
    a cloud drive is none: reading it would download it.
    """
    try:
        stat = os.lstat(path)
        device = os.stat(os.path.dirname(path)).st_dev if device is None else device  # noqa: PTH120
    except OSError:
        return None
    if not modes.S_ISREG(stat.st_mode) or _is_placeholder(stat):
        return None
    return Sighting.of(place, stat, device)


def _is_placeholder(stat: os.stat_result) -> bool:
    return bool(
        getattr(stat, "st_flags", 0) & DATALESS_FLAG
        or getattr(stat, "st_file_attributes", 0) & RECALL_ATTRIBUTES
    )
