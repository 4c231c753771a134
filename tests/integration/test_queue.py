"""What is looked at next."""

from __future__ import annotations

from pathlib import Path

import pytest

from scened.findings import Outcome
from scened.photos.scan import describe
from scened.store.catalogue import see
from scened.store.places import Place
from scened.store.queue import ATTEMPTS, PendingPhoto, pending_photos, retry_failed
from scened.store.results import count_crash, record
from tests.integration.conftest import Library, make_pack, put

HOUR_SECONDS = 3600
DECODER = "decoder 1"


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


def fatal(library: Library, path: Path, digest: bytes | None = None) -> Outcome:
    stat = path.stat()
    seen = (library.id_of(path), stat.st_size, stat.st_mtime_ns, digest)
    return Outcome(*seen, error="the analyzer died")


def retry(library: Library, decoder: str | None = DECODER) -> int:
    with library.database.writing() as connection:
        return retry_failed(connection, decoder)


def crash(library: Library, path: Path, times: int = 1) -> None:
    for _ in range(times):
        with library.database.writing() as connection:
            count_crash(connection, library.pack_id, fatal(library, path), DECODER)


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
            transient=True,
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


@pytest.mark.promise(
    "file: its decoder crashes three times",
    "set aside, alone, after all others",
)
def test_a_photo_is_set_aside_after_its_last_crash(library: Library, paths: list[Path]) -> None:
    crash(library, paths[0], ATTEMPTS)
    assert library.rows("SELECT status, error FROM photos WHERE path = :p", p=str(paths[0])) == [
        ("failed", f"the analyzer died ({ATTEMPTS} times)")
    ]


def test_a_quarantined_photo_is_not_retried_at_the_next_start(
    library: Library, paths: list[Path]
) -> None:
    crash(library, paths[0], ATTEMPTS)
    assert retry(library) == 0


@pytest.mark.promise(
    "file: the disk fails to read it",
    "tried again at the next start",
)
def test_a_photo_that_could_not_be_read_is_retried_at_the_next_start(
    library: Library, paths: list[Path]
) -> None:
    cannot_read(library, paths[0])
    assert retry(library) == 1
    assert library.rows("SELECT status, error FROM photos WHERE path = :p", p=str(paths[0])) == [
        ("pending", None)
    ]


@pytest.mark.promise(
    "file: its content is damaged",
    "not tried again by the same decoders",
)
def test_a_photo_whose_content_failed_is_not_retried(library: Library, paths: list[Path]) -> None:
    fail(library, paths[0])
    assert retry(library) == 0


def fail(library: Library, path: Path) -> None:
    """Record that the content of a photo cannot be decoded."""
    failure = fatal(library, path, b"h" * 16)
    with library.database.writing() as connection:
        record(connection, library.pack_id, [failure], DECODER)


@pytest.mark.parametrize("decoder", ["decoder 2", None])
@pytest.mark.promise(
    "file: a newer decoder is installed",
    "what failed is tried again",
)
def test_a_photo_whose_content_failed_is_retried_with_another_decoder_or_on_request(
    library: Library, paths: list[Path], decoder: str | None
) -> None:
    fail(library, paths[0])
    assert retry(library, decoder) == 1
    assert library.status_of(paths[0]) == "pending"
    assert retry(library, decoder) == 0


def test_a_quarantined_photo_is_retried_with_another_decoder(
    library: Library, paths: list[Path]
) -> None:
    crash(library, paths[0], ATTEMPTS)
    assert retry(library, "decoder 2") == 1
    assert library.id_of(paths[0]) in library.pending()


def test_a_failed_content_is_not_looked_at_again_by_another_pack(
    library: Library, paths: list[Path]
) -> None:
    fail(library, paths[0])
    newer = library.activate(make_pack("2"))
    library.look(newer)
    assert library.status_of(paths[0]) == "failed"


@pytest.mark.parametrize("digest", [b"h" * 16, None])
def test_a_quarantine_outlasts_a_new_name(
    library: Library, paths: list[Path], digest: bytes | None
) -> None:
    with library.database.writing() as connection:
        outcome = fatal(library, paths[0], digest)
        count_crash(connection, library.pack_id, outcome, DECODER, final=True)
    renamed = paths[0].rename(paths[0].with_name("renamed.jpg"))
    library.walk()
    assert library.rows("SELECT status, error FROM photos WHERE path = :p", p=str(renamed)) == [
        ("failed", "the analyzer died")
    ]


@pytest.mark.parametrize("digest", [b"h" * 16, None])
def test_a_quarantine_outlasts_a_drive_that_was_away(
    library: Library, root: Path, paths: list[Path], digest: bytes | None
) -> None:
    with library.database.writing() as connection:
        outcome = fatal(library, paths[0], digest)
        count_crash(connection, library.pack_id, outcome, DECODER, final=True)
    root.rename(root.with_name("unplugged"))
    library.walk()
    assert library.status_of(paths[0]) == "missing"
    root.with_name("unplugged").rename(root)
    library.walk()
    assert library.status_of(paths[0]) == "failed"


def test_a_photo_that_could_not_be_read_is_retried_when_something_happens_to_it(
    library: Library, paths: list[Path]
) -> None:
    cannot_read(library, paths[0])
    sighting = describe(Place(1, b"", paths[0].name.encode()), bytes(paths[0]))
    assert sighting is not None
    with library.database.writing() as connection:
        see(connection, [sighting])
    assert library.status_of(paths[0]) == "pending"


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


def test_photos_of_one_size_share_the_hashes_they_may_turn_out_to_have(
    library: Library, root: Path, paths: list[Path]
) -> None:
    library.look()
    for number in range(3):
        put(root / f"copy {number}.jpg", 0)
    library.walk()
    first, *others = [each.known_hashes for each in queue(library)]
    assert len(others) == 2
    assert all(each is first for each in others)


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


def test_the_newest_results_of_another_pack_are_replaced_first(
    library: Library, paths: list[Path]
) -> None:
    library.look()
    for number, path in enumerate(paths):  # what was looked at last is the newest now
        put(path, number, age_seconds=(1 + number) * HOUR_SECONDS)
    library.walk()
    library.look()
    again = queue(library, library.activate(make_pack("2")))
    assert [photo.file_id for photo in again] == ids(library, *paths)


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
