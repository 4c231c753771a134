"""A drive is the same wherever it is plugged in; real ones, each in a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from scened.photos import follow
from scened.photos.follow import Follower
from scened.store import drives
from scened.store.drives import drive_of
from tests.integration.conftest import Drive, Library, fill, known


@pytest.fixture
def follower(library: Library) -> Iterator[Follower]:
    follower = Follower(library.database, library.clock, lambda _: None)
    follower.start()
    yield follower
    follower.stop()


def settle(library: Library, follower: Follower) -> None:
    """Let the roots be checked, what has gone be let go, and everything be walked."""
    for _ in range(3):
        library.clock.advance(max(follow.ROOT_CHECK_SECONDS, follow.GRACE_SECONDS) + 1)
        while follower.turn():
            pass


def test_a_drive_is_known_by_its_id_and_not_by_its_number(drive: Drive, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    with drive.plugged_in(one):
        before = (drive_of(bytes(one)), one.stat().st_dev)
        with Drive(tmp_path / "another.ext4").plugged_in(other):
            assert drive_of(bytes(other)) != before[0]
            another = Drive(tmp_path / "third.ext4")
    with another.plugged_in(other), drive.plugged_in(one):
        assert other.stat().st_dev == before[1], "the number was meant to be another drive's by now"
        assert drive_of(bytes(one)) == before[0]


def test_what_udev_knows_of_a_drive_goes_before_what_the_system_says(
    drive: Drive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drives, "UDEV_DATA", tmp_path)
    found = []
    for number, uuid in enumerate(("1234-ABCD", "1234-ABCD", "5678-ABCD")):
        with drive.plugged_in(folder := tmp_path / f"{number}"):
            device = folder.stat().st_dev
            told = tmp_path / f"b{os.major(device)}:{os.minor(device)}"
            told.write_text(f"S:disk/by-label/PHOTOS\nE:ID_FS_UUID={uuid}\nG:systemd\n")
            found.append(drive_of(bytes(folder)))
            told.unlink()
    assert found[0] == found[1] != found[2]


@pytest.mark.promise(
    "watch: a drive comes back at another place",
    "the same photos with the same ids, no second look",
)
@pytest.mark.parametrize("inner", ["", "Pictures/2024"])
def test_a_drive_that_comes_back_at_another_place_is_the_same(
    library: Library, follower: Follower, drive: Drive, tmp_path: Path, inner: str
) -> None:
    before, after = tmp_path / "media" / "DRIVE", tmp_path / "media" / "DRIVE1"
    with drive.plugged_in(before):
        fill(before / inner)
        library.watch(before / inner)
        follower.reload()
        settle(library, follower)
        library.look()
        seen = known(library)
    before.rmdir()
    settle(library, follower)
    assert library.statuses() == {"missing"}
    with drive.plugged_in(after):
        settle(library, follower)
        assert known(library) == seen
        assert library.paths() == {str(after / inner / f"{number}.jpg") for number in range(3)}


@pytest.mark.promise(
    "watch: another drive is plugged in at the same place",
    "the photos of the first are kept as missing until it is back",
)
def test_another_drive_at_the_same_place_takes_nothing_from_the_first(
    library: Library, follower: Follower, drive: Drive, tmp_path: Path
) -> None:
    place = tmp_path / "media"
    with drive.plugged_in(place):
        fill(place)
        library.watch(place)
        follower.reload()
        settle(library, follower)
        library.look()
        seen = known(library)
    with Drive(tmp_path / "another.ext4").plugged_in(place):
        (place / "new.jpg").write_bytes(b"new")
        settle(library, follower)
        assert (library.statuses(), len(library.paths())) == ({"missing", "pending"}, 4)
    with drive.plugged_in(place):
        settle(library, follower)
        assert set(seen) <= set(known(library))


@pytest.mark.promise("watch: a drive is unplugged", "its photos are kept as missing")
@pytest.mark.parametrize("stays", [True, False])
def test_a_drive_inside_a_watched_folder_keeps_its_ids(
    library: Library, follower: Follower, drive: Drive, root: Path, stays: bool
) -> None:
    fill(root)
    with drive.plugged_in(root / "drive"):
        fill(root / "drive" / "inner")
        follower.reload()
        settle(library, follower)
        library.look()
        seen = known(library)
    if not stays:
        (root / "drive").rmdir()
    follower.reload()
    settle(library, follower)
    assert library.statuses() == {"analysed", "missing"}
    with drive.plugged_in(root / "drive2"):
        follower.reload()
        settle(library, follower)
        assert known(library) == seen
