"""One folder as it is on the disk: its photos, and the folders inside it."""

from __future__ import annotations

import functools
import os
import stat as modes
from collections.abc import Iterable
from typing import NamedTuple

from scened.formats import format_of, is_video
from scened.photos.ignore import IGNORE_FILES, FolderRules
from scened.sidecars import Sidecar, find_sidecar, is_sidecar, names_of
from scened.store.drives import drive_of
from scened.store.places import Marks, Place, Sighting, marks_of

__all__ = ["Folder", "describe", "scan_folder", "videos_in"]

DATALESS_FLAG = 0x4000_0000  # SF_DATALESS in macOS's sys/stat.h
RECALL_ATTRIBUTES = 0x0040_0000 | 0x0004_0000  # FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS | _ON_OPEN
# asked of every file at every walk: most systems have none
_HAS_PLACEHOLDERS = any(
    hasattr(os.stat_result, mark) for mark in ("st_flags", "st_file_attributes")
)


class Folder(NamedTuple):
    """What was found: photos and sidecars by the photo's name, the rules of the folders inside.

    Of `videos` nothing but the name is asked. The rules are those that `scan_folder` takes.
    """

    photos: dict[bytes, Marks]
    sidecars: dict[bytes, Sidecar]
    videos: set[bytes]
    folders: list[FolderRules]


def scan_folder(rules: FolderRules, drives: dict[int, int]) -> Folder | None:
    """List one folder, or return None when it is left alone; raises OSError where it cannot be.

    `rules` are those from above: its own ignore files are seen as it is listed. `drives` are those
    seen so far in a walk, by the number of their device. Links are not followed: what they lead to
    is looked at where it lies. What is neither a regular file nor a folder (a pipe, a device) is
    not looked at.
    """
    found, ignores = _list(rules, drives)
    if ignores:
        followed = rules.followed()
        return _list(followed, drives)[0] if followed is not None else None
    return found


def _list(rules: FolderRules, drives: dict[int, int]) -> tuple[Folder, bool]:
    """List a folder by these rules; tell too whether it has an ignore file of its own."""
    photos: dict[bytes, Marks] = {}
    beside: set[bytes] = set()
    videos: set[bytes] = set()
    folders: list[FolderRules] = []
    ignores = False
    device = _drive_of(rules.path or b"/", drives)
    with os.scandir(rules.path or b"/") as entries:
        for entry in entries:
            if entry.name in IGNORE_FILES:
                ignores = True
            elif entry.is_dir(follow_symlinks=False):
                inside = rules.inside(entry.name)
                if inside is not None:
                    folders.append(inside)
            elif _is_photo(entry.name[entry.name.rfind(b".") :]) and rules.takes_file(entry.name):
                try:
                    stat = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                if modes.S_ISREG(stat.st_mode) and not _is_placeholder(stat):
                    photos[entry.name] = marks_of(stat, device)
            elif is_sidecar(entry.name):
                beside.add(entry.name)
            elif _is_video(entry, rules):
                videos.add(entry.name)
    return Folder(photos, _sidecars(rules.path, photos, beside), videos, folders), ignores


def _drive_of(folder: bytes, drives: dict[int, int]) -> int:
    device = os.stat(folder).st_dev
    if device not in drives:
        drives[device] = drive_of(folder)
    return drives[device]


def videos_in(rules: FolderRules) -> set[bytes]:
    """Return the names of the videos in a folder; raises OSError where it cannot be listed."""
    with os.scandir(rules.path or b"/") as entries:
        return {entry.name for entry in entries if _is_video(entry, rules)}


def describe(place: Place, path: bytes) -> Sighting | None:
    """Return what the file system says of a photo file, or None where none can be read there.

    A file that is only the placeholder of a cloud drive is none: reading it would download it.
    """
    try:
        stat = os.lstat(path)
        device = drive_of(os.path.dirname(path))  # noqa: PTH120 - bytes
    except OSError:
        return None
    if not modes.S_ISREG(stat.st_mode) or _is_placeholder(stat):
        return None
    return Sighting.of(place, stat, device, find_sidecar(os.path.dirname(path), place.name))  # noqa: PTH120


def _sidecars(folder: bytes, photos: Iterable[bytes], beside: set[bytes]) -> dict[bytes, Sidecar]:
    return {
        photo: sidecar
        for photo in (photos if beside else ())
        if not beside.isdisjoint(names_of(photo)) and (sidecar := find_sidecar(folder, photo))
    }


def _is_video(entry: os.DirEntry[bytes], rules: FolderRules) -> bool:
    return (
        is_video(entry.name)
        and entry.is_file(follow_symlinks=False)
        and rules.takes_file(entry.name)
    )


@functools.lru_cache(maxsize=256)
def _is_photo(suffix: bytes) -> bool:
    return format_of(b"name" + suffix) is not None


def _is_placeholder(stat: os.stat_result) -> bool:
    return _HAS_PLACEHOLDERS and bool(
        getattr(stat, "st_flags", 0) & DATALESS_FLAG
        or getattr(stat, "st_file_attributes", 0) & RECALL_ATTRIBUTES
    )
