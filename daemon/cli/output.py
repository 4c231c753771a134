"""How commands print: one record type behind what people read and what programs read."""

from __future__ import annotations

import re
import sys

import click
import msgspec

from scened.wording import visible

__all__ = ["as_json", "echo_json", "json_line", "say"]

# JSON itself escapes those below the space: these are DEL, C1, and changes of writing direction
COMMANDS_TO_TERMINALS = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")

as_json = click.option("--json", "json", is_flag=True, help="Print one JSON document instead.")


def echo_json(record: object) -> None:
    """Print a record as JSON, indented, in UTF-8 whatever the locale."""
    document = msgspec.json.format(msgspec.json.encode(record), indent=2)
    sys.stdout.buffer.write(_harmless(document).encode() + b"\n")


def json_line(record: object) -> str:
    """Return a record as JSON in one line."""
    return _harmless(msgspec.json.encode(record))


def say(line: str, *, err: bool = False) -> None:
    """Print one line, whatever a file's name or metadata put into it."""
    click.echo(visible(line), err=err)


def _harmless(document: bytes) -> str:
    # in a document of its own, only a string can hold one of these
    return COMMANDS_TO_TERMINALS.sub(lambda found: f"\\u{ord(found[0]):04x}", document.decode())
