"""What was known can be forgotten, down to its bytes; and nobody else can read it meanwhile."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from scened.errors import CannotCreate, ForeignDatabase, MissingPath
from scened.findings import Face, Outcome
from scened.store.backups import back_up
from scened.store.database import open_for_reading, open_for_writing
from scened.store.forgetting import forget_everything, forget_photos, wipe
from scened.store.results import record, switch_faces
from scened.store.roots import relocate_roots
from tests.integration.conftest import FINDINGS, Library, fill, known, put

NAME = "Xylophonist"  # in a name that is forgotten, and nowhere else
CAMERA = "Zenit-Quagga"


def secret_photo(library: Library, root: Path) -> Path:
    path = put(root / "inner" / f"{NAME}.jpg", 77)
    library.walk()
    metadata = FINDINGS.metadata
    library.look(
        findings=type(FINDINGS)(
            type(metadata)(64, 48, "JPEG", camera=CAMERA),
            FINDINGS.tags,
            FINDINGS.embedding,
            (Face(0.123456, 0.2, 0.3, 0.4, 0.99),),
            None,
        )
    )
    return path


def traces(folder: Path, words: str) -> list[str]:
    """Return the files in a folder, at any depth, that hold some words in any case."""
    return [
        file.name
        for file in folder.rglob("*")
        if file.is_file() and words.lower().encode() in file.read_bytes().lower()
    ]


def forget(library: Library, *paths: Path) -> int:
    forgotten = forget_photos(library.database, [bytes(path) for path in paths])
    library.database.close()
    wipe(library.database.file)
    return forgotten


@pytest.fixture
def secret(library: Library, root: Path) -> Path:
    """A photo of which everything is known everywhere, also in a backup and a log."""
    fill(root)
    library.walk()
    library.look()
    path = secret_photo(library, root)
    back_up(library.database.file, "asked")
    log = library.database.file.with_name("scened.log")
    log.write_text(f"looked at {NAME} taken with {CAMERA}")
    return path


@pytest.mark.parametrize("words", [NAME, CAMERA])
@pytest.mark.parametrize("whole_folder", [False, True])
@pytest.mark.promise(
    "privacy: `scened forget PATH`",
    "no byte is left in database, search index, log, backups, thumbnails and side files",
)
def test_no_byte_of_what_is_forgotten_remains(
    library: Library, secret: Path, words: str, whole_folder: bool
) -> None:
    folder = library.database.file.parent
    assert traces(folder, words) != []
    assert forget(library, secret.parent if whole_folder else secret) == 1
    assert traces(folder, words) == []


def test_what_is_not_forgotten_stays(library: Library, secret: Path) -> None:
    forget(library, secret)
    library.reopen()
    assert library.statuses() == {"analysed"}
    assert library.one("SELECT count(*) FROM photo_search WHERE tags MATCH 'hound'") == 3


def test_a_content_that_another_photo_has_stays_known(library: Library, secret: Path) -> None:
    copy = Path(shutil.copy2(secret, secret.parents[1] / "copy.jpg"))
    library.walk()
    library.look()
    forget(library, secret)
    library.reopen()
    assert library.status_of(copy) == "analysed"


def test_a_forgotten_folder_that_was_watched_is_watched_no_longer(
    library: Library, root: Path, secret: Path
) -> None:
    assert forget(library, root) == 4
    library.reopen()
    assert library.roots() == []


@pytest.mark.parametrize("unknown", ["photos/0.jp", "photos/0.jpg/x", "photos/in", "elsewhere"])
def test_where_nothing_is_known_nothing_is_forgotten(
    library: Library, root: Path, tmp_path: Path, unknown: str
) -> None:
    photos = [*fill(root), put(root / "inner" / "a.jpg", 9)]
    library.walk()
    with pytest.raises(MissingPath, match="nothing was forgotten"):
        forget_photos(library.database, [bytes(photos[0]), bytes(tmp_path / unknown)])
    assert library.paths() == {str(path) for path in photos}


def test_a_watched_folder_without_photos_is_forgotten(library: Library, root: Path) -> None:
    assert forget(library, root) == 0
    library.reopen()
    assert library.roots() == []


def test_a_folder_and_a_photo_in_it_are_forgotten_together(
    library: Library, root: Path, secret: Path
) -> None:
    assert forget(library, root, secret) == 4


@pytest.mark.promise(
    "privacy: `scened forget --everything`",
    "no file of ours is left, no photo touched",
)
def test_after_everything_is_forgotten_nothing_is_left(library: Library, secret: Path) -> None:
    library.database.close()
    forget_everything(library.database.file)
    assert [file for file in library.database.file.parent.rglob("*") if file.is_file()] == []
    assert secret.exists()


class TestFaces:
    """Faces can be switched off, and on again."""

    def test_switched_off_none_is_left(self, library: Library, looked_at: list[Path]) -> None:
        with library.database.writing() as connection:
            assert switch_faces(connection, wanted=False) > 0
        assert library.rows("SELECT * FROM faces") == []

    def test_switched_off_none_is_kept(self, library: Library, root: Path) -> None:
        photo = put(root / "a.jpg")
        library.walk()
        stat = photo.stat()
        seen = Outcome(library.id_of(photo), stat.st_size, stat.st_mtime_ns, b"h" * 16, FINDINGS)
        with library.database.writing() as connection:
            record(connection, library.pack_id, [seen], faces=False)
        assert library.status_of(photo) == "analysed"
        assert library.rows("SELECT * FROM faces") == []

    def test_switched_on_again_photos_are_looked_at_again_and_readable_meanwhile(
        self, library: Library, looked_at: list[Path]
    ) -> None:
        for wanted in (False, True):
            with library.database.writing() as connection:
                switch_faces(connection, wanted=wanted)
        assert library.statuses() == {"analysed"}
        assert library.look() == 3
        assert library.one("SELECT count(*) FROM faces") == 6
        assert library.look() == 0

    def test_left_on_nothing_is_looked_at_again(
        self, library: Library, looked_at: list[Path]
    ) -> None:
        with library.database.writing() as connection:
            switch_faces(connection, wanted=True)
        assert library.look() == 0


class TestRelocation:
    """A library that moved as a whole keeps all that is known."""

    def test_what_is_known_moves_along(
        self, library: Library, root: Path, looked_at: list[Path], tmp_path: Path
    ) -> None:
        before = known(library)
        new = Path(shutil.copytree(root, tmp_path / "other" / "place"))
        shutil.rmtree(root)
        with library.database.writing() as connection:
            relocate_roots(connection, bytes(root), bytes(new))
        library.walk()
        library.let_go()
        assert library.look() == 0
        assert known(library) == before
        assert library.paths() == {str(new / path.name) for path in looked_at}

    def test_the_new_path_is_found_and_the_old_one_is_not(
        self, library: Library, root: Path, looked_at: list[Path], tmp_path: Path
    ) -> None:
        with library.database.writing() as connection:
            relocate_roots(connection, bytes(root), bytes(tmp_path / "zanzibar"))
        search = "SELECT count(*) FROM photo_search WHERE path MATCH :word"
        assert library.one(search, word="zanzibar") == 3
        assert library.one(search, word="photos") == 0

    def test_several_roots_move_together_and_seq_tells(
        self, library: Library, tmp_path: Path
    ) -> None:
        for name in ("a", "b"):
            library.watch(tmp_path / "disk" / name)
            put(tmp_path / "disk" / name / "1.jpg")
        library.walk()
        cursor = library.one("SELECT max(seq) FROM photos")
        with library.database.writing() as connection:
            moved = relocate_roots(connection, bytes(tmp_path / "disk"), b"/new")
        assert [root.path for root in moved] == [b"/new/a", b"/new/b"]
        assert library.one("SELECT count(*) FROM photos WHERE seq > :seq", seq=cursor) == 2

    def test_a_root_does_not_move_into_another(
        self, library: Library, root: Path, tmp_path: Path
    ) -> None:
        library.watch(tmp_path / "other")
        with (
            pytest.raises(CannotCreate, match="overlaps"),
            library.database.writing() as connection,
        ):
            relocate_roots(connection, bytes(root), bytes(tmp_path / "other" / "inside"))


class TestOwner:
    """The database is its owner's alone."""

    @pytest.mark.promise("access: a database of another user", "refused")
    @pytest.mark.parametrize("opened", [open_for_reading, open_for_writing])
    def test_a_database_of_someone_else_is_refused(
        self, database_file: Path, opened: object, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: database_file.stat().st_uid + 1)
        with pytest.raises(ForeignDatabase, match="another user"):
            opened(database_file)  # type: ignore[operator]

    def test_what_others_could_read_is_made_private(self, database_file: Path) -> None:
        database_file.chmod(0o644)
        open_for_writing(database_file).close()
        assert database_file.stat().st_mode & 0o077 == 0

    def test_what_is_deleted_is_overwritten_at_once(
        self, library: Library, looked_at: list[Path]
    ) -> None:
        library.write("UPDATE daemon SET reason = 'Xylophonist was here'")
        library.write("UPDATE daemon SET reason = ''")
        with closing(sqlite3.connect(library.database.file)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert traces(library.database.file.parent, "Xylophonist") == []
