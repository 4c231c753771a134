"""`scened stats`: what is in the library."""

from __future__ import annotations

from pathlib import Path

import click

from scened.cli.output import as_json, echo_json, say
from scened.library import Library
from scened.records import Stats
from scened.wording import file_size

__all__ = ["stats"]

BAR = 40  # characters
TAGS = 12


@click.command(
    short_help="Count photos by year, camera, tag and more.",
    epilog="Example: scened stats --plot library.png",
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="OUT.png",
    help="Draw it too; needs the extra [plot].",
)
@as_json
@click.pass_obj
def stats(database_file: Path, plot: Path | None, json: bool) -> None:
    """Count the photos: by status, year, format, camera and faces, and the most frequent tags."""
    with Library.open(database_file) as library:
        counted = library.stats()
    if plot is not None:
        from scened.cli.plot import draw_stats

        draw_stats(counted, plot)
    if json:
        echo_json(counted)
    else:
        _print(counted)
    if plot is not None:
        say(f"drawn in {plot}", err=json)


def _print(counted: Stats) -> None:
    say(f"{counted.photos:,} photos, {file_size(counted.file_bytes)}")
    for title, counts in (
        ("status", counted.statuses),
        ("year", counted.years),
        ("format", counted.formats),
        ("camera", counted.cameras),
        ("faces", counted.faces),
        ("tag", counted.tags[:TAGS]),
    ):
        if not counts:
            continue
        say(title)
        width = max(len(count.name) for count in counts)
        most = max(count.photos for count in counts)
        for count in counts:
            bar = "#" * max(1, round(BAR * count.photos / most))
            say(f"  {count.name:{width}}  {count.photos:9,}  {bar}")
