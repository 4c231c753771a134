"""Files that are one picture: a RAW beside its JPEG, a HEIC beside its JPEG; they share a stack.

Cameras and phones give the files of one picture one name and put them in one folder. The video of
a Live Photo is no photo and has no row; a motion photo is a single file.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Connection, text

from scened.formats import RAW, format_of

__all__ = ["dissolve_single", "restack", "stack_changes"]

HEIC_SUFFIXES = frozenset({b".heic", b".heif", b".hif"})
JPEG_SUFFIXES = frozenset({b".jpg", b".jpeg", b".jpe"})
PIXEL_PREFIX = b"PXL_"  # PXL_…RAW-01.COVER.jpg and PXL_…RAW-02.ORIGINAL.dng are one picture

FILES = text("SELECT id, name, stack_id FROM file WHERE root_id = :root_id AND folder = :folder")

SET_STACK = text("UPDATE file SET stack_id = :stack_id WHERE id = :id")


DISSOLVE_SINGLE = text(
    """
    UPDATE file SET stack_id = NULL WHERE stack_id IN (
        SELECT stack_id FROM file WHERE stack_id IS NOT NULL
        GROUP BY stack_id HAVING count(*) = 1
    )
    """
)


def restack(connection: Connection, folders: Iterable[tuple[int, bytes]]) -> int:
    """Give the files of one picture one stack in each (root id, folder); return how many changed.

    A stack is named after its oldest file, and dissolves when one file is left.
    """
    changes = [
        {"id": file_id, "stack_id": stack_id}
        for root_id, folder in folders
        for file_id, stack_id in stack_changes(connection, root_id, folder)
    ]
    if changes:
        connection.execute(SET_STACK, changes)
        dissolve_single(connection)  # what was moved here may have left one behind
    return len(changes)


def dissolve_single(connection: Connection) -> None:
    """Dissolve the stacks of which one file is left."""
    connection.execute(DISSOLVE_SINGLE)


def stack_changes(
    connection: Connection, root_id: int, folder: bytes
) -> list[tuple[int, int | None]]:
    """Return each file of a folder whose stack is not what it should be, and what it should be."""
    rows = connection.execute(FILES, {"root_id": root_id, "folder": folder}).all()
    family_of = {suffix: _family(suffix) for suffix in {_suffix(name) for _, name, _ in rows}}
    after: dict[int, int] = {}
    if len(set(family_of.values()) - {None}) > 1:  # else, as nearly everywhere, nothing can match
        together: dict[bytes, dict[int, str]] = defaultdict(dict)
        for file_id, name, _ in rows:
            family = family_of[_suffix(name)]
            if family is not None:
                together[_stem(name)][file_id] = family
        for members in together.values():
            if len(set(members.values())) > 1:
                after |= dict.fromkeys(members, min(members))
    return [
        (file_id, after.get(file_id))
        for file_id, _, stack_id in rows
        if stack_id != after.get(file_id)
    ]


def _suffix(name: bytes) -> bytes:
    return name[name.rfind(b".") :]


def _family(suffix: bytes) -> str | None:
    if suffix.lower() in JPEG_SUFFIXES:
        return "JPEG"
    if suffix.lower() in HEIC_SUFFIXES:
        return "HEIC"
    return "RAW" if format_of(b"name" + suffix) is RAW else None


def _stem(name: bytes) -> bytes:
    """Return what the names of one picture's files have in common."""
    if name.startswith(PIXEL_PREFIX):
        return name.split(b".", 1)[0].lower()
    stem = os.path.splitext(name)[0].lower()  # noqa: PTH122 - bytes
    inner, suffix = os.path.splitext(stem)  # noqa: PTH122 - a RAW's JPEG as photo.cr2.jpg
    return inner if suffix and format_of(stem) is RAW else stem
