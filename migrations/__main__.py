"""Bring a database file to this version's schema: `python -m scened.migrations FILE`.

Runs as a short-lived process of its own, so that the daemon never carries alembic.
"""

from __future__ import annotations

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config

from scened.store.database import Database

__all__ = ["upgrade"]


def upgrade(database_file: Path, revision: str = "head") -> None:
    """Apply the missing steps up to `revision`, all or none of them."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    database = Database(database_file)
    try:
        with database.writing() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    finally:
        database.close()


if __name__ == "__main__":
    upgrade(Path(sys.argv[1]))
