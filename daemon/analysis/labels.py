"""Read what people said of a photo with other programs, in the file itself and beside it.

Sources: IPTC-IIM 4.2 (record 2, data set 25: keywords; 1:90: coded character set), ISO 16684-1.
"""

from __future__ import annotations

import os
from typing import Any

from PIL import Image, ImageFile, IptcImagePlugin

from scened.analysis.protocol import SidecarJob
from scened.analysis.xmp import MOST_KEYWORDS, clean_keyword, labelling
from scened.errors import ScenedError, UnreadableSidecar
from scened.findings import Labelling, SidecarRead
from scened.sidecars import read_sidecar

__all__ = ["labels_inside", "look_beside"]

KEYWORDS, CHARACTER_SET = (2, 25), (1, 90)
UTF_8 = b"\x1b%G"  # ISO 2022
TIFF_XMP = 700  # XMP specification, part 3
XMP_KEYS = ("xmp", "XML:com.adobe.xmp")


def labels_inside(image: Image.Image) -> Labelling:
    """Return the keywords and the rating in an open picture; raises nothing they could cause."""
    found = Labelling()
    packet = _xmp(image)
    if packet:
        try:
            found = labelling(packet)
        except UnreadableSidecar:
            found = Labelling()
    words = dict.fromkeys((*found.keywords, *_iptc_keywords(image)))
    return Labelling(tuple(words)[:MOST_KEYWORDS], found.rating)


def look_beside(job: SidecarJob) -> SidecarRead:
    """Read a sidecar; whatever it holds gives an answer."""
    name = os.path.basename(job.path)  # noqa: PTH119 - bytes
    try:
        data, sidecar = read_sidecar(job.path)
    except FileNotFoundError:
        return SidecarRead(job.file_id, name, 0, 0)
    except ScenedError as error:
        try:
            stat = os.lstat(job.path)
        except OSError:
            return SidecarRead(job.file_id, name, 0, 0)
        return SidecarRead(job.file_id, name, stat.st_size, stat.st_mtime_ns, error=error.message)
    try:
        return SidecarRead(job.file_id, *sidecar, labelling=labelling(data))
    except UnreadableSidecar as error:
        return SidecarRead(job.file_id, *sidecar, error=error.message)


def _xmp(image: Image.Image) -> bytes | None:
    found: Any = next((image.info[key] for key in XMP_KEYS if image.info.get(key)), None)
    if found is None and image.format == "TIFF":
        found = getattr(image, "tag_v2", {}).get(TIFF_XMP)
    if isinstance(found, str):
        return found.encode("utf-8", "replace")
    # readers ignore what pads a packet for later changes
    return bytes(found).strip(b"\0 \n\r\t") if isinstance(found, bytes | tuple) else None


def _iptc_keywords(image: Image.Image) -> list[str]:
    if not isinstance(image, ImageFile.ImageFile):
        return []
    try:
        blocks = IptcImagePlugin.getiptcinfo(image) or {}
    except Exception:
        return []  # damaged in one of many ways, none of which matter
    said: Any = blocks.get(KEYWORDS, [])
    utf_8 = blocks.get(CHARACTER_SET) == UTF_8
    words = []
    for raw in (said if isinstance(said, list) else [said])[:MOST_KEYWORDS]:
        if not isinstance(raw, bytes):
            continue  # Pillow gives None for one whose length makes no sense
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            text = raw.decode("utf-8" if utf_8 else "latin-1", "replace")
        words.append(clean_keyword(text))
    return list(filter(None, words))
