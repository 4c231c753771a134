"""`scened db`: look after the database file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from scened.cli.output import say
from scened.errors import ExitCode, MissingPath
from scened.store import backups, repair
from scened.store.lock import daemon_lock
from scened.store.ownership import refuse_foreign_owner

__all__ = ["db"]


@click.group(
    short_help="Check, back up, restore or mend the database.", epilog="Example: scened db check"
)
def db() -> None:
    """Look after the database file: check it, back it up, mend it."""


@db.command(
    short_help="Read the whole file and tell what is wrong with it.",
    epilog="Example: scened db check",
)
@click.pass_obj
def check(database_file: Path) -> None:
    """Read the whole file and tell what is wrong with it; ends with 65 if anything is.

    A running daemon need not be stopped.
    """
    _must_exist(database_file)
    faults = repair.faults_of(database_file)
    for fault in faults:
        say(fault)
    if faults:
        say("scened: the database is damaged; see `scened db restore` and `repair`", err=True)
        sys.exit(ExitCode.BAD_INPUT)
    say("the database is whole")


@db.command(
    short_help="Copy the database into the folder `backups`.", epilog="Example: scened db backup"
)
@click.pass_obj
def backup(database_file: Path) -> None:
    """Copy the database into the folder `backups` beside it; the newest three are kept.

    A running daemon need not be stopped; it makes such a copy itself once a day.
    """
    _must_exist(database_file)
    made = backups.back_up(database_file, "asked")
    say(f"{made.file} ({made.file.stat().st_size / 1e6:.1f} MB)")


@db.command(
    short_help="Go back to the newest backup, or to another.", epilog="Example: scened db restore"
)
@click.argument("copy", metavar="[BACKUP]", required=False, type=click.Path(path_type=Path))
@click.option("--list", "only_list", is_flag=True, help="Only list the backups there are.")
@click.pass_obj
def restore(database_file: Path, copy: Path | None, only_list: bool) -> None:
    """Go back to the newest backup, or to BACKUP; what was there is kept beside it.

    What changed on the disk since is found, and photos since then are looked at again.
    """
    if only_list:
        for each in backups.backups(database_file):
            say(f"{each.made_at}  {each.occasion}  {each.file}")
        return
    with daemon_lock(database_file):
        if database_file.exists():
            refuse_foreign_owner(database_file)
        kept = backups.restore(database_file, copy)
    say(f"restored; what was there is kept as {kept.file}")


@db.command(
    "repair",
    short_help="Save all that can be read of a damaged database.",
    epilog="Example: scened db repair",
)
@click.pass_obj
def mend(database_file: Path) -> None:
    """Save all that can be read of a damaged database; what was there is kept beside it.

    Photos whose findings cannot be read are looked at again.
    """
    with _ours_alone(database_file):
        kept, photos = repair.repair(database_file)
    say(f"{photos} photos saved; what was there is kept as {kept.file}")


@db.command(epilog="Example: scened db vacuum")
@click.pass_obj
def vacuum(database_file: Path) -> None:
    """Give the room that deleted rows took back to the disk."""
    with _ours_alone(database_file):
        freed = repair.vacuum(database_file)
    say(f"{freed / 1e6:.1f} MB freed")


@contextmanager
def _ours_alone(database_file: Path) -> Iterator[None]:
    _must_exist(database_file)
    with daemon_lock(database_file):
        yield


def _must_exist(database_file: Path) -> None:
    if not database_file.exists():
        raise MissingPath(
            f"there is no database at {database_file}", "`scened db restore` may bring it back"
        )
    refuse_foreign_owner(database_file)
