"""What a pack says of the photos it is judged by."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import onnxruntime

from scened.analysis.faces import settle
from scened.models.training.corpus import Photo
from scened.models.training.face_threshold import OVERLAP
from scened.models.training.views import BILINEAR, Pixels, product_view

__all__ = ["Seen", "look", "view"]

SQUASHED_SHAPE = (256, 320)  # most squashed photos were 4:3

Array = npt.NDArray[np.float64]


class Seen(NamedTuple):
    """What a pack said of each val photo."""

    photos: list[Photo]
    tags: Array
    embeddings: Array
    faces: list[tuple[Array, Array]]

    def rows(self, wanted: Callable[[Photo], bool]) -> npt.NDArray[np.intp]:
        """Return the places of the photos that are wanted."""
        return np.array([row for row, photo in enumerate(self.photos) if wanted(photo)], np.intp)

    def of(self, rows: npt.NDArray[np.intp]) -> Seen:
        """Return what was said of some photos."""
        return Seen(
            [self.photos[row] for row in rows],
            self.tags[rows],
            self.embeddings[rows],
            [self.faces[row] for row in rows],
        )


def view(photo: Photo) -> Pixels:
    """Return a photo as the network gets it; squashed ones are stretched to 4:3."""
    if photo.squashed:
        height, width = SQUASHED_SHAPE
        return np.asarray(photo.open().resize((width, height), BILINEAR))
    return product_view(photo.open())


def look(network: onnxruntime.InferenceSession, photos: list[Photo]) -> Seen:
    """Run a network on photos, one look each."""
    tags, embeddings, faces = [], [], []
    for photo in photos:
        tag, embedding, boxes, scores = network.run(None, {"image": view(photo)[None]})
        tags.append(tag)
        embeddings.append(embedding)
        faces.append(settle(boxes, scores, OVERLAP))
    return Seen(photos, np.stack(tags).astype(np.float64), np.stack(embeddings), faces)
