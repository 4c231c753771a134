"""Figures: average precision of boxes, and intervals by resampling photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

__all__ = [
    "Figure",
    "Matches",
    "average_precision",
    "interval",
    "match",
    "mean_interval",
    "ranking_precision",
]

Array = npt.NDArray[np.float64]

RESAMPLES = 400
OVERLAP = 0.5  # intersection over union from which on a box counts as found


class Figure(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the evaluation: ours, the reference's, and 95 % intervals by resampling."""

    name: str
    n: int
    value: float
    low: float | None = None
    high: float | None = None
    reference: float | None = None
    reference_name: str = ""


class Matches(NamedTuple):
    """One photo's detections: scores, whether each is right, and how many boxes there were.

    Detections that match a box which does not count are left out.
    """

    scores: Array
    right: npt.NDArray[np.bool_]
    boxes: int


def ranking_precision(scores: Array, present: npt.NDArray[np.bool_]) -> float:
    """Return the average precision of ranking [photos] by score, where some are present."""
    ranked = present[np.argsort(-scores, kind="stable")]
    return float((np.cumsum(ranked) / np.arange(1, len(ranked) + 1))[ranked].mean())


def match(boxes: Array, scores: Array, truth: Array, counts: npt.NDArray[np.bool_]) -> Matches:
    """Match detections [N, 4] to true boxes [M, 4], best first; `counts` [M] says which count."""
    order = np.argsort(-scores)
    overlaps = _overlaps(boxes[order], truth)
    free = np.ones(len(truth), bool)
    kept, right = [], []
    for row, place in enumerate(order):
        found = np.where(free, overlaps[row], 0.0)
        best = int(found.argmax()) if len(truth) else -1
        hit = best >= 0 and found[best] >= OVERLAP
        if hit:
            free[best] = False
            if not counts[best]:
                continue
        kept.append(scores[place])
        right.append(hit)
    return Matches(np.array(kept), np.array(right, bool), int(counts.sum()))


def average_precision(photos: Sequence[Matches]) -> float:
    """Return the area under the precision-recall curve (every point, as VOC since 2010)."""
    scores = np.concatenate([photo.scores for photo in photos])
    right = np.concatenate([photo.right for photo in photos])[np.argsort(-scores, kind="stable")]
    boxes = sum(photo.boxes for photo in photos)
    found = np.cumsum(right)
    precision = found / np.arange(1, len(right) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float((precision * right).sum() / max(boxes, 1))


def interval(
    statistic: Callable[[npt.NDArray[np.intp]], float], n: int, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a statistic of chosen photos' places."""
    rng = np.random.default_rng(seed)
    values = [statistic(rng.integers(n, size=n)) for _ in range(RESAMPLES)]
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)


def mean_interval(values: Array) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean."""
    return interval(lambda rows: float(values[rows].mean()), len(values))


def _overlaps(first: Array, second: Array) -> Array:
    """Return intersection over union [N, M] of boxes x, y, width, height."""
    start = np.maximum(first[:, None, :2], second[None, :, :2])
    end = np.minimum((first[:, :2] + first[:, 2:])[:, None], (second[:, :2] + second[:, 2:])[None])
    shared = np.clip(end - start, 0, None).prod(axis=2)
    areas = first[:, 2:].prod(axis=1)[:, None] + second[:, 2:].prod(axis=1)[None]
    overlaps: Array = shared / np.maximum(areas - shared, 1e-12)
    return overlaps
