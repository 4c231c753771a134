"""Paths as exact bytes, taken apart and put together."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scened.store.places import Place, Sighting, displayed, join, split

names = st.binary(min_size=1, max_size=8).filter(
    lambda name: b"/" not in name and b"\0" not in name
)
folders = st.lists(names, max_size=3).map(b"/".join)
root_paths = st.lists(names, max_size=3).map(lambda parts: b"".join(b"/" + part for part in parts))


@given(root_paths, folders, names)
def test_split_undoes_join(root: bytes, folder: bytes, name: bytes) -> None:
    assert split(root, join(root, folder, name)) == (folder, name)


@pytest.mark.parametrize(
    ("root", "folder", "name", "path"),
    [
        (b"/a", b"", b"x.jpg", b"/a/x.jpg"),
        (b"/a", b"b/c", b"x.jpg", b"/a/b/c/x.jpg"),
        (b"", b"", b"x.jpg", b"/x.jpg"),
        (b"", b"b", b"x.jpg", b"/b/x.jpg"),
    ],
)
def test_join(root: bytes, folder: bytes, name: bytes, path: bytes) -> None:
    assert join(root, folder, name) == path


@pytest.mark.parametrize("path", [b"/a", b"/ab/x.jpg", b"/b/a/x.jpg"])
def test_a_path_outside_a_root_has_no_place_in_it(path: bytes) -> None:
    assert split(b"/a", path) is None


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (b"/a/b.jpg", "/a/b.jpg"),
        ("/日本/é.jpg".encode(), "/日本/é.jpg"),
        (b"/caf\xe9/\xff.jpg", "/caf\ufffd/\ufffd.jpg"),
    ],
)
def test_bytes_that_are_not_utf_8_are_shown_as_replacement_characters(
    path: bytes, text: str
) -> None:
    assert displayed(path) == text


def test_a_sighting_is_what_stat_says(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(b"four")
    stat = file.stat()
    place = Place(1, b"", b"a.jpg")
    assert Sighting.of(place, stat, 7) == Sighting(place, 7, stat.st_ino, 4, stat.st_mtime_ns)


def test_an_inode_of_64_bits_fits_a_column(tmp_path: Path) -> None:
    stat = list(tmp_path.stat())
    stat[1] = 2**64 - 1
    assert Sighting.of(Place(1, b"", b"a.jpg"), os.stat_result(stat), 7).inode == 2**63 - 1
