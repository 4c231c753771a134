"""What the system tells of changes in the watched folders, through watchdog."""

from __future__ import annotations

import errno
import logging
import os
import tempfile
from collections.abc import Callable
from typing import NamedTuple

import psutil
from watchdog.events import (
    EVENT_TYPE_ATTRIB,
    DirMovedEvent,
    FileClosedNoWriteEvent,
    FileOpenedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import ObservedWatch

from scened.formats import is_video
from scened.store.roots import Root

__all__ = ["Change", "Watcher", "network_file_system"]

# By their names in /proc/mounts and mount(8)
NETWORK_FILE_SYSTEMS = frozenset(
    {
        "9p",
        "afpfs",
        "afs",
        "ceph",
        "cifs",
        "davfs",
        "glusterfs",
        "nfs",
        "nfs4",
        "rclone",
        "smb3",
        "smbfs",
        "sshfs",
        "webdav",
    }
)
OVERFLOW_LOGGERS = ("watchdog.observers.inotify_c", "watchdog.observers.inotify")
OVERFLOW = "queue overflowed"
AT_THE_END = "called when the thread is inactive"
_WATCH_REFUSALS = {
    errno.ENOSPC: "the system has no watches left (fs.inotify.max_user_watches)",
    errno.EMFILE: "the system has no watchers left (fs.inotify.max_user_instances)",
    errno.ENOENT: "it is away",
}


class Change(NamedTuple):
    """Something happened at `path` in a root; what, the disk itself will tell.

    `opened`: it may be that a folder can be read now that could not before. `lost`: the system
    has dropped events, so that anything may have changed.
    """

    root_id: int
    path: bytes
    is_folder: bool
    opened: bool = False
    lost: bool = False


class Watcher:
    """Watches roots and hands each change to `tell`, from a thread of its own."""

    def __init__(self, tell: Callable[[Change], None]) -> None:
        self._tell = tell
        self._observer = Observer()
        self._watches: dict[int, ObservedWatch] = {}

    def start(self) -> None:
        """Begin to listen."""
        for name in OVERFLOW_LOGGERS:
            logging.getLogger(name).addFilter(self._hears_of_overflow)
            logging.getLogger(name).addFilter(_matters)
        self._observer.start()

    def stop(self) -> None:
        """Stop listening and wait for the thread to end."""
        self._observer.stop()
        self._observer.join()
        for name in OVERFLOW_LOGGERS:
            logging.getLogger(name).removeFilter(self._hears_of_overflow)

    def _hears_of_overflow(self, record: logging.LogRecord) -> bool:
        """Take what the library logs of dropped events as news; it tells of them nowhere else."""
        if OVERFLOW not in record.msg:
            return True
        self._tell(Change(0, b"", is_folder=True, lost=True))
        return False  # it would name a folder

    def watch(self, root: Root) -> str | None:
        """Watch a root; return why that cannot be, and it is to be read at intervals, or None."""
        if root.id in self._watches:
            return None
        kind = network_file_system(root.path or b"/")
        if kind is not None:
            return f"{kind} does not tell of changes that others make"
        handler = _Handler(root.id, self._tell)
        try:
            self._watches[root.id] = self._observer.schedule(
                handler, os.fsdecode(root.path or b"/"), recursive=True
            )
        except OSError as error:
            return _WATCH_REFUSALS.get(error.errno or 0, error.strerror or "it cannot be watched")
        except RecursionError:  # the library descends with a call for each level
            return "its folders lie too deep in one another"
        return None

    def refusal(self) -> str | None:
        """Return why no further folder can be watched, or None when there is room for one.

        A root is watched as a whole, where the system refuses none or some of its folders, and
        which these are it does not say.
        """
        with tempfile.TemporaryDirectory() as folder:
            try:
                watch = self._observer.schedule(FileSystemEventHandler(), folder)
            except OSError as error:
                return _WATCH_REFUSALS.get(error.errno or 0)
            self._observer.unschedule(watch)
        return None

    def unwatch(self, root_id: int) -> None:
        """Watch a root no longer."""
        watch = self._watches.pop(root_id, None)
        if watch is not None:
            self._observer.unschedule(watch)


def network_file_system(path: bytes) -> str | None:
    """Return the kind of network file system that a path lies on, or None where it is local."""
    where = os.fsdecode(os.path.realpath(path)).rstrip("/") + "/"
    mounts = [
        mount
        for mount in psutil.disk_partitions(all=True)
        if where.startswith(mount.mountpoint.rstrip("/") + "/")
    ]
    if not mounts:
        return None
    kind = max(mounts, key=lambda mount: len(mount.mountpoint)).fstype.lower()
    return kind if kind.removeprefix("fuse.") in NETWORK_FILE_SYSTEMS else None


def _matters(record: logging.LogRecord) -> bool:
    """Tell whether the library says more than that it met an event while it was stopping."""
    return AT_THE_END not in str(record.msg)


class _Handler(FileSystemEventHandler):
    def __init__(self, root_id: int, tell: Callable[[Change], None]) -> None:
        self._root_id = root_id
        self._tell = tell

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Pass on where something changed; reading a file changes nothing."""
        if isinstance(event, FileOpenedEvent | FileClosedNoWriteEvent):
            return
        if event.is_directory and event.event_type == "modified":
            return  # what changed inside has an event of its own
        if event.event_type in ("modified", "closed") and is_video(os.fsencode(event.src_path)):
            return  # of a video only its name counts
        is_folder = event.is_directory or isinstance(event, DirMovedEvent)
        opened = event.is_directory and event.event_type == EVENT_TYPE_ATTRIB
        for path in (event.src_path, event.dest_path):
            if path:
                self._tell(Change(self._root_id, os.fsencode(path), is_folder, opened))
