"""What `scened status` says of what a daemon has written of itself."""

from __future__ import annotations

import json
import os

import pytest
from click.testing import CliRunner

from scened.cli.main import commands
from scened.store.database import Database
from scened.store.governor_state import GovernorState, say
from scened.store.heartbeat import Counts, Pulse, beat


def status(database: Database, state: GovernorState, *options: str) -> str:
    """Return what the command says while this process passes for a daemon."""
    with database.writing() as connection:
        beat(connection, Pulse(os.getpid(), "0.1", "working", "looking at photos", Counts()))
        say(connection, state)
    ended = CliRunner().invoke(commands, ["--db", str(database.file), "status", *options])
    assert ended.exit_code == 0, ended.output
    return ended.output


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (GovernorState(duty=1.0), "works at most 100% of the time; memory"),
        (
            GovernorState(duty=0.5, duty_follows="others wait for the disk 34 % of the time"),
            "works at most 50% of the time (others wait for the disk 34 % of the time); memory",
        ),
    ],
)
def test_what_lessens_the_duty_is_shown_beside_it(
    database: Database, state: GovernorState, said: str
) -> None:
    assert said in status(database, state)


def test_what_the_duty_follows_is_in_the_record(database: Database) -> None:
    state = GovernorState(duty=0.5, duty_follows="others use 1.8 of 2 cores")
    record = json.loads(status(database, state, "--json"))
    assert (record["duty"], record["duty_follows"]) == (0.5, "others use 1.8 of 2 cores")
