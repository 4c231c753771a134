"""Version 1 of the database contract, as docs/contract.md promises it to other programs."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scened.findings import Findings, Metadata, Outcome
from scened.store.database import Database
from scened.store.heartbeat import Counts, Pulse, beat
from tests.integration.conftest import FINDINGS, Library, make_pack, put

CONTRACT = {
    "photos": (
        "id seq path path_bytes root file_size modified_at taken_at taken_offset width height"
        " format camera latitude longitude content_hash stack_id status error analysed_at pack"
        " sharpness rating"
    ),
    "photo_tags": "photo_id tag score kind",
    "faces": "id photo_id x y width height score",
    "embeddings": "photo_id pack dim vector",
    "tags": "name kind parent photos",
    "photo_search": "path tags camera dates keywords",
    "photo_keywords": "photo_id keyword source",
    "photo_corrections": "photo_id tag present",
    "companions": "stack_id path path_bytes",
    "removed": "photo_id seq",
    "daemon": ("pid version heartbeat_at state reason done pending failed rate eta_seconds pack"),
}
NOW = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture
def looked_at(library: Library, root: Path) -> Path:
    """One photo that was analysed."""
    path = put(root / "inner" / "a.jpg")
    library.walk()
    library.look()
    return path


@pytest.mark.parametrize("name", CONTRACT)
def test_it_has_these_columns_in_this_order(library: Library, name: str) -> None:
    columns = [row[1] for row in library.rows(f"PRAGMA table_info({name})")]
    assert " ".join(columns) == CONTRACT[name]


@pytest.mark.parametrize("name", CONTRACT)
def test_the_document_speaks_of_it(name: str) -> None:
    document = (Path(__file__).parents[2] / "docs" / "contract.md").read_text("utf-8")
    section = document.split(f"\n## {name}\n", 1)[1].split("\n## ", 1)[0]
    assert [column for column in CONTRACT[name].split() if column not in section] == []


def test_what_was_found_is_in_photos(library: Library, looked_at: Path) -> None:
    row = library.rows(
        "SELECT path, root, file_size, taken_at, taken_offset, width, height, format, camera,"
        " latitude, longitude, stack_id, status, error, pack, sharpness FROM photos"
    )
    assert row == [
        (
            str(looked_at),
            str(looked_at.parents[1]),
            looked_at.stat().st_size,
            "2019-06-14T18:03:20",
            "+02:00",
            64,
            48,
            "JPEG",
            "Acme Pocket 3",
            48.5,
            -9.25,
            None,
            "analysed",
            None,
            "tiny-1",
            123.5,
        )
    ]


def test_content_hash_is_32_lower_case_hex_digits(library: Library, looked_at: Path) -> None:
    assert re.fullmatch("[0-9a-f]{32}", library.one("SELECT content_hash FROM photos"))


def test_content_hash_is_unknown_after_an_edit_until_the_file_was_read_again(
    library: Library, looked_at: Path
) -> None:
    put(looked_at, 1)
    library.walk()
    assert library.rows("SELECT status, content_hash FROM photos") == [("pending", None)]


def test_analysed_at_is_utc_to_the_second(library: Library, looked_at: Path) -> None:
    assert NOW.fullmatch(library.one("SELECT analysed_at FROM photos"))


def test_a_photo_not_looked_at_has_no_findings(library: Library, root: Path) -> None:
    put(root / "a.jpg")
    library.walk()
    assert library.rows("SELECT status, content_hash, analysed_at, pack, width FROM photos") == [
        ("pending", None, None, None, None)
    ]


@pytest.mark.parametrize(
    ("modified_ns", "said"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_560_535_400_123_456_789, "2019-06-14T18:03:20.123Z"),
        (-1_000_000_000, "1969-12-31T23:59:59.000Z"),
    ],
)
def test_modified_at_is_utc_to_the_millisecond(
    library: Library, root: Path, modified_ns: int, said: str
) -> None:
    os.utime(put(root / "a.jpg"), ns=(modified_ns, modified_ns))
    library.walk()
    assert library.one("SELECT modified_at FROM photos") == said


@pytest.mark.parametrize("folder", [b"", b"caf\xe9/", b"plain/"])
def test_a_name_that_is_not_utf_8_is_exact_in_bytes_and_replaced_in_text(
    library: Library, root: Path, folder: bytes
) -> None:
    path = bytes(root) + b"/" + folder + b"\xff\xfe.jpg"
    put(Path(os.fsdecode(path)))
    library.walk()
    assert library.rows("SELECT path_bytes, path FROM photos") == [
        (path, path.decode("utf-8", "replace"))
    ]


def test_a_root_that_is_not_utf_8_is_exact_in_bytes_and_replaced_in_text(
    library: Library, tmp_path: Path
) -> None:
    root = tmp_path / os.fsdecode(b"\xff")
    library.watch(root)
    put(root / "a.jpg")
    library.walk()
    assert library.rows("SELECT path_bytes, path, root FROM photos") == [
        (bytes(root / "a.jpg"), f"{tmp_path}/\ufffd/a.jpg", f"{tmp_path}/\ufffd")
    ]


def test_path_and_path_bytes_have_the_promised_types(library: Library, looked_at: Path) -> None:
    assert library.rows("SELECT typeof(path), typeof(path_bytes) FROM photos") == [("text", "blob")]


def test_photo_tags_gives_each_tag_with_score_and_kind(library: Library, looked_at: Path) -> None:
    photo_id = library.id_of(looked_at)
    assert library.rows("SELECT * FROM photo_tags ORDER BY tag") == [
        (photo_id, "animal", 0.91, "object"),
        (photo_id, "dog", 0.875, "object"),
    ]


def test_faces_gives_each_face(library: Library, looked_at: Path) -> None:
    photo_id = library.id_of(looked_at)
    rows = library.rows("SELECT photo_id, x, y, width, height, score FROM faces ORDER BY id")
    assert rows == [
        (photo_id, 0.1, 0.2, 0.3, 0.4, 0.99),
        (photo_id, 0.5, 0.5, 0.25, 0.25, 0.75),
    ]


def test_ids_of_faces_are_unique_over_photos_that_share_content(
    library: Library, root: Path
) -> None:
    put(root / "a.jpg")
    put(root / "b.jpg")
    library.walk()
    library.look()
    assert library.rows("SELECT count(*), count(DISTINCT id) FROM faces") == [(4, 4)]


def test_embeddings_gives_the_vector_as_recorded(library: Library, looked_at: Path) -> None:
    assert library.rows("SELECT * FROM embeddings") == [
        (library.id_of(looked_at), "tiny-1", 256, bytes(range(256)))
    ]


def test_tags_counts_photos_and_lists_all_labels(library: Library, looked_at: Path) -> None:
    assert library.rows("SELECT * FROM tags ORDER BY name") == [
        ("animal", "object", None, 1),
        ("beach", "scene", None, 0),
        ("dog", "object", "animal", 1),
    ]


@pytest.mark.parametrize(
    "query",
    [
        "dog",
        "dogs",
        "animal",
        "puppy",
        "inner",
        "Acme",
        "june",
        "2019",
        "path : inner",
        "tags : hound AND dates : june",
        "camera : pocket",
    ],
)
def test_photo_search_finds_by(library: Library, looked_at: Path, query: str) -> None:
    found = library.rows("SELECT rowid FROM photo_search WHERE photo_search MATCH :q", q=query)
    assert found == [(library.id_of(looked_at),)]


@pytest.mark.parametrize("query", ["beach", "july", "camera : dog"])
def test_photo_search_does_not_find_by(library: Library, looked_at: Path, query: str) -> None:
    assert library.rows("SELECT rowid FROM photo_search WHERE photo_search MATCH :q", q=query) == []


def test_photo_search_finds_a_pending_photo_by_its_path(library: Library, root: Path) -> None:
    put(root / "holiday.jpg")
    library.walk()
    found = library.rows("SELECT rowid FROM photo_search WHERE photo_search MATCH 'holiday'")
    assert found == [(library.id_of(root / "holiday.jpg"),)]


def test_photo_search_forgets_a_removed_photo(library: Library, looked_at: Path) -> None:
    looked_at.unlink()
    library.walk()
    library.let_go()
    assert library.one("SELECT count(*) FROM photo_search") == 0


def test_removed_names_the_photo_that_went(library: Library, looked_at: Path) -> None:
    photo_id, cursor = library.id_of(looked_at), library.one("SELECT max(seq) FROM photos")
    looked_at.unlink()
    library.walk()
    library.let_go()
    assert library.rows("SELECT photo_id FROM removed WHERE seq > :c", c=cursor) == [(photo_id,)]


def test_an_id_is_never_used_again(library: Library, looked_at: Path) -> None:
    before = library.id_of(looked_at)
    looked_at.unlink()
    library.walk()
    library.let_go()
    put(looked_at, 1)
    library.walk()
    assert library.id_of(looked_at) > before


def test_findings_of_an_older_pack_stay_readable(library: Library, looked_at: Path) -> None:
    library.activate(make_pack("2"))
    assert library.rows("SELECT status, pack FROM photos") == [("analysed", "tiny-1")]


def test_the_daemon_has_one_row_from_the_start(library: Library) -> None:
    assert library.rows("SELECT state, reason, done, pending, failed FROM daemon") == [
        ("stopped", "never ran", 0, 0, 0)
    ]


def test_the_daemon_row_says_what_the_daemon_says(library: Library) -> None:
    counts = Counts(done=5, pending=4, failed=3, unsupported=2, missing=1)
    pulse = Pulse(42, "0.1", "working", "looking at photos", counts, 2.5, 1.6, "tiny-1")
    with library.database.writing() as connection:
        beat(connection, pulse)
    ((heartbeat, *row),) = library.rows("SELECT heartbeat_at, * FROM daemon")
    assert NOW.fullmatch(heartbeat)
    expected = [42, "0.1", heartbeat, "working", "looking at photos", 5, 4, 3, 2.5, 1.6, "tiny-1"]
    assert row == expected


OPERATIONS = ("add", "edit", "touch", "rename", "copy", "link", "delete", "look", "let go", "fail")
snapshot = (
    "SELECT id, path_bytes, file_size, modified_at, content_hash, status, error, sharpness,"
    " (SELECT group_concat(tag || score) FROM photo_tags WHERE photo_id = id) FROM photos"
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 3)), max_size=10))
def test_whatever_happens_who_follows_seq_misses_nothing(
    empty_library: Path,
    tmp_path_factory: pytest.TempPathFactory,
    operations: list[tuple[str, int]],
) -> None:
    folder = tmp_path_factory.mktemp("follow")
    database = Database(Path(shutil.copy(empty_library, folder / "library.sqlite")))
    try:
        library = Library(database, 0)
        library.pack_id = library.activate(make_pack())
        library.watch(folder / "photos")
        for turn, (operation, number) in enumerate(operations):
            cursor = highest_seq(library)
            before = {row[0]: row for row in library.rows(snapshot)}
            happen(library, folder / "photos", operation, number, turn)
            after = {row[0]: row for row in library.rows(snapshot)}
            told = {i for (i,) in library.rows("SELECT id FROM photos WHERE seq > :c", c=cursor)}
            gone = library.rows("SELECT photo_id FROM removed WHERE seq > :c", c=cursor)
            changed = {i for i, row in after.items() if before.get(i) != row}
            assert changed <= told
            assert {i for (i,) in gone} == before.keys() - after.keys()
            assert (highest_seq(library) > cursor) == bool(told or gone)
    finally:
        database.close()


def highest_seq(library: Library) -> int:
    return int(
        library.one(
            "SELECT max(coalesce((SELECT max(seq) FROM photos), 0),"
            " coalesce((SELECT max(seq) FROM removed), 0))"
        )
    )


def happen(library: Library, root: Path, operation: str, number: int, turn: int) -> None:
    """Let something happen to one of four photos, and let the catalogue take note."""
    path = root / f"{number}.jpg"
    other = root / "inner" / f"{turn}.jpg"
    other.parent.mkdir(exist_ok=True)
    match operation:
        case "add":
            put(path, number)
        case "edit":
            put(path, 10 + turn)
        case "look":
            library.look(findings=findings(float(turn)))
        case "let go":
            library.let_go()
        case "fail":
            for photo_id in library.pending():
                fail(library, photo_id)
        case _ if not path.exists():
            return
        case "touch":
            os.utime(path, (turn, turn))
        case "rename":
            path.rename(other)
        case "copy":
            shutil.copy2(path, other)
        case "link":
            other.unlink(missing_ok=True)
            other.hardlink_to(path)
        case "delete":
            path.unlink()
    library.walk()


def findings(sharpness: float) -> Findings:
    return Findings(
        metadata=Metadata(1, 1, "JPEG"),
        tags=FINDINGS.tags,
        embedding=FINDINGS.embedding,
        faces=(),
        sharpness=sharpness,
    )


def fail(library: Library, photo_id: int) -> None:
    ((size, modified_ns),) = library.rows(
        "SELECT size, modified_ns FROM file WHERE id = :id", id=photo_id
    )
    library.record(Outcome(photo_id, size, modified_ns, error="no permission"))
