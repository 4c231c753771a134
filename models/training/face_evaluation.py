"""How well a pack finds faces, beside YuNet on the same photos."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from scened.models.training.corpus import Photo
from scened.models.training.face_threshold import SMALL_FACE, kept, true_faces
from scened.models.training.metrics import Figure, Matches, average_precision, interval, match
from scened.models.training.yunet import YuNet

__all__ = ["face_figures", "false_face_figure"]

LONG_SIDE = 320  # px, of YuNet's input; ours is what the product gives it

Found = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]  # boxes and scores


def face_figures(
    photos: Sequence[Photo], ours: Sequence[Found], yunet: YuNet, threshold: float
) -> list[Figure]:
    """Return average precision, and precision and recall of the faces that are given."""
    theirs = [kept(*yunet(photo.open(), LONG_SIDE)) for photo in photos]
    figures = []
    for name, least in (("all", 0.0), (f"{SMALL_FACE:.0f} px or more at 640", SMALL_FACE)):
        mine = _matched(photos, ours, least)
        low, high = _interval(mine)
        figures.append(
            Figure(
                f"faces, average precision at IoU 0.5, one look at {LONG_SIDE} px, {name}",
                len(photos),
                average_precision(mine),
                low,
                high,
                average_precision(_matched(photos, theirs, least)),
                f"YuNet at {LONG_SIDE}",
            )
        )
    likely = [(b[s >= threshold], s[s >= threshold]) for b, s in ours]
    given = _matched(photos, likely, SMALL_FACE)
    right = sum(int(photo.right.sum()) for photo in given)
    precision = right / max(1, sum(len(photo.right) for photo in given))
    recall = right / max(1, sum(photo.boxes for photo in given))
    name = f"faces given (score {threshold:g} or more)"
    figures.append(Figure(f"{name}: precision", len(photos), precision))
    figures.append(
        Figure(f"{name}: recall, {SMALL_FACE:.0f} px or more at 640", len(photos), recall)
    )
    return figures


def false_face_figure(found: Sequence[Found], threshold: float) -> Figure:
    """Return the share of photos without faces on which one is given."""
    wrong = [bool((scores >= threshold).any()) for _, scores in found]
    return Figure("photos without any face: share given one", len(wrong), float(np.mean(wrong)))


def _matched(photos: Sequence[Photo], found: Sequence[Found], least: float) -> list[Matches]:
    matched = []
    for photo, (boxes, scores) in zip(photos, found, strict=True):
        truth, counts = true_faces(photo, least)
        matched.append(match(boxes, scores, truth, counts))
    return matched


def _interval(matched: Sequence[Matches]) -> tuple[float, float]:
    def statistic(rows: npt.NDArray[np.intp]) -> float:
        return average_precision([matched[row] for row in rows])

    return interval(statistic, len(matched))
