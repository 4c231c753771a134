"""Files that are one picture share a stack, wherever they come from and go to."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from tests.integration.conftest import Library, put


def stacks(library: Library) -> set[frozenset[str]]:
    """Return the names that share a stack."""
    together: dict[int, set[str]] = defaultdict(set)
    for path, stack in library.rows("SELECT path, stack_id FROM photos WHERE stack_id NOT NULL"):
        together[stack].add(Path(path).name)
    return {frozenset(names) for names in together.values()}


@pytest.mark.parametrize(
    "names",
    [
        ("IMG_1.CR2", "IMG_1.JPG"),
        ("IMG_1.HEIC", "IMG_1.JPG"),
        ("IMG_1.DNG", "IMG_1.HEIC", "IMG_1.jpeg"),
        ("img_1.nef", "IMG_1.NEF.jpg"),
        ("PXL_1.RAW-01.COVER.jpg", "PXL_1.RAW-02.ORIGINAL.dng"),
    ],
)
def test_the_files_of_one_picture_share_a_stack(
    library: Library, root: Path, names: tuple[str, ...]
) -> None:
    for number, name in enumerate(names):
        put(root / name, number)
    put(root / "IMG_2.jpg", 9)
    library.walk()
    assert stacks(library) == {frozenset(names)}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a/IMG_1.CR2", "b/IMG_1.JPG"),
        ("IMG_1.JPG", "IMG_1.png"),
        ("IMG_1.JPG", "IMG_1.jpeg"),
        ("IMG_1.CR2", "IMG_10.JPG"),
    ],
)
def test_others_do_not(library: Library, root: Path, first: str, second: str) -> None:
    put(root / first, 0)
    put(root / second, 1)
    library.walk()
    assert stacks(library) == set()


@pytest.fixture
def pair(library: Library, root: Path) -> tuple[Path, Path]:
    pair = put(root / "IMG_1.CR2", 0), put(root / "IMG_1.JPG", 1)
    library.walk()
    return pair


def test_a_stack_of_one_dissolves(library: Library, pair: tuple[Path, Path]) -> None:
    pair[0].unlink()
    library.walk()
    library.let_go()
    assert stacks(library) == set()


def test_a_file_that_moves_away_leaves_its_stack(
    library: Library, root: Path, pair: tuple[Path, Path]
) -> None:
    (root / "other").mkdir()
    pair[0].rename(root / "other" / "IMG_1.CR2")
    library.walk()
    assert stacks(library) == set()


def test_a_file_that_comes_later_joins(library: Library, root: Path) -> None:
    put(root / "IMG_1.CR2", 0)
    library.walk()
    put(root / "IMG_1.JPG", 1)
    library.walk()
    assert stacks(library) == {frozenset({"IMG_1.CR2", "IMG_1.JPG"})}


def test_a_library_from_before_is_stacked_by_its_next_walk(
    library: Library, pair: tuple[Path, Path]
) -> None:
    library.write("UPDATE file SET stack_id = NULL")
    library.walk()
    assert stacks(library) == {frozenset(path.name for path in pair)}


def test_a_stack_changes_the_seq_of_its_files(library: Library, root: Path) -> None:
    put(root / "IMG_1.CR2", 0)
    library.walk()
    before = library.one("SELECT max(seq) FROM photos")
    put(root / "IMG_1.JPG", 1)
    library.walk()
    assert library.rows("SELECT count(*) FROM photos WHERE seq > :before", before=before) == [(2,)]


def test_a_walk_that_finds_nothing_new_changes_nothing(
    library: Library, pair: tuple[Path, Path]
) -> None:
    before = library.one("SELECT max(seq) FROM photos")
    library.walk()
    assert library.one("SELECT max(seq) FROM photos") == before
