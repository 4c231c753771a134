"""The mailbox: a command is written, carried out elsewhere, and answered."""

from __future__ import annotations

import subprocess
import sys

import pytest
from sqlalchemy import text

from scened.errors import ExitCode, NoDaemon
from scened.store import commands
from scened.store.commands import Answer, answer, ask, unanswered
from scened.store.database import Database
from tests.integration.conftest import Library

ANSWERER = """
import sys, time
from pathlib import Path
from scened.errors import ExitCode
from scened.store.commands import Answer, answer, unanswered
from scened.store.database import Database
database = Database(Path(sys.argv[1]))
version = database.data_version()
print("ready", flush=True)
while not (waiting := unanswered(database)):
    time.sleep(0.01)
assert database.data_version() != version
(command,) = waiting
answer(database, command, Answer(ExitCode.NO_INPUT, f"{command.verb} {command.argument!r}"))
"""


def write(database: Database, verb: str) -> None:
    """Write a command and do not wait for its answer."""
    with database.writing() as connection:
        connection.execute(
            text("INSERT INTO command (verb, argument, issued_at) VALUES (:verb, x'', '')"),
            {"verb": verb},
        )


def test_a_command_is_answered_by_another_process(database: Database) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ANSWERER, str(database.file)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        given = ask(database, "add", b"/caf\xe9")
    assert (given, process.returncode) == (Answer(ExitCode.NO_INPUT, "add b'/caf\\xe9'"), 0)


def test_commands_are_carried_out_in_order(library: Library) -> None:
    for verb in ("first", "second", "third"):
        write(library.database, verb)
    assert [each.verb for each in unanswered(library.database)] == ["first", "second", "third"]


def test_an_answered_command_is_not_carried_out_again(library: Library) -> None:
    for verb in ("first", "second"):
        write(library.database, verb)
    answer(library.database, unanswered(library.database)[0], Answer(ExitCode.DONE, "done"))
    assert [each.verb for each in unanswered(library.database)] == ["second"]


def test_a_command_without_an_answer_is_withdrawn(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "PATIENCE_SECONDS", 0)
    with pytest.raises(NoDaemon, match="did not answer within 0 seconds"):
        ask(database, "add", b"/a")
    assert unanswered(database) == []


def test_an_answer_at_the_last_moment_counts(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "PATIENCE_SECONDS", 0)
    done = Answer(ExitCode.DONE, "done")
    writing = database.writing
    calls = []

    def answered_before_the_second_write() -> object:
        calls.append(1)
        if len(calls) == 2:
            other = Database(database.file)
            answer(other, unanswered(other)[0], done)
            other.close()
        return writing()

    monkeypatch.setattr(database, "writing", answered_before_the_second_write)
    assert ask(database, "add", b"/a") == done


def test_old_answers_go(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "KEPT", 2)
    for number in range(5):
        write(library.database, str(number))
        answer(library.database, unanswered(library.database)[0], Answer(ExitCode.DONE, "done"))
    assert library.rows("SELECT verb FROM command") == [("3",), ("4",)]
