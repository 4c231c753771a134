"""The side file of embeddings: fast, exact, and never trusted where the database says otherwise."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scened.search import vectors as module
from scened.search.vectors import Vectors, side_file
from scened.store.recognition import open_plainly
from tests.integration.conftest import Library, fill, make_pack, put, show

PACK = "tiny-1"
DIMENSIONS = 256


def embedding(seed: int) -> bytes:
    numbers = np.random.default_rng(seed).normal(size=DIMENSIONS)
    return np.rint(numbers / np.linalg.norm(numbers) * 127).astype(np.int8).tobytes()


def nearest(file: Path, to: int, count: int = 100) -> dict[int, float]:
    """Return what a fresh reader says: contents and cosines, best first."""
    connection = open_plainly(file)
    try:
        vectors = Vectors(side_file(file, PACK), PACK, DIMENSIONS)
        vectors.refresh(connection)
        unit = np.frombuffer(embedding(to), np.int8).astype(np.float32) / 127
        return dict(vectors.best(vectors.likeness(unit), count))
    finally:
        connection.close()


def truth(file: Path, to: int) -> dict[int, float]:
    """Return the same from the database alone, by numpy."""
    connection = sqlite3.connect(file)
    rows = connection.execute(
        "SELECT content_id, vector FROM content_embedding"
        " WHERE pack_id = (SELECT id FROM pack WHERE identity = ?)",
        (PACK,),
    ).fetchall()
    connection.close()
    query = np.frombuffer(embedding(to), np.int8).astype(int)
    scores = {row[0]: int(query @ np.frombuffer(row[1], np.int8).astype(int)) for row in rows}
    return dict(sorted(((c, s / 127**2) for c, s in scores.items()), key=lambda each: -each[1]))


def holds(file: Path, to: int) -> None:
    expected = truth(file, to)
    found = nearest(file, to)
    assert list(found) == list(expected)
    assert found == pytest.approx(expected)


@pytest.fixture
def file(library: Library, root: Path) -> Path:
    """A library of ten photos, and its side file."""
    for number in range(10):
        show(library, root / f"{number}.jpg", number, embedding=embedding(number))
    nearest(library.database.file, 0)
    return library.database.file


def test_the_nearest_are_exactly_those_that_numpy_finds(file: Path) -> None:
    holds(file, 3)
    assert next(iter(nearest(file, 3).values())) == pytest.approx(1, abs=0.02)


@pytest.mark.promise(
    "access: any umask",
    "database, log, lock, backups and caches are 0600 in folders 0700",
)
def test_only_the_owner_may_read_the_side_file(file: Path) -> None:
    side = side_file(file, PACK)
    assert stat.S_IMODE(side.stat().st_mode) == 0o600
    assert stat.S_IMODE(side.parent.stat().st_mode) == 0o700


def test_the_side_file_may_be_deleted(file: Path) -> None:
    shutil.rmtree(side_file(file, PACK).parent)
    holds(file, 1)
    assert side_file(file, PACK).exists()


@pytest.mark.parametrize("damage", [b"", b"x" * 100, None])
def test_a_damaged_side_file_is_made_anew(file: Path, damage: bytes | None) -> None:
    side = side_file(file, PACK)
    side.write_bytes(side.read_bytes()[:-5] if damage is None else damage)
    holds(file, 1)


def test_a_side_file_full_of_other_vectors_is_made_anew(file: Path) -> None:
    side = side_file(file, PACK)
    data = bytearray(side.read_bytes())
    data[64 : 64 + 256] = bytes(256)
    side.write_bytes(data)
    holds(file, 1)


def test_new_photos_are_read_on_top(library: Library, root: Path, file: Path) -> None:
    before = side_file(file, PACK).stat().st_mtime_ns
    show(library, root / "new.jpg", 50, embedding=embedding(50))
    holds(file, 50)
    assert side_file(file, PACK).stat().st_mtime_ns == before


def test_an_edited_photo_counts_as_it_is_now(library: Library, root: Path, file: Path) -> None:
    show(library, root / "3.jpg", 60, embedding=embedding(60))
    holds(file, 60)


def test_a_content_that_is_seen_anew_counts_as_it_is_now(library: Library, file: Path) -> None:
    library.activate(make_pack("2"))
    library.write("UPDATE content_embedding SET vector = :v WHERE content_id = 4", v=embedding(70))
    library.write("UPDATE file SET status = status WHERE content_id = 4")
    holds(file, 70)


def test_what_another_pack_has_seen_meanwhile_no_longer_counts(
    library: Library, file: Path
) -> None:
    newer = library.activate(make_pack("2"))
    library.look(pack_id=newer)
    assert nearest(file, 1) == {}


def test_many_changes_make_another_side_file(
    library: Library, root: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_CHANGES", 2)
    before = side_file(file, PACK).stat().st_size
    for number in range(3):
        show(library, root / f"new{number}.jpg", 50 + number, embedding=embedding(50 + number))
    holds(file, 51)
    assert side_file(file, PACK).stat().st_size > before


def test_a_database_put_back_from_a_copy_is_noticed(
    library: Library, root: Path, file: Path, tmp_path: Path
) -> None:
    library.write("UPDATE file SET status = status")  # seq goes past what the side file says
    library.write("UPDATE content_embedding SET vector = :v", v=embedding(80))
    library.write("UPDATE sequence SET value = value + 100")
    library.write("UPDATE file SET seq = 1")
    holds(file, 80)


def test_another_database_at_the_same_place_is_noticed(
    library: Library, root: Path, file: Path
) -> None:
    library.write("DELETE FROM content_embedding WHERE content_id <= 5")
    connection = open_plainly(file)
    vectors = Vectors(side_file(file, PACK), PACK, DIMENSIONS)
    shutil.rmtree(side_file(file, PACK).parent)
    vectors.refresh(connection)
    connection.close()
    library.write(
        "INSERT INTO content_embedding SELECT id, 1, :v FROM content WHERE id <= 5", v=embedding(9)
    )
    holds(file, 9)


def test_a_folder_that_cannot_be_written_to_costs_no_answer(file: Path) -> None:
    shutil.rmtree(side_file(file, PACK).parent)
    side_file(file, PACK).parent.touch()
    holds(file, 1)


def test_a_reader_that_stays_open_follows(library: Library, root: Path, file: Path) -> None:
    connection = open_plainly(file)
    vectors = Vectors(side_file(file, PACK), PACK, DIMENSIONS)
    vectors.refresh(connection)
    assert len(vectors) == 10
    fill(root / "more", 1)
    put(root / "more" / "0.jpg", 90)
    library.walk()
    library.look()
    vectors.refresh(connection)
    assert len(vectors) == 11
    connection.close()


def test_a_library_without_embeddings_has_nothing_near(library: Library) -> None:
    assert nearest(library.database.file, 1) == {}


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30), st.integers(1, 40))
def test_the_best_of_some_scores_are_the_best(numbers: list[int], count: int) -> None:
    vectors = Vectors(Path("/nowhere"), PACK, DIMENSIONS)
    vectors._made = (
        np.arange(len(numbers), dtype=np.int64),
        np.zeros((len(numbers), DIMENSIONS), np.int8),
    )
    scores = np.array(numbers, np.float64) / 3
    best = vectors.best(scores, count)
    assert [score for _, score in best] == sorted(scores.tolist(), reverse=True)[:count]
    assert all(scores[content] == score for content, score in best)
