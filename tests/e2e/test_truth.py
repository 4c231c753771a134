"""Whatever is done to folders, daemon and clock: the database comes to equal the disk.

Runs for about a minute; `make soak` sets SCENED_SOAK_EXAMPLES, SCENED_SOAK_STEPS and
SCENED_SOAK_ALBUM, and lets Hypothesis choose other examples each time.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from random import Random

import psutil
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.e2e.disk import content
from tests.e2e.stage import FOLDERS, HOUR_NS, OBEY_PERMISSIONS, PLACES, ROOTS, Stage

# Hypothesis begins with the simplest one, in which next to nothing happens
EXAMPLES = int(os.environ.get("SCENED_SOAK_EXAMPLES", "3"))
STEPS = int(os.environ.get("SCENED_SOAK_STEPS", "30"))
ALBUM_PHOTOS = int(os.environ.get("SCENED_SOAK_ALBUM", "12"))
BURST = 6  # steps, at the most, between two times at rest

PATTERNS = ("two.*", "inner/", "!two.*", "album/")

Recorder = Callable[[str, object], None]

places = st.sampled_from(PLACES)
files = st.integers(0, 99)  # of those that are there, counted round and round
folders = st.sampled_from(FOLDERS)
roots = st.sampled_from(ROOTS)
numbers = st.integers(0, 20)  # of contents: few, so that one lies in many places


class Truth(Stage, RuleBasedStateMachine):
    """What a user and bad luck do to two folders, and to a daemon that runs on them."""

    @initialize(chance=st.randoms())
    def begin(self, chance: Random) -> None:
        """Move and copy photos before anything else: there it is certain what must come of it."""
        self._chance = chance
        self._rest()
        for source, goal in ((PLACES[0], "b/moved.jpg"), ("b/trip", "a/moved")):
            self._move(self._top / source, self._top / goal)
        self._put(self._top / "b/copied.jpg", (self._top / PLACES[2]).read_bytes(), aged=True)
        self._rest()

    # What a user does to files

    @rule(goal=places, number=numbers, aged=st.booleans())
    def create_or_replace(self, goal: str, number: int, aged: bool) -> None:
        with self._into(goal) as path:
            self._put(path, content(number), aged)

    @rule(goal=places, number=numbers)
    def begin_to_write_slowly(self, goal: str, number: int) -> None:
        with self._into(goal) as path:
            if not path.is_symlink() and not self._is_being_written(path):
                whole = content(number)
                file = path.open("wb")
                file.write(whole[: len(whole) // 2])
                file.flush()
                self._writing.append((file, whole[len(whole) // 2 :]))

    @precondition(lambda self: self._writing)
    @rule()
    def write_to_the_end(self) -> None:
        file, rest = self._writing.pop()
        with file:
            file.write(rest)

    @rule(file=files, number=numbers)
    def edit_in_place(self, file: int, number: int) -> None:
        for path in self._files(file):
            if not self._is_being_written(path):
                path.write_bytes(content(number))
                self._stamp(path)

    @rule(file=files, ahead=st.sampled_from((0, 0, HOUR_NS, -HOUR_NS)))
    def touch(self, file: int, ahead: int) -> None:
        for path in self._files(file):
            self._stamp(path, ahead)

    @rule(source=files, goal=places)
    def rename(self, source: int, goal: str) -> None:
        for path in self._files(source):
            if path != self._top / goal:
                with self._into(goal) as target:
                    path.replace(target)
                    self._disturbed[path] += 1

    @rule(file=files)
    def rename_in_case_only(self, file: int) -> None:
        for path in self._files(file):
            goal = path.with_name(path.stem.swapcase() + path.suffix)
            if not os.path.lexists(goal):
                path.rename(goal)
                self._disturbed.update([path, goal])

    @rule(one=files, other=files)
    def swap(self, one: int, other: int) -> None:
        for first in self._files(one):
            for second in self._files(other):
                if first != second:
                    first.rename(self._outside / "swapped")
                    second.rename(first)
                    (self._outside / "swapped").rename(second)
                    self._disturbed.update([first, first, second, second])

    @rule(source=files, goal=places, keeping_time=st.booleans())
    def copy(self, source: int, goal: str, keeping_time: bool) -> None:
        for path in self._files(source):
            if path != self._top / goal:
                with self._into(goal) as target:
                    target.unlink(missing_ok=True)
                    (shutil.copy2 if keeping_time else shutil.copyfile)(path, target)

    @rule(source=files, goal=places)
    def hard_link(self, source: int, goal: str) -> None:
        for path in self._files(source):
            with self._into(goal) as target:
                if not os.path.lexists(target):
                    target.hardlink_to(path)

    @rule(file=files)
    def delete(self, file: int) -> None:
        for path in self._files(file):
            path.unlink()
            self._disturbed[path] += 1

    @rule(goal=places, source=places, kind=st.sampled_from(("inside", "outside", "loop", "gone")))
    def put_a_link(self, goal: str, source: str, kind: str) -> None:
        with self._into(goal) as path:
            path.unlink(missing_ok=True)
            to = {"inside": self._top / source, "outside": self._outside / "photo.jpg"}
            path.symlink_to(to.get(kind, path if kind == "loop" else self._top / "nothing.jpg"))

    @precondition(lambda _: os.geteuid() != 0 or shutil.which(OBEY_PERMISSIONS[0]))
    @rule(file=files, mode=st.sampled_from((0o000, 0o600, 0o644)))
    def change_permissions(self, file: int, mode: int) -> None:
        for path in self._files(file):
            path.chmod(mode)

    # What a user does to folders

    @rule(goal=folders)
    def move_an_album_in(self, goal: str) -> None:
        album = self._outside / "album"
        album.mkdir()
        for _ in range(ALBUM_PHOTOS):
            self._made += 1
            self._put(album / f"{self._made}.jpg", content(1_000 + self._made), aged=True)
        self._move(album, self._top / goal)
        shutil.rmtree(album, ignore_errors=True)

    @rule(source=folders, goal=folders)
    def move_a_folder(self, source: str, goal: str) -> None:
        self._move(self._top / source, self._top / goal)

    @rule(folder=folders)
    def delete_a_folder(self, folder: str) -> None:
        path = self._top / folder
        if path.is_dir() and not path.is_symlink():
            self._disturb_all_in(path)
            shutil.rmtree(path)

    @rule(goal=folders, to=st.sampled_from(("..", "../../outside", "../../a", ".")))
    def put_a_link_to_a_folder(self, goal: str, to: str) -> None:
        path = self._top / goal
        if path.parent.is_dir() and not os.path.lexists(path):
            path.symlink_to(to)

    @rule(folder=st.sampled_from((*FOLDERS, "b")), pattern=st.sampled_from((None, *PATTERNS)))
    def ignore(self, folder: str, pattern: str | None) -> None:
        path = self._top / folder
        if path.is_dir() and not path.is_symlink():
            if pattern is None:
                (path / ".nomedia").touch()
            else:
                (path / ".scenedignore").write_text(f"{pattern}\n")
            self._witness.let_go_of(path)

    @rule()
    def ignore_nothing_any_more(self) -> None:
        for root in ROOTS:
            for name in (".nomedia", ".scenedignore"):
                for path in (self._top / root).rglob(name):
                    path.unlink()

    @rule(root=roots)
    def unplug(self, root: str) -> None:
        if (self._top / root).is_dir():
            (self._top / root).rename(self._top / "away" / root)

    @rule()
    def plug_in(self) -> None:
        for root in (self._top / "away").iterdir():
            root.rename(self._top / root.name)

    @rule(hours=st.sampled_from((-30, -1, 0, 1)))
    def set_the_clock(self, hours: int) -> None:
        """Stamp files as with another clock: what one that was set back leaves behind."""
        self._clock_ns = hours * HOUR_NS

    # What happens to the daemon

    @rule(number=st.sampled_from((signal.SIGTERM, signal.SIGINT, signal.SIGKILL)))
    def end(self, number: signal.Signals) -> None:
        self.end_the_daemon(number)

    @rule()
    def start_the_daemon(self) -> None:
        if self._daemon is None:
            self._start()

    @rule()
    def kill_the_analyzer(self) -> None:
        if self._daemon is not None:
            for child in psutil.Process(self._daemon.pid).children():
                self._note_kill(1)
                child.kill()

    @invariant()
    def comes_to_rest_now_and_then(self) -> None:
        self.tried["steps"] += 1
        if self._steps_to_rest == 0:
            self._rest()
            self._steps_to_rest = BURST - self._chance.randint(0, BURST - 1)
        self._steps_to_rest -= 1

    def teardown(self) -> None:
        while self._writing:
            self.write_to_the_end()
        self.clear_away()


@pytest.mark.promise(
    "disk: files and folders are made, changed, moved, linked and deleted at random, drives"
    " unplugged, the clock set back, daemon and analyzer stopped and killed meanwhile",
    "the database comes to equal the disk; nothing is lost, nothing known is looked at again",
)
@pytest.mark.skipif(sys.platform != "linux", reason="names differ in case only on Linux")
@pytest.mark.timeout(0 if EXAMPLES > 3 else 900)  # a minute where nothing else runs
def test_the_database_comes_to_equal_the_disk(record_property: Recorder) -> None:
    run_state_machine_as_test(
        Truth,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # a shorter sequence would take hours to find
            suppress_health_check=list(HealthCheck),
        ),
    )
    record_property("tried", Truth.tried["steps"])
    record_property("seen", ", ".join(f"{times} {what}" for what, times in Truth.tried.items()))
