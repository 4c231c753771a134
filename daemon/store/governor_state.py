"""What the user told the governor, remembered over a restart, and what it last said of itself."""

from __future__ import annotations

import datetime
import math

import msgspec
from sqlalchemy import Connection, text

__all__ = ["GovernorState", "Verdict", "Wish", "read_state", "read_wish", "say", "wish"]

FOR_EVER = "9999-12-31T23:59:59Z"

READ = text(
    "SELECT paused_until, boosted_until, duty, gates, rate_since_start, last_error, daemon_bytes,"
    " analyzer_bytes, duty_follows FROM governor"
)

WISH = text("UPDATE governor SET paused_until = :paused_until, boosted_until = :boosted_until")

SAY = text(
    """
    UPDATE governor SET
        duty = :duty, duty_follows = :duty_follows,
        gates = :gates, rate_since_start = :rate_since_start,
        daemon_bytes = :daemon_bytes, analyzer_bytes = :analyzer_bytes,
        last_error = coalesce(:last_error, last_error)
    """
)


class Verdict(msgspec.Struct, frozen=True):
    """What a gate says: its reading against its limit, and the setting that changes it."""

    gate: str
    open: bool
    reading: str
    limit: str
    setting: str


class Wish(msgspec.Struct, frozen=True):
    """How many seconds a pause or a boost still lasts; infinite until `resume`, 0 for none."""

    paused_seconds: float = 0.0
    boosted_seconds: float = 0.0


class GovernorState(msgspec.Struct, frozen=True):
    """What the governor last said, and what the work costs.

    `duty` is the share of the time that may be worked, 0..1; `duty_follows` says what lessens it,
    empty where nothing does; `rate_since_start` photos per second of work since the daemon
    started; `analyzer_bytes` the memory of all analyzers together.
    """

    duty: float = 0.0
    gates: tuple[Verdict, ...] = ()
    rate_since_start: float | None = None
    last_error: str | None = None
    daemon_bytes: int | None = None
    analyzer_bytes: int | None = None
    duty_follows: str = ""


def wish(connection: Connection, wished: Wish) -> None:
    """Remember a pause or a boost by the time of day it ends, so that it outlasts the daemon."""
    connection.execute(
        WISH,
        {
            "paused_until": _end(wished.paused_seconds),
            "boosted_until": _end(wished.boosted_seconds),
        },
    )


def read_wish(connection: Connection) -> Wish:
    """Return what is left of the pause or boost that was remembered."""
    row = connection.execute(READ).one()
    return Wish(_left(row.paused_until), _left(row.boosted_until))


def say(connection: Connection, state: GovernorState) -> None:
    """Write what the governor says of itself; an earlier error stays until there is a newer."""
    connection.execute(
        SAY,
        {
            "duty": state.duty,
            "duty_follows": state.duty_follows,
            "gates": msgspec.json.encode(state.gates).decode(),
            "rate_since_start": state.rate_since_start,
            "last_error": state.last_error,
            "daemon_bytes": state.daemon_bytes,
            "analyzer_bytes": state.analyzer_bytes,
        },
    )


def read_state(connection: Connection) -> GovernorState:
    """Return what the governor last said."""
    row = connection.execute(READ).one()
    return GovernorState(
        row.duty,
        msgspec.json.decode(row.gates, type=tuple[Verdict, ...]),
        row.rate_since_start,
        row.last_error,
        row.daemon_bytes,
        row.analyzer_bytes,
        row.duty_follows,
    )


def _end(seconds: float) -> str | None:
    if not seconds:
        return None
    if math.isinf(seconds):
        return FOR_EVER
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    return end.strftime("%Y-%m-%dT%H:%M:%SZ")


def _left(until: str | None) -> float:
    if until is None:
        return 0.0
    if until == FOR_EVER:
        return math.inf
    end = datetime.datetime.fromisoformat(until)
    return max(0.0, (end - datetime.datetime.now(datetime.UTC)).total_seconds())
