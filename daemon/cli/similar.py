"""`scened similar`: photos that look like others."""

from __future__ import annotations

from pathlib import Path

import click

from scened.cli.finding import echo_found, filter_options, finding_options, pack_option
from scened.cli.output import say
from scened.library import Library
from scened.search.filters import Filters

__all__ = ["similar"]


@click.command(
    short_help="Find photos that look like one or several.",
    epilog="Example: scened similar ~/Downloads/beach.jpg --unlike party.jpg",
)
@click.argument("photos", metavar="PHOTO...", nargs=-1, required=True, type=click.Path())
@click.option("--unlike", metavar="PHOTO", multiple=True, type=click.Path(), help="Not like this.")
@filter_options
@pack_option
@finding_options
@click.pass_obj
def similar(
    database_file: Path,
    photos: tuple[str, ...],
    unlike: tuple[str, ...],
    filters: Filters,
    pack_folder: Path | None,
    limit: int,
    json: bool,
    null: bool,
) -> None:
    """Find the photos that look most like one or several, nearest first.

    A picture that is not in the library is looked at now; nothing of it is stored.
    """
    with Library.open(database_file, pack_folder) as library:
        found = library.similar(photos, unlike=unlike, filters=filters, limit=limit)
        if not found:
            say("scened: no other photo fits all of that", err=True)
        echo_found(library, found, json=json, null=null)
