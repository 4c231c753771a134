"""Turn a decoded picture of any kind into a small, upright one in plain sRGB."""

from __future__ import annotations

import functools
import io
import math

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

__all__ = ["MOST_ENLARGED", "Box", "Pixels", "sharpness", "small_srgb", "upright"]

REDUCING_GAP = 3.0  # Pillow: from here on the two-step resize cannot be told from a fair one
MOST_ENLARGED = 1.3  # a picture decoded smaller by no more than this serves for a larger one
REMEMBERED_PROFILES = 8  # colour transforms kept, as most photos of a library share a few cameras

Box = tuple[float, float, float, float]
Pixels = npt.NDArray[np.uint8]

_PLAIN_MODES = frozenset({"L", "LA", "RGB", "RGBA", "CMYK", "LAB", "F"})
_WITHOUT_LOSS = {
    "1": "L",
    "PA": "RGBA",
    "La": "LA",
    "RGBa": "RGBA",
    "I": "F",
    "I;16": "F",
    "I;16L": "F",
    "I;16B": "F",
    "I;16N": "F",
}
_TURNS = {  # Exif 2.32, tag 0x0112
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def small_srgb(image: Image.Image, size: tuple[int, int], box: Box | None = None) -> Image.Image:
    """Return the picture (or the part in `box`) at exactly `size`, in sRGB, mode RGB.

    An embedded colour profile is honoured, a broken one ignored. Transparency shows white.
    Numbers beyond 8 bits are scaled: 16-bit ones from 0..65535, floats and 32-bit ones from the
    smallest of 0..1, 0..255, 0..65535 and 0..maximum that holds them.
    """
    profile = image.info.get("icc_profile")
    white = 65535.0 if image.mode.startswith("I;16") else None
    image = _resizable(image)
    if image.mode == "F" and white is None:
        white = _white(image)  # before resizing, which overshoots
    small = image.resize(size, Image.Resampling.BILINEAR, box=box, reducing_gap=REDUCING_GAP)
    if white is not None:
        small = _eight_bits(small, white)
    if small.mode not in ("LA", "RGBA"):
        return _srgb(small, profile)
    opaque = _srgb(small.convert(small.mode[:-1]), profile)
    paper = Image.new("RGB", size, "white")
    paper.paste(opaque, mask=small.getchannel("A"))
    return paper


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Return the picture turned as its EXIF orientation asks, 1..8; others change nothing."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def sharpness(pixels: Pixels) -> float:
    """Return the variance of the Laplacian of the brightness of `[H, W, 3]` sRGB pixels.

    Comparable only between pictures at one scale. Source: Pech-Pacheco et al., "Diatom
    autofocusing in brightfield microscopy: a comparative study", ICPR 2000.
    """
    grey = pixels @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    inner = grey[1:-1, 1:-1]
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner
    return float(laplacian.var())


def _resizable(image: Image.Image) -> Image.Image:
    """Return the picture in a mode that can be averaged, with its transparency as a channel."""
    if "transparency" in image.info and image.mode in ("1", "L", "P", "RGB"):
        return image.convert("RGBA")
    if image.mode in _PLAIN_MODES:
        return image
    return image.convert(_WITHOUT_LOSS.get(image.mode, "RGB"))


def _white(image: Image.Image) -> float:
    """Return which number means white in a picture of floats."""
    brightest = float(np.max(image.getextrema()))
    if not math.isfinite(brightest) or brightest <= 0:
        return 1.0
    return next((white for white in (1.0, 255.0, 65535.0) if brightest <= white), brightest)


def _eight_bits(image: Image.Image, white: float) -> Image.Image:
    values = np.nan_to_num(np.asarray(image), posinf=0.0, neginf=0.0) / white
    return Image.fromarray(np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8))


def _srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile or image.mode == "LAB":
        try:
            converted = ImageCms.applyTransform(image, _transform(profile, image.mode))
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            converted = None  # broken, or made for another kind of picture
        if converted is not None:
            return converted
    return image.convert("RGB")


@functools.lru_cache(maxsize=REMEMBERED_PROFILES)
def _transform(profile: bytes | None, mode: str) -> ImageCms.ImageCmsTransform:
    source = (
        ImageCms.ImageCmsProfile(io.BytesIO(profile)) if profile else ImageCms.createProfile("LAB")
    )
    return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
