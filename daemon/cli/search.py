"""`scened search`: photos by what they show, what they are called and when they were taken."""

from __future__ import annotations

from pathlib import Path

import click

from scened.cli.finding import echo_found, filter_options, finding_options, pack_option
from scened.cli.minus_words import MinusWords
from scened.cli.output import say
from scened.library import By, Library
from scened.records import Results
from scened.search.filters import Filters

__all__ = ["search"]


@click.command(
    short_help="Find photos by words, dates, camera, faces, meaning.",
    cls=MinusWords,
    epilog="Example: scened search dog beach -cat --from 2019",
)
@click.argument("words", metavar="[WORD]...", nargs=-1)
@click.option(
    "--by",
    type=click.Choice(["tags", "meaning"]),
    help="Only by tags, names, cameras and dates, or only by what the words mean together.",
)
@filter_options
@pack_option
@finding_options
@click.pass_obj
def search(
    database_file: Path,
    words: tuple[str, ...],
    by: By | None,
    filters: Filters,
    pack_folder: Path | None,
    limit: int,
    json: bool,
    null: bool,
) -> None:
    """Find photos by words, best first: -WORD must not be there, "WORDS in quotes" stay together.

    A word fits by tags and what is above them (animal finds dogs), synonyms, file and folder
    names, camera, year or month. By meaning, all words together are compared with what photos
    look like. Without --by the two lists become one.
    """
    with Library.open(database_file, pack_folder) as library:
        results = library.search(" ".join(words), by=by, filters=filters, limit=limit)
        _explain(results, by)
        echo_found(library, results.photos, json=json, null=null)


def _explain(results: Results, by: By | None) -> None:
    if results.without_meaning:
        say(f"scened: {results.without_meaning}: searched by tags", err=True)
    if by == "tags" or results.without_meaning or not results.photos:
        for unknown in results.unknown_words:
            similar = f"; did you mean {', '.join(unknown.similar)}?" if unknown.similar else ""
            say(f"scened: no photo is described by {unknown.word!r}{similar}", err=True)
    if not results.photos and not results.unknown_words:
        say("scened: no photo fits all of that", err=True)
