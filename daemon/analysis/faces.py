"""Which faces the network's raw boxes mean: many lie on one face, and each is a little off."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from scened.findings import Face
from scened.models.pack import FaceSettings

__all__ = [
    "FAINTEST",
    "Doubles",
    "Floats",
    "calibrated",
    "find_faces",
    "fraction",
    "settle",
    "suppress",
    "within_picture",
]

FAINTEST = 0.02  # score: boxes below say nothing
MAXIMUM_CANDIDATES = 2_000  # face boxes that enter non-maximum suppression, best first
SMALLEST_SIDE = 1e-4  # of the picture: thinner boxes, also after cutting, are no faces
SMALLEST_AREA = SMALLEST_SIDE**2
VOTING = 0.4  # overlap from which on a box has a say in where a better one lies
NEAR = 0.1  # overlap from which on a box that lies elsewhere speaks against a better one
LEAST_ODDS = 1e-9  # nothing is impossible, nor certain
DOUBT = 0.5  # power of the boxes' agreement in a face's score

Floats = npt.NDArray[np.floating]
Doubles = npt.NDArray[np.float64]


def find_faces(boxes: Floats, scores: Floats, settings: FaceSettings) -> tuple[Face, ...]:
    """Return the faces among raw boxes, `[N, 4]` and `[N]`, best first, within the picture."""
    boxes = within_picture(boxes)
    visible = (boxes[:, 2:] >= SMALLEST_SIDE).all(axis=1)
    settled, sure = settle(boxes[visible], scores[visible], settings.overlap)
    sure = calibrated(sure, settings)
    likely = sure >= settings.threshold
    return tuple(
        Face(x, y, width, height, fraction(score))
        for (x, y, width, height), score in zip(
            settled[likely].tolist(), sure[likely].tolist(), strict=True
        )
    )


def settle(boxes: Floats, scores: Floats, overlap: float) -> tuple[Doubles, Doubles]:
    """Return one box a face, `[M, 4]` and `[M]`, best first, of raw ones `[N, 4]` and `[N]`.

    A box that suppression leaves moves to the mean of those that lie much like it, weighted by
    their scores and overlaps; the less all that are near agree with it, the lower its own score
    gets. `overlap` is that of `suppress`. Source: Gidaris and Komodakis, Object detection via a
    multi-region and semantic segmentation-aware CNN model, 2015 (box voting).
    """
    likely = np.argsort(-scores, kind="stable")[:MAXIMUM_CANDIDATES]
    likely = likely[scores[likely] >= FAINTEST]
    raw: Doubles = boxes[likely].astype(np.float64)
    said: Doubles = scores[likely].astype(np.float64)
    corners = _corners(raw)
    settled: list[Doubles] = []
    agreed: list[float] = []
    for place, overlaps in _best_first(corners, overlap):
        near = np.flatnonzero(overlaps >= NEAR)
        votes = np.where(overlaps[near] >= VOTING, said[near] * overlaps[near], 0.0)
        settled.append(votes @ raw[near] / votes.sum())
        agreement = said[near] @ _overlap(_corners(settled[-1]), corners[near]) / said[near].sum()
        agreed.append(said[place] * agreement**DOUBT)
    order = np.argsort(-np.array(agreed), kind="stable")
    return np.array(settled, np.float64).reshape(-1, 4)[order], np.array(agreed, np.float64)[order]


def calibrated(scores: Floats, settings: FaceSettings) -> Doubles:
    """Return how probable each face is, `[N]`, of settled scores. Source: Platt, 1999."""
    inside = np.clip(scores.astype(np.float64), LEAST_ODDS, 1 - LEAST_ODDS)
    odds = settings.slope * np.log(inside / (1 - inside)) + settings.offset
    probable: Doubles = 1 / (1 + np.exp(-odds))
    return probable


def within_picture(boxes: Floats) -> Floats:
    """Return boxes `[N, 4]` cut at the edges of the picture."""
    starts, ends = np.clip((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), 0, 1)
    return np.hstack([starts, np.maximum(0, ends - starts)])


def suppress(boxes: Floats, scores: Floats, overlap: float) -> npt.NDArray[np.intp]:
    """Return the places of the boxes that greedy non-maximum suppression leaves, best first.

    Of two boxes that overlap (intersection over union) by more than `overlap` the better stays.
    """
    order = np.argsort(-scores, kind="stable")[:MAXIMUM_CANDIDATES]
    places = [place for place, _ in _best_first(_corners(boxes[order]), overlap)]
    kept: npt.NDArray[np.intp] = order[places]
    return kept


def fraction(value: float) -> float:
    """Return a number cut to 0 to 1."""
    return min(1.0, max(0.0, float(value)))


def _best_first(corners: Floats, overlap: float) -> Iterator[tuple[int, Floats]]:
    """Yield the places that greedy suppression leaves, with each one's overlaps with all boxes.

    The boxes, as corners `[N, 4]`, come best first. A box too thin to overlap itself does so too.
    """
    alive = np.ones(len(corners), dtype=bool)
    for place in range(len(corners)):
        if alive[place]:
            overlaps = _overlap(corners[place], corners)
            overlaps[place] = 1.0
            alive &= overlaps <= overlap
            yield place, overlaps


def _corners(boxes: Floats) -> Floats:
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def _overlap(one: Floats, many: Floats) -> Floats:
    """Return the intersection over union of one box with many, as corners `[4]` and `[N, 4]`."""
    shared = np.minimum(one[2:], many[:, 2:]) - np.maximum(one[:2], many[:, :2])
    intersection = np.prod(np.clip(shared, 0, None), axis=1)
    area = np.prod(one[2:] - one[:2]) + np.prod(many[:, 2:] - many[:, :2], axis=1)
    overlap: Floats = intersection / np.maximum(area - intersection, SMALLEST_AREA)
    return overlap
