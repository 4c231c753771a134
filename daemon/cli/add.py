"""`scened add`: watch folders."""

from __future__ import annotations

from pathlib import Path

import click

from scened.cli.options import request
from scened.cli.output import say
from scened.requests import ADD, folder_to_add

__all__ = ["add"]


@click.command(short_help="Watch folders.", epilog="Example: scened add ~/Pictures /media/photos")
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=click.Path())
@click.pass_obj
def add(database_file: Path, folders: tuple[str, ...]) -> None:
    """Watch folders: their photos are looked at by `scened run`, at once if it runs already."""
    paths = [folder_to_add(Path(folder)) for folder in folders]
    for answer in request(database_file, ADD, paths):
        say(answer.sentence)
