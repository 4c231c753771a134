"""Real photos for tests: pictures that scikit-image carries, written in any format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pillow_heif
import pytest
import skimage.data
from PIL import ExifTags, Image

__all__ = ["FORMATS", "SHARED", "exif", "needs_shared", "photo", "write_photo", "write_turned"]

FORMATS = ("jpg", "png", "webp", "tif", "avif", "heic", "gif", "bmp", "jp2")  # that we write
SHARED = Path(__file__).resolve().parents[2] / "shared"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the folder ../shared is not here")

_BUNDLED = Path(skimage.data.__file__).parent
_UNTURN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}

pillow_heif.register_heif_opener()


def photo(name: str = "coffee.png", size: tuple[int, int] | None = None) -> Image.Image:
    """Return a bundled photo in mode RGB: coffee (600x400), astronaut (512x512, a face), ..."""
    with Image.open(_BUNDLED / name) as source:
        picture = source.convert("RGB")
    return picture if size is None else picture.resize(size)


def write_photo(
    path: Path,
    picture: Image.Image | None = None,
    mode: str = "RGB",
    **options: Any,
) -> Path:
    """Write a picture (or a bundled photo) in the format that the path's suffix names."""
    (picture or photo()).convert(mode).save(path, **options)
    return path


def write_turned(path: Path, orientation: int, picture: Image.Image, **options: Any) -> Path:
    """Write a picture as a camera held at that EXIF orientation does: turned, and told so."""
    unturn = _UNTURN.get(orientation)
    stored = picture if unturn is None else picture.transpose(unturn)
    return write_photo(path, stored, exif=exif({0x0112: orientation}), **options)


def exif(
    main: dict[int, object] | None = None,
    details: dict[int, object] | None = None,
    place: dict[int, object] | None = None,
) -> bytes:
    """Return EXIF data with these main, EXIF and GPS tags."""
    data = Image.Exif()
    data.update(main or {})
    if details:
        data[ExifTags.IFD.Exif] = details
    if place:
        data[ExifTags.IFD.GPSInfo] = place
    return data.tobytes()
