"""The follower: events, walks, patience with files that come and go, on a clock tests turn."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest

from scened.photos.follow import GRACE_SECONDS, Follower
from scened.photos.settle import SETTLE_SECONDS
from scened.photos.watch import Change
from tests.integration.conftest import (
    FakeClock,
    Library,
    fill,
    jpeg,
    known,
    put,
    without_privileges,
)
from tests.integration.following import EVENT_SECONDS, Following

STORM_FILES = 1_000
STORM_PATIENCE_SECONDS = 120.0
LULL_SECONDS = 1.0  # without an event


def test_the_start_finds_what_is_there(library: Library, root: Path, following: Following) -> None:
    assert library.paths() == {str(path) for path in root.iterdir()}


def test_a_new_photo_is_heard_of(library: Library, root: Path, following: Following) -> None:
    shutil.copy2(root / "0.jpg", root / "new.jpg")
    following.hear(root / "new.jpg")
    following.turns()
    assert library.status_of(root / "new.jpg") == "pending"


def test_a_photo_in_a_new_folder_is_heard_of(
    library: Library, root: Path, tmp_path: Path, following: Following
) -> None:
    put(tmp_path / "made" / "inner" / "new.jpg")
    (tmp_path / "made").rename(root / "made")
    following.hear(root / "made")
    following.turns()
    assert str(root / "made" / "inner" / "new.jpg") in library.paths()


def test_a_rename_is_heard_of(library: Library, root: Path, following: Following) -> None:
    before = known(library)
    (root / "0.jpg").rename(root / "renamed.jpg")
    following.hear(root / "renamed.jpg")
    following.turns()
    assert known(library) == before


def test_a_renamed_folder_is_heard_of(library: Library, root: Path, following: Following) -> None:
    fill(root / "old", 5)
    following.look_at(root / "old", is_folder=True)
    following.turns()
    library.look()
    before = known(library)
    (root / "old").rename(root / "new")
    following.hear(root / "new")
    following.turns()
    assert known(library) == before


def test_a_deleted_photo_is_heard_of(library: Library, root: Path, following: Following) -> None:
    (root / "0.jpg").unlink()
    following.hear(root / "0.jpg")
    assert library.status_of(root / "0.jpg") == "missing"


def test_a_file_written_slowly_is_not_taken_before_it_keeps_still(
    library: Library, root: Path, following: Following, clock: FakeClock
) -> None:
    slow = root / "slow.jpg"
    for end in (1000, 1500, 2000):
        slow.write_bytes(jpeg(1)[:end])
        following.look_at(slow)
        clock.advance(SETTLE_SECONDS - 0.1)
        following.turns()
    assert str(slow) not in library.paths()


def test_a_file_written_slowly_is_taken_whole(
    library: Library, root: Path, following: Following, clock: FakeClock
) -> None:
    slow = root / "slow.jpg"
    for end in (1000, None):
        slow.write_bytes(jpeg(1)[:end])
        following.look_at(slow)
        clock.advance(SETTLE_SECONDS / 2)
        following.turns()
    clock.advance(SETTLE_SECONDS)
    following.turns()
    assert library.one("SELECT file_size FROM photos WHERE path = :p", p=str(slow)) == len(jpeg(1))


def test_it_is_not_quiet_while_a_file_settles(
    library: Library, root: Path, following: Following
) -> None:
    (root / "slow.jpg").write_bytes(jpeg(1))
    following.look_at(root / "slow.jpg")
    assert (following.follower.quiet, following.follower.settling) == (False, 1)


def test_a_photo_that_was_lost_stays_for_a_while(
    library: Library, root: Path, following: Following, clock: FakeClock
) -> None:
    (root / "0.jpg").unlink()
    following.look_at(root / "0.jpg")
    clock.advance(GRACE_SECONDS - 0.1)
    following.turns()
    assert library.status_of(root / "0.jpg") == "missing"


def test_a_photo_that_was_lost_goes_after_a_while(
    library: Library, root: Path, following: Following, clock: FakeClock
) -> None:
    (root / "0.jpg").unlink()
    following.look_at(root / "0.jpg")
    clock.advance(GRACE_SECONDS)
    following.turns()
    assert str(root / "0.jpg") not in library.paths()


def test_a_photo_that_turns_up_elsewhere_in_time_is_the_same(
    library: Library, root: Path, tmp_path: Path, following: Following, clock: FakeClock
) -> None:
    before = known(library)
    (root / "0.jpg").rename(tmp_path / "away.jpg")
    following.look_at(root / "0.jpg")
    clock.advance(GRACE_SECONDS / 2)
    following.turns()
    (tmp_path / "away.jpg").rename(root / "elsewhere.jpg")
    following.look_at(root / "elsewhere.jpg")
    assert known(library) == before


def test_without_a_watcher_lost_photos_go_at_the_end_of_the_walk(
    library: Library, root: Path
) -> None:
    fill(root)
    library.walk()
    (root / "0.jpg").unlink()
    follower = Follower(library.database, library.clock, None)
    follower.start()
    while follower.turn():
        pass
    assert str(root / "0.jpg") not in library.paths()


def test_an_ignore_file_that_appears_drops_photos(
    library: Library, root: Path, following: Following
) -> None:
    (root / ".scenedignore").write_text("1.jpg\n")
    following.hear(root / ".scenedignore")
    following.turns()
    assert str(root / "1.jpg") not in library.paths()


def test_a_photo_replaced_by_a_link_goes(
    library: Library, root: Path, following: Following
) -> None:
    (root / "0.jpg").unlink()
    (root / "0.jpg").symlink_to(root / "1.jpg")
    following.look_at(root / "0.jpg")
    following.turns()
    assert str(root / "0.jpg") not in library.paths()


def test_a_change_of_no_photo_changes_nothing(
    library: Library, root: Path, following: Following
) -> None:
    before = library.database.data_version()
    (root / "notes.txt").write_text("hello")
    following.look_at(root / "notes.txt")
    following.turns()
    assert library.database.data_version() == before


def test_a_change_by_one_hard_link_is_a_change_of_the_other(
    library: Library, root: Path, following: Following
) -> None:
    (root / "link.jpg").hardlink_to(root / "0.jpg")
    following.look_at(root / "link.jpg")
    (root / "0.jpg").write_bytes(jpeg(5))
    os.utime(root / "0.jpg", (1e9, 1e9))
    following.look_at(root / "0.jpg")
    assert library.status_of(root / "link.jpg") == "pending"


def test_a_photo_that_changed_while_it_was_read_waits_anew(
    library: Library, root: Path, following: Following
) -> None:
    put(root / "0.jpg", 9)
    following.follower.look_again(bytes(root / "0.jpg"))
    assert library.status_of(root / "0.jpg") == "pending"


@pytest.mark.promise(
    "watch: a folder can be read that could not before",
    "it is read and watched",
)
def test_a_folder_that_is_opened_is_read_and_watched(library: Library, root: Path) -> None:
    closed = root / "closed"
    put(closed / "a.jpg")
    closed.chmod(0)
    events: SimpleQueue[Change] = SimpleQueue()
    with without_privileges():
        follower = Follower(library.database, library.clock, events.put)
        follower.start()
        try:
            while follower.turn():
                pass
            assert library.paths() == set()
            closed.chmod(0o755)
            for expected in ("closed", "b.jpg"):
                while not (change := events.get(timeout=EVENT_SECONDS)).path.endswith(
                    expected.encode()
                ):
                    pass
                follower.handle(change)
                while follower.turn():
                    pass
                put(closed / "b.jpg", 1)
            assert library.paths() == {str(closed / "a.jpg"), str(closed / "b.jpg")}
        finally:
            follower.stop()


@pytest.mark.promise(
    "watch: a folder cannot be listed",
    "what is known of it is kept",
)
def test_a_folder_that_is_closed_keeps_what_is_known(
    library: Library, root: Path, following: Following
) -> None:
    put(root / "inner" / "a.jpg")
    following.hear(root / "inner")
    following.turns()
    before = known(library)
    (root / "inner").chmod(0)
    following.hear(root / "inner")
    with without_privileges():
        following.turns()
    assert known(library) == before


def test_when_nothing_is_due_it_says_so(following: Following) -> None:
    assert following.follower.seconds_to_next() is None


@pytest.mark.promise("watch: a thousand files appear at once", "every one is found")
def test_a_storm_of_new_files_is_taken_in(
    library: Library,
    root: Path,
    following: Following,
    record_property: Callable[[str, object], None],
) -> None:
    began = time.monotonic()
    for number in range(STORM_FILES):
        path = root / f"{number % 100}" / f"storm{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(jpeg(number % 7))
    seconds = time.monotonic() - began
    there = {str(path) for path in root.rglob("*.jpg")}
    deadline = time.monotonic() + STORM_PATIENCE_SECONDS
    while library.paths() != there and time.monotonic() < deadline:
        with suppress(Empty):
            while True:
                following.follower.handle(following.events.get(timeout=LULL_SECONDS))
        library.clock.advance(SETTLE_SECONDS)
        following.turns()
    assert library.paths() == there
    record_property("tried", STORM_FILES)
    record_property("seen", f"written in {seconds:.0f} s")


def test_a_file_name_that_is_not_utf_8_is_heard_of(
    library: Library, root: Path, following: Following
) -> None:
    path = root / os.fsdecode(b"\xff.jpg")
    shutil.copy2(root / "0.jpg", path)
    following.hear(path)
    following.turns()
    assert library.status_of(path) == "pending"
