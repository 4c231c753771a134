"""Find a root again whose drive was mounted elsewhere when it was plugged in."""

from __future__ import annotations

import logging
import os

from scened.errors import CannotCreate
from scened.store import catalogue
from scened.store.database import Database
from scened.store.drives import places_on_drive
from scened.store.places import join
from scened.store.roots import Root, relocate_roots

__all__ = ["follow_drive"]

logger = logging.getLogger(__name__)


def follow_drive(database: Database, root: Root) -> bool:
    """Give a root that is away the place where its drive is mounted now; tell whether that was so.

    A folder on that drive is the root where one of the photos first known of it lies.
    """
    if root.device is None:
        return False
    with database.reading() as connection:
        files = catalogue.some_files(connection, root.id)
    for place in places_on_drive(root.device, root.path):
        if any(_is_at(place, *file) for file in files):
            try:
                with database.writing() as connection:
                    relocate_roots(connection, root.path, place)
            except CannotCreate as error:  # it was added there as another root
                logger.debug("%s", error)
                return False
            logger.info("the drive of a watched folder is back at another place")
            return True
    return False


def _is_at(root: bytes, folder: bytes, name: bytes, size: int, modified_ns: int) -> bool:
    try:
        stat = os.lstat(join(root, folder, name))
    except OSError:
        return False
    return (stat.st_size, stat.st_mtime_ns) == (size, modified_ns)
