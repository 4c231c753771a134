"""The page docs/commands.md, made from the commands' own help: `python -m tests.command_docs`."""

from __future__ import annotations

from pathlib import Path

import click

from scened.cli.main import commands

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"
WIDTH = 90


def page() -> str:
    """Return the page as it should be."""
    sections = ["# Commands\n\nWhat `scened --help` says, of every command.\n"]
    parent = click.Context(commands, info_name="scened", max_content_width=WIDTH)
    sections.append(_section("scened", commands.get_help(parent)))
    for name, command in sorted(commands.commands.items()):
        context = click.Context(
            command, info_name=name, parent=parent, max_content_width=WIDTH, terminal_width=WIDTH
        )
        sections.append(_section(f"scened {name}", command.get_help(context)))
    return "\n".join(sections)


def _section(title: str, help_text: str) -> str:
    return f"## {title}\n```\n{help_text}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
