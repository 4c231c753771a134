"""Choose the cheapest decode of a picture that is large enough and within the limits."""

from __future__ import annotations

import io
import math
from collections.abc import Callable

from PIL import ExifTags, Image

from scened.analysis.jxl import PLUGIN
from scened.analysis.pixels import Box
from scened.config import Limits
from scened.errors import UnreadablePhoto

__all__ = ["OPENED", "THUMBNAIL_SHARE", "Size", "check_jpeg_xl", "fitting", "reduced"]

Size = tuple[int, int]  # width, height

MEGABYTE = 1_000_000
THUMBNAIL_SHARE = 15 / 16  # an embedded thumbnail serves from this share of the long side wanted
PREVIEW_SIDE = 160  # pixels: the least long side of a preview that stands in for a huge photo
ASPECT_TOLERANCE = 0.02  # a preview of other proportions has black bars, or is of another picture
DEVELOPED_BYTES = 12  # at the peak, for each pixel of a picture that LibRaw hands over

# Bytes at the peak of a whole decode and conversion, for each pixel, measured by
# benchmarks/decode.py and rounded up; JPEG is counted more closely below.
_PEAK_BYTES = {
    "AVIF": 16,
    "BMP": 12,
    "GIF": 12,
    "HEIF": 16,
    "JPEG2000": 24,
    "JXL": 24,
    "PNG": 12,
    "TIFF": 16,
    "WEBP": 24,
}
_JPEG_FORMATS = ("JPEG", "MPO")
# A JPEG of several pictures turns into MPO while it is opened
OPENED = ("JPEG", *(name for name in _PEAK_BYTES if name != "JXL" or PLUGIN))


def fitting(size: Size, long_side: int) -> Size:
    """Return a size of the same proportions, its longer side at most so many pixels."""
    scale = min(1.0, long_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def check_jpeg_xl(size: Size, limits: Limits) -> None:
    """Raise UnreadablePhoto for a JPEG XL, which is decoded whole while it is opened, too large."""
    excess = _excess_of(size, _PEAK_BYTES["JXL"] * math.prod(size), limits)
    if excess:
        raise UnreadablePhoto(excess)


def reduced(
    image: Image.Image, limits: Limits, fit: Callable[[Size], Size]
) -> tuple[Image.Image, Box | None]:
    """Prepare the cheapest decode that is large enough, or else the best within the limits.

    `fit` gives the size wanted of a picture of some size. Returns the picture to load and the
    part of it that counts. Raises UnreadablePhoto where even a preview is not within the limits.
    """
    whole = image.size
    drafted = image.draft(None, _draft_size(image, fit(whole)))
    excess = _excess(image, whole, limits)
    if excess is None:
        return image, drafted[1] if drafted else None
    if image.format == "HEIF" and image.draft(None, _scaled(whole, PREVIEW_SIDE)):
        return image, None
    preview = _exif_preview(image, whole)
    if preview is None:
        raise UnreadablePhoto(excess)
    return preview, None


def _draft_size(image: Image.Image, target: Size) -> Size:
    """Return what to ask `draft` for: a JPEG scales each side, a HEIC needs its own aspect."""
    if image.format == "HEIF":
        return _scaled(image.size, THUMBNAIL_SHARE * max(target))
    return target


def _scaled(size: Size, long_side: float) -> Size:
    scale = long_side / max(size)
    return max(1, int(size[0] * scale)), max(1, int(size[1] * scale))


def _excess(image: Image.Image, whole: Size, limits: Limits) -> str | None:
    """Return which limit the prepared decode would break, or None."""
    decoded = math.prod(image.size)
    if image.format in _JPEG_FORMATS:
        needed = decoded * 8
        if image.info.get("progressive"):
            needed += math.prod(whole) * 2 * len(image.getbands())  # all coefficients, 16 bits
    else:
        needed = decoded * _PEAK_BYTES.get(str(image.format), DEVELOPED_BYTES)
    reduced_for_free = image.format == "HEIF" and image.size != whole
    return _excess_of(whole, needed, limits, count_pixels=not reduced_for_free)


def _excess_of(
    whole: Size, needed: int, limits: Limits, *, count_pixels: bool = True
) -> str | None:
    if needed > limits.memory_bytes:
        return (
            f"needs about {needed // MEGABYTE:,} MB of memory to decode,"
            f" more than the {limits.memory_bytes // MEGABYTE:,} MB allowed"
        )
    if math.prod(whole) > limits.pixels and count_pixels:
        return (
            f"has {math.prod(whole) // MEGABYTE:,} megapixels,"
            f" more than the {limits.pixels // MEGABYTE:,} allowed"
        )
    return None


def _exif_preview(image: Image.Image, whole: Size) -> Image.Image | None:
    """Return the thumbnail among the EXIF data, unless it is tiny or shows something else."""
    raw = image.info.get("exif")
    if not isinstance(raw, bytes):
        return None  # asking further would decode the whole of a PNG
    raw = raw.removeprefix(b"Exif\0\0")
    try:
        exif = Image.Exif()
        exif.load(raw)
        place = exif.get_ifd(ExifTags.IFD.IFD1)
        start = int(place[ExifTags.Base.JpegIFOffset])
        data = raw[start : start + int(place[ExifTags.Base.JpegIFByteCount])]
        preview = Image.open(io.BytesIO(data), formats=("JPEG",))
        preview.load()
    except Exception:
        return None  # no thumbnail, or a damaged one: nothing is lost by not having it
    bent = math.log(preview.width / preview.height) - math.log(whole[0] / whole[1])
    if max(preview.size) < PREVIEW_SIDE or abs(bent) > ASPECT_TOLERANCE:
        return None
    return preview
