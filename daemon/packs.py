"""The packs of a data folder: which there are, which one is in use, and taking one in."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from scened.analysis.trial import try_pack
from scened.errors import CannotCreate, DamagedPack, MissingPath
from scened.models.pack import MANIFEST_NAME, Pack, default_pack_folder, open_pack

__all__ = ["Packs"]

PACKS = "packs"
ACTIVE = "active"  # holds the identity of the pack in use; no pack's, as those have a hyphen
HIDDEN = "."


class Packs:
    """The pack that ships, and those that lie in the folder `packs` beside the database."""

    def __init__(self, database_file: Path) -> None:
        self._folder = database_file.parent / PACKS

    def folders(self) -> dict[str, Path]:
        """Return the folder of each pack by its identity, the one that ships first."""
        shipped = default_pack_folder()
        added = self._folder.glob("*-*") if self._folder.is_dir() else ()
        found = {shipped.name: shipped}
        for folder in sorted(added):
            if folder.is_dir() and not folder.name.startswith(HIDDEN):
                found.setdefault(folder.name, folder)
        return found

    def open(self, identity: str) -> Pack:
        """Return a pack, its files verified; raises `MissingPath` or `DamagedPack`."""
        folders = self.folders()
        if identity not in folders:
            raise MissingPath(f"there is no pack {identity!r}", f"there are: {', '.join(folders)}")
        pack = open_pack(folders[identity])
        if pack.identity != identity:
            raise DamagedPack(
                f"the pack in {pack.folder} calls itself {pack.identity}", "add it again"
            )
        return pack

    def active(self) -> str:
        """Return the identity of the pack in use."""
        try:
            return (self._folder / ACTIVE).read_text("utf-8").strip()
        except FileNotFoundError:
            return default_pack_folder().name
        except (OSError, UnicodeDecodeError) as error:
            raise DamagedPack(
                f"which pack is in use cannot be read: {error}", "`scened model use NAME`"
            ) from error

    def remove_all(self) -> None:
        """Remove the packs that lie beside the database; the one that ships stays."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def use(self, identity: str) -> Pack:
        """Make a pack the one in use, and return it; raises as `open` does."""
        pack = self.open(identity)
        with self._workshop() as workshop:
            choice = workshop / ACTIVE
            choice.write_text(identity + "\n", "utf-8")
            choice.replace(self._folder / ACTIVE)
        return pack

    def add(self, source: Path) -> Pack:
        """Copy a pack in, once it has kept every promise, and return it.

        It is input like any other: only the files that its manifest names are copied, no links
        followed, and what was copied is tried in a process of its own before it has a name here.
        Raises `DamagedPack` where it is not what it should be, `CannotCreate` where another pack
        has its name.
        """
        if not source.is_dir():
            raise MissingPath(f"there is no folder {source}", "name the folder of a pack")
        pack = open_pack(source)
        if (there := self.folders().get(pack.identity)) is not None:
            if open_pack(there).manifest == pack.manifest:
                return Pack(there, pack.manifest)
            raise CannotCreate(
                f"there is another pack {pack.identity} already", "give this one another version"
            )
        with self._workshop() as workshop:
            copy = workshop / pack.identity
            copy.mkdir(mode=0o700)
            for name in pack.manifest.files:
                _write(copy / name, pack.read(name))
            _write(copy / MANIFEST_NAME, msgspec.json.format(msgspec.json.encode(pack.manifest)))
            try_pack(copy)
            copy.rename(self._folder / pack.identity)
        return open_pack(self._folder / pack.identity)

    @contextlib.contextmanager
    def _workshop(self) -> Iterator[Path]:
        """Give a folder beside the packs to make something in that then gets its name at once."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            workshop = Path(tempfile.mkdtemp(prefix=HIDDEN, dir=self._folder))
            try:
                yield workshop
            finally:
                shutil.rmtree(workshop, ignore_errors=True)
        except OSError as error:
            raise CannotCreate(
                f"cannot write in {self._folder}: {error.strerror}", "see who owns the folder"
            ) from error


def _write(path: Path, data: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
        file.write(data)
