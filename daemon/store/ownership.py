"""Whose the database is, and that nobody else can read what it tells of a life."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from scened.errors import ForeignDatabase

__all__ = ["PRIVATE_FILE", "PRIVATE_FOLDER", "SIDE_FILES", "make_private", "refuse_foreign_owner"]

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
SIDE_FILES = ("", "-wal", "-shm", ".lock")


def refuse_foreign_owner(file: Path) -> None:
    """Raise ForeignDatabase where the file is someone else's: they could plant or watch it."""
    owner = file.stat().st_uid
    if owner != os.geteuid():
        raise ForeignDatabase(
            f"{file} belongs to another user ({owner})",
            "run scened as that user, or choose another file with --db FILE",
        )


def make_private(file: Path) -> None:
    """Take from everyone else what they may do with the database and what lies beside it.

    A folder of ours may only be entered by us; one that others share is left as it is. Raises
    as `refuse_foreign_owner`.
    """
    refuse_foreign_owner(file)
    for suffix in SIDE_FILES:
        beside = Path(f"{file}{suffix}")
        if beside.exists() and stat.S_IMODE(beside.stat().st_mode) & 0o077:
            beside.chmod(PRIVATE_FILE)
