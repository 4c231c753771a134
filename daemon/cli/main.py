"""The command `scened`: its global options, and the one place where errors meet the user."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from scened import __version__
from scened.cli.add import add
from scened.cli.boost import boost
from scened.cli.completion import completion
from scened.cli.config import config
from scened.cli.doctor import doctor
from scened.cli.failures import failures
from scened.cli.options import default_database, say
from scened.cli.pause import pause
from scened.cli.remove import remove
from scened.cli.resume import resume
from scened.cli.run import run
from scened.cli.search import search
from scened.cli.service import service
from scened.cli.show import show
from scened.cli.status import status
from scened.errors import ExitCode, ScenedError
from scened.models.pack import default_pack_folder
from scened.store.schema import SCHEMA_VERSION

__all__ = ["commands", "main"]


@click.group(
    name="scened",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: scened run --once ~/Pictures",
)
@click.option(
    "--db",
    "database",
    envvar="SCENED_DB",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The database file; also SCENED_DB. Default: in the platform's data folder.",
)
@click.version_option(
    __version__,
    message=f"scened %(version)s, pack {default_pack_folder().name}, schema {SCHEMA_VERSION}",
)
@click.pass_context
def commands(context: click.Context, database: Path | None) -> None:
    """Look at every photo once, on this computer, and find it again by what it shows."""
    if os.environ.get("NO_COLOR"):  # https://no-color.org
        context.color = False
    context.obj = (database or default_database()).absolute()


for _command in (
    *(add, remove, run, status, show, search, failures),
    *(pause, resume, boost),
    *(config, service, doctor, completion),
):
    commands.add_command(_command)


def main() -> None:
    """Run the command line; an error is one line on stderr and an exit code."""
    try:
        commands(prog_name="scened")
    except ScenedError as error:
        say(f"scened: {error}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.DONE)
