"""What looking gives, at a photo or at this computer; these records cross process boundaries."""

from __future__ import annotations

import msgspec

__all__ = [
    "Examination",
    "Face",
    "Findings",
    "Labelling",
    "Metadata",
    "Outcome",
    "SidecarRead",
    "TagScore",
]


class TagScore(msgspec.Struct, frozen=True):
    """A tag and its calibrated probability, 0..1."""

    name: str
    score: float


class Face(msgspec.Struct, frozen=True):
    """A face as fractions of the upright picture, origin top left, with its score, 0..1."""

    x: float
    y: float
    width: float
    height: float
    score: float


class Metadata(msgspec.Struct, frozen=True):
    """What the file says of itself.

    `width` and `height` are pixels of the whole picture, upright. `taken_at` is local wall time
    as the camera wrote it, `YYYY-MM-DDTHH:MM:SS` with `.sss` where it is known; `taken_offset`
    is its distance from UTC, such as `+02:00`. Latitude and longitude are degrees, WGS 84.
    `keywords` and `rating` are those inside the file.
    """

    width: int
    height: int
    format: str
    taken_at: str | None = None
    taken_offset: str | None = None
    camera: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    keywords: tuple[str, ...] = ()
    rating: int | None = None


class Labelling(msgspec.Struct, frozen=True):
    """What people said of a photo with other programs: keywords, and stars.

    `rating` is -1 (rejected) to 5, None where nobody said.
    """

    keywords: tuple[str, ...] = ()
    rating: int | None = None


class Findings(msgspec.Struct, frozen=True):
    """All that one look at a photo gives.

    `tags`: at or above their threshold, and their ancestors with the highest score of their
    children, best first. `embedding`: 256 int8, the unit vector times 127. `sharpness`: variance
    of the Laplacian, None when only a small preview was seen.
    """

    metadata: Metadata
    tags: tuple[TagScore, ...]
    embedding: bytes
    faces: tuple[Face, ...]
    sharpness: float | None


class Outcome(msgspec.Struct, frozen=True):
    """What became of one photo that was asked for.

    `size` (bytes) and `modified_ns` are those the file had while it was read. `hash`: XXH3-128
    of the whole file, 16 bytes, None where it could not be read to its end. With neither
    `findings` nor `error` the content is one the daemon knows already. `unsupported` marks an
    error that only another codec could cure, `transient` one that time may cure: the disk or its
    permissions were the reason, not the content.
    """

    file_id: int
    size: int
    modified_ns: int
    hash: bytes | None = None
    findings: Findings | None = None
    error: str | None = None
    unsupported: bool = False
    transient: bool = False


class SidecarRead(msgspec.Struct, frozen=True):
    """What became of a sidecar that was asked for.

    `name`, `size` (bytes) and `modified_ns` are those it had while it was read. With neither
    `labelling` nor `error` it is there no longer.
    """

    file_id: int
    name: bytes
    size: int
    modified_ns: int
    labelling: Labelling | None = None
    error: str | None = None


class Examination(msgspec.Struct, frozen=True):
    """What the analyzer finds on a computer.

    The pack's name or what is wrong with it, seconds a photo, priority, and codecs there.
    """

    pack: str | None
    fault: str | None
    seconds: float | None
    idle_scheduling: bool | None
    niceness: int | None
    codecs: dict[str, bool]
