"""What readers ask: one photo, photos by words, how things stand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scened.findings import Findings, Outcome, TagScore
from scened.store.heartbeat import Counts, Pulse, beat, count_photos
from scened.store.reading import (
    Found,
    UnknownWord,
    find_photo,
    frequent_tags,
    not_analysed,
    photo,
    pulse,
    search_tags,
)
from tests.integration.conftest import FINDINGS, Library, jpeg, make_pack, put


def show(library: Library, path: Path, number: int, **scores: float) -> Path:
    """Add a photo that shows these tags with these scores."""
    put(path, number)
    library.walk()
    tags = tuple(TagScore(name, score) for name, score in scores.items())
    library.look(findings=Findings(FINDINGS.metadata, tags, FINDINGS.embedding, (), None))
    return path


@pytest.fixture
def dogs(library: Library, root: Path) -> list[Path]:
    """Two dogs, the second surer and on a beach, and a beach without a dog."""
    return [
        show(library, root / "1.jpg", 1, animal=0.7, dog=0.7),
        show(library, root / "2.jpg", 2, animal=0.9, dog=0.9, beach=0.6),
        show(library, root / "3.jpg", 3, beach=0.8),
    ]


def search(library: Library, *words: str, limit: int = 10) -> list[tuple[str, float]]:
    with library.database.reading() as connection:
        found = search_tags(connection, words, limit)
    assert isinstance(found, list)
    return [(Path(each.path).name, each.score) for each in found]


def test_a_photo_is_found_by_its_exact_path(library: Library, root: Path) -> None:
    path = put(root / os.fsdecode(b"caf\xe9") / "a.jpg")
    library.walk()
    expected = library.id_of(path)
    with library.database.reading() as connection:
        assert find_photo(connection, bytes(path)) == expected


@pytest.mark.parametrize("path", [b"/elsewhere/a.jpg", b"/", b""])
def test_a_path_outside_every_root_has_no_photo(
    library: Library, dogs: list[Path], path: bytes
) -> None:
    with library.database.reading() as connection:
        assert find_photo(connection, path) is None


def test_a_folder_is_no_photo(library: Library, root: Path, dogs: list[Path]) -> None:
    with library.database.reading() as connection:
        assert find_photo(connection, bytes(root)) is None


def test_a_photo_tells_what_the_contract_tells(library: Library, root: Path) -> None:
    put(root / "a.jpg")
    library.walk()
    library.look()
    photo_id = library.id_of(root / "a.jpg")
    with library.database.reading() as connection:
        seen = photo(connection, photo_id)
    assert (
        seen.path,
        seen.camera,
        seen.status,
        [(tag.tag, tag.score, tag.kind) for tag in seen.tags],
        seen.faces,
    ) == (
        str(root / "a.jpg"),
        "Acme Pocket 3",
        "analysed",
        [("animal", 0.91, "object"), ("dog", 0.875, "object")],
        FINDINGS.faces,
    )


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["dog"], [("2.jpg", 0.9), ("1.jpg", 0.7)]),
        (["dogs"], [("2.jpg", 0.9), ("1.jpg", 0.7)]),
        (["DOG"], [("2.jpg", 0.9), ("1.jpg", 0.7)]),
        (["puppies"], [("2.jpg", 0.9), ("1.jpg", 0.7)]),
        (["creature"], [("2.jpg", 0.9), ("1.jpg", 0.7)]),
        (["beach"], [("3.jpg", 0.8), ("2.jpg", 0.6)]),
        (["beaches"], [("3.jpg", 0.8), ("2.jpg", 0.6)]),
        (["dog", "beach"], [("2.jpg", 0.6)]),
        (["beach", "dog", "dog"], [("2.jpg", 0.6)]),
    ],
)
def test_photos_are_found_by_words_best_first(
    library: Library, dogs: list[Path], words: list[str], found: list[tuple[str, float]]
) -> None:
    assert search(library, *words) == found


def test_a_search_gives_no_more_than_was_asked_for(library: Library, dogs: list[Path]) -> None:
    assert search(library, "dog", limit=1) == [("2.jpg", 0.9)]


def test_a_found_photo_names_its_best_tags(library: Library, dogs: list[Path]) -> None:
    with library.database.reading() as connection:
        found = search_tags(connection, ["beach"], 1)
    assert found == [Found(library.id_of(dogs[2]), str(dogs[2]), 0.8, ("beach",))]


@pytest.mark.parametrize(
    ("word", "similar"), [("bech", ("beach",)), ("zzz", ()), ("%", ()), ("'", ()), ("", ())]
)
def test_a_word_that_is_no_tag_is_told_with_similar_ones(
    library: Library, dogs: list[Path], word: str, similar: tuple[str, ...]
) -> None:
    with library.database.reading() as connection:
        assert search_tags(connection, ["dog", word], 10) == UnknownWord(word, similar)


def test_more_words_than_sqlite_joins_tables(library: Library, dogs: list[Path]) -> None:
    assert search(library, *["dog", "beach"] * 50) == [("2.jpg", 0.6)]


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
