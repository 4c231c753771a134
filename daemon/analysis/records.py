"""What the analyzer finds in one photo; these records cross the process boundary as msgpack."""

from __future__ import annotations

import msgspec

__all__ = ["Face", "Findings", "Metadata", "TagScore"]


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
    """

    width: int
    height: int
    format: str
    taken_at: str | None = None
    taken_offset: str | None = None
    camera: str | None = None
    latitude: float | None = None
    longitude: float | None = None


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
