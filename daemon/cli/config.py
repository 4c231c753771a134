"""`scened config`: the settings shown, found, checked and changed."""

from __future__ import annotations

from pathlib import Path

import click

from scened.cli.options import settings_option
from scened.cli.output import as_json, echo_json
from scened.config import default_settings_file, load_settings
from scened.settings_file import as_toml, change_setting, listed, literal

__all__ = ["config"]


@click.group(
    short_help="Show, check and change the settings.",
    epilog="Example: scened config set gates.battery.on_battery true",
)
def config() -> None:
    """Show, check and change the settings; a running daemon takes a change up within seconds."""


@config.command(
    short_help="Print every setting with its value and meaning.",
    epilog="Example: scened config show --json",
)
@settings_option
@as_json
def show(settings_file: Path | None, json: bool) -> None:
    """Print every setting with its value and its meaning, as a file that could be used."""
    settings = load_settings(settings_file)
    if json:
        echo_json(listed(settings))
    else:
        click.echo(as_toml(settings), nl=False)


@config.command(epilog="Example: scened config path")
@settings_option
def path(settings_file: Path | None) -> None:
    """Print where the settings lie; there need not be a file."""
    click.echo(str(settings_file or default_settings_file()))


@config.command(
    short_help="Tell what is wrong in the settings, or what was set.",
    epilog="Example: scened config check",
)
@settings_option
def check(settings_file: Path | None) -> None:
    """Check the settings file; what is wrong is named with its line."""
    settings = load_settings(settings_file)
    changed = [each for each in listed(settings) if each.value != each.default]
    file = settings_file or default_settings_file()
    click.echo(f"{file} is fine; settings that are not the default: {len(changed) or 'none'}")
    for setting in changed:
        value, default = literal(setting.value), literal(setting.default)
        click.echo(f"  {setting.name} = {value}  (default: {default})")


@config.command(
    "set",
    short_help="Change a setting.",
    epilog="Example: scened config set gates.hours.windows \"['22:00-07:00']\"",
)
@click.argument("key")
@click.argument("value")
@settings_option
def set_(settings_file: Path | None, key: str, value: str) -> None:
    """Change the setting KEY to VALUE; comments and everything else in the file stay."""
    file = settings_file or default_settings_file()
    settings = change_setting(file, key, value)
    now = next(each.value for each in listed(settings) if each.name == key)
    click.echo(f"{key} is {literal(now)} now, in {file}")
