"""The steps of the schema, from nothing to the newest."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

import scened.migrations
from scened.migrations.__main__ import upgrade
from scened.store.schema import SCHEMA_VERSION

# with the columns of the first schema
A_PHOTO = """
INSERT INTO root (id, path, path_text) VALUES (1, CAST('/photos' AS BLOB), '/photos');
INSERT INTO pack (id, identity) VALUES (1, 'tiny-1');
INSERT INTO tag (id, name, kind) VALUES (1, 'dog', 'object');
INSERT INTO content (id, hash, size, outcome, pack_id, analysed_at, width, height, camera)
VALUES (1, randomblob(16), 9, 'analysed', 1, '2024-01-01T00:00:00Z', 64, 48, 'Acme');
INSERT INTO content_tag (content_id, tag_id, score) VALUES (1, 1, 9000);
INSERT INTO file
(root_id, folder, name, device, inode, size, modified_ns, content_id, identified, status)
VALUES (1, CAST('a' AS BLOB), CAST('dog.jpg' AS BLOB), 1, 2, 9, 0, 1, 1, 'analysed');
"""


def schema(file: Path) -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(
            "SELECT type, name, sql FROM sqlite_master ORDER BY type, name"
        ).fetchall()


def steps() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(scened.migrations.__file__).parent))
    return ScriptDirectory.from_config(config)


def test_the_newest_step_is_the_version_the_store_expects() -> None:
    head = steps().get_current_head()
    assert head is not None
    assert int(head) == SCHEMA_VERSION


def test_step_by_step_gives_the_same_as_all_at_once(tmp_path: Path, empty_library: Path) -> None:
    file = tmp_path / "library.sqlite"
    file.touch()
    for step in reversed(list(steps().walk_revisions())):
        upgrade(file, step.revision)
    assert schema(file) == schema(empty_library)


@pytest.mark.promise("store: an older schema", "a backup first, then every step with the data")
@pytest.mark.parametrize("step", [step.revision for step in steps().walk_revisions()])
def test_photos_of_every_older_schema_come_along(tmp_path: Path, step: str) -> None:
    file = tmp_path / "library.sqlite"
    file.touch()
    upgrade(file, step)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(A_PHOTO)
        before = connection.execute("SELECT path, status, width, camera FROM photos").fetchall()
    upgrade(file)
    with closing(sqlite3.connect(file)) as connection:
        assert before == [("/photos/a/dog.jpg", "analysed", 64, "Acme")]
        asked = "SELECT path, status, width, camera FROM photos"
        assert connection.execute(asked).fetchall() == before
        assert connection.execute("SELECT tag FROM photo_tags").fetchall() == [("dog",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_upgrading_again_changes_nothing(tmp_path: Path, empty_library: Path) -> None:
    file = Path(shutil.copy(empty_library, tmp_path))
    before = file.read_bytes()
    upgrade(file)
    assert file.read_bytes() == before


def test_the_child_process_runs_the_newest_step(tmp_path: Path, empty_library: Path) -> None:
    (tmp_path / "library.sqlite").touch()
    subprocess.run(
        [sys.executable, "-m", "scened.migrations", str(tmp_path / "library.sqlite")], check=True
    )
    assert schema(tmp_path / "library.sqlite") == schema(empty_library)
