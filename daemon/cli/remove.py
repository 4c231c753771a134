"""`scened remove`: watch a folder no longer."""

from __future__ import annotations

import os
from pathlib import Path

import click

from scened.cli.options import request
from scened.cli.output import say
from scened.errors import MissingPath
from scened.requests import REMOVE

__all__ = ["remove"]


@click.command(
    short_help="Watch a folder no longer and forget its photos.",
    epilog="Example: scened remove ~/Pictures/Scans",
)
@click.argument("folder", metavar="DIR", type=click.Path())
@click.pass_obj
def remove(database_file: Path, folder: str) -> None:
    """Watch a folder no longer and forget its photos; no photo file is touched."""
    if not database_file.exists():
        raise MissingPath(f"there is no database at {database_file}", "nothing to remove from")
    # the folder may be gone, which is one reason to remove it
    path = os.fsencode(Path(folder).resolve()).rstrip(b"/")
    for answer in request(database_file, REMOVE, [path]):
        say(answer.sentence)
