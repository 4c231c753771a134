"""What several commands share: how they read the database, and how a change reaches it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from sqlalchemy import Connection

from scened.errors import AnotherDaemon, ScenedError
from scened.requests import carry_out
from scened.store.commands import Answer, Command, ask
from scened.store.database import Database, open_for_reading, open_for_writing
from scened.store.lock import daemon_lock

__all__ = ["changing", "reading", "request", "settings_option"]

settings_option = click.option(
    "--settings",
    "settings_file",
    envvar="SCENED_SETTINGS",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The settings file; also SCENED_SETTINGS. Default: in the platform's config folder.",
)


@contextmanager
def reading(database_file: Path) -> Iterator[Connection]:
    """Open the database for one consistent look at it; it must exist and be ours."""
    database = open_for_reading(database_file)
    try:
        with database.reading() as connection:
            yield connection
    finally:
        database.close()


@contextmanager
def changing(database_file: Path) -> Iterator[Database]:
    """Open the database to change it; the caller holds the daemon's lock."""
    database = open_for_writing(database_file)
    try:
        yield database
    finally:
        database.close()


def request(database_file: Path, verb: str, arguments: Sequence[bytes]) -> list[Answer]:
    """Change something: through the daemon where one runs, else by our own hand.

    Raises `ScenedError` for the first argument that is refused.
    """
    try:
        with daemon_lock(database_file), changing(database_file) as database:
            return [carry_out(database, Command(0, verb, each)) for each in arguments]
    except AnotherDaemon:
        database = open_for_reading(database_file)
    try:
        return [_asked(ask(database, verb, each)) for each in arguments]
    finally:
        database.close()


def _asked(answer: Answer) -> Answer:
    if answer.exit_code:
        refusal = ScenedError(answer.sentence)
        refusal.exit_code = answer.exit_code
        raise refusal
    return answer
