"""Bring the catalogue in step with the disk by walking it, a folder at a time."""

from __future__ import annotations

import heapq
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
from scened.store.known import KnownFolder, KnownFolders
from scened.store.places import Place, Sighting, join
from scened.store.roots import Root, set_availability
from scened.store.stacks import companions_of, holds_stray, may_be_stacks, pair_videos, restack

__all__ = ["is_another_drive", "is_there", "reconcile"]

logger = logging.getLogger(__name__)

BATCH = 256  # sightings and folders a transaction
VANISHED_AT_ONCE = 256  # folders between two turns of others


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
    known = KnownFolders(database, root.id, folder)
    drives: dict[int, int] = {}
    batch: list[_News] = []
    unseen: list[bytes] = []
    rules = rules_for(root.path, folder)
    # in the order of the bytes of their paths, as what is known is read
    to_walk: list[tuple[bytes, FolderRules]] = [(folder, rules)] if rules is not None else []
    closed = 0
    while to_walk:
        here, rules = heapq.heappop(to_walk)
        try:
            found = scan_folder(rules, drives)
        except OSError as error:
            logger.debug("cannot list %s: %s", os.fsdecode(rules.path), error)
            closed += not isinstance(error, FileNotFoundError | NotADirectoryError)
            continue
        if found is None:
            continue
        _pass_by(known, here, unseen)
        for inside in found.folders:
            heapq.heappush(to_walk, (inside.folder, inside))
        changed = _compare(database, root, known.at(here), found, settling, fresh)
        if changed is not None:
            batch.append(_News(here, changed, found.videos))
        if sum(1 + len(news.photos) for news in batch) >= BATCH:
            yield from _write(database, root, batch)
            batch = []
        yield
    yield from _write(database, root, batch)
    if closed:  # a log names no folder, unless it is asked to
        logger.warning("folders that cannot be read: %d; `scened run --verbose` names them", closed)
    _pass_by(known, None, unseen)
    yield from _lose_vanished_folders(database, root, unseen)


def _pass_by(known: KnownFolders, folder: bytes | None, unseen: list[bytes]) -> None:
    """Add the known folders before `folder` to those not seen; one stands for all below it."""
    while (passed := known.before(folder)) is not None:
        if not unseen or not (unseen[-1] == b"" or passed.startswith(unseen[-1] + b"/")):
            unseen.append(passed)


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
    known: KnownFolder,
    found: Folder,
    settling: Settling,
    fresh: Callable[[Sighting], bool],
) -> list[Sighting] | None:
    """Return what is new or changed in one folder, and mark what has gone from it.

    None means that all is as it is known.
    """
    astray = False
    if known.stacked or may_be_stacks(known.files):
        with database.reading() as connection:
            astray = holds_stray(connection, root.id, known.folder)
    if (
        known.files == found.photos
        and known.sidecars == found.sidecars
        and known.companions == companions_of(found.photos, found.videos)
        and not astray
    ):
        return None
    gone = [Place(root.id, known.folder, name) for name in known.files.keys() - found.photos.keys()]
    if gone or astray:
        with database.writing() as connection:
            for place in gone:
                catalogue.miss_file(connection, root, place)
            restack(connection, [(root.id, known.folder)])
    changed = []
    for name, marks in found.photos.items():
        sidecar = found.sidecars.get(name)
        if known.files.get(name) == marks and known.sidecars.get(name) == sidecar:
            continue
        sighting = Sighting(Place(root.id, known.folder, name), *marks, sidecar)
        if fresh(sighting):
            settling.touch(sighting.place, join(root.path, known.folder, name))
        else:
            changed.append(sighting)
    return changed


def _lose_vanished_folders(database: Database, root: Root, unseen: list[bytes]) -> Iterator[None]:
    """Mark the photos of folders that are no longer there, and drop those now left alone."""
    rules = RulesInOrder(root.path)
    for number, known in enumerate(unseen):
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
        if number % VANISHED_AT_ONCE == 0:
            yield


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
