"""What the analyzer finds on this computer: `python -m scened.analysis.examine PACK_FOLDER`.

Run by `scened doctor` as a child at the analyzer's own priority; prints one JSON document.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import psutil
from PIL import Image, features

from scened.analysis.decode import decode
from scened.analysis.network import Network
from scened.errors import ScenedError
from scened.findings import Examination
from scened.formats import EXTRA_FORMATS, Support
from scened.governor.priority import step_back
from scened.models.pack import open_pack

__all__ = ["examine"]

LOOKS = 5  # the fastest counts: others may be at work
PHOTO_SIZE = (1600, 1200)


def examine(pack_folder: Path) -> Examination:
    """Verify the pack, look at a picture that is made up, and tell what was obtained."""
    step_back()
    pack = fault = seconds = None
    try:
        verified = open_pack(pack_folder)
        pack = verified.identity
        seconds = _seconds(Network(verified))
    except ScenedError as error:
        fault = str(error)
    niceness = None if sys.platform == "win32" else int(psutil.Process().nice())
    idle = os.sched_getscheduler(0) == os.SCHED_IDLE if sys.platform == "linux" else None
    return Examination(pack, fault, seconds, idle, niceness, _codecs())


def _seconds(network: Network) -> float:
    """Return the time for one photo, from its file to its findings."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "noise.jpg")
        Image.effect_noise(PHOTO_SIZE, 64).convert("RGB").save(path)
        took = []
        for _ in range(LOOKS):
            began = time.perf_counter()
            network.findings(decode(path))
            took.append(time.perf_counter() - began)
    return min(took)


def _codecs() -> dict[str, bool]:
    common = {
        "JPEG": features.check_codec("jpg"),
        "WebP": features.check_module("webp"),
        "AVIF": features.check_module("avif"),
        "JPEG 2000": features.check_codec("jpg_2000"),
        "TIFF": features.check_codec("libtiff"),
        "HEIC": ".heic" in Image.registered_extensions(),
    }
    extra = {each.family: each.support is Support.READABLE for each in EXTRA_FORMATS}
    return {name: bool(there) for name, there in (common | extra).items()}


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(examine(Path(sys.argv[1]))))
