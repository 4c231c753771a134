"""What several commands share: where the database is, how a change reaches it, how output looks."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec
import platformdirs
from sqlalchemy import Connection

from scened.errors import AnotherDaemon, ScenedError
from scened.requests import carry_out
from scened.store.commands import Answer, Command, ask
from scened.store.database import open_for_reading, open_for_writing
from scened.store.lock import daemon_lock
from scened.wording import visible

__all__ = [
    "as_json",
    "default_database",
    "echo_json",
    "reading",
    "request",
    "say",
    "settings_option",
]

# JSON itself escapes those below the space: these are DEL, C1, and changes of writing direction
COMMANDS_TO_TERMINALS = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")

as_json = click.option("--json", "json", is_flag=True, help="Print one JSON document instead.")
settings_option = click.option(
    "--settings",
    "settings_file",
    envvar="SCENED_SETTINGS",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The settings file; also SCENED_SETTINGS. Default: in the platform's config folder.",
)


def default_database() -> Path:
    """Return where the database lies unless one is named."""
    return platformdirs.user_data_path("scened", appauthor=False) / "library.sqlite"


@contextmanager
def reading(database_file: Path) -> Iterator[Connection]:
    """Open the database for one consistent look at it; it must exist and be ours."""
    database = open_for_reading(database_file)
    try:
        with database.reading() as connection:
            yield connection
    finally:
        database.close()


def request(database_file: Path, verb: str, arguments: Sequence[bytes]) -> list[Answer]:
    """Change something: through the daemon where one runs, else by our own hand.

    Raises `ScenedError` for the first argument that is refused.
    """
    try:
        with daemon_lock(database_file):
            database = open_for_writing(database_file)
            try:
                return [carry_out(database, Command(0, verb, each)) for each in arguments]
            finally:
                database.close()
    except AnotherDaemon:
        database = open_for_reading(database_file)
    try:
        return [_asked(ask(database, verb, each)) for each in arguments]
    finally:
        database.close()


def echo_json(record: object) -> None:
    """Print a record as JSON, indented, in UTF-8 whatever the locale."""
    document = msgspec.json.format(msgspec.json.encode(record), indent=2).decode()
    # in a document of its own, only a string can hold one of these
    exact = COMMANDS_TO_TERMINALS.sub(lambda found: f"\\u{ord(found[0]):04x}", document)
    sys.stdout.buffer.write(exact.encode() + b"\n")


def say(line: str, *, err: bool = False) -> None:
    """Print one line, whatever a file's name or metadata put into it."""
    click.echo(visible(line), err=err)


def _asked(answer: Answer) -> Answer:
    if answer.exit_code:
        refusal = ScenedError(answer.sentence)
        refusal.exit_code = answer.exit_code
        raise refusal
    return answer
