"""`scened doctor`: what is well, what is not, and the command that mends it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from scened.cli.options import settings_option
from scened.cli.output import as_json, echo_json, say
from scened.cli.service import manager
from scened.errors import ExitCode, NoServiceManager
from scened.governor.sensors import SystemSensors
from scened.health import Check, Colour, check_all
from scened.models.pack import default_pack_folder
from scened.packs import Packs
from scened.units.manager import Manager
from scened.wording import visible

__all__ = ["doctor"]

TERMINAL_COLOURS = {Colour.GREEN: "green", Colour.YELLOW: "yellow", Colour.RED: "red"}


@click.command(
    short_help="Show what is well, what is not, and what mends it.",
    epilog="Example: scened doctor --json",
)
@click.option(
    "--pack",
    "pack_folder",
    envvar="SCENED_PACK",
    type=click.Path(path_type=Path),
    help="The pack to verify; also SCENED_PACK. Default: the one in use.",
)
@settings_option
@as_json
@click.pass_obj
def doctor(
    database_file: Path, pack_folder: Path | None, settings_file: Path | None, json: bool
) -> None:
    """Check program, pack, codecs, database, folders, sensors, service; name what mends each.

    Ends with 1 when something is red, which means that it does not work.
    """
    checks = []
    packs = Packs(database_file)
    for check in check_all(
        database_file,
        settings_file,
        pack_folder or packs.folders().get(packs.active(), default_pack_folder()),
        SystemSensors(),
        _manager(),
    ):
        checks.append(check)
        if not json:
            _print(check)
    if json:
        echo_json(checks)
    if any(check.colour is Colour.RED for check in checks):
        sys.exit(ExitCode.SOME_FAILED)


def _print(check: Check) -> None:
    colour = click.style(f"{check.colour.value:6}", fg=TERMINAL_COLOURS[check.colour])
    click.echo(f"{colour}  {visible(f'{check.name}: {check.found}')}")
    if check.remedy:
        say(f"        {check.remedy}")


def _manager() -> Manager | None:
    try:
        return manager()
    except NoServiceManager:
        return None
