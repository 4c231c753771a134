"""`scened duplicates`: photos that show the same."""

from __future__ import annotations

from pathlib import Path

import click

from scened.cli.finding import echo_paths, null_option
from scened.cli.output import as_json, echo_json, say
from scened.library import Library
from scened.wording import file_size

__all__ = ["duplicates"]


@click.command(
    short_help="List photos that show the same, best copy first.",
    epilog="Example: scened duplicates --exact",
)
@click.option("--exact", is_flag=True, help="Only files with the same bytes; this is quick.")
@as_json
@null_option
@click.pass_obj
def duplicates(database_file: Path, exact: bool, json: bool, null: bool) -> None:
    """List photos that show the same, in groups: the best copy first, then the oldest.

    The same bytes, or the same picture in another size, quality or brightness. With -0 the best
    copy of each group is left out, so that the others can be handed to another program. Nothing
    is ever deleted here.
    """
    with Library.open(database_file) as library:
        groups = library.duplicates(near=not exact)
        others = [photo.id for group in groups for photo in group.photos[1:]]
        if null:
            echo_paths(library.exact_paths(others))
            return
    if json:
        echo_json(groups)
        return
    for group in groups:
        say("the same bytes" if group.exact else "the same picture")
        for photo in group.photos:
            size = f"{photo.width} x {photo.height}, {file_size(photo.file_size)}"
            say(f"  {photo.path}  ({size}, {photo.date[:10]})")
    say(f"{len(groups)} groups, {len(others)} photos more than needed", err=bool(groups))
