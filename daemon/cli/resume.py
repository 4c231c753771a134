"""`scened resume`: end a pause or a boost."""

from __future__ import annotations

from pathlib import Path

import click

from scened.cli.wish import tell
from scened.requests import RESUME

__all__ = ["resume"]


@click.command(short_help="End a pause or a boost.", epilog="Example: scened resume")
@click.pass_obj
def resume(database_file: Path) -> None:
    """End a pause or a boost: the gates decide again."""
    tell(database_file, RESUME, 0.0)
