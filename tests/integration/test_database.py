"""The SQLite file: made private, recognised before it is touched, upgraded whole or not at all."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from scened.errors import CannotCreate, ForeignDatabase, MissingPath, NewerDatabase, ReadFailed
from scened.store import database as module
from scened.store.database import Database, open_for_reading, open_for_writing
from scened.store.schema import APPLICATION_ID, SCHEMA_VERSION


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def pragma(file: Path, name: str) -> object:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


@pytest.fixture(scope="module")
def made_with_umask_0(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that was just made by a process that hides nothing."""
    file = tmp_path_factory.mktemp("umask") / "deep" / "data" / "library.sqlite"
    code = (
        "import os, sys; from pathlib import Path; os.umask(0);"
        "from scened.store.database import open_for_writing;"
        "open_for_writing(Path(sys.argv[1])).close()"
    )
    subprocess.run([sys.executable, "-c", code, str(file)], check=True)
    return file


@pytest.mark.promise(
    "access: any umask",
    "database, log, lock, backups and caches are 0600 in folders 0700",
)
def test_the_file_is_its_owners_alone(made_with_umask_0: Path) -> None:
    assert mode(made_with_umask_0) == 0o600


@pytest.mark.promise(
    "access: any umask",
    "database, log, lock, backups and caches are 0600 in folders 0700",
)
def test_the_folder_is_its_owners_alone(made_with_umask_0: Path) -> None:
    assert mode(made_with_umask_0.parent) == 0o700


@pytest.mark.promise(
    "access: any umask",
    "database, log, lock, backups and caches are 0600 in folders 0700",
)
def test_the_log_beside_the_file_is_its_owners_alone(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("UPDATE daemon SET reason = 'x'"))
    assert mode(Path(f"{database.file}-wal")) == mode(database.file)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("application_id", APPLICATION_ID),
        ("user_version", SCHEMA_VERSION),
        ("journal_mode", "wal"),
        ("integrity_check", "ok"),
    ],
)
def test_a_new_file_is_marked_as_ours(database_file: Path, name: str, value: object) -> None:
    assert pragma(database_file, name) == value


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    (tmp_path / "empty.sqlite").touch()
    open_for_writing(tmp_path / "empty.sqlite").close()
    assert pragma(tmp_path / "empty.sqlite", "user_version") == SCHEMA_VERSION


def text_file(file: Path) -> None:
    file.write_text("Dear diary, " * 1000)


def short_text_file(file: Path) -> None:
    file.write_text("Dear diary")


