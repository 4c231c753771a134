"""RAW photos through LibRaw: the embedded preview where it is large enough, else developed."""

from __future__ import annotations

import contextlib
import io
import math
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from scened.errors import UnreadablePhoto

with contextlib.suppress(ImportError):  # an extra; formats.py tells before whether it is there
    import rawpy

__all__ = ["RawPhoto", "open_raw"]

# Bytes at the peak for each pixel of the sensor, while a photo is developed at half its size:
# the file's own values, four colours of a quarter of the pixels, and the result
DEVELOP_BYTES = 12
MEGABYTE = 1_000_000
_ORIENTATIONS = {0: 1, 3: 3, 5: 8, 6: 6}  # LibRaw's `flip` to EXIF's orientation


class RawPhoto(NamedTuple):
    """A picture of a RAW file, not yet turned, and what the file says.

    `size` (width, height) is that of the whole photo, `orientation` EXIF's, and `described_by`
    has the EXIF data.
    """

    picture: Image.Image
    size: tuple[int, int]
    orientation: int
    described_by: Image.Image


class _Described(Image.Image):
    """Nothing but EXIF data, where Pillow's users look for it."""

    def __init__(self, exif: Image.Exif) -> None:
        super().__init__()
        self._raw_exif = exif

    def getexif(self) -> Image.Exif:
        return self._raw_exif


def open_raw(file: BinaryIO, long_side: float, memory_bytes: int) -> RawPhoto:
    """Open a RAW file's embedded preview, or develop the photo where that is smaller.

    `long_side`: pixels wanted. A preview that is too small still serves where developing would
    take more than `memory_bytes`. Raises UnreadablePhoto.
    """
    exif = _exif(file)
    try:
        with rawpy.imread(file) as raw:
            sizes = raw.sizes
            size = (int(sizes.width), int(sizes.height))
            orientation = _ORIENTATIONS.get(int(sizes.flip), 1)
            picture = _preview(raw)
            if picture is None or max(picture.size) < min(long_side, max(size)):
                needed = math.prod(size) * DEVELOP_BYTES
                if needed <= memory_bytes:
                    picture = _developed(raw)
                elif picture is None:
                    raise UnreadablePhoto(
                        f"needs about {needed // MEGABYTE:,} MB of memory to develop,"
                        f" more than the {memory_bytes // MEGABYTE:,} MB allowed"
                    )
    except rawpy.LibRawError as error:
        words = error.args[0] if error.args else error
        said = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
        raise UnreadablePhoto(f"damaged, or its camera is unknown to LibRaw: {said}") from error
    return RawPhoto(picture, size, orientation, _Described(exif or picture.getexif()))


def _preview(raw: rawpy.RawPy) -> Image.Image | None:
    try:
        thumbnail = raw.extract_thumb()
    except rawpy.LibRawError:
        return None
    data = thumbnail.data
    if not isinstance(data, bytes):
        return Image.fromarray(np.asarray(data, np.uint8))
    try:
        return Image.open(io.BytesIO(data), formats=("JPEG",))
    except OSError:
        return None


def _developed(raw: rawpy.RawPy) -> Image.Image:
    """Develop at half size, which needs no interpolation, with the camera's own white balance."""
    return Image.fromarray(
        raw.postprocess(half_size=True, use_camera_wb=True, output_bps=8, user_flip=0)
    )


def _exif(file: BinaryIO) -> Image.Exif | None:
    """Return the EXIF data of a RAW file that is a TIFF inside, as most are."""
    exif = Image.Exif()
    try:
        exif.load_from_fp(file)
        found = dict(exif)
    except Exception:
        return None  # another container, or damaged: the preview may tell
    finally:
        file.seek(0)
    return exif if found else None
