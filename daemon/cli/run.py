"""`scened run`: the daemon in the foreground, or one pass over what is there."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import NamedTuple

import click

from scened.cli.options import request, settings_option
from scened.cli.output import say
from scened.cli.progress import ProgressBar
from scened.cli.summary import print_left_alone, print_summary
from scened.config import Settings, load_settings
from scened.errors import AnotherDaemon, ExitCode
from scened.logs import set_up_logs
from scened.models.pack import Pack, open_pack
from scened.packs import Packs
from scened.requests import ADD, carry_out, folder_to_add
from scened.service import Service
from scened.store.commands import Command
from scened.store.database import Database, open_for_reading, open_for_writing
from scened.store.heartbeat import Pulse, daemon_runs
from scened.store.lock import daemon_lock
from scened.store.reading import pulse
from scened.store.roots import roots

__all__ = ["run"]

FOLLOW_SECONDS = 0.5
NOBODY_ELSE = 0o077  # of whatever the daemon writes
MOST_JOBS = 64
LOCK_SECONDS = 2.0  # a command may hold the lock for a moment


class Choices(NamedTuple):
    """How the user wants it to run."""

    settings: Settings
    settings_file: Path | None
    once: bool
    jobs: int | None


@click.command(
    short_help="Look at photos: once, or go on as more come.",
    epilog="Example: scened run --once ~/Pictures",
)
@click.argument("folders", metavar="[DIR]...", nargs=-1, type=click.Path())
@click.option("--once", is_flag=True, help="Look at what is there with a progress bar, then end.")
@click.option(
    "--jobs",
    type=click.IntRange(1, MOST_JOBS),
    help="With --once: work at full priority in so many processes, one core and up to 180 MB each."
    " Default: one that gives way to everything else.",
)
@click.option(
    "--pack",
    "pack_folder",
    envvar="SCENED_PACK",
    type=click.Path(path_type=Path),
    help="A pack's folder, to look with it in this run; also SCENED_PACK. Default: the one in use.",
)
@settings_option
@click.option("--verbose", is_flag=True, help="Show and log everything, names of folders included.")
@click.pass_obj
def run(
    database_file: Path,
    folders: tuple[str, ...],
    once: bool,
    jobs: int | None,
    pack_folder: Path | None,
    settings_file: Path | None,
    verbose: bool,
) -> None:
    """Look at the photos of the watched folders, DIR... among them, and go on as more come.

    With --once it ends when every photo has been looked at: with 0, or with 1 if some failed.
    Ctrl-C lets the photo at hand be finished; the next run goes on from there.
    """
    os.umask(NOBODY_ELSE)
    if jobs is not None and not once:
        raise click.UsageError("--jobs goes with --once; `scened boost` hurries a daemon")
    settings = load_settings(settings_file)
    paths = [folder_to_add(Path(folder)) for folder in folders]
    packs = Packs(database_file)
    pack = open_pack(pack_folder) if pack_folder else packs.open(packs.active())
    try:
        with daemon_lock(database_file, LOCK_SECONDS):
            database = open_for_writing(database_file)
            set_up_logs(database_file, verbose=verbose)
            try:
                _work(database, pack, Choices(settings, settings_file, once, jobs), paths)
            finally:
                database.close()
    except AnotherDaemon:
        if not once:
            raise
        _hand_over(database_file, paths)


def _work(database: Database, pack: Pack, choices: Choices, paths: list[bytes]) -> None:
    once = choices.once
    for path in paths:
        carry_out(database, Command(0, ADD, path))
    with database.reading() as connection:
        watched = roots(connection)
        if not watched:
            raise click.UsageError(
                "no folder is watched yet: say which, as in `scened run ~/Pictures`"
            )
    if not once:
        say(f"watching {', '.join(root.shown for root in watched)}; Ctrl-C ends it")
    began = time.monotonic()
    told = once

    def on_pulse(now: Pulse) -> None:
        nonlocal told
        bar.show(now)
        if not told and now.state == "idle":
            told = True
            print_left_alone(database)

    with ProgressBar(shown=once) as bar:
        summary = Service(
            database,
            pack,
            settings=choices.settings,
            settings_file=choices.settings_file,
            once=once,
            jobs=choices.jobs,
            on_pulse=on_pulse,
        ).run()
    if once:
        print_summary(database, summary, time.monotonic() - began)
        if summary.counts.failed:
            sys.exit(ExitCode.SOME_FAILED)


def _hand_over(database_file: Path, paths: list[bytes]) -> None:
    """Leave the folders to the daemon that runs already, and follow its progress to the end."""
    say("a daemon runs already: it takes this over; Ctrl-C stops watching it only", err=True)
    for answer in request(database_file, ADD, paths):
        say(answer.sentence)
    database = open_for_reading(database_file)
    try:
        with ProgressBar(shown=True) as bar:
            last, running = _look(database)
            while running and last.state != "idle":
                bar.show(last)
                time.sleep(FOLLOW_SECONDS)
                last, running = _look(database)
    finally:
        database.close()
    say(f"{last.counts.done} photos analysed, {last.counts.failed} failed")
    if last.counts.failed:
        sys.exit(ExitCode.SOME_FAILED)


def _look(database: Database) -> tuple[Pulse, bool]:
    with database.reading() as connection:
        return pulse(connection), daemon_runs(connection)
