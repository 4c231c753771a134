"""Backups, the way back to them, and what can be saved of a damaged database."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from scened.errors import CannotCreate, DamagedDatabase, DatabaseUnavailable, MissingPath
from scened.migrations.__main__ import upgrade
from scened.store import backups as module
from scened.store.backups import KEPT, back_up, backups, restore
from scened.store.database import Database, open_for_reading, open_for_writing
from scened.store.repair import faults_of, repair, vacuum
from tests.integration.conftest import Library, fill, make_pack, mounted

PAGE_BYTES = 4096


def at_rest(library: Library) -> Path:
    """Close a library, its log written into the file."""
    library.database.close()
    with closing(sqlite3.connect(library.database.file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return library.database.file


def reopened(library: Library) -> Library:
    library.reopen()
    return library


def photos(file: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT path, status FROM photos ORDER BY id").fetchall()


def root_page(file: Path, name: str) -> int:
    with closing(sqlite3.connect(file)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)
        ).fetchone()
    return int(page)


def scribble(file: Path, page: int) -> None:
    with file.open("r+b") as opened:
        opened.seek((page - 1) * PAGE_BYTES)
        opened.write(b"\xa5" * PAGE_BYTES)


@pytest.fixture
def seen(library: Library, looked_at: list[Path]) -> Library:
    return library


class TestBackups:
    """Copies, and going back to one."""

    def test_a_backup_holds_what_the_database_held(self, seen: Library) -> None:
        made = back_up(seen.database.file, "asked")
        assert photos(made.file) == photos(seen.database.file)

    @pytest.mark.promise(
        "access: any umask",
        "database, log, lock, backups and caches are 0600 in folders 0700",
    )
    def test_a_backup_and_its_folder_are_private(self, seen: Library) -> None:
        made = back_up(seen.database.file, "asked")
        assert stat.S_IMODE(made.file.stat().st_mode) == 0o600
        assert stat.S_IMODE(made.file.parent.stat().st_mode) == 0o700

    def test_a_backup_is_one_file(self, seen: Library) -> None:
        made = back_up(seen.database.file, "asked")
        assert list(made.file.parent.iterdir()) == [made.file]

    def test_only_the_newest_of_each_occasion_are_kept(
        self, seen: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for day in range(KEPT + 2):
            monkeypatch.setattr(module, "_now", lambda day=day: f"2026010{day}T000000Z")
            back_up(seen.database.file, "daily")
            back_up(seen.database.file, "asked")
        kept = backups(seen.database.file)
        assert [each.made_at[7] for each in kept if each.occasion == "daily"] == ["4", "3", "2"]
        assert len(kept) == 2 * KEPT

    @pytest.mark.promise(
        "store: a backup while others write",
        "it is whole",
    )
    def test_a_backup_is_made_while_others_write(self, seen: Library) -> None:
        def write() -> None:
            database = Database(seen.database.file)
            while not done.is_set():
                with database.writing() as connection:
                    connection.exec_driver_sql("UPDATE daemon SET done = done + 1")
            database.close()

        done = threading.Event()
        writer = threading.Thread(target=write)
        writer.start()
        try:
            made = back_up(seen.database.file, "asked")
        finally:
            done.set()
            writer.join()
        assert faults_of(made.file) == []

    @pytest.mark.promise(
        "store: no room for a backup",
        "none is begun",
    )
    def test_without_room_no_backup_is_begun(
        self, seen: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "ROOM_BYTES", 10**18)
        with pytest.raises(CannotCreate, match="no room"):
            back_up(seen.database.file, "asked")
        assert backups(seen.database.file) == []

    @pytest.mark.promise(
        "store: an older schema",
        "a backup first, then every step with the data",
    )
    def test_an_upgrade_is_preceded_by_a_backup(self, tmp_path: Path) -> None:
        file = tmp_path / "library.sqlite"
        file.touch()
        upgrade(file, "0002")
        open_for_writing(file).close()
        (made,) = backups(file)
        assert made.occasion == "schema-2"
        with closing(sqlite3.connect(made.file)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (2,)

    def test_restoring_brings_back_what_was_there(self, seen: Library) -> None:
        before = photos(seen.database.file)
        back_up(seen.database.file, "asked")
        seen.write("DELETE FROM file")
        seen.database.close()
        kept = restore(seen.database.file)
        assert photos(seen.database.file) == before
        assert photos(kept.file) == []

    @pytest.mark.promise(
        "store: a write-ahead log is left behind",
        "it never gets into a backup that is restored",
    )
    def test_a_log_left_behind_does_not_get_into_what_is_restored(
        self, seen: Library, tmp_path: Path
    ) -> None:
        before = photos(seen.database.file)
        back_up(seen.database.file, "asked")
        seen.write("UPDATE root SET path_text = '/elsewhere'")
        for suffix in ("", "-wal"):  # as a kill leaves them
            shutil.copy(f"{seen.database.file}{suffix}", tmp_path / f"left{suffix}")
        seen.database.close()
        for suffix in ("", "-wal"):
            shutil.copy(tmp_path / f"left{suffix}", f"{seen.database.file}{suffix}")
        restore(seen.database.file)
        assert photos(seen.database.file) == before

    @pytest.mark.promise(
        "store: a write-ahead log is left behind",
        "it is taken in",
    )
    def test_a_log_left_behind_is_taken_in(self, seen: Library, tmp_path: Path) -> None:
        seen.write("UPDATE daemon SET reason = 'only in the log'")
        (tmp_path / "copy").mkdir()
        for suffix in ("", "-wal"):
            shutil.copy(f"{seen.database.file}{suffix}", tmp_path / "copy" / f"library{suffix}")
        database = open_for_writing(tmp_path / "copy" / "library")
        with database.reading() as connection:
            rows = connection.exec_driver_sql("SELECT reason FROM daemon").scalar()
        database.close()
        assert rows == "only in the log"

    @pytest.mark.promise(
        "store: a damaged backup",
        "refused, nothing changes",
    )
    def test_a_damaged_backup_is_refused_and_nothing_changes(self, seen: Library) -> None:
        made = back_up(seen.database.file, "asked")
        scribble(made.file, root_page(made.file, "file"))
        file = at_rest(seen)
        before = file.read_bytes()
        with pytest.raises(DamagedDatabase):
            restore(file)
        assert file.read_bytes() == before

    def test_without_a_backup_there_is_none_to_restore(self, seen: Library) -> None:
        with pytest.raises(MissingPath, match="no backup"):
            restore(seen.database.file)


class TestDamage:
    """Damage is found, told, and mended as far as can be."""

    def test_a_whole_database_has_no_faults(self, seen: Library) -> None:
        assert faults_of(seen.database.file) == []

    def test_damage_is_found(self, seen: Library) -> None:
        file = at_rest(seen)
        scribble(file, root_page(file, "content_tag"))
        assert faults_of(file) != []

    @pytest.mark.promise(
        "store: the file is truncated",
        "refused with the command that repairs",
    )
    def test_a_file_without_its_end_is_refused_with_the_way_out(self, seen: Library) -> None:
        file = at_rest(seen)
        with file.open("r+b") as opened:
            opened.truncate(file.stat().st_size // 2)
        with pytest.raises(DamagedDatabase, match=r"db restore.*db repair"):
            open_for_reading(file)

    def test_damage_met_at_work_is_told_with_the_way_out(self, seen: Library) -> None:
        file = at_rest(seen)
        scribble(file, root_page(file, "file"))
        database = Database(file)
        with pytest.raises(DamagedDatabase, match="db repair"), database.reading() as connection:
            connection.exec_driver_sql("SELECT * FROM file").all()
        database.close()

    @pytest.mark.parametrize(
        "table",
        [
            "content_tag",
            "content_face",
            "content_embedding",
            "content",
            "file_by_seq",
            "tag",
            "photo_search_data",
            "removed",
            "command",
            "file_by_content",
        ],
    )
    @pytest.mark.promise(
        "store: bytes of the file are flipped",
        "refused with the command that repairs; what can be read is saved",
    )
    def test_what_is_damaged_is_repaired_and_looked_at_again(
        self, seen: Library, table: str
    ) -> None:
        before = photos(seen.database.file)
        file = at_rest(seen)
        scribble(file, root_page(file, table))
        repair(file)
        assert faults_of(file) == []
        seen.pack_id = reopened(seen).activate(make_pack())
        seen.walk()
        seen.look()
        assert photos(file) == before

    def test_repair_keeps_ids_and_findings_of_a_whole_database(self, seen: Library) -> None:
        kept = "SELECT id, path, status, analysed_at, content_hash FROM photos ORDER BY id"
        before = seen.rows(kept), seen.rows("SELECT * FROM photo_tags ORDER BY photo_id, tag")
        file = at_rest(seen)
        assert repair(file)[1] == 3
        reopened(seen)
        assert before == (
            seen.rows(kept),
            seen.rows("SELECT * FROM photo_tags ORDER BY photo_id, tag"),
        )

    def test_repair_writes_the_search_index_anew(self, seen: Library) -> None:
        file = at_rest(seen)
        repair(file)
        reopened(seen)
        assert seen.one("SELECT count(*) FROM photo_search WHERE tags MATCH 'hound'") == 3

    def test_what_was_repaired_is_kept_beside_it(self, seen: Library) -> None:
        file = at_rest(seen)
        before = file.read_bytes()
        assert repair(file)[0].file.read_bytes() == before

    def test_vacuum_gives_room_back(self, library: Library, root: Path) -> None:
        fill(root, 200)
        library.walk()
        library.write("DELETE FROM file")
        assert vacuum(at_rest(library)) > 0


class TestUnavailable:
    """What passes by itself is told as such."""

    @pytest.mark.promise(
        "store: the disk is full",
        "status says so, work waits, and goes on when there is room",
    )
    def test_a_full_disk_is_told_and_work_goes_on_when_there_is_room(
        self, empty_library: Path, tmp_path: Path
    ) -> None:
        with mounted(tmp_path, "size=1m"):
            database = Database(Path(shutil.copy(empty_library, tmp_path)))
            insert = "INSERT INTO removed (photo_id, seq) SELECT 1, randomblob(700000)"
            with (
                pytest.raises(DatabaseUnavailable, match="disk is full"),
                database.writing() as connection,
            ):
                connection.exec_driver_sql(insert)
            with database.writing() as connection:
                connection.exec_driver_sql("UPDATE daemon SET reason = 'room again'")
            database.close()
            assert faults_of(database.file) == []

    @pytest.mark.promise(
        "store: another program holds a lock",
        "said in words, nothing is lost",
    )
    def test_another_programs_lock_is_told(
        self, seen: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("scened.store.database.BUSY_SECONDS", 0.01)
        database = Database(seen.database.file)
        with closing(sqlite3.connect(seen.database.file)) as other:
            other.execute("BEGIN IMMEDIATE")
            with (
                pytest.raises(DatabaseUnavailable, match="another program"),
                database.writing(),
            ):
                pass
        database.close()
