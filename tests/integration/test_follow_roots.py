"""Roots that go away, come back, are added and removed while they are followed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scened.photos.follow import GRACE_SECONDS, ROOT_CHECK_SECONDS
from scened.photos.settle import SETTLE_SECONDS
from scened.photos.watch import Change
from scened.requests import ADD, REMOVE, carry_out
from scened.store.commands import Command
from tests.integration.conftest import FakeClock, Library, fill, jpeg, known, mounted, put
from tests.integration.following import Following


def test_a_root_that_goes_away_is_noticed(
    library: Library, root: Path, following: Following
) -> None:
    root.rename(root.with_name("unplugged"))
    following.wait(ROOT_CHECK_SECONDS)
    assert library.statuses() == {"missing"}


def test_a_root_that_stays_away_keeps_its_photos(
    library: Library, root: Path, following: Following
) -> None:
    root.rename(root.with_name("unplugged"))
    for _ in range(10):
        following.wait(max(GRACE_SECONDS, ROOT_CHECK_SECONDS))
    assert library.one("SELECT count(*) FROM photos") == 3


def test_a_root_that_comes_back_is_noticed(
    library: Library, root: Path, following: Following
) -> None:
    before = known(library)
    root.rename(root.with_name("unplugged"))
    following.wait(ROOT_CHECK_SECONDS)
    root.with_name("unplugged").rename(root)
    following.wait(ROOT_CHECK_SECONDS)
    assert known(library) == before


def test_a_root_that_came_back_is_watched_again(
    library: Library, root: Path, following: Following
) -> None:
    for here, there in ((root, root.with_name("away")), (root.with_name("away"), root)):
        here.rename(there)
        following.wait(ROOT_CHECK_SECONDS)
    shutil.copy2(root / "0.jpg", root / "new.jpg")
    following.hear(root / "new.jpg")


@pytest.fixture
def follower_of_a_drive(library: Library, root: Path) -> Iterator[Following]:
    """A follower that begins when a test has plugged in the drive that the root lies on."""
    following = Following(library)
    yield following
    following.follower.stop()


@contextmanager
def plugged_in(root: Path, following: Following) -> Iterator[list[Path]]:
    """Mount a drive with three photos, and begin to follow it."""
    with mounted(root):
        paths = fill(root)
        following.follower.start()
        following.turns()
        yield paths


@pytest.mark.promise(
    "watch: a drive is unplugged",
    "its photos are kept as missing",
)
def test_an_unplugged_drive_whose_mount_point_stays_is_noticed(
    library: Library, root: Path, follower_of_a_drive: Following
) -> None:
    with plugged_in(root, follower_of_a_drive):
        pass
    follower_of_a_drive.wait(ROOT_CHECK_SECONDS)
    assert library.statuses() == {"missing"}


@pytest.mark.promise(
    "watch: a drive is unplugged",
    "its photos are kept as missing",
)
def test_photos_an_unplugged_drive_seems_to_have_lost_do_not_go(
    library: Library, root: Path, follower_of_a_drive: Following
) -> None:
    with plugged_in(root, follower_of_a_drive) as paths:
        pass
    for path in paths:
        follower_of_a_drive.follower.look_again(bytes(path))
    follower_of_a_drive.wait(GRACE_SECONDS)
    assert library.one("SELECT count(*) FROM photos") == 3


@pytest.mark.promise(
    "watch: a drive comes back",
    "watched again",
)
def test_a_drive_plugged_in_again_is_watched(root: Path, follower_of_a_drive: Following) -> None:
    with plugged_in(root, follower_of_a_drive):
        pass
    follower_of_a_drive.wait(ROOT_CHECK_SECONDS)
    with mounted(root):
        put(root / "0.jpg")
        follower_of_a_drive.wait(ROOT_CHECK_SECONDS)
        (root / "new.jpg").write_bytes(jpeg(5))
        follower_of_a_drive.hear(root / "new.jpg")


def test_a_root_removed_while_one_of_its_files_settles_is_forgotten(
    library: Library, root: Path, following: Following, clock: FakeClock
) -> None:
    (root / "slow.jpg").write_bytes(jpeg(1))
    following.look_at(root / "slow.jpg")
    carry_out(library.database, Command(0, REMOVE, bytes(root)))
    following.follower.reload()
    clock.advance(SETTLE_SECONDS)
    following.turns()
    assert library.paths() == set()


def test_a_root_removed_while_it_is_walked_is_forgotten(
    library: Library, root: Path, following: Following
) -> None:
    fill(root / "inner", 5)
    following.follower.reload()
    following.follower.turn()
    carry_out(library.database, Command(0, REMOVE, bytes(root)))
    following.follower.reload()
    following.turns()
    assert library.paths() == set()


def test_a_root_inside_a_new_one_is_followed_as_part_of_it(
    library: Library, root: Path, tmp_path: Path, following: Following
) -> None:
    before = {photo_id for photo_id, *_ in known(library)}
    put(tmp_path / "beside" / "a.jpg", 7)
    carry_out(library.database, Command(0, ADD, bytes(tmp_path)))
    following.follower.reload()
    following.turns()
    assert (before < {i for i, *_ in known(library)}, len(library.paths())) == (True, 4)


def test_a_change_told_of_a_root_that_is_no_more_is_passed_over(
    library: Library, root: Path, following: Following
) -> None:
    following.follower.handle(Change(99, bytes(root / "0.jpg"), is_folder=False))
    assert following.follower.quiet
