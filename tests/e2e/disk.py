"""What the database must say of folders, told from the disk alone; nothing of scened is used.

The contents are small pictures whose outcome is known by how they begin.
"""

from __future__ import annotations

import fnmatch
import functools
import io
import os
import stat as modes
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import xxhash

from tests.photos import photo

__all__ = ["OnDisk", "content", "photos_on"]

SUFFIXES = (".jpg", ".jpeg")
OWNER_MAY_READ = 0o400
PICTURES = ("coffee.png", "chelsea.png", "rocket.jpg")
SIZE = (96, 72)  # pixels
ICON_SIZE = (40, 30)  # smaller than what counts as a photo


class OnDisk(NamedTuple):
    """A photo file: its bytes, empty where it may not be read, and what is known of it besides."""

    data: bytes
    size: int
    inode: int
    modified_ns: int
    links: int
    readable: bool

    @property
    def hash(self) -> str:
        """Return what its content is known by."""
        return xxhash.xxh3_128(self.data).hexdigest()

    @property
    def status(self) -> str:
        """Return how a look at its content must end."""
        if self.data.startswith(_icon()):
            return "unsupported"
        return "analysed" if self.data.startswith(_pictures()) else "failed"

    @property
    def marks(self) -> tuple[int, int, int]:
        """Return what changes with the file, and stays when it is renamed."""
        return self.inode, self.size, self.modified_ns


def content(number: int) -> bytes:
    """Return the bytes of a file: those of a photo, of every ninth an icon or half a photo."""
    begin = _pictures()[number % len(PICTURES)]
    if number % 9 == 7:
        begin = _icon()
    elif number % 9 == 8:
        begin = begin[: len(begin) // 2]
    return begin + b"%08d" % number  # a decoder passes over what follows the end


def photos_on(root: Path) -> dict[Path, OnDisk]:
    """Return the photos in a root: regular files that nothing says to leave alone."""
    return {path: _look(path) for path in _walk(root, ())}


def _walk(folder: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    entries = list(os.scandir(folder))
    if any(entry.name == ".nomedia" for entry in entries):
        return
    if (folder / ".scenedignore").is_file():
        patterns = (*patterns, *(folder / ".scenedignore").read_text().splitlines())
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            if not _left_alone(entry.name + "/", patterns):
                yield from _walk(Path(entry.path), patterns)
        elif (
            entry.is_file(follow_symlinks=False)
            and entry.name.lower().endswith(SUFFIXES)
            and not _left_alone(entry.name, patterns)
        ):
            yield Path(entry.path)


def _left_alone(name: str, patterns: tuple[str, ...]) -> bool:
    """Follow patterns without a slash inside, as in .gitignore: the last that fits decides."""
    verdict = False
    for pattern in patterns:
        if fnmatch.fnmatchcase(name, pattern.removeprefix("!")):
            verdict = not pattern.startswith("!")
    return verdict


def _look(path: Path) -> OnDisk:
    stat = path.lstat()
    readable = bool(modes.S_IMODE(stat.st_mode) & OWNER_MAY_READ)
    data = path.read_bytes() if readable else b""
    return OnDisk(data, stat.st_size, stat.st_ino, stat.st_mtime_ns, stat.st_nlink, readable)


@functools.cache
def _pictures() -> tuple[bytes, ...]:
    return tuple(_jpeg(name, SIZE) for name in PICTURES)


@functools.cache
def _icon() -> bytes:
    return _jpeg(PICTURES[0], ICON_SIZE)


def _jpeg(name: str, size: tuple[int, int]) -> bytes:
    written = io.BytesIO()
    photo(name, size).save(written, "JPEG")
    return written.getvalue()
