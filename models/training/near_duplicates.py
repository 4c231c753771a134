"""How well embeddings tell a changed copy of a photo from all other photos."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance

from scened.models.training.metrics import Figure, mean_interval

__all__ = ["near_duplicate_figures"]

FALSE_ALARMS = 0.001  # of all pairs of different photos
CROPPED = 0.1  # of each side
BRIGHTER = 1.3
JPEG_QUALITY = 40

Array = npt.NDArray[np.float64]
Change = Callable[[Image.Image], Image.Image]


def near_duplicate_figures(
    pictures: Sequence[Image.Image], embed: Callable[[Image.Image], Array]
) -> list[Figure]:
    """Return per kind of change the share of changed copies that are recognised.

    A copy is recognised where it is more alike to its original than all but FALSE_ALARMS of the
    pairs of different photos. Reference: a perceptual hash (64 bits) at the same false alarms.
    """
    ours = np.stack([embed(picture) for picture in pictures])
    theirs = np.stack([_hash(picture) for picture in pictures])
    pairs = np.triu_indices(len(pictures), 1)
    limits = [np.quantile((known @ known.T)[pairs], 1 - FALSE_ALARMS) for known in (ours, theirs)]
    figures = []
    for name, change in CHANGES.items():
        copies = [change(picture) for picture in pictures]
        found = [
            np.einsum("pd,pd->p", known, np.stack([describe(copy) for copy in copies])) > limit
            for known, describe, limit in zip((ours, theirs), (embed, _hash), limits, strict=True)
        ]
        low, high = mean_interval(found[0])
        figures.append(
            Figure(
                f"near-duplicates found at {FALSE_ALARMS:.1%} false alarms: {name}",
                len(pictures),
                float(found[0].mean()),
                low,
                high,
                float(found[1].mean()),
                "perceptual hash",
            )
        )
    return figures


def _hash(picture: Image.Image) -> Array:
    """Return a perceptual hash as a unit vector, so that likeness falls with each bit."""
    bits = np.where(imagehash.phash(picture).hash.flatten(), 1.0, -1.0)
    unit: Array = bits / np.sqrt(len(bits))
    return unit


def _encoded(picture: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=JPEG_QUALITY)
    with Image.open(stream) as copy:
        return copy.convert("RGB")


def _cropped(picture: Image.Image) -> Image.Image:
    width, height = (round(side * CROPPED / 2) for side in picture.size)
    return picture.crop((width, height, picture.width - width, picture.height - height))


def _resized(picture: Image.Image) -> Image.Image:
    return picture.resize((picture.width // 2, picture.height // 2))


def _brightened(picture: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(picture).enhance(BRIGHTER)


CHANGES: dict[str, Change] = {
    "saved again as a poor JPEG": _encoded,
    "cropped by a tenth": _cropped,
    "half the size": _resized,
    "brightened": _brightened,
}
