"""By what a drive is known, wherever it is mounted and whatever number the system gives it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import psutil

__all__ = ["NUMBER_BITS", "drive_of", "places_on_drive"]

NUMBER_BITS = 0x7FFF_FFFF_FFFF_FFFF  # SQLite's integers have 63 and a sign
UDEV_DATA = Path("/run/udev/data")  # what udev knows of each device, for everyone to read
UUID_LINE = "E:ID_FS_UUID="


def drive_of(path: bytes) -> int:
    """Return the number by which the file system that `path` lies on is known; raises OSError.

    It comes from the UUID that the file system carries, where udev tells it, or else from the id
    that statvfs(2) gives, which btrfs, ext4 and ZFS make from their UUID. Where there is neither
    (network drives, macOS) it is the number of the device, which may be another the next time.
    """
    device = os.stat(path).st_dev
    uuid = _uuid(device)
    if uuid is not None:
        digest = hashlib.blake2b(uuid.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") & NUMBER_BITS
    return (os.statvfs(path).f_fsid & NUMBER_BITS) or device


def places_on_drive(drive: int, path: bytes) -> list[bytes]:
    """Return the folders that may be what was at `path` while the drive was mounted elsewhere.

    The longest end of `path` that is there comes first, below each place where the drive is
    mounted now.
    """
    names = path.split(b"/")[1:]
    found = []
    for mount in psutil.disk_partitions(all=True):
        mountpoint = os.fsencode(mount.mountpoint).rstrip(b"/")
        ends = [b"/".join([mountpoint, *names[start:]]) for start in range(len(names) + 1)]
        found += [end for end in ends if end != path and _is_folder_on(drive, end)]
    return found


def _is_folder_on(drive: int, path: bytes) -> bool:
    try:
        return os.path.isdir(path) and drive_of(path) == drive
    except OSError:
        return False


def _uuid(device: int) -> str | None:
    if os.major(device) == 0:  # none of a block device
        return None
    try:
        words = (UDEV_DATA / f"b{os.major(device)}:{os.minor(device)}").read_text("utf-8")
    except (OSError, ValueError):
        return None
    lines = (line.removeprefix(UUID_LINE) for line in words.splitlines() if UUID_LINE in line)
    return next(lines, None)
