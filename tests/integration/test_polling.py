"""Roots that cannot be watched are read at intervals, and so is one of which too much is told."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from queue import SimpleQueue
from typing import NoReturn

import psutil
import pytest
from watchdog.observers import Observer

from scened.photos import follow
from scened.photos.follow import Follower
from scened.photos.watch import Change, network_file_system
from tests.integration.conftest import Library, put

WATCHES_ALLOWED = Path("/proc/sys/user/max_inotify_watches")  # in this user namespace
FEW_WATCHES = 10
DEEP_FOLDERS = 1_200
PATIENCE_SECONDS = 60.0


def settle(library: Library, follower: Follower) -> None:
    while follower.turn():
        pass


@pytest.fixture
def out_of_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Observer, "schedule", refuse)


@pytest.mark.usefixtures("out_of_watches")
@pytest.mark.promise(
    "watch: the limit of watches is reached",
    "the rest is read at intervals, and status says so",
)
def test_without_watches_a_root_is_read_at_intervals_and_says_so(
    library: Library, root: Path
) -> None:
    follower = Follower(library.database, library.clock, lambda _: None)
    follower.start()
    try:
        settle(library, follower)
        assert "max_user_watches" in (library.roots()[0].polled or "")
        new = put(root / "new.jpg")
        settle(library, follower)
        assert library.paths() == set()
        library.clock.advance(follow.POLL_SECONDS + 1)
        settle(library, follower)
        assert library.paths() == {str(new)}
    finally:
        follower.stop()


@pytest.mark.promise(
    "watch: the limit of watches is reached",
    "the rest is read at intervals, and status says so",
)
def test_when_the_watches_run_out_only_the_other_folders_are_read_at_intervals(
    library: Library, root: Path, request: pytest.FixtureRequest
) -> None:
    if int(WATCHES_ALLOWED.read_text()) != FEW_WATCHES:  # once more, where there are few
        few = (
            f"echo {FEW_WATCHES} > {WATCHES_ALLOWED}"
            " && exec $0 -m pytest -q -p no:cacheprovider --basetemp=$1 $2"
        )
        command = ["unshare", "--user", "--map-root-user", "sh", "-c", few, sys.executable]
        if shutil.which("unshare") is None or subprocess.run([*command[:3], "true"]).returncode:
            pytest.skip("user namespaces cannot be made here")
        # In a folder of its own: pytest does not clean up cleanly where another run does.
        where = (root.parent / "again", request.node.nodeid)
        again = subprocess.run([*command, *where], capture_output=True, text=True)
        assert again.returncode == 0, again.stdout + again.stderr
        return
    for number in range(FEW_WATCHES + 5):
        put(root / f"{number}" / "a.jpg")
    told: SimpleQueue[Change] = SimpleQueue()
    follower = Follower(library.database, library.clock, told.put)
    follower.start()
    try:
        settle(library, follower)
        # one watch is the root's, and whoever asks whether there is room gives its own back
        assert (library.roots()[0].polled or "").startswith(
            "6 of its folders, as the system has no"
        )
        new = {str(put(root / f"{number}" / "b.jpg", 1)) for number in range(FEW_WATCHES + 5)}
        heard = set()
        while len(heard) < FEW_WATCHES - 1:
            change = told.get(timeout=PATIENCE_SECONDS)
            heard.add(os.fsdecode(change.path))
            follower.handle(change)
        settle(library, follower)
        assert library.paths() & new == heard
        library.clock.advance(follow.POLL_SECONDS + 1)
        settle(library, follower)
        assert library.paths() >= new
        inside = put(root / "late" / "later" / "a.jpg")
        while os.fsdecode(told.get(timeout=PATIENCE_SECONDS).path) != str(root / "late"):
            pass
        follower.handle(Change(1, bytes(root / "late"), is_folder=True))
        settle(library, follower)
        assert (library.roots()[0].polled or "").startswith("7 of its folders")
        assert str(inside) in library.paths()
    finally:
        follower.stop()


@pytest.mark.promise(
    "watch: folders lie very deep in one another",
    "they are read, at intervals where they cannot be watched",
)
def test_a_very_deep_tree_is_followed(library: Library, root: Path) -> None:
    deepest = root.joinpath(*["d"] * DEEP_FOLDERS)
    follower = Follower(library.database, library.clock, lambda _: None)
    try:
        subprocess.run(["mkdir", "-p", deepest], check=True)
        photo = put(deepest / "a.jpg")
        follower.start()
        settle(library, follower)
        assert library.paths() == {str(photo)}
        follower.stop()
    finally:
        subprocess.run(["rm", "-rf", root / "d"], check=True)  # deeper than shutil would go


def test_a_watched_root_is_not_read_at_intervals(library: Library, root: Path) -> None:
    follower = Follower(library.database, library.clock, lambda _: None)
    follower.start()
    try:
        settle(library, follower)
        library.clock.advance(follow.POLL_SECONDS + 1)
        follower.turn()
        assert (library.roots()[0].polled, follower.walking) == (None, False)
    finally:
        follower.stop()


@pytest.mark.promise(
    "watch: the system loses events",
    "the folder is walked",
)
def test_after_a_storm_of_changes_the_root_is_walked(
    library: Library, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "STORM_CHANGES", 10)
    follower = Follower(library.database, library.clock, lambda _: None)
    follower.start()
    try:
        settle(library, follower)
        lost = put(root / "lost.jpg")  # of which no event tells
        for number in range(11):
            follower.handle(Change(1, bytes(root / f"{number}.txt"), is_folder=False))
        settle(library, follower)
        assert library.paths() == {str(lost)}
    finally:
        follower.stop()


@pytest.mark.parametrize(
    ("kind", "told"), [("nfs4", "nfs4"), ("fuse.sshfs", "fuse.sshfs"), ("ext4", None)]
)
@pytest.mark.promise(
    "watch: a network file system",
    "read at intervals",
)
def test_a_network_file_system_is_known_by_its_mount(
    monkeypatch: pytest.MonkeyPatch, kind: str, told: str | None
) -> None:
    class Mount:
        def __init__(self, mountpoint: str, fstype: str) -> None:
            self.mountpoint, self.fstype = mountpoint, fstype

    mounts = [Mount("/", "nfs"), Mount("/media/nas", kind), Mount("/media/n", "nfs")]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: mounts)
    assert network_file_system(b"/media/nas/photos") == told
