"""The mailbox through which commands ask a running daemon to change something."""

from __future__ import annotations

import time
from typing import NamedTuple

from sqlalchemy import text

from scened.clock import utc_now
from scened.errors import ExitCode, NoDaemon
from scened.store.database import Database

__all__ = ["Answer", "Command", "answer", "ask", "unanswered"]

PATIENCE_SECONDS = 30
LOOK_SECONDS = 0.1
KEPT = 100  # answered commands


class Command(NamedTuple):
    """Something the daemon is asked to do: a verb and the path it is about."""

    id: int
    verb: str
    argument: bytes


class Answer(NamedTuple):
    """What came of a command: how it ended, and a sentence about it."""

    exit_code: ExitCode
    sentence: str


def ask(database: Database, verb: str, argument: bytes) -> Answer:
    """Write a command and wait for the daemon's answer; raises `NoDaemon` when none comes."""
    with database.writing() as connection:
        command_id = connection.execute(
            text(
                "INSERT INTO command (verb, argument, issued_at)"
                " VALUES (:verb, :argument, :now) RETURNING id"
            ),
            {
                "verb": verb,
                "argument": argument,
                "now": utc_now(),
            },
        ).scalar_one()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with database.reading() as connection:
            row = connection.execute(
                text("SELECT exit_code, answer FROM command WHERE id = :id"), {"id": command_id}
            ).one()
        if row.exit_code is not None:
            return Answer(ExitCode(row.exit_code), row.answer)
        time.sleep(LOOK_SECONDS)
    with database.writing() as connection:
        withdrawn = connection.execute(
            text("DELETE FROM command WHERE id = :id AND exit_code IS NULL"), {"id": command_id}
        ).rowcount
        late = connection.execute(
            text("SELECT exit_code, answer FROM command WHERE id = :id"), {"id": command_id}
        ).one_or_none()
    if not withdrawn and late is not None:
        return Answer(ExitCode(late.exit_code), late.answer)
    raise NoDaemon(
        f"the daemon did not answer within {PATIENCE_SECONDS} seconds",
        "`scened status` shows what it does; try again",
    )


def unanswered(database: Database) -> list[Command]:
    """Return the commands that wait for an answer, oldest first."""
    with database.reading() as connection:
        rows = connection.execute(
            text("SELECT id, verb, argument FROM command WHERE exit_code IS NULL ORDER BY id")
        )
        return [Command(row.id, row.verb, row.argument) for row in rows]


def answer(database: Database, command: Command, given: Answer) -> None:
    """Write the answer to a command, and let old answers go."""
    with database.writing() as connection:
        connection.execute(
            text("UPDATE command SET exit_code = :exit_code, answer = :answer WHERE id = :id"),
            {
                "id": command.id,
                "exit_code": int(given.exit_code),
                "answer": given.sentence,
            },
        )
        connection.execute(
            text("DELETE FROM command WHERE exit_code IS NOT NULL AND id <= :id"),
            {"id": command.id - KEPT},
        )
