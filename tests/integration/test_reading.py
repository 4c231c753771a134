"""What the daemon's own commands ask: what failed, what is seen most, how things stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from scened.findings import Outcome
from scened.store.heartbeat import Counts, Pulse, beat, count_photos
from scened.store.reading import frequent_tags, not_analysed, pulse
from tests.integration.conftest import Library, jpeg, make_pack, put, show


@pytest.fixture
def dogs(library: Library, root: Path) -> list[Path]:
    """Two dogs, the second surer and on a beach, and a beach without a dog."""
    return [
        show(library, root / "1.jpg", 1, animal=0.7, dog=0.7),
        show(library, root / "2.jpg", 2, animal=0.9, dog=0.9, beach=0.6),
        show(library, root / "3.jpg", 3, beach=0.8),
    ]


def test_photos_without_findings_are_listed_with_the_reason(library: Library, root: Path) -> None:
    for name, unsupported in (("b.jpg", False), ("a.jpg", True)):
        put(root / name)
        library.walk()
        stat = (root / name).stat()
        library.record(
            Outcome(
                library.id_of(root / name),
                stat.st_size,
                stat.st_mtime_ns,
                error="because",
                unsupported=unsupported,
            )
        )
    with library.database.reading() as connection:
        assert [(each.path, each.status, each.error) for each in not_analysed(connection)] == [
            (str(root / "a.jpg"), "unsupported", "because"),
            (str(root / "b.jpg"), "failed", "because"),
        ]


def test_frequent_tags_come_in_order_and_without_unused_ones(
    library: Library, root: Path, dogs: list[Path]
) -> None:
    show(library, root / "4.jpg", 4, beach=0.9)
    with library.database.reading() as connection:
        assert [(each.tag, each.photos) for each in frequent_tags(connection, 2)] == [
            ("beach", 3),
            ("animal", 2),
        ]


def test_photos_are_counted_by_status(library: Library, root: Path, dogs: list[Path]) -> None:
    put(root / "new.jpg", 9)
    dogs[0].unlink()
    library.walk()
    with library.database.reading() as connection:
        assert count_photos(connection) == Counts(done=2, pending=1, missing=1)


def test_results_of_another_pack_count_as_pending(library: Library, dogs: list[Path]) -> None:
    newer = library.activate(make_pack("2"))
    with library.database.reading() as connection:
        assert count_photos(connection, newer) == Counts(pending=3, stale=3)


def test_the_pulse_counts_as_things_are_now(library: Library, dogs: list[Path]) -> None:
    with library.database.writing() as connection:
        beat(connection, Pulse(7, "0.1", "idle", "done", Counts(), pack="tiny-1"))
    with library.database.reading() as connection:
        assert pulse(connection) == Pulse(7, "0.1", "idle", "done", Counts(done=3), pack="tiny-1")


def test_before_any_daemon_ran_there_is_a_pulse(library: Library) -> None:
    with library.database.reading() as connection:
        assert pulse(connection) == Pulse(None, "", "stopped", "never ran", Counts())


def test_small_photos_differ() -> None:
    assert len({jpeg(number) for number in range(50)}) == 50
