"""A walk costs as much for each photo in a large library as in a small one."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from tests.integration.conftest import HOUR_SECONDS, Library

SOME = 12
SLACK = 1.03  # both are counted, not timed
TIMES = 4  # as many photos in the larger library
FOLDERS = 200
INSTRUCTIONS = 10  # of SQLite's virtual machine, a step


def lay(path: Path) -> None:
    """Make an empty file that has been there for a while."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    before = time.time() - HOUR_SECONDS
    os.utime(path, (before, before))


def pairs(root: Path, count: int) -> None:
    """Folders of a RAW and a JPEG each."""
    for number in range(count * 8):
        lay(root / f"{number}" / "a.jpg")
        lay(root / f"{number}" / "a.dng")


def flat(root: Path, count: int) -> None:
    """Many photos in one folder."""
    for number in range(count * 64):
        lay(root / f"{number}.jpg")


def deep(root: Path, count: int) -> None:
    """A photo in each of folders that lie in one another."""
    for _ in range(count):
        root /= "d"
        lay(root / "a.jpg")


def effort(library: Library, work: Callable[[], object]) -> tuple[int, int]:
    """Return the calls of Python, and the steps of the database, that some work takes.

    Other processes lengthen neither.
    """
    calls = steps = 0

    def count_call(_frame: FrameType, event: str, _about: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    def count_step() -> None:
        nonlocal steps
        steps += 1

    def mind(handler: Callable[[], None] | None) -> None:
        for opened in (library.database.reading, library.database.writing):
            with opened() as connection:
                driver = connection.connection.driver_connection
                assert driver is not None
                driver.set_progress_handler(handler, INSTRUCTIONS)

    mind(count_step)
    sys.setprofile(count_call)
    try:
        work()
    finally:
        sys.setprofile(None)
        mind(None)
    return calls, steps


@pytest.mark.parametrize("lay_out", [pairs, flat, deep])
@pytest.mark.parametrize("walk", ["first", "next"])
def test_a_walk_grows_with_the_library_and_not_faster(
    library: Library, tmp_path: Path, lay_out: Callable[[Path, int], None], walk: str
) -> None:
    efforts = []
    for count in (SOME, SOME * TIMES):
        root = tmp_path / f"{count}"
        library.watch(root)
        lay_out(root, count)
        if walk == "next":
            library.walk()
        efforts.append(effort(library, library.walk))
        library.write("DELETE FROM file")
        library.write("DELETE FROM root")
    of_some, of_many = efforts
    assert all(many < SLACK * TIMES * some for some, many in zip(of_some, of_many, strict=True))


def test_folders_in_which_nothing_has_changed_are_not_asked_for_one_by_one(
    library: Library, root: Path
) -> None:
    for number in range(FOLDERS):
        lay(root / f"{number}" / "a.jpg")
    library.walk()
    asked: list[str] = []
    with library.database.reading() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.set_trace_callback(asked.append)
    library.walk()
    driver.set_trace_callback(None)
    assert sum("FROM file" in statement for statement in asked) < FOLDERS / 10
