"""Find faces with a pack's network, and choose from which score on a box is called a face."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import onnxruntime

from scened.models.training.corpus import Photo
from scened.models.training.metrics import Matches, match, suppress
from scened.models.training.views import product_view

__all__ = ["LEAST_SCORE", "OVERLAP", "SMALL_FACE", "best_threshold", "choose", "kept", "true_faces"]

LEAST_SCORE = 0.02  # boxes below are not looked at
OVERLAP = 0.4  # boxes that overlap more are one face
SMALL_FACE = 12.0  # px, the side of a face when the photo's long side is 640
REFERENCE_SIDE = 640  # px
FAVOUR_PRECISION = 0.5  # beta of the F score: a wrong face is worse than a missed one

Array = npt.NDArray[np.float64]


def kept(boxes: Array, scores: Array) -> tuple[Array, Array]:
    """Return the raw boxes [N, 4] and scores [N] that suppression leaves, likely ones only."""
    likely = scores >= LEAST_SCORE
    boxes, scores = boxes[likely].astype(np.float64), scores[likely].astype(np.float64)
    places = suppress(boxes, scores, OVERLAP)
    return boxes[places], scores[places]


def true_faces(photo: Photo, least: float) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Return a photo's boxes [M, 4], fractions, and which are of `least` px or more at 640."""
    boxes = np.array(photo.record["faces"], np.float64).reshape(-1, 4)
    size = np.array([photo.record["width"], photo.record["height"]], np.float64)
    sides = boxes[:, 2:] * size * REFERENCE_SIDE / size.max()
    return boxes, np.sqrt(sides.prod(axis=1)) >= least


def choose(network: onnxruntime.InferenceSession, photos: Sequence[Photo]) -> float:
    """Return the score that serves best on photos of faces the network has not learnt from."""
    found = []
    for photo in photos:
        answer = network.run(None, {"image": product_view(photo.open())[None]})
        found.append(match(*kept(answer[2], answer[3]), *true_faces(photo, SMALL_FACE)))
    return best_threshold(found)


def best_threshold(photos: Sequence[Matches]) -> float:
    """Return the score with the best F score, precision counting more (beta = 0.5)."""
    scores = np.concatenate([photo.scores for photo in photos])
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(np.concatenate([photo.right for photo in photos])[order])
    precision = right / np.arange(1, len(order) + 1)
    recall = right / max(1, sum(photo.boxes for photo in photos))
    squared = FAVOUR_PRECISION**2
    score = (1 + squared) * precision * recall / np.maximum(squared * precision + recall, 1e-9)
    return round(float(scores[order][score.argmax()]), 3)
