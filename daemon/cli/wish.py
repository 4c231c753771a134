"""What `pause`, `boost` and `resume` share: a length of time, and telling the daemon."""

from __future__ import annotations

import math
from pathlib import Path

import click

from scened.cli.options import reading, request
from scened.cli.output import say
from scened.store.heartbeat import daemon_runs
from scened.wording import parse_duration

__all__ = ["FOR_EVER", "as_seconds", "tell"]

FOR_EVER = "for ever"


def as_seconds(_context: click.Context, _parameter: click.Parameter, words: str) -> float:
    """Return the seconds an argument means; refuse what means none."""
    if words == FOR_EVER:
        return math.inf
    try:
        return parse_duration(words)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def tell(database_file: Path, verb: str, seconds: float) -> None:
    """Tell the daemon, or, where none runs, the one that will; and say which."""
    with reading(database_file) as connection:
        running = daemon_runs(connection)
    for answer in request(database_file, verb, [str(seconds).encode()]):
        say(answer.sentence)
    if not running:
        say("no daemon runs now; the next one will know")
