"""`scened failures`: the photos that have no findings, and why."""

from __future__ import annotations

from pathlib import Path

import click

from scened.cli.options import reading, request
from scened.cli.output import as_json, echo_json, say
from scened.requests import RETRY
from scened.store.reading import not_analysed

__all__ = ["failures"]


@click.command(
    short_help="List what could not be looked at, and why.",
    epilog="Example: scened failures --retry",
)
@click.option("--retry", is_flag=True, help="Look at all of them again.")
@as_json
@click.pass_obj
def failures(database_file: Path, retry: bool, json: bool) -> None:
    """List the photos that failed or are not supported, and why.

    What the disk or its permissions kept from being read is tried again by itself, at every
    start and every hour; the others with a newer decoder, with other limits, or with --retry.
    """
    with reading(database_file) as connection:
        failed = not_analysed(connection)
    if json:
        echo_json(failed)
    else:
        for photo in failed:
            again = "  (tried again by itself)" if photo.transient else ""
            say(f"{photo.status}: {photo.path}: {photo.error}{again}")
    if retry:
        for answer in request(database_file, RETRY, [b""]):
            say(answer.sentence, err=json)
