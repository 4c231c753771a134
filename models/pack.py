"""The pack: a folder that describes itself. Reads `pack.json` and verifies what it promises."""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Literal

import msgspec

from scened.errors import DamagedPack

__all__ = [
    "EMBEDDING_DIMENSIONS",
    "INTERFACE",
    "LONG_SIDE",
    "MANIFEST_NAME",
    "MAXIMUM_BYTES",
    "NETWORK_NAME",
    "SHAPES",
    "TEXT_NAME",
    "TOKENIZER_NAME",
    "FaceSettings",
    "Kind",
    "Label",
    "Manifest",
    "Pack",
    "Source",
    "default_pack_folder",
    "nearest_shape",
    "open_pack",
    "read_bounded",
]

INTERFACE = 1
EMBEDDING_DIMENSIONS = 256
MAXIMUM_BYTES = 64 * 1024 * 1024  # of any one file in a pack
LONG_SIDE = 320  # pixels, of every shape
SHAPES: tuple[tuple[int, int], ...] = (  # height, width
    (320, 320),
    (320, 256),
    (320, 224),
    (320, 192),
    (256, 320),
    (224, 320),
    (192, 320),
)
DEFAULT_PACK = "everyday-1"
MANIFEST_NAME = "pack.json"
NETWORK_NAME = "image.onnx"
TEXT_NAME = "text.npz"  # with the tokenizer: what turns a query into an embedding
TOKENIZER_NAME = "tokenizer.json"

_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_REMEDY = "install the pack again"

Kind = Literal["scene", "object", "people", "medium"]


