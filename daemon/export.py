"""Tell other programs what is known of photos, in XMP sidecars beside them."""

from __future__ import annotations

import contextlib
import os
import stat as modes
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping

import msgspec

from scened.analysis.captions import Captioner
from scened.errors import ScenedError, UnreadableSidecar
from scened.formats import Support, format_of
from scened.library import Library
from scened.records import Caption, Merged, Photo
from scened.search.filters import Filters
from scened.sidecars import find_sidecar, names_of, read_sidecar

__all__ = ["Exported", "caption_of", "export_sidecars"]

LEAST_SCORE = 0.5  # of a tag in a sidecar, unless told otherwise


class Exported(msgspec.Struct, frozen=True):
    """What became of one photo's sidecar; `merged` is None where nothing was to be changed."""

    sidecar: bytes
    is_new: bool = False
    merged: Merged | None = None
    error: str | None = None


def export_sidecars(
    library: Library, filters: Filters, *, dry_run: bool = False
) -> Iterator[Exported]:
    """Bring the sidecars of all analysed photos that pass the filters up to date, one by one.

    `dry_run` finds out what would change and writes nothing. Only sidecars are ever written.
    """
    parents = {tag.tag: tag.parent for tag in library.tags()}
    stems = _Stems()
    with Captioner() as captioner:
        for photo in library.photos(filters):
            paths = library.exact_paths([photo.id])
            if photo.status != "analysed" or not paths:
                continue
            caption = caption_of(photo, parents, filters.least_score or LEAST_SCORE)
            yield _export(captioner, paths[0], caption, stems, dry_run=dry_run)


def caption_of(photo: Photo, parents: Mapping[str, str | None], least: float) -> Caption:
    """Return what a photo's sidecar is to say: its tags with at least this score, its faces."""
    lines = {tag.tag: _line(tag.tag, parents) for tag in photo.tags if tag.score >= least}
    above = {name for line in lines.values() for name in line[:-1]}
    return Caption(
        photo.width or 0,
        photo.height or 0,
        tuple(lines),
        tuple("|".join(line) for name, line in lines.items() if name not in above),
        photo.faces,
    )


class _Stems:
    """How many photos that can be read share a name but for the suffix, in the folder at hand."""

    def __init__(self) -> None:
        self._folder: bytes | None = None
        self._counts: Counter[bytes] = Counter()

    def is_shared(self, folder: bytes, photo: bytes) -> bool:
        if folder != self._folder:
            self._folder = folder
            self._counts = Counter(
                names_of(name)[1]
                for name in os.listdir(folder)  # noqa: PTH208 - bytes
                if (found := format_of(name)) and found.support is Support.READABLE
            )
        return self._counts[names_of(photo)[1]] > 1


def _export(
    captioner: Captioner, path: bytes, caption: Caption, stems: _Stems, *, dry_run: bool
) -> Exported:
    folder, name = os.path.split(path)
    sidecar = folder + b"/" + names_of(name)[0]
    try:
        found = find_sidecar(folder, name)
        before = None
        if found is not None:
            sidecar = folder + b"/" + found.name
            if found.name != names_of(name)[0] and stems.is_shared(folder, name):
                raise UnreadableSidecar("it may belong to another photo of the same name")
            before, found = read_sidecar(sidecar)
        elif os.path.lexists(sidecar):
            raise UnreadableSidecar("it is not a regular file")
        elif not (caption.subjects or caption.faces):
            return Exported(sidecar)
        merged = captioner.merge(path, caption, before)
        if find_sidecar(folder, name) != found:
            raise UnreadableSidecar("it changed while it was read; try again")
        if merged is not None and not dry_run:
            _replace(sidecar, merged.data, existing=found is not None)
    except ScenedError as error:
        return Exported(sidecar, error=error.message)
    except OSError as error:
        return Exported(sidecar, error=f"it cannot be written: {error.strerror}")
    return Exported(sidecar, found is None, merged)


def _replace(sidecar: bytes, data: bytes, *, existing: bool) -> None:
    """Put a whole new file in a sidecar's place, with its permissions, or leave the old one."""
    folder = os.path.dirname(sidecar)  # noqa: PTH120 - bytes
    descriptor, temporary = tempfile.mkstemp(prefix=b".scened-", suffix=b".tmp", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            mode = os.stat(sidecar).st_mode if existing else 0o666 & ~_umask()
            os.fchmod(file.fileno(), modes.S_IMODE(mode))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, sidecar)  # noqa: PTH105 - bytes
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108 - bytes
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _line(name: str, parents: Mapping[str, str | None]) -> list[str]:
    """Return a tag after all that is above it."""
    line = [name]
    while (parent := parents.get(line[0])) is not None and parent not in line:
        line.insert(0, parent)
    return line
