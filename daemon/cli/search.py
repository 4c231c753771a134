"""`scened search`: photos by what they show."""

from __future__ import annotations

from pathlib import Path

import click

from scened.cli.options import as_json, echo_json, reading, say
from scened.store.reading import UnknownWord, search_tags

__all__ = ["search"]

LIMIT = 50


@click.command(epilog="Example: scened search dog beach")
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@click.option(
    "--limit", type=click.IntRange(min=1), default=LIMIT, show_default=True, help="At most so many."
)
@as_json
@click.pass_obj
def search(database_file: Path, words: tuple[str, ...], limit: int, json: bool) -> None:
    """Find photos whose tags, or the kinds of things these are, hold every WORD; best first."""
    spoken = " ".join(words).split()
    if not spoken:
        raise click.UsageError("say at least one word to search for")
    with reading(database_file) as connection:
        found = search_tags(connection, spoken, limit)
    if isinstance(found, UnknownWord):
        similar = f"; did you mean {', '.join(found.similar)}?" if found.similar else ""
        say(f"scened: no tag is called {found.word!r}{similar}", err=True)
        found = []
    elif not found:
        say("scened: no photo shows all of that", err=True)
    if json:
        echo_json(found)
        return
    for photo in found:
        say(f"{photo.score:.2f}  {photo.path}  ({', '.join(photo.tags)})")
