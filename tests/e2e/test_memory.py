"""A daemon that works for long keeps nothing of the photos it has seen.

Here it is asked what grows inside it; `benchmarks/soak.py` measures whole processes for an hour.
"""

from __future__ import annotations

import gc
import os
import signal
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from scened.config import Settings
from scened.packs import Packs
from scened.service import Service
from scened.store.database import open_for_writing
from scened.store.governor_state import Wish, wish
from scened.store.heartbeat import Pulse
from scened.store.roots import add_root
from tests.e2e.conftest import age
from tests.e2e.disk import content

FIRST_PHOTOS = 60  # until whatever is kept once is kept
MORE_PHOTOS = 300  # more than 200, how many of its latest cursors a connection of sqlite3 minds

Container = dict[object, object] | list[object] | set[object] | deque[object]


class Visitor:
    """Puts photos before a daemon, and looks at all it holds when it has seen them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written = 0
        self._before: dict[int, tuple[Container, int]] = {}
        self.grown: list[str] | None = None  # what did, by all these photos

    def bring(self, photos: int) -> None:
        for number in range(self._written, self._written + photos):
            path = self._folder / f"{number}.jpg"
            # of each its own size, as the hashes of photos of one size are asked for together
            path.write_bytes(content(number * 9) + bytes(number))
            age(path)
        self._written += photos

    def see(self, pulse: Pulse) -> None:
        """Do that at rest; the second time, ask the daemon to stop."""
        if pulse.state != "idle" or pulse.counts.done < self._written:
            return
        if not self._before:
            self._before = {id(each): (each, len(each)) for each in containers()}
            self.bring(MORE_PHOTOS)
        elif self.grown is None:
            self.grown = [
                f"{len(each) - before} more in {str(each)[:300]}"
                for each, before in self._before.values()
                if len(each) - before >= MORE_PHOTOS
            ]
            os.kill(os.getpid(), signal.SIGTERM)


def containers() -> Iterator[Container]:
    """Yield all that can grow; what holds only numbers and words is known by its owner alone."""
    gc.collect()
    gc.unfreeze()
    for owner in gc.get_objects():
        for each in (owner, *gc.get_referents(owner)):
            if isinstance(each, dict | list | set | deque):
                yield each
    gc.freeze()


@pytest.mark.timeout(900)  # a quarter of a minute where nothing else runs
def test_a_daemon_keeps_nothing_of_the_photos_it_has_seen(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    visitor = Visitor(root)
    visitor.bring(FIRST_PHOTOS)
    database = open_for_writing(tmp_path / "library.sqlite")
    with database.writing() as connection:
        add_root(connection, os.fsencode(root))
        wish(connection, Wish(boosted_seconds=3_600))
    packs = Packs(database.file)
    pack = packs.open(packs.active())
    try:
        Service(database, pack, settings=Settings(), on_pulse=visitor.see).run()
    finally:
        database.close()
        gc.unfreeze()
    assert visitor.grown == []
