"""What becomes of a look at a photo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scened.findings import Face, Findings, Metadata, Outcome, TagScore
from scened.store.results import drop_orphans
from tests.integration.conftest import FINDINGS, Library, known, make_pack, put

HASH = bytes(range(16))
OTHER = Findings(
    metadata=Metadata(10, 20, "PNG"),
    tags=(TagScore("beach", 0.5),),
    embedding=b"\x01" * 256,
    faces=(Face(0, 0, 1, 1, 0.5),),
    sharpness=None,
)


@pytest.fixture
def path(library: Library, root: Path) -> Path:
    """One photo that waits."""
    path = put(root / "a.jpg")
    library.walk()
    return path


@pytest.fixture
def copy(library: Library, path: Path) -> Path:
    """Another photo with the same content, that waits too."""
    copy = put(path.with_name("copy.jpg"), age_seconds=7200)
    library.walk()
    return copy


def outcome(library: Library, path: Path, **changes: Any) -> Outcome:
    """Return an outcome for a file as it is now."""
    stat = path.stat()
    values: dict[str, Any] = {
        "file_id": library.id_of(path),
        "size": stat.st_size,
        "modified_ns": stat.st_mtime_ns,
        "hash": HASH,
    }
    return Outcome(**(values | changes))


def tags(library: Library, path: Path) -> list[tuple[str, float]]:
    return library.rows(
        "SELECT tag, score FROM photo_tags WHERE photo_id = :i ORDER BY tag", i=library.id_of(path)
    )


def test_findings_make_a_photo_analysed(library: Library, path: Path) -> None:
    library.record(outcome(library, path, findings=FINDINGS))
    assert library.status_of(path) == "analysed"


def test_the_changed_photos_are_told(library: Library, path: Path) -> None:
    assert library.record(outcome(library, path, findings=FINDINGS)) == [library.id_of(path)]


def test_a_known_content_needs_no_findings(library: Library, path: Path, copy: Path) -> None:
    library.record(outcome(library, path, findings=FINDINGS), outcome(library, copy))
    assert library.statuses() == {"analysed"}


def test_two_files_with_one_content_share_its_hash(
    library: Library, path: Path, copy: Path
) -> None:
    library.record(outcome(library, path, findings=FINDINGS), outcome(library, copy))
    assert library.rows("SELECT DISTINCT content_hash FROM photos") == [(HASH.hex(),)]


def test_news_of_a_content_reach_every_file_that_shows_it(
    library: Library, path: Path, copy: Path
) -> None:
    library.record(outcome(library, path, findings=FINDINGS), outcome(library, copy))
    library.record(outcome(library, path, findings=OTHER))
    assert tags(library, copy) == [("beach", 0.5)]


def test_a_copy_that_turns_up_is_no_news_of_the_others(
    library: Library, path: Path, copy: Path
) -> None:
    library.record(outcome(library, path, findings=FINDINGS))
    assert library.record(outcome(library, copy)) == [library.id_of(copy)]


def test_news_of_a_content_make_seq_grow_even_for_a_missing_photo(
    library: Library, path: Path, copy: Path
) -> None:
    library.record(outcome(library, path, findings=FINDINGS), outcome(library, copy))
    copy.unlink()
    library.walk()
    cursor = library.one("SELECT max(seq) FROM photos")
    library.record(outcome(library, path, findings=OTHER))
    assert library.rows("SELECT status FROM photos WHERE seq > :c ORDER BY 1", c=cursor) == [
        ("analysed",),
        ("missing",),
    ]


@pytest.mark.parametrize("unsupported", [False, True])
def test_a_content_that_fails_fails_every_file_that_shows_it(
    library: Library, path: Path, copy: Path, unsupported: bool
) -> None:
    failure = {"error": "truncated", "unsupported": unsupported}
    library.record(outcome(library, path, **failure), outcome(library, copy))
    status = "unsupported" if unsupported else "failed"
    assert library.rows("SELECT status, error FROM photos") == [(status, "truncated")] * 2


def test_a_failure_leaves_no_earlier_findings(library: Library, path: Path) -> None:
    library.record(outcome(library, path, findings=FINDINGS))
    library.record(outcome(library, path, error="truncated"))
    left = [
        library.one(f"SELECT count(*) FROM {view}")
        for view in ("photo_tags", "faces", "embeddings")
    ]
    assert left == [0, 0, 0]


def test_findings_heal_a_failure(library: Library, path: Path) -> None:
    library.record(outcome(library, path, error="truncated"))
    library.record(outcome(library, path, findings=FINDINGS))
    assert library.rows("SELECT status, error FROM photos") == [("analysed", None)]


def test_new_findings_replace_all_of_the_old(library: Library, path: Path) -> None:
    library.record(outcome(library, path, findings=FINDINGS))
    library.record(outcome(library, path, findings=OTHER))
    seen = (
        tags(library, path),
        library.rows("SELECT x, y, width, height, score FROM faces"),
        library.rows("SELECT vector FROM embeddings"),
        library.rows("SELECT width, height, format, camera, taken_at, sharpness FROM photos"),
    )
    assert seen == (
        [("beach", 0.5)],
        [(0, 0, 1, 1, 0.5)],
        [(b"\x01" * 256,)],
        [(10, 20, "PNG", None, None, None)],
    )


def test_new_findings_replace_the_words_to_search_by(library: Library, path: Path) -> None:
    library.record(outcome(library, path, findings=FINDINGS))
    library.record(outcome(library, path, findings=OTHER))
    found = [
        library.one("SELECT count(*) FROM photo_search WHERE photo_search MATCH :w", w=word)
        for word in ("seaside", "puppy", "june")
    ]
    assert found == [1, 0, 0]


def test_findings_without_tags_and_faces_are_findings(library: Library, path: Path) -> None:
    library.record(
        outcome(library, path, findings=Findings(OTHER.metadata, (), b"\0" * 256, (), 1.0))
    )
    assert (library.status_of(path), tags(library, path)) == ("analysed", [])


@pytest.mark.parametrize("score", [0.0, 0.00004, 0.12345, 0.99999, 1.0])
def test_a_score_is_kept_to_four_places(library: Library, path: Path, score: float) -> None:
    findings = Findings(OTHER.metadata, (TagScore("dog", score),), b"\0" * 256, (), None)
    library.record(outcome(library, path, findings=findings))
    assert tags(library, path) == [("dog", pytest.approx(score, abs=0.6e-4))]


@pytest.mark.parametrize(
    "changes", [{"size": 1}, {"modified_ns": 1}], ids=["another size", "another time"]
)
@pytest.mark.parametrize(
    "came_to", [{"findings": FINDINGS}, {"error": "truncated"}, {"hash": None, "error": "refused"}]
)
def test_what_was_seen_of_an_older_file_does_not_count(
    library: Library, path: Path, changes: dict[str, Any], came_to: dict[str, Any]
) -> None:
    library.record(outcome(library, path, **came_to, **changes))
    assert library.rows("SELECT status, error, content_hash FROM photos") == [
        ("pending", None, None)
    ]


def test_an_outcome_for_a_file_that_was_forgotten_is_passed_over(
    library: Library, path: Path
) -> None:
    late = outcome(library, path, findings=FINDINGS)
    library.write("DELETE FROM file")
    assert library.record(late) == []


def test_a_file_that_went_missing_meanwhile_stays_missing(library: Library, path: Path) -> None:
    late = outcome(library, path, findings=FINDINGS)
    path.unlink()
    library.walk()
    library.record(late)
    assert library.status_of(path) == "missing"


def test_what_was_seen_of_a_file_that_went_missing_meanwhile_is_kept(
    library: Library, root: Path, path: Path
) -> None:
    late = outcome(library, path, findings=FINDINGS)
    root.rename(root.with_name("away"))
    library.walk()
    library.record(late)
    root.with_name("away").rename(root)
    library.walk()
    assert (library.status_of(path), len(tags(library, path))) == ("analysed", 2)


@pytest.mark.parametrize(("unsupported", "status"), [(False, "failed"), (True, "unsupported")])
def test_a_file_that_cannot_be_read_says_why(
    library: Library, path: Path, unsupported: bool, status: str
) -> None:
    library.record(
        outcome(library, path, hash=None, error="no permission", unsupported=unsupported)
    )
    assert library.rows("SELECT status, error FROM photos") == [(status, "no permission")]


def test_a_success_forgives_earlier_crashes(library: Library, path: Path) -> None:
    library.write("UPDATE file SET attempts = 2")
    library.record(outcome(library, path, findings=FINDINGS))
    assert library.one("SELECT attempts FROM file") == 0


def test_a_hash_known_a_moment_ago_and_forgotten_since_leaves_the_photo_pending(
    library: Library, path: Path
) -> None:
    library.record(outcome(library, path))
    assert (library.status_of(path), library.pending()) == ("pending", [library.id_of(path)])


def test_what_no_file_shows_is_dropped(library: Library, path: Path) -> None:
    library.record(outcome(library, path, findings=FINDINGS))
    library.write("DELETE FROM file")
    with library.database.writing() as connection:
        drop_orphans(connection)
    tables = ("content", "content_tag", "content_face", "content_embedding")
    assert [library.one(f"SELECT count(*) FROM {table}") for table in tables] == [0] * 4


def test_what_a_missing_file_showed_is_not_dropped(
    library: Library, root: Path, path: Path
) -> None:
    library.record(outcome(library, path, findings=FINDINGS))
    root.rename(root.with_name("away"))
    library.walk()
    with library.database.writing() as connection:
        assert drop_orphans(connection) == 0


def test_a_photo_taken_back_within_a_day_costs_no_look(
    library: Library, root: Path, path: Path
) -> None:
    library.look()
    path.unlink()
    library.walk()
    library.let_go()
    put(root / "restored.jpg")
    library.walk()
    assert (library.look(), library.statuses()) == (0, {"analysed"})


def test_activating_a_pack_again_changes_nothing(library: Library, path: Path) -> None:
    library.record(outcome(library, path, findings=FINDINGS))
    before = known(library), library.rows("SELECT * FROM tag")
    assert library.activate(make_pack()) == library.pack_id
    assert (known(library), library.rows("SELECT * FROM tag")) == before
