"""The cache keeps small pictures for nobody else, and not too many."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scened.gallery.cache import PictureCache


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kept"


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*.jpg"))


def test_what_was_put_is_got(folder: Path) -> None:
    cache = PictureCache(folder, 1_000)
    cache.put(b"picture", "path", 1)
    assert cache.get("path", 1) == b"picture"


def test_what_it_is_made_of_tells_pictures_apart(folder: Path) -> None:
    cache = PictureCache(folder, 1_000)
    cache.put(b"picture", "path", 1)
    assert cache.get("path", 2) is None


def test_it_is_there_for_the_next_start(folder: Path) -> None:
    PictureCache(folder, 1_000).put(b"picture", "path")
    assert PictureCache(folder, 1_000).get("path") == b"picture"


@pytest.mark.promise(
    "access: any umask",
    "database, log, lock, backups and caches are 0600 in folders 0700",
)
def test_only_its_user_may_read_it(folder: Path) -> None:
    PictureCache(folder, 1_000).put(b"picture", "path")
    modes = {path.stat().st_mode & 0o777 for path in (folder, *folder.glob("*"))}
    files = {file.stat().st_mode & 0o777 for file in folder.glob("*/*")}
    assert (modes, files) == ({0o700}, {0o600})


def test_names_do_not_tell_what_is_in_it(folder: Path) -> None:
    PictureCache(folder, 1_000).put(b"picture", b"/home/me/secret.jpg")
    assert "secret" not in "".join(str(path) for path in folder.rglob("*"))


def test_it_stays_within_its_limit(folder: Path) -> None:
    cache = PictureCache(folder, 1_000)
    for number in range(100):
        cache.put(bytes(100), number)
    assert 0 < size_of(folder) <= 1_000


def test_a_smaller_limit_holds_for_what_was_kept_before(folder: Path) -> None:
    before = PictureCache(folder, 10_000)
    for number in range(50):
        before.put(bytes(100), number)
    PictureCache(folder, 1_000).put(bytes(100), "one more")
    assert size_of(folder) <= 1_000


def test_the_latest_used_are_kept(folder: Path) -> None:
    cache = PictureCache(folder, 1_000)
    for number in range(9):
        cache.put(bytes(100), number)
    for file in folder.rglob("*.jpg"):
        os.utime(file, (0, 0))
    assert cache.get(0) is not None  # used now
    for number in range(10, 14):
        cache.put(bytes(100), number)
    assert cache.get(0) is not None


def test_what_cannot_be_kept_is_no_failure(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_bytes(b"")
    cache = PictureCache(in_the_way, 1_000)
    cache.put(b"picture", "path")
    assert cache.get("path") is None
