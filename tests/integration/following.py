"""A follower whose events are handed over when a test asks for them, on a clock it turns."""

from __future__ import annotations

import time
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

import pytest

from scened.photos.follow import Follower
from scened.photos.watch import Change

if TYPE_CHECKING:
    from tests.integration.conftest import Library

__all__ = ["EVENT_SECONDS", "Following"]

EVENT_SECONDS = 20.0  # how long a real event of the system may take on a busy machine


class Following:
    """A follower with a real watcher, whose events are handed over when a test asks for them."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.events: SimpleQueue[Change] = SimpleQueue()
        self.heard: list[bytes] = []  # the paths of the events that were handed over
        self.follower = Follower(library.database, library.clock, self.events.put)

    def turns(self) -> None:
        """Do all that is due at this moment of the clock."""
        while self.follower.turn():
            pass

    def wait(self, seconds: float) -> None:
        """Let time pass, and do all that is due then: what is noticed, and what follows from it."""
        self.library.clock.advance(seconds)
        self.turns()
        self.turns()

    def hear(self, path: Path) -> None:
        """Wait for the system to tell of a path, and take in all it told until then."""
        deadline = time.monotonic() + EVENT_SECONDS
        while time.monotonic() < deadline:
            try:
                change = self.events.get(timeout=EVENT_SECONDS)
            except Empty:
                break
            self.follower.handle(change)
            self.heard.append(change.path)
            if change.path == bytes(path):
                return
        pytest.fail(f"nothing was heard of {path}")

    def look_at(self, path: Path, *, is_folder: bool = False) -> None:
        """Tell the follower of a change, as the watcher would."""
        for root in self.library.roots():
            if bytes(path).startswith(root.path + b"/"):
                self.follower.handle(Change(root.id, bytes(path), is_folder))
