"""Keep made pictures in the cache folder, the latest used ones, up to a size."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import threading
from pathlib import Path

import platformdirs

__all__ = ["PictureCache", "default_cache_folder", "remove_pictures"]

KEPT_SHARE = 0.9  # of the limit, once it was reached
NAME_BYTES = 16


class PictureCache:
    """Files that nobody else may read, named after what they are made of; any thread may ask.

    A cache that cannot be written to keeps nothing and says nothing: pictures are made anew.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._bytes: int | None = None  # not counted yet
        self._turn = threading.Lock()

    def get(self, *made_of: object) -> bytes | None:
        """Return the picture that was kept, or None."""
        file = self._file(made_of)
        try:
            picture = file.read_bytes()
            os.utime(file)  # the latest used are kept
        except OSError:
            return None
        return picture

    def put(self, picture: bytes, *made_of: object) -> None:
        """Keep a picture; drop those not used for longest where there are too many."""
        file = self._file(made_of)
        with contextlib.suppress(OSError), self._turn:
            for folder in (self._folder, file.parent):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=file.parent)  # 0600
            with open(descriptor, "wb") as out:  # noqa: PTH123 - a descriptor, not a path
                out.write(picture)
            Path(name).replace(file)
            if self._bytes is None:
                self._bytes = sum(size for _, size, _ in self._kept())
            else:
                self._bytes += len(picture)
            if self._bytes > self._most_bytes:
                self._drop()

    def _drop(self) -> None:
        kept = sorted(self._kept())
        total = sum(size for _, size, _ in kept)
        for _, size, file in kept:
            if total <= KEPT_SHARE * self._most_bytes:
                break
            file.unlink(missing_ok=True)
            total -= size
        self._bytes = total

    def _kept(self) -> list[tuple[int, int, Path]]:
        """Return when each file was last used (nanoseconds), its bytes, and where it is."""
        kept = []
        for file in self._folder.glob("??/*"):
            with contextlib.suppress(FileNotFoundError):  # another gallery dropped it
                about = file.stat()
                kept.append((about.st_mtime_ns, about.st_size, file))
        return kept

    def _file(self, made_of: tuple[object, ...]) -> Path:
        name = hashlib.blake2b(repr(made_of).encode(), digest_size=NAME_BYTES).hexdigest()
        return self._folder / name[:2] / f"{name[2:]}.jpg"


def default_cache_folder() -> Path:
    """Return where pictures are kept unless told otherwise."""
    return platformdirs.user_cache_path("scened", appauthor=False) / "gallery"


def remove_pictures() -> None:
    """Remove every picture that a gallery kept; they are made anew."""
    shutil.rmtree(default_cache_folder(), ignore_errors=True)
