"""The settings as people see and change them: listed, written as a page, set one at a time."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import tomlkit
from msgspec import inspect
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Item

from scened.config import Settings, read_settings
from scened.errors import BadConfiguration, CannotCreate

__all__ = ["Setting", "as_toml", "change_setting", "listed", "literal"]

COMMENT_COLUMN = 30


class Setting(msgspec.Struct, frozen=True):
    """One key of the file: its dotted name, its value, what it means, and the default."""

    name: str
    value: object
    default: object
    meaning: str


def listed(settings: Settings) -> list[Setting]:
    """Return every setting in the order of its definition."""
    return list(_walk(Settings, settings, Settings(), ""))


def as_toml(settings: Settings) -> str:
    """Return the whole settings as a commented TOML file, made from their definitions."""
    lines: list[str] = []
    table = ""
    for setting in listed(settings):
        prefix, _, key = setting.name.rpartition(".")
        if prefix != table:
            table = prefix
            lines += ["", _commented(f"[{prefix}]", _purpose(prefix))]
        lines.append(_commented(f"{key} = {literal(setting.value)}", setting.meaning))
    return "\n".join(lines) + "\n"


def literal(value: object) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return tomlkit.item(list(value) if isinstance(value, tuple) else value).as_string()


def change_setting(file: Path, name: str, words: str) -> Settings:
    """Set one key in a settings file, comments and all else left as they are; return what holds.

    `words` are a TOML value, or a text without its quotes. Nothing is written unless the whole
    file is valid with it. Raises `BadConfiguration` or `CannotCreate`.
    """
    known = [setting.name for setting in listed(Settings())]
    if name not in known:
        near = difflib.get_close_matches(name, known)
        meant = f"did you mean {' or '.join(near)}? " if near else ""
        raise BadConfiguration(
            f"there is no setting {name!r}", f"{meant}`scened config show` lists them"
        )
    try:
        before = file.read_text("utf-8")
    except FileNotFoundError:
        before = ""
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfiguration(f"{file} cannot be read: {error}", "check the file") from error
    read_settings(before, file)
    document = tomlkit.parse(before)
    *tables, key = name.split(".")
    place: Any = document
    for number, table in enumerate(tables):
        if table not in place:
            last = number == len(tables) - 1
            place[table] = tomlkit.table(is_super_table=not last)
        place = place[table]
    place[key] = _value(words)
    after = tomlkit.dumps(document)
    settings = read_settings(after, file)
    _replace(file, after)
    return settings


def _walk(kind: type, now: object, default: object, prefix: str) -> Iterator[Setting]:
    described = cast("inspect.StructType", inspect.type_info(kind))
    for field in described.fields:
        value, usual = getattr(now, field.name), getattr(default, field.name)
        if isinstance(field.type, inspect.StructType):
            yield from _walk(field.type.cls, value, usual, f"{prefix}{field.name}.")
        else:
            schema = getattr(field.type, "extra_json_schema", None) or {}
            meaning = str(schema.get("description", ""))
            yield Setting(f"{prefix}{field.name}", value, usual, meaning)


def _purpose(table: str) -> str:
    section: object = Settings()
    for name in table.split("."):
        section = getattr(section, name)
    words = (type(section).__doc__ or "").splitlines()[0].rstrip(".")
    return words[:1].lower() + words[1:]


def _commented(words: str, comment: str) -> str:
    return f"{words:<{COMMENT_COLUMN}}# {comment}" if comment else words


def _value(words: str) -> Item | str:
    try:
        return tomlkit.value(words)
    except TOMLKitError:
        return words


def _replace(file: Path, words: str) -> None:
    """Put a whole new file in the place of the old one: a reader sees either, never half."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=file.name)
        with os.fdopen(descriptor, "w", encoding="utf-8") as fresh:
            fresh.write(words)
        Path(name).replace(file.resolve())
    except OSError as error:
        raise CannotCreate(
            f"cannot write {file}: {error.strerror}", "check the permissions of its folder"
        ) from error
