"""Bring the catalogue in step with the disk by walking it, a folder at a time."""

from __future__ import annotations

import logging
import os
import stat as modes
from collections.abc import Callable, Iterator
from typing import NamedTuple

from scened.photos.ignore import FolderRules, RulesInOrder, rules_for
from scened.photos.scan import Folder, scan_folder
from scened.photos.settle import Settling, is_fresh
from scened.store import catalogue
from scened.store.database import Database
from scened.store.drives import drive_of
from scened.store.places import Place, Sighting, join
from scened.store.roots import Root, set_availability
from scened.store.stacks import companions_in_folder, companions_of, pair_videos, restack

__all__ = ["is_another_drive", "is_there", "reconcile"]

logger = logging.getLogger(__name__)

BATCH = 256  # sightings and folders a transaction
FOLDERS_AT_ONCE = 256  # known folders asked for in one go


class _News(NamedTuple):
    """Photos of a folder that are new or have changed, and the videos that lie there."""

    folder: bytes
    photos: list[Sighting]
    videos: set[bytes]


def is_there(root: Root) -> bool:
    """Tell whether the root's own photos can be seen.

    An empty folder on another drive than before is the bare mount point of a drive that is
    away, not a library whose photos were all deleted.
    """
    try:
        path = root.path or b"/"
        if not modes.S_ISDIR(os.stat(path).st_mode):
            return False
        return root.device in (None, drive_of(path)) or not _is_empty(root)
    except OSError:
        return False


def is_another_drive(root: Root) -> bool:
    """Tell whether another drive than before is mounted where a root is."""
    try:
        return root.device not in (None, drive_of(root.path or b"/"))
    except OSError:
        return False


def reconcile(
    database: Database,
    root: Root,
    settling: Settling,
    folder: bytes = b"",
    fresh: Callable[[Sighting], bool] = is_fresh,
) -> Iterator[None]:
    """Walk a root, or one folder of it, and yield after each folder so that others get a turn.

    A root that is away keeps all that is known of it, its photos marked missing. A folder that
    cannot be listed keeps what is known of its photos.
    """
    if not is_there(root):
        if root.available:
            with database.writing() as connection:
                catalogue.lose_root(connection, root)
                set_availability(connection, root, available=False)
        return
    _note_device(database, root)
    batch: list[_News] = []
    rules = rules_for(root.path, folder)
    stack: list[FolderRules] = [rules] if rules is not None else []
    closed = 0
    while stack:
        rules = stack.pop()
        try:
            found = scan_folder(rules)
        except OSError as error:
            logger.debug("cannot list %s: %s", os.fsdecode(rules.path), error)
            closed += not isinstance(error, FileNotFoundError | NotADirectoryError)
            continue
        stack.extend(found.folders)
        changed = _compare(database, root, rules, found, settling, fresh)
        if changed is not None:
            batch.append(_News(rules.folder, changed, found.videos))
        if sum(1 + len(news.photos) for news in batch) >= BATCH:
            yield from _write(database, root, batch)
            batch = []
        yield
    yield from _write(database, root, batch)
    if closed:  # a log names no folder, unless it is asked to
        logger.warning("folders that cannot be read: %d; `scened run --verbose` names them", closed)
    yield from _lose_vanished_folders(database, root, folder)


def _note_device(database: Database, root: Root) -> None:
    try:
        device = None if _is_empty(root) else drive_of(root.path or b"/")
    except OSError:  # it went away this very moment, which the walk will find
        return
    if root.available and device in (None, root.device):
        return
    with database.writing() as connection:
        set_availability(connection, root, available=True, device=device)


def _is_empty(root: Root) -> bool:
    with os.scandir(root.path or b"/") as entries:
        return next(entries, None) is None


def _compare(
    database: Database,
    root: Root,
    rules: FolderRules,
    found: Folder,
    settling: Settling,
    fresh: Callable[[Sighting], bool],
) -> list[Sighting] | None:
    """Return what is new or changed in one folder, and mark what has gone from it.

    None means that all is as it is known.
    """
    with database.reading() as connection:
        known, beside, astray = catalogue.files_in_folder(connection, root.id, rules.folder)
        companions = companions_in_folder(connection, root.id, rules.folder)
    if (
        known == found.photos
        and beside == found.sidecars
        and companions.keys() == companions_of(found.photos, found.videos)
        and not astray
    ):
        return None
    gone = [Place(root.id, rules.folder, name) for name in known.keys() - found.photos.keys()]
    if gone or astray:
        with database.writing() as connection:
            for place in gone:
                catalogue.miss_file(connection, root, place)
            restack(connection, [(root.id, rules.folder)])
    changed = []
    for name, marks in found.photos.items():
        sidecar = found.sidecars.get(name)
        if known.get(name) == marks and beside.get(name) == sidecar:
            continue
        sighting = Sighting(Place(root.id, rules.folder, name), *marks, sidecar)
        if fresh(sighting):
            settling.touch(sighting.place, join(root.path, rules.folder, name))
        else:
            changed.append(sighting)
    return changed


def _lose_vanished_folders(database: Database, root: Root, folder: bytes) -> Iterator[None]:
    """Mark the photos of folders that are no longer there, and drop those now left alone."""
    rules = RulesInOrder(root.path)
    after: bytes | None = None
    while known_folders := _known_folders(database, root, folder, after):
        for known in known_folders:
            path = root.path + b"/" + known if known else root.path or b"/"
            try:
                vanished = not modes.S_ISDIR(os.lstat(path).st_mode)
            except (FileNotFoundError, NotADirectoryError):
                vanished = True
            except OSError:  # it cannot be asked, which is not the same as gone
                vanished = False
            left_alone = not vanished and rules.of(known) is None
            if vanished or left_alone:
                with database.writing() as connection:
                    if vanished:
                        catalogue.lose_folder(connection, root.id, known)
                    else:
                        catalogue.drop_folder(connection, root.id, known)
        yield
        after = known_folders[-1]


def _known_folders(
    database: Database, root: Root, folder: bytes, after: bytes | None
) -> list[bytes]:
    with database.reading() as connection:
        return catalogue.next_folders(connection, root.id, folder, after, FOLDERS_AT_ONCE)


def _write(database: Database, root: Root, batch: list[_News]) -> Iterator[None]:
    """Take in what was sighted, a little at a time, as a folder may hold any number of photos."""
    photos = [photo for news in batch for photo in news.photos]
    folders: set[tuple[int, bytes]] = set()
    for start in range(0, len(photos), BATCH):
        with database.writing() as connection:
            folders |= catalogue.see(connection, photos[start : start + BATCH])
        yield
    if batch:
        with database.writing() as connection:
            restack(connection, folders)
            for news in batch:
                pair_videos(connection, root.id, news.folder, news.videos)
