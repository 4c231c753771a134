"""Bad input: one clear line, its own exit code, and nothing that was stored is touched."""

from __future__ import annotations

import re
import shutil
import sqlite3
from pathlib import Path

import pytest

from scened.models.pack import default_pack_folder
from scened.store.schema import SCHEMA_VERSION
from tests.e2e.conftest import Scened, age


def one_line(said: str) -> str:
    (line,) = said.strip().splitlines()
    assert line.startswith("scened: ")
    return line


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A copy of the pack that ships, to be damaged."""
    return Path(shutil.copytree(default_pack_folder(), tmp_path / "pack"))


@pytest.mark.parametrize("command", [("run", "--once"), ("add",)])
def test_a_folder_that_does_not_exist(scened: Scened, command: tuple[str, ...]) -> None:
    said = scened(*command, "/nowhere/at/all", expect=66)
    assert "there is no folder /nowhere/at/all" in one_line(said)
    assert not scened.database.exists()


def test_a_file_where_a_folder_should_be(scened: Scened, library: Path) -> None:
    said = scened.look_at(library / "chelsea.jpg", expect=66)
    assert "is not a folder" in one_line(said)


def test_a_photo_that_is_not_in_the_library(scened: Scened, library: Path, tmp_path: Path) -> None:
    scened.look_at(library)
    said = scened("show", tmp_path / "elsewhere.jpg", expect=66)
    assert "is not in the library" in one_line(said)


@pytest.mark.parametrize("command", [("status",), ("search", "dog"), ("show", "a.jpg")])
def test_a_database_that_does_not_exist(scened: Scened, command: tuple[str, ...]) -> None:
    assert "there is no database" in one_line(scened(*command, expect=66))
    assert not scened.database.exists()


def test_a_file_that_is_no_database(scened: Scened, library: Path) -> None:
    scened.database.parent.mkdir()
    scened.database.write_text("dear diary")
    said = scened.look_at(library, expect=65)
    assert "is not a scened database" in one_line(said)
    assert scened.database.read_text() == "dear diary"


@pytest.mark.promise(
    "store: a database of another program",
    "refused, untouched",
)
def test_a_database_of_another_program(scened: Scened, library: Path) -> None:
    scened.database.parent.mkdir()
    connection = sqlite3.connect(scened.database)
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    before = scened.database.read_bytes()
    said = scened.look_at(library, expect=65)
    assert "belongs to another program" in one_line(said)
    assert scened.database.read_bytes() == before


@pytest.mark.promise(
    "store: a newer schema",
    "refused, untouched",
)
def test_a_database_of_a_newer_version(scened: Scened, library: Path) -> None:
    scened.look_at(library)
    connection = sqlite3.connect(scened.database)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    photos = scened.rows("SELECT * FROM photos")
    said = scened.look_at(library, expect=65)
    assert "newer scened" in one_line(said)
    assert scened.rows("SELECT * FROM photos") == photos


def test_a_pack_that_is_missing(scened: Scened, library: Path, tmp_path: Path) -> None:
    said = scened.look_at("--pack", tmp_path / "none", library, expect=65)
    assert "there is no pack in" in one_line(said)
    assert not scened.database.exists()


@pytest.mark.promise(
    "pack: a byte of a file is changed",
    "refused before anything is analysed with it",
)
def test_a_pack_that_is_damaged(scened: Scened, library: Path, pack: Path) -> None:
    network = pack / "image.onnx"
    network.write_bytes(network.read_bytes()[:-1] + b"?")
    said = scened.look_at("--pack", pack, library, expect=65)
    assert "damaged" in one_line(said)
    assert not scened.database.exists()


@pytest.mark.promise(
    "pack: it is damaged while in use",
    "what was stored stays",
)
def test_a_pack_that_breaks_under_way_keeps_what_was_stored(
    scened: Scened, library: Path, pack: Path
) -> None:
    scened.look_at(library)
    photos = scened.rows("SELECT * FROM photos")
    (pack / "image.onnx").unlink()
    scened.look_at("--pack", pack, library, expect=65)
    assert scened.rows("SELECT * FROM photos") == photos


def test_no_folder_at_all(scened: Scened) -> None:
    assert "no folder is watched yet" in scened.look_at(expect=2)


def test_a_folder_that_is_not_watched_cannot_be_removed(
    scened: Scened, library: Path, tmp_path: Path
) -> None:
    scened("add", library)
    said = scened("remove", tmp_path, expect=66)
    assert f"watched are: {library}" in one_line(said)


def test_a_word_that_describes_no_photo(scened: Scened, library: Path) -> None:
    scened.look_at(library)
    assert "no photo is described by 'zzz'" in one_line(scened("search", "--by", "tags", "zzz"))


def test_a_word_that_is_nearly_a_tag(scened: Scened, library: Path) -> None:
    scened.look_at(library)
    assert "did you mean" in one_line(scened("search", "--by", "tags", "moutain"))


def test_a_query_longer_than_anybody_types(scened: Scened, library: Path) -> None:
    scened.look_at(library)
    said = one_line(scened("search", "x" * 10_000, expect=2))
    assert "10,000 characters" in said


def test_an_empty_query(scened: Scened, library: Path) -> None:
    scened.look_at(library)
    assert "nothing to search for" in one_line(scened("search", " ", expect=2))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--from", "nonsense"),
        ("--to", "2019-02-31"),
        ("--faces", "many"),
        ("--faces", "3..1"),
        ("--kind", "smell"),
        ("--min-score", "2"),
    ],
)
def test_a_filter_that_cannot_be(scened: Scened, option: str, value: str) -> None:
    assert f"Invalid value for '{option}'" in scened("search", "dog", option, value, expect=2)


def test_a_drawing_over_the_photo_itself_is_refused(scened: Scened, library: Path) -> None:
    scened.look_at(library)
    photo = library / "chelsea.jpg"
    before = photo.read_bytes()
    said = scened("show", photo, "--render", photo, expect=73)
    assert "is the photo itself" in one_line(said)
    assert photo.read_bytes() == before


def test_a_drawing_of_a_broken_photo_is_refused(scened: Scened, library: Path) -> None:
    broken = library / "broken.jpg"
    broken.write_bytes((library / "chelsea.jpg").read_bytes()[:5000])
    age(broken)
    scened.look_at(library, expect=1)
    said = scened("show", broken, "--render", library / "seen.png", expect=65)
    assert "truncated" in one_line(said)


def test_whatever_is_searched_for_is_only_words(scened: Scened, library: Path) -> None:
    scened.look_at(library)
    for query in (
        "寿司",
        "собака",
        '"dog',
        "dog OR cat)",
        "NEAR(dog cat)",
        "tags:dog",
        "* ' ; --",
    ):
        said = scened("search", query).lower()
        assert not re.search(r"sql|fts|syntax|match", said), said


@pytest.mark.parametrize("command", ["similar", "show"])
def test_a_photo_that_does_not_exist(scened: Scened, library: Path, command: str) -> None:
    scened("add", library)
    said = scened(command, library / "none.jpg", expect=66)
    assert "there is no such file either" in one_line(said)


def test_a_database_without_embeddings(scened: Scened, library: Path) -> None:
    scened.look_at(library)
    connection = sqlite3.connect(scened.database)
    with connection:
        connection.execute("DELETE FROM content_embedding")
    connection.close()
    assert "searched by tags" in scened("search", "cat")
    for asked in (("search", "--by", "meaning", "cat"), ("similar", library / "chelsea.jpg")):
        said = scened(*asked, expect=65)
        assert "no photo was looked at" in one_line(said)
