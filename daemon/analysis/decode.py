"""Decode one photo, as small as will do, upright and in sRGB, within limits.

Only the analyzer process does this: the bytes of a photo are not to be trusted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import pillow_heif
from PIL import AvifImagePlugin, ExifTags, Image

from scened.analysis.jxl import jxl_size, keeps_orientation
from scened.analysis.metadata import read_metadata
from scened.analysis.opening import PhotoPath, failures_as_reasons, open_photo
from scened.analysis.pixels import MOST_ENLARGED, Box, Pixels, sharpness, small_srgb, upright
from scened.analysis.raw import open_raw
from scened.analysis.reduction import (
    OPENED,
    THUMBNAIL_SHARE,
    Size,
    check_jpeg_xl,
    fitting,
    reduced,
)
from scened.config import Limits
from scened.errors import UnreadablePhoto, UnsupportedFormat
from scened.findings import Metadata
from scened.formats import (
    JPEG_XL,
    RAW,
    SIGNATURE_BYTES,
    Format,
    Support,
    format_of,
    format_of_content,
)
from scened.models.pack import nearest_shape

__all__ = ["Decoded", "decode", "read_picture", "stored_orientation"]

JPEG_ENLARGED = 1.1  # no more than this, as twice the size costs little: by 1.3, faces are lost
RAW_SIZE = (3000, 2000)  # stands in for a RAW photo's size until that is known

_NAMES = {
    "HEIF": "HEIC",
    "JPEG2000": "JPEG 2000",
    "JXL": "JPEG XL",
    "MPO": "JPEG",
    "WEBP": "WebP",
}

# One thread: the analyzer is to be noticed by nobody. Limits below replace Pillow's own.
pillow_heif.register_heif_opener(decode_threads=1, depth_images=False, thumbnails=True)
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True)
class Decoded:
    """A photo ready for the network: uint8 `[H, W, 3]` upright sRGB, (H, W) one of SHAPES.

    `sharpness` is None when only a preview smaller than the network's picture was decoded.
    `larger` returns the picture in mode RGB with its long side of at most so many pixels, from
    what was decoded already where that is large enough. It raises as `decode` does, also where
    only a small preview can be had. `held_pixels`: what it keeps of the picture until then.
    """

    pixels: Pixels
    metadata: Metadata
    sharpness: float | None
    larger: Callable[[int], Image.Image]
    held_pixels: int = 0


@dataclass(frozen=True)
class _Seen:
    """What was decoded of a file, the part of it that counts, and how it is to be turned."""

    source: Image.Image
    box: Box | None
    orientation: int
    metadata: Metadata

    @property
    def long_side(self) -> int:
        """Return how many pixels were decoded along the longer side."""
        return max(self.source.size)

    def at(self, size: Size) -> Image.Image:
        """Return the picture upright in sRGB; `size` is that before turning."""
        return upright(small_srgb(self.source, size, self.box), self.orientation)


@dataclass(frozen=True)
class _Opened:
    """A picture that was opened; where it is a RAW file's preview, what is true of the photo."""

    picture: Image.Image
    size: Size | None = None
    orientation: int | None = None
    format: str | None = None
    described_by: Image.Image | None = None


_DEFAULT_LIMITS = Limits()


def decode(path: PhotoPath, limits: Limits = _DEFAULT_LIMITS) -> Decoded:
    """Decode a photo for the network, squeezed to the shape whose aspect is nearest.

    Only the first frame or page is read, an embedded thumbnail instead of the whole where it is
    large enough. Opens the file once, to read; once more where `larger` needs more of it.
    Raises MissingPath, ReadFailed, UnsupportedFormat (no codec, or smaller than the limit) or
    UnreadablePhoto, with a reason of one line that does not name the file.
    """
    seen = _see(path, limits, _network_size)
    with failures_as_reasons():
        pixels = np.asarray(seen.at(_network_size(seen.source.size)))

    def larger(long_side: int) -> Image.Image:
        whole = max(seen.metadata.width, seen.metadata.height)
        enough = min(long_side / MOST_ENLARGED, whole)
        enlarged = JPEG_ENLARGED if seen.metadata.format == "JPEG" else MOST_ENLARGED
        if seen.long_side >= min(long_side / enlarged, whole):
            with failures_as_reasons():
                return seen.at(fitting(seen.source.size, long_side))
        picture, _ = read_picture(path, long_side, limits)
        if max(picture.size) < enough:
            raise UnreadablePhoto("only a small preview of it can be decoded")
        return picture

    needed = THUMBNAIL_SHARE * max(pixels.shape)
    return Decoded(
        pixels=pixels,
        metadata=seen.metadata,
        sharpness=sharpness(pixels) if seen.long_side >= needed else None,
        larger=larger,
        held_pixels=math.prod(seen.source.size),
    )