def other_program(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript("PRAGMA application_id = 77; CREATE TABLE recipes (name TEXT)")


def unmarked_program(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript("CREATE TABLE recipes (name TEXT)")


def marked_but_empty(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript("PRAGMA application_id = 77")


def newer_version(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(
            f"PRAGMA application_id = {APPLICATION_ID};"
            f"PRAGMA user_version = {SCHEMA_VERSION + 1}; CREATE TABLE future (name TEXT)"
        )


REFUSED = [
    (text_file, ForeignDatabase),
    (short_text_file, ForeignDatabase),
    (other_program, ForeignDatabase),
    (unmarked_program, ForeignDatabase),
    (marked_but_empty, ForeignDatabase),
    (newer_version, NewerDatabase),
]


@pytest.mark.parametrize("opened", [open_for_writing, open_for_reading])
@pytest.mark.parametrize(("make", "error"), REFUSED)
def test_a_file_that_is_not_ours_is_refused_untouched(
    tmp_path: Path,
    make: Callable[[Path], None],
    error: type[Exception],
    opened: Callable[[Path], Database],
) -> None:
    file = tmp_path / "other.sqlite"
    make(file)
    before = file.read_bytes()
    with pytest.raises(error):
        opened(file)
    assert (file.read_bytes(), list(tmp_path.iterdir())) == (before, [file])


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotCreate, match="choose another place"):
        open_for_writing(tmp_path / "file" / "data" / "library.sqlite")


def test_a_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "library.sqlite").mkdir()
    with pytest.raises(CannotCreate):
        open_for_writing(tmp_path / "library.sqlite")


def test_reading_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(MissingPath):
        open_for_reading(tmp_path / "library.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_reading_does_not_upgrade(tmp_path: Path) -> None:
    (tmp_path / "library.sqlite").touch()
    with pytest.raises(ForeignDatabase, match="upgrades it"):
        open_for_reading(tmp_path / "library.sqlite")


@pytest.mark.parametrize("name", ["100% mine?.sqlite", "a#b.sqlite", "日本 é.sqlite"])
def test_any_file_name_will_do(tmp_path: Path, empty_library: Path, name: str) -> None:
    shutil.copy(empty_library, tmp_path / name)
    database = open_for_writing(tmp_path / name)
    try:
        with database.reading() as connection:
            assert connection.execute(text("SELECT count(*) FROM photos")).scalar() == 0
    finally:
        database.close()


@pytest.mark.promise(
    "store: a migration runs out of disk half-way",
    "nothing is left of it, the next start does it",
)
def test_a_migration_that_fails_half_way_leaves_nothing_and_the_next_start_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "library.sqlite"
    # a page limit makes SQLite itself run out of room in the middle of the schema
    code = (
        "import sqlite3, sys; from pathlib import Path; from scened.store import database;"
        "from scened.migrations.__main__ import upgrade;"
        "engine = database._engine;"
        "from sqlalchemy import event\n"
        "def small(file, mode):\n"
        "    made = engine(file, mode)\n"
        "    event.listen(made, 'begin', lambda c: c.exec_driver_sql('PRAGMA max_page_count=20'))\n"
        "    return made\n"
        "database._engine = small\n"
        "upgrade(Path(sys.argv[1]))"
    )
    file.touch()
    child = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True)
    assert "database or disk is full" in child.stderr
    assert (pragma(file, "user_version"), pragma(file, "schema_version")) == (0, 0)
    open_for_writing(file).close()
    assert pragma(file, "user_version") == SCHEMA_VERSION


@pytest.mark.promise(
    "store: a migration is killed half-way",
    "nothing is left of it, the next start does it",
)
def test_a_migration_that_is_killed_half_way_leaves_nothing_and_the_next_start_works(
    tmp_path: Path,
) -> None:
    file = tmp_path / "library.sqlite"
    file.touch()
    code = (
        "import os, signal, sys; from pathlib import Path; from alembic import op\n"
        "from scened.migrations.__main__ import upgrade\n"
        "execute, done = op.execute, []\n"
        "def fatal(statement):\n"
        "    done.append(execute(statement))\n"
        "    if len(done) == 30: os.kill(os.getpid(), signal.SIGKILL)\n"
        "op.execute = fatal\n"
        "upgrade(Path(sys.argv[1]))"
    )
    child = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True)
    assert child.returncode == -9
    open_for_writing(file).close()
    assert (pragma(file, "user_version"), pragma(file, "integrity_check")) == (SCHEMA_VERSION, "ok")


def test_a_failed_migration_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.sys, "executable", shutil.which("false"))
    with pytest.raises(
        ReadFailed, match=rf"cannot bring .* to schema {SCHEMA_VERSION}: no reason given"
    ):
        open_for_writing(tmp_path / "library.sqlite")


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.writing() as connection:
        connection.execute(text("UPDATE daemon SET reason = 'half done'"))
        raise ZeroDivisionError
    with database.reading() as connection:
        assert connection.execute(text("SELECT reason FROM daemon")).scalar() == "never ran"


def test_a_reader_sees_one_moment_while_a_writer_goes_on(database: Database) -> None:
    with database.reading() as reader:
        before = reader.execute(text("SELECT reason FROM daemon")).scalar()
        with database.writing() as writer:
            writer.execute(text("UPDATE daemon SET reason = 'new'"))
        assert reader.execute(text("SELECT reason FROM daemon")).scalar() == before


def test_the_data_version_tells_of_every_commit(database: Database) -> None:
    before = database.data_version()
    with database.writing() as connection:
        connection.execute(text("UPDATE daemon SET reason = 'new'"))
    assert database.data_version() != before


def test_the_data_version_stays_while_nothing_is_written(database: Database) -> None:
    before = database.data_version()
    with database.reading() as connection:
        connection.execute(text("SELECT * FROM photos")).all()
    assert database.data_version() == before


def test_the_reading_connection_cannot_write(database: Database) -> None:
    with (
        database.reading() as connection,
        pytest.raises(Exception, match="attempt to write a readonly database"),
    ):
        connection.execute(text("UPDATE daemon SET reason = 'x'"))
