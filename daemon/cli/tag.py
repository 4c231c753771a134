"""`scened tag`: correct by hand what was seen."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from scened.cli.minus_words import MinusWords
from scened.cli.options import request
from scened.cli.output import say
from scened.requests import TAG, Tagging
from scened.search.names import exact_path

__all__ = ["tag"]


@click.command(
    short_help="Correct what was seen in photos.",
    cls=MinusWords,
    epilog="Example: scened tag ~/Pictures/rex.jpg +beach -cat",
)
@click.argument("words", metavar="PHOTO... [+TAG]... [-TAG]...", nargs=-1, required=True)
@click.option("--reset", is_flag=True, help="Go back to what was seen.")
@click.pass_obj
def tag(database_file: Path, words: tuple[str, ...], reset: bool) -> None:
    """Say that photos show something (+TAG), or do not (-TAG).

    A tag is one of the library's, or a synonym of it. +TAG brings what is above it along, -TAG
    takes along what is below it. What was said belongs to the photo's content: it stays when the
    photo is looked at again, renamed or copied.
    """
    photos = [word for word in words if word[0] not in "+-"]
    added = tuple(word[1:] for word in words if word[0] == "+")
    removed = tuple(word[1:] for word in words if word[0] == "-")
    if not photos:
        raise click.UsageError("say which photo")
    if reset == bool(added or removed):
        raise click.UsageError("say what it shows, as in +beach, or not, as in -dog; or --reset")
    requests = [
        msgspec.json.encode(Tagging(exact_path(photo), added, removed, reset)) for photo in photos
    ]
    for answer in request(database_file, TAG, requests):
        say(answer.sentence)
