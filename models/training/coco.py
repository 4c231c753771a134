"""Objects in COCO's photos: our tags beside an object detector and the initial network."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scened.models.training.detector import Detector
from scened.models.training.metrics import Figure, interval, ranking_precision
from scened.models.training.seen import Seen
from scened.models.training.tags import TagTruth

__all__ = ["coco_figures"]

Array = npt.NDArray[np.float64]


def coco_figures(seen: Seen, initial: Array, detector: Detector, truth: TagTruth) -> list[Figure]:
    """Return the mean average precision over COCO's classes that are there: ours, and theirs.

    `initial` are the initial network's scores [photos, T]. A class of COCO is the first tag it
    maps to.
    """
    photos, ours = seen.photos, seen.tags
    tags = {
        name: truth.vocabulary.index(mapped[0])
        for name, mapped in truth.sources["coco"].classes.items()
        if mapped
    }
    present = {name for photo in photos for name in photo.record["coco_names"]} & tags.keys()
    names = sorted(present & set(detector.names))
    there = np.array([[name in photo.record["coco_names"] for name in names] for photo in photos])
    places = [detector.names.index(name) for name in names]
    theirs = np.stack([detector(photo.open()) for photo in photos])[:, places].astype(np.float64)
    columns = [tags[name] for name in names]

    def mean_precision(scores: Array, rows: npt.NDArray[np.intp]) -> float:
        return float(
            np.mean(
                [
                    ranking_precision(scores[rows, column], there[rows, column])
                    for column in range(len(names))
                    if there[rows, column].any()
                ]
            )
        )

    everything = np.arange(len(photos))
    low, high = interval(lambda rows: mean_precision(ours[:, columns], rows), len(photos))
    title = f"COCO val, mean average precision of {len(names)} classes"
    own = mean_precision(ours[:, columns], everything)
    return [
        Figure(title, len(photos), own, low, high, mean_precision(scores, everything), reference)
        for scores, reference in (
            (initial[:, columns].astype(np.float64), "initial network, float"),
            (theirs, "COCO SSD, a detector"),
        )
    ]
