"""`scened pause`: hold the work for a while."""

from __future__ import annotations

from pathlib import Path

import click

from scened.cli.wish import FOR_EVER, as_seconds, tell
from scened.requests import PAUSE

__all__ = ["pause"]


@click.command(
    short_help="Hold all work, for a while or until told.", epilog="Example: scened pause 2h"
)
@click.argument("length", metavar="[DURATION]", default=FOR_EVER, callback=as_seconds)
@click.pass_obj
def pause(database_file: Path, length: float) -> None:
    """Hold all work for DURATION (30m, 2h, 1h30m), or until `scened resume`."""
    tell(database_file, PAUSE, length)
