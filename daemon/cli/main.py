"""The command `scened`: its global options, and the one place where errors meet the user."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import cast

import click

from scened import __version__
from scened.cli.output import say
from scened.config import default_database
from scened.errors import ExitCode, ScenedError
from scened.models.pack import default_pack_folder
from scened.store.schema import SCHEMA_VERSION

__all__ = ["commands", "main"]


SECTIONS = {
    "Begin": ("run", "add", "remove", "status", "doctor"),
    "Find": ("search", "similar", "duplicates", "show", "gallery", "stats", "failures"),
    "Correct and share": ("tag", "export"),
    "When it works": ("service", "pause", "resume", "boost", "config"),
    "Look after": ("db", "forget", "relocate", "model", "completion"),
}
NAMES = tuple(name for names in SECTIONS.values() for name in names)


class _Commands(Mapping[str, click.Command]):
    """The commands by name, each loaded when it is asked for: most need only a part of us."""

    def __getitem__(self, name: str) -> click.Command:
        """Load the command from the module that is called like it."""
        if name not in NAMES:
            raise KeyError(name)
        command: click.Command = getattr(importlib.import_module(f"scened.cli.{name}"), name)
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


class _InSections(click.Group):
    """A group whose help lists the commands by what they are for."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the sections, every one with its names in the same column."""
        width = max(map(len, NAMES))
        for title, names in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [
                        (f"{name:{width}}", self.commands[name].get_short_help_str())
                        for name in names
                    ]
                )


@click.group(
    name="scened",
    cls=_InSections,
    commands=cast("MutableMapping[str, click.Command]", _Commands()),
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
