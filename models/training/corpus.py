"""The training photos: packed once into tar shards (webdataset layout), then read from memory."""

from __future__ import annotations

import hashlib
import io
import logging
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image

from scened.models.training.command_line import data_and_work, sha256_of

__all__ = ["FOLDERS", "Photo", "held_out", "is_face_free", "load_photos", "make_shards"]

FOLDERS = ("faces", "faces_large", "captions", "classes", "multilabel")
SHARD_BYTES = 48 * 1024 * 1024  # of pictures, before tar's own padding
LONGEST_SIDE = 1024  # px; only the second-look photos are larger
HELD_OUT_SHARE = 10  # one train photo in ten is kept for calibration, never trained on
INDEX = "shards.json"

FACE_FREE_SOURCES = frozenset({"flowers5", "grocery", "houses"})
CALTECH_WITH_FACES = frozenset(
    {"BACKGROUND_Google", "Faces", "Faces_easy", "buddha", "dollar_bill", "garfield", "snoopy"}
)

log = logging.getLogger(__name__)


class Photo(msgspec.Struct, frozen=True):
    """One photo of the corpus: its folder, its line in `labels.jsonl`, and its encoded bytes."""

    folder: str
    record: dict[str, Any]
    encoded: bytes

    @property
    def key(self) -> str:
        """Return a name unique in the corpus."""
        return f"{self.folder}/{self.record['file']}"

    @property
    def split(self) -> str:
        """Return `train` or `val`."""
        return str(self.record["split"])

    @property
    def source(self) -> str:
        """Return the data set the photo came from."""
        return str(self.record["source"])

    @property
    def squashed(self) -> bool:
        """Tell whether the photo lost its aspect when it was stored."""
        return bool(self.record.get("squashed", False))

    def open(self) -> Image.Image:
        """Decode to RGB."""
        with Image.open(io.BytesIO(self.encoded)) as picture:
            return picture.convert("RGB")


class _Shards(msgspec.Struct, frozen=True):
    """What was packed: shard names to SHA-256, and label files to SHA-256."""

    shards: dict[str, str]
    labels: dict[str, str]
    photos: int


def is_face_free(photo: Photo) -> bool:
    """Tell whether a photo surely shows no face, so that every detection on it is wrong."""
    if photo.source == "caltech101":
        return not CALTECH_WITH_FACES & set(photo.record["classes"])
    return photo.source in FACE_FREE_SOURCES


def held_out(photo: Photo) -> bool:
    """Tell whether a train photo is kept aside for calibration (by a hash of its name)."""
    digest = hashlib.sha256(photo.key.encode()).digest()
    return photo.split == "train" and digest[0] % HELD_OUT_SHARE == 0


def make_shards(data: Path, work: Path) -> None:
    """Pack `data`/corpus into `work`/shards, unless that was done from the same label files."""
    corpus, target = data / "corpus", work / "shards"
    labels = {folder: sha256_of(corpus / folder / "labels.jsonl") for folder in FOLDERS}
    index = target / INDEX
    if index.exists() and msgspec.json.decode(index.read_bytes(), type=_Shards).labels == labels:
        log.info("shards: done already")
        return
    target.mkdir(parents=True, exist_ok=True)
    names: list[str] = []
    photos = 0
    for folder in FOLDERS:
        for number, batch in enumerate(_batches(_read_folder(corpus / folder, folder))):
            names.append(f"{folder}-{number}.tar")
            with tarfile.open(target / names[-1], "w") as writer:
                for photo in batch:
                    described = {"folder": photo.folder, "record": photo.record}
                    _add(writer, f"{photos:06d}.webp", photo.encoded)
                    _add(writer, f"{photos:06d}.json", msgspec.json.encode(described))
                    photos += 1
    shards = {name: sha256_of(target / name) for name in names}
    index.write_bytes(msgspec.json.encode(_Shards(shards=shards, labels=labels, photos=photos)))
    log.info("shards: %d photos in %d files", photos, len(names))


def load_photos(work: Path, folders: tuple[str, ...] = FOLDERS) -> list[Photo]:
    """Read the shards of some folders into memory, encoded (about 200 MB for all)."""
    index = msgspec.json.decode((work / "shards" / INDEX).read_bytes(), type=_Shards)
    photos = []
    for name in index.shards:
        if name.rsplit("-", 1)[0] not in folders:
            continue
        with tarfile.open(work / "shards" / name) as shard:
            encoded = b""
            for member in shard:
                stream = shard.extractfile(member)
                content = stream.read() if stream else b""
                if member.name.endswith(".webp"):
                    encoded = content
                else:
                    photos.append(Photo(**msgspec.json.decode(content), encoded=encoded))
    return photos


def _batches(photos: Iterator[Photo]) -> Iterator[list[Photo]]:
    """Group photos into shards of about SHARD_BYTES."""
    batch: list[Photo] = []
    size = 0
    for photo in photos:
        batch.append(photo)
        size += len(photo.encoded)
        if size >= SHARD_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _read_folder(path: Path, folder: str) -> Iterator[Photo]:
    for line in (path / "labels.jsonl").read_bytes().splitlines():
        record = msgspec.json.decode(line)
        encoded = (path / record["file"]).read_bytes()
        if max(record["width"], record["height"]) > LONGEST_SIDE:
            encoded = _reduced(encoded)
        yield Photo(folder=folder, record=record, encoded=encoded)


def _reduced(encoded: bytes) -> bytes:
    with Image.open(io.BytesIO(encoded)) as picture:
        small = picture.convert("RGB")
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    small.save(stream, "WEBP", quality=92)
    return stream.getvalue()


def _add(writer: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    writer.addfile(member, io.BytesIO(content))


def main() -> None:
    """Pack the corpus from the command line."""
    make_shards(*data_and_work(__doc__))


if __name__ == "__main__":
    main()
