"""What the commands that find photos share: their options, and how they print what was found."""

from __future__ import annotations

import datetime
import functools
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from scened.cli.output import as_json, echo_json, say
from scened.errors import ScenedError
from scened.library import Library
from scened.records import Found
from scened.search.dates import Period, parse_period
from scened.search.filters import KINDS, Filters

__all__ = [
    "echo_found",
    "echo_paths",
    "filter_options",
    "finding_options",
    "null_option",
    "pack_option",
]

LIMIT = 50
MOST_FACES = 10_000

Command = Callable[..., None]

null_option = click.option(
    "-0", "--null", "null", is_flag=True, help="Print paths alone, each ended by NUL."
)


def pack_option(command: Command) -> Command:
    """Add --pack, the pack that understands queries and looks at foreign pictures."""
    return click.option(
        "--pack",
        "pack_folder",
        envvar="SCENED_PACK",
        type=click.Path(path_type=Path),
        help="The pack to understand with; also SCENED_PACK. Default: the one in use.",
    )(command)


def finding_options(command: Command) -> Command:
    """Add --limit, --json and -0."""
    for option in (
        null_option,
        as_json,
        click.option(
            "--limit",
            type=click.IntRange(min=1, max=100_000),
            default=LIMIT,
            show_default=True,
            help="At most so many.",
        ),
    ):
        command = option(command)
    return command


def filter_options(command: Command) -> Command:
    """Add the filters; the command gets them as one value, `filters`."""

    @functools.wraps(command)
    def with_filters(
        *arguments: Any,
        first: Period | None,
        last: Period | None,
        faces: tuple[int, int] | None,
        rating: tuple[int, int] | None,
        kind: str | None,
        root: Path | None,
        min_score: float,
        **others: Any,
    ) -> None:
        filters = Filters(
            first_day=first.first if first else None,
            last_day=last.last if last else None,
            faces=faces,
            kind=kind,
            folder=root.resolve() if root else None,
            rating=rating,
            least_score=min_score,
        )
        command(*arguments, filters=filters, **others)

    options = (
        click.option(
            "--min-score",
            type=click.FloatRange(0, 1),
            default=0.0,
            help="At least as sure as this, 0 to 1.",
        ),
        click.option(
            "--root", type=click.Path(path_type=Path), metavar="DIR", help="In this folder."
        ),
        click.option("--kind", type=click.Choice(KINDS), help="With a tag of this kind."),
        click.option(
            "--faces", metavar="N|N..M", callback=_faces, help="With so many faces; 1.. is any."
        ),
        click.option(
            "--rating",
            metavar="N|N..M",
            callback=_rating,
            help="With so many stars, as other programs gave them; 3.. is three and more.",
        ),
        click.option("--to", "last", metavar="DATE", callback=_period, help="Taken up to then."),
        click.option(
            "--from",
            "first",
            metavar="DATE",
            callback=_period,
            help="Taken since then: 2019, 2019-06-14, 'June 2019', yesterday, 'last summer'.",
        ),
    )
    decorated: Command = with_filters
    for option in options:
        decorated = option(decorated)
    return decorated


def echo_found(library: Library, photos: Sequence[Found], *, json: bool, null: bool) -> None:
    """Print what was found: for people, as JSON, or as paths for another program."""
    if json:
        echo_json(photos)
    elif null:
        echo_paths(library.exact_paths([photo.id for photo in photos]))
    else:
        for photo in photos:
            say(f"{photo.score:.2f}  {photo.path}  ({', '.join(photo.tags)})")


def echo_paths(paths: Iterable[bytes]) -> None:
    """Print paths exactly, each ended by NUL, for `xargs -0`."""
    for path in paths:
        sys.stdout.buffer.write(path + b"\0")


def _period(_: click.Context, __: click.Parameter, words: str | None) -> Period | None:
    if words is None:
        return None
    try:
        return parse_period(words, datetime.date.today())
    except ScenedError as error:
        raise click.BadParameter(str(error)) from error


def _faces(_: click.Context, __: click.Parameter, words: str | None) -> tuple[int, int] | None:
    return _range(words, "faces")


def _rating(_: click.Context, __: click.Parameter, words: str | None) -> tuple[int, int] | None:
    return _range(words, "stars")


def _range(words: str | None, things: str) -> tuple[int, int] | None:
    if words is None:
        return None
    parts = re.fullmatch(r"(\d{1,4})(\.\.(\d{1,4})?)?", words)
    if parts is None:
        raise click.BadParameter(f"{words!r} is no number of {things}; write 2, 1..3 or 1..")
    least = int(parts[1])
    most = int(parts[3]) if parts[3] else MOST_FACES if parts[2] else least
    if most < least:
        raise click.BadParameter(f"{words!r} holds no number; write the smaller one first")
    return least, most
