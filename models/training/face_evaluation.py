"""How well a pack finds faces, beside YuNet on the same photos."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from scened.analysis.faces import FAINTEST, calibrated, settle, suppress
from scened.models.pack import FaceSettings
from scened.models.training.calibration import expected_calibration_error
from scened.models.training.corpus import Photo
from scened.models.training.face_threshold import OVERLAP, SMALL_FACE, true_faces
from scened.models.training.metrics import (
    Figure,
    Matches,
    average_precision,
    interval,
    match,
    mean_interval,
)
from scened.models.training.second_look import Found
from scened.models.training.yunet import YuNet

__all__ = ["closer_figures", "false_face_figure", "first_look_figures", "given_figures"]

FIRST_SIDE = 320  # px, of YuNet's input beside our first look
CLOSER_SIDE = 640  # px, beside all our looks

Array = npt.NDArray[np.float64]
Boxes = tuple[Array, Array]  # one a face, with scores


def first_look_figures(
    photos: Sequence[Photo], ours: Sequence[Boxes], yunet: YuNet
) -> list[Figure]:
    """Return the average precision of one look, which the product itself may follow with more."""
    return _precisions(f"faces, one look at {FIRST_SIDE} px", photos, ours, yunet, FIRST_SIDE)


def closer_figures(
    name: str, photos: Sequence[Photo], ours: Sequence[Found], yunet: YuNet
) -> list[Figure]:
    """Return the average precision of all looks as the product takes them, and their number."""
    found = [settle(look.boxes, look.scores, OVERLAP) for look in ours]
    looks = np.array([look.looks for look in ours], np.float64)
    low, high = mean_interval(looks)
    return [
        *_precisions(f"{name}, closer looks where likely", photos, found, yunet, CLOSER_SIDE),
        Figure(f"{name}: looks at a photo, mean", len(photos), float(looks.mean()), low, high),
    ]


def given_figures(
    photos: Sequence[Photo], ours: Sequence[Found], settings: FaceSettings
) -> list[Figure]:
    """Return precision and recall of the faces that the product gives, and their calibration."""
    given = _matched(photos, [_likely(look, settings) for look in ours], SMALL_FACE)
    anything = msgspec.structs.replace(settings, threshold=0.0)
    all_of_them = _matched(photos, [_likely(look, anything) for look in ours], SMALL_FACE)
    scores = np.concatenate([photo.scores for photo in all_of_them])
    wrong_by = expected_calibration_error(
        scores, np.concatenate([photo.right for photo in all_of_them])
    )
    right = sum(int(photo.right.sum()) for photo in given)
    precision = right / max(1, sum(len(photo.right) for photo in given))
    recall = right / max(1, sum(photo.boxes for photo in given))
    name = f"faces given (score {settings.threshold:g} or more)"
    return [
        Figure(f"{name}: precision", len(photos), precision),
        Figure(f"{name}: recall, {SMALL_FACE:.0f} px or more at 640", len(photos), recall),
        Figure("expected calibration error of boxes' scores", len(photos), wrong_by),
    ]


def false_face_figure(found: Sequence[Found], settings: FaceSettings) -> Figure:
    """Return the share of photos without faces on which one is given."""
    wrong = [len(_likely(look, settings)[0]) > 0 for look in found]
    return Figure("photos without any face: share given one", len(wrong), float(np.mean(wrong)))


def _precisions(
    name: str, photos: Sequence[Photo], ours: Sequence[Boxes], yunet: YuNet, side: int
) -> list[Figure]:
    theirs = [_suppressed(*yunet(photo.open(), side)) for photo in photos]
    figures = []
    for which, least in (("all", 0.0), (f"{SMALL_FACE:.0f} px or more at 640", SMALL_FACE)):
        mine = _matched(photos, ours, least)
        low, high = _interval(mine)
        figures.append(
            Figure(
                f"{name}: average precision at IoU 0.5, {which}",
                len(photos),
                average_precision(mine),
                low,
                high,
                average_precision(_matched(photos, theirs, least)),
                f"YuNet at {side}",
            )
        )
    return figures


def _suppressed(boxes: Array, scores: Array) -> Boxes:
    """Return what greedy suppression leaves, which is YuNet's own way."""
    likely = scores >= FAINTEST
    kept = suppress(boxes[likely], scores[likely], OVERLAP)
    return boxes[likely][kept], scores[likely][kept]


def _likely(look: Found, settings: FaceSettings) -> Boxes:
    boxes, scores = settle(look.boxes, look.scores, OVERLAP)
    probable = calibrated(scores, settings)
    given = probable >= settings.threshold
    return boxes[given], probable[given]


def _matched(photos: Sequence[Photo], found: Sequence[Boxes], least: float) -> list[Matches]:
    matched = []
    for photo, (boxes, scores) in zip(photos, found, strict=True):
        truth, counts = true_faces(photo, least)
        matched.append(match(boxes, scores, truth, counts))
    return matched


def _interval(matched: Sequence[Matches]) -> tuple[float, float]:
    def statistic(rows: npt.NDArray[np.intp]) -> float:
        return average_precision([matched[row] for row in rows])

    return interval(statistic, len(matched))
