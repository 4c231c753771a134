"""Files that are one picture share a stack: RAW, HEIC and JPEG, and the video of a Live Photo.

Cameras and phones give the files of one picture one name and put them in one folder. A video is
no photo and is never opened: it is a companion of the photo it lies beside, and without one it is
nothing to us. A motion photo is a single file.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable

from sqlalchemy import Connection, text

from scened.formats import RAW, format_of
from scened.store.places import displayed

__all__ = ["companions_of", "holds_stray", "may_be_stacks", "pair_videos", "restack"]

HEIC_SUFFIXES = frozenset({b".heic", b".heif", b".hif"})
JPEG_SUFFIXES = frozenset({b".jpg", b".jpeg", b".jpe"})
PIXEL_PREFIX = b"PXL_"  # PXL_…RAW-01.COVER.jpg and PXL_…RAW-02.ORIGINAL.dng are one picture

FILES = text(
    """
    SELECT id, name, stack_id, id IN (SELECT file_id FROM companion) AS accompanied
    FROM file WHERE root_id = :root_id AND folder = :folder
    """
)

SET_STACK = text("UPDATE file SET stack_id = :stack_id WHERE id = :id")

FILES_THERE = text(
    "SELECT id, name FROM file"
    " WHERE root_id = :root_id AND folder = :folder AND status <> 'missing' ORDER BY id DESC"
)

COMPANIONS_IN_FOLDER = text(
    """
    SELECT companion.name, file_id FROM file CROSS JOIN companion ON file_id = file.id
    WHERE EXISTS (SELECT 1 FROM companion) AND root_id = :root_id AND folder = :folder
    """
)

ADD_COMPANION = text(
    "INSERT INTO companion (file_id, name, shown) VALUES (:file_id, :name, :shown)"
)

DELETE_COMPANION = text("DELETE FROM companion WHERE file_id = :file_id AND name = :name")

# whoever follows `seq` is to learn of it
TOUCH_STACK = text(
    """
    UPDATE file SET status = status WHERE root_id = :root_id AND folder = :folder
        AND (id = :file_id OR stack_id = (SELECT stack_id FROM file WHERE id = :file_id))
    """
)


def restack(connection: Connection, folders: Iterable[tuple[int, bytes]]) -> int:
    """Give the files of one picture one stack in each (root id, folder); return how many changed.

    A stack is named after its oldest file, and dissolves when one file is left without companion.
    """
    changes = [
        {"id": file_id, "stack_id": stack_id}
        for root_id, folder in folders
        for file_id, stack_id in _changes(connection, root_id, folder)
    ]
    if changes:
        connection.execute(SET_STACK, changes)
    return len(changes)


def companions_of(photos: Iterable[bytes], videos: Collection[bytes]) -> set[bytes]:
    """Return the names of the videos in a folder that lie beside a photo of their name."""
    if not videos:  # as nearly everywhere
        return set()
    stems = {_stem(name) for name in photos if _family(_suffix(name)) is not None}
    return {name for name in videos if _stem(name) in stems}


def companions_in_folder(connection: Connection, root_id: int, folder: bytes) -> dict[bytes, int]:
    """Return the known companions in a folder by name, each with the id of its photo."""
    rows = connection.execute(COMPANIONS_IN_FOLDER, {"root_id": root_id, "folder": folder})
    return {row.name: row.file_id for row in rows}


def pair_videos(
    connection: Connection, root_id: int, folder: bytes, videos: Collection[bytes]
) -> None:
    """Take in which videos lie in a folder; each beside a photo of its name joins its stack."""
    known = companions_in_folder(connection, root_id, folder)
    if not videos and not known:
        return
    rows = connection.execute(FILES_THERE, {"root_id": root_id, "folder": folder}).all()
    photo_of = {_stem(name): file_id for file_id, name in rows if _family(_suffix(name))}
    there = {name: photo_of[_stem(name)] for name in videos if _stem(name) in photo_of}
    gone = known.items() - there.items()
    new = there.items() - known.items()
    for name, file_id in gone:
        connection.execute(DELETE_COMPANION, {"file_id": file_id, "name": name})
    for name, file_id in new:
        values = {"file_id": file_id, "name": name, "shown": displayed(name)}
        connection.execute(ADD_COMPANION, values)
    if gone or new:
        restack(connection, [(root_id, folder)])
        for file_id in {file_id for _, file_id in gone | new}:
            values = {"root_id": root_id, "folder": folder, "file_id": file_id}
            connection.execute(TOUCH_STACK, values)


def may_be_stacks(names: Iterable[bytes]) -> bool:
    """Tell whether any of the files of a folder may share a stack, by their suffixes alone."""
    suffixes = {name[name.rfind(b".") :] for name in names}
    return len({_family(suffix) for suffix in suffixes} - {None}) > 1


def holds_stray(connection: Connection, root_id: int, folder: bytes) -> bool:
    """Tell whether a file of a folder is not in the stack it should be in."""
    return bool(_changes(connection, root_id, folder))


def _changes(connection: Connection, root_id: int, folder: bytes) -> list[tuple[int, int | None]]:
    """Return each file of a folder whose stack is not what it should be, and what it should be."""
    rows = connection.execute(FILES, {"root_id": root_id, "folder": folder}).all()
    family_of = {suffix: _family(suffix) for suffix in {_suffix(name) for _, name, _, _ in rows}}
    accompanied = {file_id for file_id, _, _, accompanied in rows if accompanied}
    after: dict[int, int] = {}
    # else, as nearly everywhere, nothing can match
    if accompanied or len(set(family_of.values()) - {None}) > 1:
        together: dict[bytes, dict[int, str]] = defaultdict(dict)
        for file_id, name, _, _ in rows:
            family = family_of[_suffix(name)]
            if family is not None:
                together[_stem(name)][file_id] = family
        for members in together.values():
            if len(set(members.values())) > 1 or not accompanied.isdisjoint(members):
                after |= dict.fromkeys(members, min(members))
    return [
        (file_id, after.get(file_id))
        for file_id, _, stack_id, _ in rows
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
