"""`scened service`: the daemon under the system's own service manager."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from scened.cli.options import request, settings_option
from scened.cli.output import as_json, echo_json
from scened.config import default_database, default_settings_file, load_settings
from scened.errors import AnotherDaemon, MissingPath, NoServiceManager
from scened.gallery.cache import remove_pictures
from scened.packs import Packs
from scened.requests import ADD, folder_to_add
from scened.store.database import open_for_reading
from scened.store.forgetting import forget_everything
from scened.store.lock import daemon_lock
from scened.store.roots import roots
from scened.units.launchd import Launchd
from scened.units.manager import Manager, Program
from scened.units.systemd import Systemd

__all__ = ["manager", "service"]

LOG_LINES = 50


@click.group(
    short_help="Let the system start it at every login.",
    epilog="Example: scened service install ~/Pictures",
)
def service() -> None:
    """Let the system start the daemon, now and at every login, in a sandbox."""


@service.command(
    short_help="Install and start the service, or bring it up to date.",
    epilog="Example: scened service install ~/Pictures",
)
@click.argument("folders", metavar="[DIR]...", nargs=-1, type=click.Path())
@click.option("--dry-run", is_flag=True, help="Print the unit and where it would go; do nothing.")
@settings_option
@click.pass_obj
def install(
    database_file: Path, folders: tuple[str, ...], dry_run: bool, settings_file: Path | None
) -> None:
    """Install and start the service; DIR... are watched from now on.

    Done twice it brings the service up to date: after an upgrade or a move of the environment.
    """
    paths = [folder_to_add(Path(folder)) for folder in folders]
    found = manager()
    if dry_run:
        extra = tuple(Path(os.fsdecode(path)) for path in paths)
        program = _program(database_file, settings_file, extra)
        click.echo(f"# {found.file}")
        click.echo(found.text(program), nl=False)
        return
    _refuse_beside_another(database_file, found)
    database_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for answer in request(database_file, ADD, paths):
        click.echo(answer.sentence)
    for sentence in found.install(_program(database_file, settings_file, ())):
        click.echo(sentence)
    if not _roots(database_file):
        click.echo("no folder is watched yet: `scened add ~/Pictures` tells it where to look")


@service.command(
    short_help="Stop the service and take it away.",
    epilog="Example: scened service uninstall --purge",
)
@click.option(
    "--purge",
    is_flag=True,
    help="Delete database, backups, logs, packs, caches and settings too.",
)
@settings_option
@click.pass_obj
def uninstall(database_file: Path, purge: bool, settings_file: Path | None) -> None:
    """Stop the service and take it away; what is known of your photos stays, unless --purge."""
    for sentence in manager().uninstall():
        click.echo(sentence)
    if not purge:
        return
    if database_file.parent.exists():
        with daemon_lock(database_file, patience_seconds=5.0):
            forget_everything(database_file)
            Packs(database_file).remove_all()
        Path(f"{database_file}.lock").unlink(missing_ok=True)
    remove_pictures()
    (settings_file or default_settings_file()).unlink(missing_ok=True)
    click.echo("nothing of scened is left but the program itself; your photos are as they were")


@service.command(epilog="Example: scened service start")
def start() -> None:
    """Start the installed service."""
    _check_program()
    for sentence in manager().start():
        click.echo(sentence)


@service.command(
    short_help="Stop the service until the next login.", epilog="Example: scened service stop"
)
def stop() -> None:
    """Stop the service until the next login; `scened pause` only makes it wait."""
    for sentence in manager().stop():
        click.echo(sentence)


@service.command(
    short_help="Show whether the service is installed and runs.",
    epilog="Example: scened service status",
)
@as_json
def status(json: bool) -> None:
    """Show whether the service is installed and runs; `scened status` shows what it does."""
    state = manager().state()
    if json:
        echo_json(state)
        return
    if not state.installed:
        click.echo("not installed; `scened service install` does that")
        return
    click.echo(f"{'runs' if state.running else 'does not run'} ({state.detail})")
    click.echo(f"{state.file} starts {state.program}")
    if not state.program_there:
        click.echo("that program is gone: `scened service install` again, from where it is now")


@service.command(epilog="Example: scened service logs --follow")
@click.option("--lines", default=LOG_LINES, show_default=True, help="How many of the last lines.")
@click.option("--follow", is_flag=True, help="Go on with what is added, until Ctrl-C.")
def logs(lines: int, follow: bool) -> None:
    """Show what the service logged; it names no photo and no tag."""
    command = manager().log_command(lines, follow=follow)
    if shutil.which(command[0]) is None:
        raise MissingPath(f"{command[0]} is not here", "look into the system's log by other means")
    os.execvp(command[0], command)  # noqa: S606 - the very command we made


def manager() -> Manager:
    """Return this system's service manager; raises `NoServiceManager`."""
    if sys.platform == "darwin":
        return Launchd()
    if sys.platform == "linux" and shutil.which("systemctl"):
        return Systemd()
    raise NoServiceManager(
        "neither systemd nor launchd is here", "start `scened run` at login by other means"
    )


def _check_program() -> None:
    state = manager().state()
    if state.installed and not state.program_there:
        raise MissingPath(
            f"the service starts {state.program}, which is gone",
            "`scened service install` again, from where scened is now",
        )


def _program(database_file: Path, settings_file: Path | None, extra: tuple[Path, ...]) -> Program:
    executable = Path(sys.executable).parent / "scened"
    if not executable.exists():
        raise MissingPath(f"{executable} is not here", "install scened with pip, pipx or uv")
    command = [str(executable)]
    if database_file != default_database():
        command += ["--db", str(database_file)]
    command.append("run")
    if settings_file is not None:
        command += ["--settings", str(settings_file.absolute())]
    metrics = load_settings(settings_file).metrics_file
    also = (Path(metrics).expanduser().parent,) if metrics else ()
    settings = (settings_file.absolute(),) if settings_file else ()
    reads = (*_roots(database_file), *extra, *settings)
    return Program(tuple(command), database_file.parent, also, reads)


def _roots(database_file: Path) -> tuple[Path, ...]:
    if not database_file.exists():
        return ()
    database = open_for_reading(database_file)
    try:
        with database.reading() as connection:
            return tuple(Path(os.fsdecode(root.path) or "/") for root in roots(connection))
    finally:
        database.close()


def _refuse_beside_another(database_file: Path, found: Manager) -> None:
    """Raise where a daemon that no service manager started holds the database."""
    if found.state().running or not database_file.exists():
        return
    try:
        with daemon_lock(database_file, patience_seconds=2.0):
            pass
    except AnotherDaemon as error:
        raise AnotherDaemon(
            "a `scened run` that was started by hand works on this database", "end it first"
        ) from error
