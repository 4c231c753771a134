"""Which folders the system does not watch for us, once it has no watches left."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from scened.photos.ignore import rules_for
from scened.store.roots import Root

__all__ = ["unwatched_folders"]

# proc(5): what each open file of this process stands for, and what inotify watches through it
OPEN_FILES = Path("/proc/self/fd")
WATCHES = "/proc/self/fdinfo"
INOTIFY = "anon_inode:inotify"
MINOR_BITS = 20  # of the device in `sdev`; the others are its major number


def unwatched_folders(root: Root, folder: bytes = b"") -> Iterator[bytes]:
    """Yield the topmost folders of a root without a watch, at or below `folder`.

    None where the system does not tell: others than Linux refuse no watch.
    """
    if not OPEN_FILES.is_dir():
        return
    watched = set(_watched())
    rules = rules_for(root.path, folder)
    stack = [rules] if rules is not None else []
    while stack:
        rules = stack.pop()
        try:
            stat = os.stat(rules.path or b"/")
            if (stat.st_dev, stat.st_ino) not in watched:
                yield rules.folder
                continue
            with os.scandir(rules.path or b"/") as entries:
                inside = [each.name for each in entries if each.is_dir(follow_symlinks=False)]
        except OSError:  # it went, or cannot be listed, which the walk will find
            continue
        stack += [entered for name in inside if (entered := rules.enter(name)) is not None]


def _watched() -> Iterator[tuple[int, int]]:
    """Yield device and inode of what is watched."""
    for link in OPEN_FILES.iterdir():
        with contextlib.suppress(OSError):  # it was closed this very moment
            if os.readlink(link) == INOTIFY:  # noqa: PTH115 - it leads to no file
                yield from map(_device_and_inode, _watches(link.name))


def _watches(number: str) -> Iterator[str]:
    with Path(WATCHES, number).open() as lines:
        yield from (line for line in lines if line.startswith("inotify "))


def _device_and_inode(line: str) -> tuple[int, int]:
    fields = dict(word.split(":", 1) for word in line.split()[1:])
    device = int(fields["sdev"], 16)
    major, minor = device >> MINOR_BITS, device & ((1 << MINOR_BITS) - 1)
    return os.makedev(major, minor), int(fields["ino"], 16)
