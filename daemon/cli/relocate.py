"""`scened relocate`: a library that moved as a whole."""

from __future__ import annotations

import os
from pathlib import Path

import click

from scened.cli.options import changing
from scened.cli.output import say
from scened.errors import MissingPath
from scened.requests import folder_to_add
from scened.store.lock import daemon_lock
from scened.store.places import displayed
from scened.store.roots import relocate_roots, roots

__all__ = ["relocate"]


@click.command(
    short_help="Follow folders to another disk or machine.",
    epilog="Example: scened relocate /media/old/Pictures /media/new/Pictures",
)
@click.argument("old", metavar="OLD", type=click.Path())
@click.argument("new", metavar="NEW", type=click.Path())
@click.pass_obj
def relocate(database_file: Path, old: str, new: str) -> None:
    """Follow watched folders to another disk or machine, with all that is known of their photos.

    OLD is a watched folder, or one above several; NEW is where it is now. No photo is looked at
    again whose bytes are the same. The daemon must not run meanwhile.
    """
    before = os.fsencode(Path(old).absolute()).rstrip(b"/")
    after = folder_to_add(Path(new))
    if not database_file.exists():
        raise MissingPath(f"there is no database at {database_file}", "nothing to relocate")
    with (
        daemon_lock(database_file),
        changing(database_file) as database,
        database.writing() as connection,
    ):
        moved = relocate_roots(connection, before, after)
        if not moved:
            watched = ", ".join(root.shown for root in roots(connection)) or "none yet"
            raise MissingPath(
                f"no watched folder is {displayed(before)} or lies in it", f"watched are: {watched}"
            )
    for root in moved:
        say(f"{root.shown} is where it is now; `scened run` compares it with the disk")