def read_picture(
    path: PhotoPath, long_side: int, limits: Limits = _DEFAULT_LIMITS
) -> tuple[Image.Image, Metadata]:
    """Return a photo upright in sRGB, mode RGB, its long side at most `long_side` pixels.

    It is smaller when the photo is, or when only a preview of it can be decoded within the
    limits. Raises as `decode` does.
    """
    seen = _see(path, limits, lambda size: fitting(size, long_side))
    with failures_as_reasons():
        return seen.at(fitting(seen.source.size, long_side)), seen.metadata


def stored_orientation(path: PhotoPath, limits: Limits = _DEFAULT_LIMITS) -> int:
    """Return how a photo's pixels are to be turned, as EXIF numbers it: 1 is not at all.

    Raises as `decode` does.
    """
    with (
        open_photo(path) as file,
        failures_as_reasons(),
        Image.open(file, formats=OPENED) as image,
    ):
        _drop_huge_metadata(image, limits)
        return _orientation(image)


def _drop_huge_metadata(image: Image.Image, limits: Limits) -> None:
    """Keep what is too large to be honest from whatever would parse it."""
    for name, block in list(image.info.items()):
        if isinstance(block, str | bytes) and len(block) > limits.metadata_bytes:
            del image.info[name]


def _network_size(size: Size) -> Size:
    height, width = nearest_shape(*size)
    return width, height


def _see(path: PhotoPath, limits: Limits, fit: Callable[[Size], Size]) -> _Seen:
    """Read as much of a picture as the size needs that `fit` gives for its own size.

    `fit` must not care which way up the picture is, as that is known only after decoding.
    """
    by_name = format_of(path)
    _refuse_unsupported(by_name)
    with open_photo(path) as file, failures_as_reasons():
        found = format_of_content(file.read(SIGNATURE_BYTES)) or by_name
        _refuse_unsupported(found)
        file.seek(0)
        opened = _open_picture(file, found, limits, fit)
        with opened.picture as image:
            _drop_huge_metadata(image, limits)
            whole = image.size
            if min(whole) < limits.minimum_side:
                raise UnsupportedFormat(f"smaller than {limits.minimum_side} pixels: left alone")
            source, box = reduced(image, limits, fit)
            source.load()
            orientation = opened.orientation or _orientation(image)
            size = opened.size or whole
            width, height = size[::-1] if orientation >= 5 else size
            name = opened.format or _NAMES.get(str(image.format), str(image.format))
            metadata = read_metadata(opened.described_by or image, width, height, name)
            return _Seen(source, box, orientation, metadata)


def _open_picture(
    file: BinaryIO, found: Format | None, limits: Limits, fit: Callable[[Size], Size]
) -> _Opened:
    """Open a picture by what its name or its first bytes say it is."""
    if found is RAW:
        raw = open_raw(file, THUMBNAIL_SHARE * max(fit(RAW_SIZE)), limits.memory_bytes)
        return _Opened(raw.picture, raw.size, raw.orientation, "RAW", raw.described_by)
    if found is JPEG_XL and (size := jxl_size(file)):
        check_jpeg_xl(size, limits)
    return _Opened(Image.open(file, formats=OPENED))


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation still to be applied, after loading."""
    if image.format == "HEIF":
        return 1  # pillow-heif has turned it
    if image.format == "JXL" and not keeps_orientation(image):
        return 1  # its decoder has turned it
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:
        return 1  # damaged EXIF data fails in many ways, none of which matter
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _refuse_unsupported(found: Format | None) -> None:
    if found is not None and found.support is not Support.READABLE:
        raise UnsupportedFormat(found.reason)
