"""The pack: a folder that describes itself. Reads `pack.json` and verifies what it promises."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import msgspec

from scened.errors import DamagedPack

__all__ = [
    "INTERFACE",
    "MAXIMUM_BYTES",
    "SHAPES",
    "FaceSettings",
    "Kind",
    "Label",
    "Manifest",
    "Pack",
    "Source",
    "default_pack_folder",
    "open_pack",
]

INTERFACE = 1
EMBEDDING_DIMENSIONS = 256
MAXIMUM_BYTES = 64 * 1024 * 1024  # of any one file in a pack
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
    """How raw face boxes become faces: least score, and overlap above which two are one."""

    threshold: float
    overlap: float


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
