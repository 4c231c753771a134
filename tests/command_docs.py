"""The page docs/commands.md, made from the commands' own help: `python -m tests.command_docs`."""

from __future__ import annotations

from pathlib import Path

import click

from scened.cli.main import commands

__all__ = ["PAGE", "every_command", "page"]

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"
WIDTH = 90


def page() -> str:
    """Return the page as it should be."""
    sections = ["# Commands\n\nWhat `scened --help` says, of every command.\n"]
    parent = click.Context(commands, info_name="scened", max_content_width=WIDTH)
    sections.append(_section("scened", commands.get_help(parent)))
    sections += _sections(commands, parent)
    return "\n".join(sections)


def every_command(group: click.Group = commands, above: str = "") -> dict[str, click.Command]:
    """Return every command by its full name, such as `config set`, groups among them."""
    found: dict[str, click.Command] = {}
    for name, command in sorted(group.commands.items()):
        found[above + name] = command
        if isinstance(command, click.Group):
            found |= every_command(command, f"{above}{name} ")
    return found


def _sections(group: click.Group, parent: click.Context) -> list[str]:
    sections = []
    for name, command in sorted(group.commands.items()):
        context = click.Context(
            command, info_name=name, parent=parent, max_content_width=WIDTH, terminal_width=WIDTH
        )
        sections.append(_section(context.command_path, command.get_help(context)))
        if isinstance(command, click.Group):
            sections += _sections(command, context)
    return sections


def _section(title: str, help_text: str) -> str:
    return f"## {title}\n```\n{help_text}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
