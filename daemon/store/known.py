"""What is known of the folders of a root, read beside a walk and in its order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, text

from scened.sidecars import Sidecar
from scened.store.database import Database
from scened.store.places import Marks

__all__ = ["KnownFolder", "KnownFolders"]

LEAST_ROWS = 64  # in one go; twice as many each time, as long as nobody writes meanwhile
MOST_ROWS = 2_048
BEYOND_ALL = b"\xff" * 5_000  # no path is as long

FILES = """
    SELECT folder, file.name, device, inode, file.size, file.modified_ns, stack_id,
        sidecar.name, sidecar.size, sidecar.modified_ns
    FROM file LEFT JOIN sidecar ON file_id = file.id
    WHERE root_id = :root_id AND status <> 'missing'
"""

FILES_BETWEEN = text(
    f"{FILES} AND folder >= :first AND folder < :beyond ORDER BY folder, file.name LIMIT :limit"
)

FILES_AFTER = text(f"{FILES} AND folder = :folder AND file.name > :name")

COMPANIONS_BETWEEN = text(
    """
    SELECT folder, companion.name FROM file CROSS JOIN companion ON file_id = file.id
    WHERE EXISTS (SELECT 1 FROM companion)
        AND root_id = :root_id AND folder >= :first AND folder <= :last
    """
)


class KnownFolder(msgspec.Struct):
    """What should lie directly in a folder, by the name of the photo, as last seen.

    Of companions only the names. `stacked`: a file is in a stack.
    """

    folder: bytes
    files: dict[bytes, Marks] = {}
    sidecars: dict[bytes, Sidecar] = {}
    companions: set[bytes] = set()
    stacked: bool = False


class KnownFolders:
    """The folders of a root, at or below one, that files are known in.

    They are asked for in the order of their bytes, and read many at a time: a question for each
    would take longer than to list it. What is written meanwhile is seen.
    """

    def __init__(self, database: Database, root_id: int, folder: bytes = b"") -> None:
        self._database = database
        self._root_id = root_id
        self._top = folder
        self._next = folder  # what follows was not read yet
        self._ended = False
        self._read: deque[KnownFolder] = deque()
        self._rows = LEAST_ROWS
        self._version: int | None = None

    def before(self, folder: bytes | None) -> bytes | None:
        """Return the next folder that comes before this one (None: any), and go past it."""
        self._read_on()
        if self._read and (folder is None or self._read[0].folder < folder):
            return self._read.popleft().folder
        return None

    def at(self, folder: bytes) -> KnownFolder:
        """Return what is known of a folder now, and go past it and all before it."""
        version = self._database.data_version()
        if version != self._version:
            self._version, self._next, self._ended = version, folder, False
            self._rows = LEAST_ROWS
            self._read.clear()
        while self.before(folder) is not None:
            pass
        if self._read and self._read[0].folder == folder:
            return self._read.popleft()
        return KnownFolder(folder)

    def _read_on(self) -> None:
        while not self._read and not self._ended:
            with self._database.reading() as connection:
                if self._next == self._top and self._top:  # `top!` would come before `top/`
                    self._read_between(connection, self._top + b"\0")
                    self._next, self._ended = self._top + b"/", False
                else:
                    self._read_between(connection, self._top + b"0" if self._top else BEYOND_ALL)

    def _read_between(self, connection: Connection, beyond: bytes) -> None:
        values: dict[str, Any] = {"root_id": self._root_id, "first": self._next}
        values |= {"beyond": beyond, "limit": self._rows}
        rows = list(connection.execute(FILES_BETWEEN, values).all())
        self._ended = len(rows) < self._rows
        if not rows:
            return
        last = rows[-1]
        if not self._ended:
            values |= {"folder": last[0], "name": last[1]}
            rows += connection.execute(FILES_AFTER, values).all()
        self._next = last[0] + b"\0"
        self._rows = min(2 * self._rows, MOST_ROWS)
        known = _by_folder(rows)
        values["last"] = last[0]
        for folder, name in connection.execute(COMPANIONS_BETWEEN, values):
            if folder in known:
                known[folder].companions.add(name)
        self._read.extend(known.values())


def _by_folder(rows: Iterable[Sequence[Any]]) -> dict[bytes, KnownFolder]:
    found: dict[bytes, KnownFolder] = {}
    for folder, name, device, inode, size, modified_ns, stack_id, sidecar, *marks in rows:
        known = found.get(folder)
        if known is None:
            known = found[folder] = KnownFolder(folder)
        known.files[name] = (device, inode, size, modified_ns)
        known.stacked |= stack_id is not None
        if sidecar is not None:
            known.sidecars[name] = Sidecar(sidecar, *marks)
    return found
