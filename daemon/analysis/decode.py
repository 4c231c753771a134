"""Decode one photo, as small as will do, upright and in sRGB, within limits.

Only the analyzer process does this: the bytes of a photo are not to be trusted.
"""

from __future__ import annotations

import contextlib
import errno
import io
import math
import os
import re
import stat
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import pillow_heif
from PIL import AvifImagePlugin, ExifTags, Image, UnidentifiedImageError

from scened.analysis.jxl import PLUGIN, jxl_size, keeps_orientation
from scened.analysis.metadata import clean_text, read_metadata
from scened.analysis.pixels import MOST_ENLARGED, Box, Pixels, sharpness, small_srgb, upright
from scened.analysis.raw import open_raw
from scened.config import Limits
from scened.errors import MissingPath, ReadFailed, ScenedError, UnreadablePhoto, UnsupportedFormat
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

__all__ = ["Decoded", "PhotoPath", "decode", "read_picture", "stored_orientation"]

PhotoPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]
Size = tuple[int, int]  # width, height

MEGABYTE = 1_000_000
THUMBNAIL_SHARE = 15 / 16  # an embedded thumbnail serves from this share of the long side wanted
PREVIEW_SIDE = 160  # pixels: the least long side of a preview that stands in for a huge photo
ASPECT_TOLERANCE = 0.02  # a preview of other proportions has black bars, or is of another picture
REASON_CHARACTERS = 100
DEVELOPED_BYTES = 12  # at the peak, for each pixel of a picture that LibRaw hands over
RAW_SIZE = (3000, 2000)  # stands in for a RAW photo's size until that is known

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
_OPENED = ("JPEG", *(name for name in _PEAK_BYTES if name != "JXL" or PLUGIN))
_NAMES = {
    "HEIF": "HEIC",
    "JPEG2000": "JPEG 2000",
    "JXL": "JPEG XL",
    "MPO": "JPEG",
    "WEBP": "WebP",
}

# What seeking to a nonsensical offset in a sound file gives.
_ERRNO_OF_BAD_CONTENT = (errno.EINVAL, errno.EOVERFLOW, errno.EFBIG)
_NO_CODEC = "its compression has no codec installed"
_OBJECT = re.compile(r"<[^<>]*>")

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
    with _failures_as_reasons():
        pixels = np.asarray(seen.at(_network_size(seen.source.size)))

    def larger(long_side: int) -> Image.Image:
        whole = max(seen.metadata.width, seen.metadata.height)
        enough = min(long_side / MOST_ENLARGED, whole)
        if seen.long_side >= enough:
            with _failures_as_reasons():
                return seen.at(_fitting(seen.source.size, long_side))
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
    seen = _see(path, limits, lambda size: _fitting(size, long_side))
    with _failures_as_reasons():
        return seen.at(_fitting(seen.source.size, long_side)), seen.metadata


def stored_orientation(path: PhotoPath, limits: Limits = _DEFAULT_LIMITS) -> int:
    """Return how a photo's pixels are to be turned, as EXIF numbers it: 1 is not at all.

    Raises as `decode` does.
    """
    with (
        _open(path) as file,
        _failures_as_reasons(),
        Image.open(file, formats=_OPENED) as image,
    ):
        _drop_huge_metadata(image, limits)
        return _orientation(image)


def _fitting(size: Size, long_side: int) -> Size:
    scale = min(1.0, long_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


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
    with _open(path) as file, _failures_as_reasons():
        found = format_of_content(file.read(SIGNATURE_BYTES)) or by_name
        _refuse_unsupported(found)
        file.seek(0)
        opened = _open_picture(file, found, limits, fit)
        with opened.picture as image:
            _drop_huge_metadata(image, limits)
            whole = image.size
            if min(whole) < limits.minimum_side:
                raise UnsupportedFormat(f"smaller than {limits.minimum_side} pixels: left alone")
            source, box = _affordable(image, limits, fit)
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
        excess = _excess_of(size, _PEAK_BYTES["JXL"] * math.prod(size), limits)
        if excess:
            raise UnreadablePhoto(excess)
    return _Opened(Image.open(file, formats=_OPENED))


def _affordable(
    image: Image.Image, limits: Limits, fit: Callable[[Size], Size]
) -> tuple[Image.Image, Box | None]:
    """Prepare the cheapest decode that is large enough, or else the best within the limits.

    Returns the picture to load and the part of it that counts.
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


@contextlib.contextmanager
def _open(path: PhotoPath) -> Iterator[BinaryIO]:
    try:
        # A pipe must not keep us waiting for someone to write.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise MissingPath("no such file") from None
    except OSError as error:
        raise ReadFailed(f"cannot be opened: {error.strerror}") from error
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise UnreadablePhoto("not a regular file")
        if about.st_size == 0:
            raise UnreadablePhoto("the file is empty")
        yield file


@contextlib.contextmanager
def _failures_as_reasons() -> Iterator[None]:
    """Turn whatever a decoder raises into our own errors: on damaged bytes it may be anything."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            yield
        except ScenedError:
            raise
        except MemoryError:
            raise UnreadablePhoto("needs more memory to decode than there is") from None
        except UnidentifiedImageError:
            # Pillow warns, and goes on to the next decoder, when it was built without a codec.
            if any("support not installed" in str(warning.message) for warning in said):
                raise UnsupportedFormat(_NO_CODEC) from None
            raise UnreadablePhoto("not a picture that any decoder here recognises") from None
        except Exception as error:
            raise _plain(error) from error


def _plain(error: Exception) -> ScenedError:
    if isinstance(error, OSError) and error.errno is not None:
        if error.errno in _ERRNO_OF_BAD_CONTENT:
            return UnreadablePhoto("damaged: it points outside itself")
        return ReadFailed(f"cannot be read: {error.strerror}")
    words = clean_text(_OBJECT.sub("", str(error)))
    if "has not been built in" in words:  # libheif
        return UnsupportedFormat(_NO_CODEC)
    if "truncated" in words.lower():
        return UnreadablePhoto("truncated: the end of the file is missing")
    words = words.split(" (")[0][:REASON_CHARACTERS].rstrip(" :.,")
    return UnreadablePhoto(f"damaged: {words or type(error).__name__}")
