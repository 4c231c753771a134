"""`scened boost`: work at once, whatever the gates say."""

from __future__ import annotations

from pathlib import Path

import click

from scened.cli.wish import FOR_EVER, as_seconds, tell
from scened.requests import BOOST

__all__ = ["boost"]


@click.command(
    short_help="Work as fast as it can, for a while.", epilog="Example: scened boost 30m"
)
@click.argument("length", metavar="[DURATION]", default=FOR_EVER, callback=as_seconds)
@click.pass_obj
def boost(database_file: Path, length: float) -> None:
    """Work without rests, past all gates but heat and disk, for DURATION or until `resume`.

    On up to four cores at full priority, not just where a core is idle.
    """
    tell(database_file, BOOST, length)