class Label(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One tag the network can give; its place in the list is its place in the output `tags`."""

    name: str
    kind: Kind
    parent: str | None
    synonyms: tuple[str, ...]
    threshold: float


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something the network learnt from, and under which licence."""

    name: str
    licence: str
    use: str


class FaceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How raw face boxes become faces: least score, and overlap above which two are one.

    `slope` and `offset` make scores probabilities: the log-odds times the one plus the other.
    `closer`: how many small faces the first look must let expect in a part of a picture for that
    part to be looked at closer.
    """

    threshold: float
    overlap: float
    closer: float = 1.0
    slope: float = 1.0
    offset: float = 0.0


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `pack.json` holds. `files` maps each file's name to the SHA-256 of its bytes, in hex."""

    interface: int
    name: str
    version: str
    summary: str
    licence: str
    sources: tuple[Source, ...]
    shapes: tuple[tuple[int, int], ...]
    labels: tuple[Label, ...]
    faces: FaceSettings
    files: dict[str, str]
    training_record: str


class Pack(msgspec.Struct, frozen=True):
    """A verified pack: its folder and what it says of itself."""

    folder: Path
    manifest: Manifest

    @property
    def identity(self) -> str:
        """Return the pack's name with its version, as stored beside every result."""
        return f"{self.manifest.name}-{self.manifest.version}"

    def read(self, name: str) -> bytes:
        """Return the bytes of one of the pack's files, after comparing them with its digest.

        Raises DamagedPack. What is returned is what was verified: the file is read once.
        """
        expected = self.manifest.files.get(name)
        if expected is None:
            raise DamagedPack(f"the pack {self.identity} has no file {name!r}", _REMEDY)
        data = read_bounded(self.folder / name)
        if hashlib.sha256(data).hexdigest() != expected:
            raise DamagedPack(f"{name} in the pack {self.identity} is damaged", _REMEDY)
        return data


class _Interface(msgspec.Struct, frozen=True):
    """The one field that every version of `pack.json` has."""

    interface: int


def nearest_shape(width: float, height: float) -> tuple[int, int]:
    """Return the shape, (height, width), whose aspect is nearest to a picture's, by its logarithm.

    The network is fitted to the picture, not the picture to the network.
    """
    aspect = math.log(height / width)
    return min(SHAPES, key=lambda shape: abs(math.log(shape[0] / shape[1]) - aspect))


def default_pack_folder() -> Path:
    """Return the folder of the pack that ships with scened."""
    return Path(__file__).parent / "packs" / DEFAULT_PACK


def open_pack(folder: Path) -> Pack:
    """Return the pack in a folder, all of its files verified.

    Raises DamagedPack when the folder or a file is missing, too large or not what its digest
    says, when `pack.json` is malformed or contradicts itself, or when the pack is too new.
    """
    if not folder.is_dir():
        raise DamagedPack(f"there is no pack in {folder}", _REMEDY)
    raw = read_bounded(folder / MANIFEST_NAME)
    try:
        interface = msgspec.json.decode(raw, type=_Interface).interface
        if interface > INTERFACE:
            raise DamagedPack(
                f"the pack in {folder} keeps interface {interface}, and this scened knows only"
                f" {INTERFACE}",
                "install a newer scened",
            )
        manifest = msgspec.json.decode(raw, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedPack(f"{MANIFEST_NAME} in {folder} is malformed: {error}", _REMEDY) from error
    fault = _fault(manifest)
    if fault:
        raise DamagedPack(f"{MANIFEST_NAME} in {folder} is malformed: {fault}", _REMEDY)
    pack = Pack(folder, manifest)
    for name in manifest.files:
        pack.read(name)
    return pack


def read_bounded(path: Path) -> bytes:
    """Return a plain file's bytes; follows no link, so that nothing outside the pack is read.

    Raises DamagedPack where it is missing, no plain file, or larger than MAXIMUM_BYTES.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
            data = file.read(MAXIMUM_BYTES + 1)
    except FileNotFoundError as error:
        raise DamagedPack(f"{path.name} is missing from {path.parent}", _REMEDY) from error
    except OSError as error:
        raise DamagedPack(
            f"{path.name} in {path.parent} cannot be read: {error.strerror}", _REMEDY
        ) from error
    if len(data) > MAXIMUM_BYTES:
        raise DamagedPack(
            f"{path.name} in {path.parent} is larger than {MAXIMUM_BYTES >> 20} MB", _REMEDY
        )
    return data


def _fault(manifest: Manifest) -> str | None:
    """Return the first thing in a manifest that contradicts the pack format, or None."""
    if manifest.interface != INTERFACE:
        return f"interface {manifest.interface} was never given out"
    if not manifest.shapes or not set(manifest.shapes) <= set(SHAPES):
        return f"shapes {manifest.shapes} are not among {SHAPES}"
    settings = manifest.faces
    if not (0 <= settings.threshold <= 1 and 0 <= settings.overlap <= 1):
        return "the face settings are not within 0..1"
    if not (math.isfinite(settings.offset) and 0 < settings.slope < math.inf):
        return "the face settings would not make probabilities of scores"
    if not settings.closer > 0:
        return "the face settings ask for a closer look where nothing is expected"
    for part in (manifest.name, manifest.version):
        if not _FILE_NAME.fullmatch(part):
            return f"{part!r} cannot be part of a pack's name"
    return _fault_of_files(manifest.files) or _fault_of_labels(manifest.labels)


def _fault_of_files(files: dict[str, str]) -> str | None:
    for name, digest in files.items():
        if not _FILE_NAME.fullmatch(name) or name == MANIFEST_NAME:
            return f"{name!r} cannot be a file of a pack"
        if not _DIGEST.fullmatch(digest):
            return f"the digest of {name} is not a SHA-256 in lower-case hex"
    return None if NETWORK_NAME in files else f"{NETWORK_NAME} is not among its files"


def _fault_of_labels(labels: Collection[Label]) -> str | None:
    parents = {label.name: label.parent for label in labels}
    if len(parents) != len(labels):
        return "two labels have one name"
    for label in labels:
        if not label.name.strip():
            return "a label has no name"
        if not 0 <= label.threshold <= 1:
            return f"the threshold of {label.name!r} is not within 0..1"
        seen = {label.name}
        above = label.parent
        while above is not None:
            if above not in parents:
                return f"{above!r}, above {label.name!r}, is not a label"
            if above in seen:
                return f"{label.name!r} is its own ancestor"
            seen.add(above)
            above = parents[above]
    return None
