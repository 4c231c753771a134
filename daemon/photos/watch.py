"""What the system tells of changes in the watched folders, through watchdog."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import NamedTuple

from watchdog.events import (
    DirMovedEvent,
    FileClosedNoWriteEvent,
    FileOpenedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import ObservedWatch

from scened.store.roots import Root

__all__ = ["Change", "Watcher"]

logger = logging.getLogger(__name__)


class Change(NamedTuple):
    """Something happened at `path` in a root; what, the disk itself will tell."""

    root_id: int
    path: bytes
    is_folder: bool


class Watcher:
    """Watches roots and hands each change to `tell`, from a thread of its own."""

    def __init__(self, tell: Callable[[Change], None]) -> None:
        self._tell = tell
        self._observer = Observer()
        self._watches: dict[int, ObservedWatch] = {}

    def start(self) -> None:
        """Begin to listen."""
        self._observer.start()

    def stop(self) -> None:
        """Stop listening and wait for the thread to end."""
        self._observer.stop()
        self._observer.join()

    def watch(self, root: Root) -> bool:
        """Watch a root; return False where the system refuses (it is away, or out of watches)."""
        if root.id in self._watches:
            return True
        handler = _Handler(root.id, self._tell)
        try:
            self._watches[root.id] = self._observer.schedule(
                handler, os.fsdecode(root.path or b"/"), recursive=True
            )
        except OSError as error:
            logger.warning(
                "cannot watch a folder, it is read at intervals instead: %s", error.strerror
            )
            return False
        return True

    def unwatch(self, root_id: int) -> None:
        """Watch a root no longer."""
        watch = self._watches.pop(root_id, None)
        if watch is not None:
            self._observer.unschedule(watch)


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
        is_folder = event.is_directory or isinstance(event, DirMovedEvent)
        for path in (event.src_path, event.dest_path):
            if path:
                self._tell(Change(self._root_id, os.fsencode(path), is_folder))
