"""Faces as the product finds them: a first look, and closer ones where small faces are likely."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import onnxruntime
from PIL import Image

from scened.analysis.regions import WHOLE, Seen, merge_faces, parts, small_face_regions
from scened.models.pack import FaceSettings
from scened.models.training.views import Pixels, product_view

__all__ = ["MOST_LOOKS", "FaceFinder", "Found", "choose_closer"]

MOST_LOOKS = 1.4  # at a held-out face photo, on average; others may hold more small faces
CHOICES = tuple(round(0.05 * step, 2) for step in range(1, 101))  # small faces to expect

Array = npt.NDArray[np.float64]


class Found(NamedTuple):
    """Face boxes [N, 4] with scores [N], before suppression, and how many looks they took."""

    boxes: Array
    scores: Array
    looks: int


class FaceFinder:
    """Finds the faces in one picture, however often it is asked with other settings."""

    def __init__(self, network: onnxruntime.InferenceSession, picture: Image.Image) -> None:
        self._network = network
        self._picture = picture
        self._first = Seen(WHOLE, *self._look(product_view(picture)))

    def looks(self, settings: FaceSettings) -> int:
        """Return how many looks the settings ask for."""
        return 1 + len(small_face_regions(self._first, settings, *self._picture.size))

    def find(self, settings: FaceSettings) -> Found:
        """Return what all looks found."""
        size = self._picture.size
        regions = small_face_regions(self._first, settings, *size)
        closer = [
            Seen(region, *self._look(pixels))
            for region, pixels in parts(regions, *size, self._larger)
        ]
        boxes, scores = merge_faces(self._first, closer, *size)
        return Found(boxes.astype(np.float64), scores.astype(np.float64), 1 + len(closer))

    def _larger(self, long_side: int) -> Image.Image:
        picture = self._picture.copy()
        picture.thumbnail((long_side, long_side), Image.Resampling.BILINEAR)
        return picture

    def _look(self, pixels: Pixels) -> tuple[Array, Array]:
        boxes, scores = self._network.run(["face_boxes", "face_scores"], {"image": pixels[None]})
        return boxes.astype(np.float64), scores.astype(np.float64)


def choose_closer(finders: Sequence[FaceFinder], overlap: float) -> float:
    """Return the least expectation of small faces that keeps to `MOST_LOOKS` on average."""
    for closer in CHOICES:
        settings = FaceSettings(threshold=0.0, overlap=overlap, closer=closer)
        if np.mean([finder.looks(settings) for finder in finders]) <= MOST_LOOKS:
            return closer
    return CHOICES[-1]
