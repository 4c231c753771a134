"""The steps of the schema, from nothing to the newest."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

import scened.migrations
from scened.migrations.__main__ import upgrade
from scened.store.schema import SCHEMA_VERSION


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
