"""Packs for tests: the one that ships, copied under another version or changed."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import msgspec

from scened.models.pack import MANIFEST_NAME, default_pack_folder, open_pack

__all__ = ["copy_pack"]


def copy_pack(
    folder: Path, version: str = "2", network: bytes | None = None, **changes: Any
) -> Path:
    """Copy the pack that ships; its digests are right whatever is changed."""
    shutil.copytree(default_pack_folder(), folder)
    if network is not None:
        (folder / "image.onnx").write_bytes(network)
    manifest = open_pack(default_pack_folder()).manifest
    digests = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in manifest.files
    }
    changed = msgspec.structs.replace(manifest, version=version, files=digests, **changes)
    (folder / MANIFEST_NAME).write_bytes(msgspec.json.encode(changed))
    return folder
