"""Write a pack: the manifest beside the network, with the digest of every file."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from scened.models.pack import INTERFACE, SHAPES, FaceSettings, Label, Manifest, Source

__all__ = ["NAME", "SOURCES", "VERSION", "write_manifest"]

NAME = "everyday"
VERSION = "1"
LICENCE = "Apache-2.0"
SUMMARY = "What everyday photos show: scenes, things, people, the medium; faces; likeness."
FILES = ("image.onnx", "CARD.md")

_TRAIN = "training photos; not shipped"
_NO_LICENCE = "none stated"
SOURCES = (
    Source("MobileNet-EdgeTPU 1.0 (mlcommons/mobile_models)", "Apache-2.0", "initial weights"),
    Source("all-MiniLM-L6-v2", "Apache-2.0", "word vectors the embedding was taught with"),
    Source("FDDB face photos (news photos)", "research only", _TRAIN),
    Source("Face-mask photos, two public collections", _NO_LICENCE, _TRAIN),
    Source("Flickr8k, with captions", "research only", _TRAIN),
    Source("ImageNet, 500 samples", "research only", _TRAIN),
    Source("COCO, VOC, FeedMe, Caltech-101 and other samples", "mixed or none stated", _TRAIN),
)


def write_manifest(
    folder: Path, labels: Sequence[Label], faces: FaceSettings, record: Path
) -> None:
    """Write `folder`/pack.json for the files that lie there and the record of their training."""
    manifest = Manifest(
        interface=INTERFACE,
        name=NAME,
        version=VERSION,
        summary=SUMMARY,
        licence=LICENCE,
        sources=SOURCES,
        shapes=SHAPES,
        labels=tuple(labels),
        faces=faces,
        files={name: _sha256(folder / name) for name in FILES if (folder / name).exists()},
        training_record=_sha256(record),
    )
    (folder / "pack.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
