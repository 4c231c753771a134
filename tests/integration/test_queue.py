"""What is looked at next."""

from __future__ import annotations

from pathlib import Path

import pytest

from scened.findings import Outcome
from scened.store.queue import ATTEMPTS, PendingPhoto, pending_photos, retry_unread
from scened.store.results import count_crash
from tests.integration.conftest import Library, make_pack, put

HOUR_SECONDS = 3600


@pytest.fixture
def paths(library: Library, root: Path) -> list[Path]:
    """Four photos that wait, the newest last."""
    paths = [
        put(root / f"{number}.jpg", number, age_seconds=(9 - number) * HOUR_SECONDS)
        for number in range(4)
    ]
    library.walk()
    return paths


def ids(library: Library, *paths: Path) -> list[int]:
    return [library.id_of(path) for path in paths]


def queue(library: Library, pack_id: int | None = None) -> list[PendingPhoto]:
    with library.database.reading() as connection:
        return pending_photos(connection, pack_id or library.pack_id, 32)


def crash(library: Library, path: Path, times: int = 1) -> None:
    for _ in range(times):
        with library.database.writing() as connection:
            count_crash(connection, library.id_of(path), "the analyzer died")


def cannot_read(library: Library, path: Path, *, unsupported: bool = False) -> None:
    """Record that a file could not be read to its end."""
    stat = path.stat()
    library.record(
        Outcome(
            library.id_of(path),
            stat.st_size,
            stat.st_mtime_ns,
            error="no permission",
            unsupported=unsupported,
        )
    )


def test_the_newest_comes_first(library: Library, paths: list[Path]) -> None:
    assert library.pending() == ids(library, *reversed(paths))


def test_no_more_come_than_were_asked_for(library: Library, paths: list[Path]) -> None:
    assert library.pending(2) == ids(library, paths[3], paths[2])


def test_a_photo_comes_with_its_path_size_and_time(library: Library, paths: list[Path]) -> None:
    first = queue(library)[0]
    stat = paths[3].stat()
    assert (first.path, first.size, first.modified_ns) == (
        bytes(paths[3]),
        stat.st_size,
        stat.st_mtime_ns,
    )


def test_what_is_missing_does_not_come(library: Library, root: Path, paths: list[Path]) -> None:
    root.rename(root.with_name("away"))
    library.walk()
    assert library.pending() == []


def test_a_photo_that_crashed_waits_for_all_others(library: Library, paths: list[Path]) -> None:
    crash(library, paths[3])
    assert library.pending() == ids(library, paths[2], paths[1], paths[0])


def test_photos_that_crashed_come_alone(library: Library, paths: list[Path]) -> None:
    for path in paths:
        crash(library, path)
    assert len(library.pending()) == 1


def test_of_photos_that_crashed_the_one_that_did_so_less_comes_first(
    library: Library, paths: list[Path]
) -> None:
    for path, times in zip(paths, (2, 1, 2, 2), strict=True):
        crash(library, path, times)
    assert library.pending() == ids(library, paths[1])


def test_a_photo_is_still_tried_before_its_last_crash(library: Library, paths: list[Path]) -> None:
    crash(library, paths[0], ATTEMPTS - 1)
    assert library.status_of(paths[0]) == "pending"


def test_a_photo_is_set_aside_after_its_last_crash(library: Library, paths: list[Path]) -> None:
    crash(library, paths[0], ATTEMPTS)
    assert library.rows("SELECT status, error FROM photos WHERE path = :p", p=str(paths[0])) == [
        ("failed", f"the analyzer died ({ATTEMPTS} times)")
    ]


def test_a_quarantined_photo_is_not_retried_at_the_next_start(
    library: Library, paths: list[Path]
) -> None:
    crash(library, paths[0], ATTEMPTS)
    with library.database.writing() as connection:
        assert retry_unread(connection) == 0


def test_a_photo_that_could_not_be_read_is_retried_at_the_next_start(
    library: Library, paths: list[Path]
) -> None:
    cannot_read(library, paths[0])
    with library.database.writing() as connection:
        retry_unread(connection)
    assert library.rows("SELECT status, error FROM photos WHERE path = :p", p=str(paths[0])) == [
        ("pending", None)
    ]


def test_a_photo_whose_content_failed_is_not_retried(library: Library, paths: list[Path]) -> None:
    stat = paths[0].stat()
    library.record(
        Outcome(
            library.id_of(paths[0]),
            stat.st_size,
            stat.st_mtime_ns,
            hash=b"h" * 16,
            error="truncated",
        )
    )
    with library.database.writing() as connection:
        assert retry_unread(connection) == 0


def test_a_photo_comes_with_the_known_contents_of_its_size(
    library: Library, root: Path, paths: list[Path]
) -> None:
    library.look()
    put(root / "copy.jpg", 0)
    put(root / "unique.jpg", 8).write_bytes(b"of a size of its own")
    library.walk()
    hashes = {each.path: each.known_hashes for each in queue(library)}
    first = library.one("SELECT hash FROM content ORDER BY id DESC LIMIT 1")
    assert (first in hashes[bytes(root / "copy.jpg")], hashes[bytes(root / "unique.jpg")]) == (
        True,
        (),
    )


def test_contents_another_pack_looked_at_do_not_count_as_known(
    library: Library, root: Path, paths: list[Path]
) -> None:
    library.look()
    newer = library.activate(make_pack("2"))
    put(root / "copy.jpg", 0)
    library.walk()
    assert [each.known_hashes for each in queue(library, newer)] == [()]


def test_results_of_another_pack_are_replaced_after_what_is_pending(
    library: Library, root: Path, paths: list[Path]
) -> None:
    library.look()
    newer = library.activate(make_pack("2"))
    put(root / "new.jpg", 9)
    library.walk()
    assert [each.file_id for each in queue(library, newer)] == ids(library, root / "new.jpg")


def test_results_of_another_pack_are_replaced(library: Library, paths: list[Path]) -> None:
    library.look()
    newer = library.activate(make_pack("2"))
    assert {each.file_id for each in queue(library, newer)} == set(ids(library, *paths))


def test_results_of_another_pack_are_replaced_once_for_each_content(
    library: Library, root: Path, paths: list[Path]
) -> None:
    put(root / "copy.jpg", 0)
    library.walk()
    library.look()
    newer = library.activate(make_pack("2"))
    assert (library.look(newer), queue(library, newer)) == (len(paths), [])


def test_results_of_a_missing_photo_are_not_replaced(
    library: Library, root: Path, paths: list[Path]
) -> None:
    library.look()
    root.rename(root.with_name("away"))
    library.walk()
    assert queue(library, library.activate(make_pack("2"))) == []


@pytest.mark.parametrize("unsupported", [False, True])
def test_a_photo_that_cannot_be_read_any_more_is_not_offered_to_a_new_pack_for_ever(
    library: Library, paths: list[Path], unsupported: bool
) -> None:
    library.look()
    newer = library.activate(make_pack("2"))
    for path in paths:
        cannot_read(library, path, unsupported=unsupported)
    assert queue(library, newer) == []


def test_a_photo_that_crashes_with_a_new_pack_is_set_aside(
    library: Library, paths: list[Path]
) -> None:
    library.look()
    newer = library.activate(make_pack("2"))
    crash(library, paths[0], ATTEMPTS)
    assert library.id_of(paths[0]) not in {each.file_id for each in queue(library, newer)}
