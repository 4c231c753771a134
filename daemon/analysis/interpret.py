"""What the network's raw numbers mean: tags with their ancestors, faces, the stored embedding."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scened.findings import Face, TagScore
from scened.models.pack import FaceSettings, Label

__all__ = ["Floats", "find_faces", "find_tags", "quantise", "suppress", "within_picture"]

MAXIMUM_CANDIDATES = 2_000  # face boxes that enter non-maximum suppression, best first
SMALLEST_SIDE = 1e-4  # of the picture: thinner boxes, also after cutting, are no faces
SMALLEST_AREA = SMALLEST_SIDE**2
INT8_SCALE = 127

Floats = npt.NDArray[np.floating]


def find_tags(scores: Floats, labels: tuple[Label, ...]) -> tuple[TagScore, ...]:
    """Return labels at or above their threshold with all their ancestors, best first.

    `scores` is `[T]`, in the order of the labels. An ancestor's score is at least the highest
    of its children, so that nothing is less certain for being more general. No photo goes
    without: where nothing reaches its threshold, the likeliest label is given with its score,
    which says how little it is worth.
    """
    parents = {label.name: label.parent for label in labels}
    reached = np.flatnonzero(scores >= np.array([label.threshold for label in labels]))
    found: dict[str, float] = {}
    for place in reached if len(reached) else [scores.argmax()]:
        label, raw_score = labels[place], scores[place]
        score = _fraction(raw_score)
        name: str | None = label.name
        while name is not None:
            found[name] = max(score, found.get(name, 0.0))
            name = parents[name]
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return tuple(TagScore(name, score) for name, score in ordered)


def quantise(embedding: Floats) -> bytes:
    """Return a unit vector as int8 bytes, each number times 127, rounded."""
    unit = embedding / np.linalg.norm(embedding)
    rounded: npt.NDArray[np.int8] = np.rint(unit * INT8_SCALE).astype(np.int8)
    return rounded.tobytes()


def find_faces(boxes: Floats, scores: Floats, settings: FaceSettings) -> tuple[Face, ...]:
    """Return the faces among raw boxes, `[N, 4]` and `[N]`, best first, within the picture."""
    likely = np.flatnonzero(scores >= settings.threshold)
    boxes, scores = within_picture(boxes[likely]), scores[likely]
    visible = np.flatnonzero((boxes[:, 2:] >= SMALLEST_SIDE).all(axis=1))
    kept = visible[suppress(boxes[visible], scores[visible], settings.overlap)]
    faces = []
    for place in kept:
        x, y, width, height = boxes[place].tolist()
        faces.append(Face(x, y, width, height, _fraction(scores[place])))
    return tuple(faces)


def within_picture(boxes: Floats) -> Floats:
    """Return boxes `[N, 4]` cut at the edges of the picture."""
    starts, ends = np.clip((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), 0, 1)
    return np.hstack([starts, np.maximum(0, ends - starts)])


def suppress(boxes: Floats, scores: Floats, overlap: float) -> npt.NDArray[np.intp]:
    """Return the places of the boxes that greedy non-maximum suppression leaves, best first.

    Of two boxes that overlap (intersection over union) by more than `overlap` the better stays.
    """
    order = np.argsort(-scores, kind="stable")[:MAXIMUM_CANDIDATES]
    corners = np.hstack([boxes[order, :2], boxes[order, :2] + boxes[order, 2:]])
    alive = np.ones(len(order), dtype=bool)
    kept: list[int] = []
    for place in range(len(order)):
        if alive[place]:
            kept.append(place)
            alive &= _overlap(corners[place], corners) <= overlap
    return order[kept]


def _fraction(value: float) -> float:
    return min(1.0, max(0.0, float(value)))


def _overlap(one: Floats, many: Floats) -> Floats:
    """Return the intersection over union of one box with many, as corners `[4]` and `[N, 4]`."""
    shared = np.minimum(one[2:], many[:, 2:]) - np.maximum(one[:2], many[:, :2])
    intersection = np.prod(np.clip(shared, 0, None), axis=1)
    area = np.prod(one[2:] - one[:2]) + np.prod(many[:, 2:] - many[:, :2], axis=1)
    overlap: Floats = intersection / np.maximum(area - intersection, SMALLEST_AREA)
    return overlap
