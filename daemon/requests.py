"""What commands ask for, carried out by whoever holds the database: the daemon or a command."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from scened.errors import ExitCode, MissingPath, ScenedError
from scened.packs import Packs
from scened.store.commands import Answer, Command
from scened.store.corrections import correct, reset
from scened.store.database import Database
from scened.store.governor_state import Wish, wish
from scened.store.heartbeat import count_photos, name_pack
from scened.store.places import displayed
from scened.store.queue import retry_failed
from scened.store.results import activate_pack, drop_orphans
from scened.store.roots import add_root, covering_root, remove_root, roots
from scened.wording import duration

__all__ = [
    "ADD",
    "BOOST",
    "PAUSE",
    "REMOVE",
    "RESUME",
    "RETRY",
    "TAG",
    "USE",
    "WISHES",
    "Tagging",
    "carry_out",
    "folder_to_add",
]

ADD = "add"
REMOVE = "remove"
PAUSE = "pause"
BOOST = "boost"
RESUME = "resume"
RETRY = "retry"
TAG = "tag"
USE = "use"
WISHES = (PAUSE, BOOST, RESUME)


class Tagging(msgspec.Struct, frozen=True):
    """What somebody says of the photo at a path; with `reset`, that nobody said anything."""

    path: bytes
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    reset: bool = False


def folder_to_add(folder: Path) -> bytes:
    """Return a folder's absolute path in the form that roots are kept in.

    Links on the way are resolved, so that one folder has one name. Raises `MissingPath`.
    """
    try:
        resolved = os.fsencode(folder.resolve(strict=True))
    except (OSError, RuntimeError) as error:  # Python 3.11 says RuntimeError of a loop of links
        raise MissingPath(
            f"there is no folder {displayed(os.fsencode(folder))}", "check its name"
        ) from error
    if not folder.is_dir():
        raise MissingPath(
            f"{displayed(os.fsencode(folder))} is not a folder", "name the folder it lies in"
        )
    return resolved.rstrip(b"/")


def carry_out(database: Database, command: Command) -> Answer:
    """Do what a command asks and say what came of it; raises `ScenedError` where it cannot."""
    try:
        handler = _HANDLERS[command.verb]
    except KeyError:
        raise ScenedError(
            f"this daemon does not know the command {command.verb!r}", "restart it after an upgrade"
        ) from None
    return Answer(ExitCode.DONE, handler(database, command.argument))


def _add(database: Database, path: bytes) -> str:
    with database.writing() as connection:
        covering = covering_root(connection, path)
        if covering is None:
            add_root(connection, path)
            return f"{displayed(path) or '/'} is watched now"
    if covering.path == path:
        return f"{covering.shown} was watched already"
    return f"{displayed(path)} is watched already, as part of {covering.shown}"


def _remove(database: Database, path: bytes) -> str:
    with database.writing() as connection:
        root = next((root for root in roots(connection) if root.path == path), None)
        if root is None:
            watched = ", ".join(root.shown for root in roots(connection)) or "none yet"
            raise MissingPath(
                f"{displayed(path) or '/'} is not a watched folder", f"watched are: {watched}"
            )
        photos = remove_root(connection, root)
        drop_orphans(connection)
    return f"{root.shown} is watched no longer; {photos} photos forgotten, no file was touched"


def _pause(database: Database, seconds: bytes) -> str:
    with database.writing() as connection:
        wish(connection, Wish(paused_seconds=float(seconds)))
    return f"paused {_how_long(float(seconds))}"


def _boost(database: Database, seconds: bytes) -> str:
    with database.writing() as connection:
        wish(connection, Wish(boosted_seconds=float(seconds)))
    return f"boosted {_how_long(float(seconds))}: only heat and a full disk make it wait"


def _resume(database: Database, _nothing: bytes) -> str:
    with database.writing() as connection:
        wish(connection, Wish())
    return "neither paused nor boosted: the gates decide"


def _retry(database: Database, _nothing: bytes) -> str:
    with database.writing() as connection:
        photos = retry_failed(connection)
    return f"{photos} photos will be looked at again"


def _use(database: Database, identity: bytes) -> str:
    pack = Packs(database.file).use(os.fsdecode(identity))
    with database.writing() as connection:
        name_pack(connection, pack.identity)
        stale = count_photos(connection, activate_pack(connection, pack)).stale
    return f"{pack.identity} is in use" + (
        f"; {stale} photos will be looked at again, newest first" if stale else ""
    )


def _tag(database: Database, argument: bytes) -> str:
    tagging = msgspec.json.decode(argument, type=Tagging)
    with database.writing() as connection:
        folders = {root.id: root.path for root in roots(connection)}
        if tagging.reset:
            files = reset(connection, folders, tagging.path)
        else:
            files = correct(connection, folders, tagging.path, tagging.added, tagging.removed)
    said = "as it was seen again" if tagging.reset else "tagged"
    copies = " with its copies" if files > 1 else ""
    return f"{displayed(tagging.path)} is {said}{copies}"


def _how_long(seconds: float) -> str:
    return "until `scened resume`" if math.isinf(seconds) else f"for {duration(seconds)}"


_HANDLERS: dict[str, Callable[[Database, bytes], str]] = {
    ADD: _add,
    REMOVE: _remove,
    PAUSE: _pause,
    BOOST: _boost,
    RESUME: _resume,
    RETRY: _retry,
    TAG: _tag,
    USE: _use,
}
