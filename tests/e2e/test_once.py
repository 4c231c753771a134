"""`scened run --once`: a folder of photos in, a database out."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.e2e.conftest import NAMES, Scened, age
from tests.photos import photo, write_photo


def test_every_photo_gets_tags_and_an_embedding(scened: Scened, library: Path) -> None:
    scened("run", "--once", library)
    rows = scened.rows(
        "SELECT length(vector), (SELECT count(*) FROM photo_tags WHERE photo_id = photos.id)"
        " FROM photos JOIN embeddings ON photo_id = id WHERE status = 'analysed'"
    )
    assert len(rows) == len(NAMES)
    assert all(length == 256 and tags > 0 for length, tags in rows)


def test_the_face_of_the_astronaut_is_found_where_it_is(scened: Scened, library: Path) -> None:
    scened("run", "--once", library)
    rows = scened.rows(
        "SELECT faces.x, faces.y, faces.width, faces.height FROM faces"
        " JOIN photos ON photos.id = photo_id WHERE path LIKE '%astronaut.jpg'"
        " ORDER BY score DESC"
    )
    x, y, width, height = rows[0]
    assert x < 0.44 < x + width  # her nose, at 44 % and 23 % of the picture
    assert y < 0.23 < y + height


def test_search_finds_the_cat_by_what_a_cat_is(scened: Scened, library: Path) -> None:
    scened("run", "--once", library)
    found = scened.json("search", "--by", "tags", "animals")
    assert found[0]["path"].endswith("/chelsea.jpg")


def test_summary_says_what_to_try_next(scened: Scened, library: Path) -> None:
    said = scened("run", "--once", library)
    assert "5 photos: 5 analysed" in said
    assert f"scened --db {scened.database} search" in said


def test_a_second_run_looks_at_nothing_again(scened: Scened, library: Path) -> None:
    scened("run", "--once", library)
    before = scened.rows("SELECT id, seq, analysed_at FROM photos ORDER BY id")
    said = scened("run", "--once", library)
    assert "Nothing new to look at." in said
    assert scened.rows("SELECT id, seq, analysed_at FROM photos ORDER BY id") == before


def test_a_rename_between_runs_costs_no_look(scened: Scened, library: Path) -> None:
    scened("run", "--once", library)
    before = scened.rows("SELECT id FROM photos WHERE path LIKE '%/chelsea.jpg'")
    (library / "chelsea.jpg").rename(library / "inner" / "Minka.jpg")
    said = scened("run", "--once")
    assert "Nothing new to look at." in said
    assert scened.rows("SELECT id FROM photos WHERE path LIKE '%inner/Minka.jpg'") == before


def test_a_copy_costs_no_look(scened: Scened, library: Path) -> None:
    scened("run", "--once", library)
    age(Path(shutil.copy(library / "chelsea.jpg", library / "copy.jpg")))
    said = scened("run", "--once")
    assert "6 photos: 6 analysed" in said
    assert "Nothing new to look at." in said


def test_a_deleted_photo_is_removed_and_said_to_be(scened: Scened, library: Path) -> None:
    scened("run", "--once", library)
    ((photo_id,),) = scened.rows("SELECT id FROM photos WHERE path LIKE '%/chelsea.jpg'")
    (library / "chelsea.jpg").unlink()
    scened("run", "--once")
    assert scened.rows("SELECT photo_id FROM removed") == [(photo_id,)]


def test_a_broken_photo_fails_with_a_reason_and_stops_nothing(
    scened: Scened, library: Path
) -> None:
    whole = (library / "chelsea.jpg").read_bytes()
    (library / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (library / "empty.jpg").touch()
    (library / "words.jpg").write_text("not a picture")
    for name in ("truncated", "empty", "words"):
        age(library / f"{name}.jpg")
    said = scened("run", "--once", library, expect=1)
    assert "8 photos: 5 analysed, 3 failed" in said
    reasons = dict(scened.rows("SELECT path, error FROM photos WHERE status = 'failed'"))
    assert len(reasons) == 3
    assert all(reasons.values())


def test_raw_and_tiny_files_are_not_supported_and_no_failure(
    scened: Scened, library: Path, without_extras: None
) -> None:
    write_photo(library / "icon.png", photo(size=(32, 32)))
    shutil.copy(library / "chelsea.jpg", library / "raw.dng")
    age(library / "icon.png")
    age(library / "raw.dng")
    scened("run", "--once", library)
    rows = scened.rows("SELECT error FROM photos WHERE status = 'unsupported' ORDER BY path")
    assert rows == [
        ("smaller than 64 pixels: left alone",),
        ("RAW photos need a codec: the extra [raw], see `scened doctor`",),
    ]


def test_bytes_that_are_a_photo_by_one_name_are_one_whatever_another_says(
    scened: Scened, library: Path
) -> None:
    shutil.copy(library / "chelsea.jpg", library / "raw.dng")
    scened("run", "--once", library)
    rows = scened.rows("SELECT status FROM photos WHERE path LIKE '%/chelsea.jpg'")
    assert rows == [("analysed",)]


def test_a_file_that_gets_the_name_of_a_photo_is_looked_at(scened: Scened, library: Path) -> None:
    (library / "chelsea.jpg").rename(library / "raw.dng")
    scened("run", "--once", library)
    (library / "raw.dng").rename(library / "chelsea.jpg")
    scened("run", "--once")
    rows = scened.rows("SELECT status FROM photos WHERE path LIKE '%/chelsea.jpg'")
    assert rows == [("analysed",)]


def test_a_name_that_is_not_utf8_is_kept_exactly(scened: Scened, library: Path) -> None:
    name = b"caf\xe9.jpg"
    age(Path(shutil.copy(library / "chelsea.jpg", library / name.decode(errors="surrogateescape"))))
    scened("run", "--once", library)
    rows = scened.rows("SELECT path, path_bytes, status FROM photos WHERE path LIKE '%caf%'")
    ((path, exact, status),) = rows
    assert (path[-8:], exact[-8:], status) == ("caf\ufffd.jpg", name, "analysed")
