"""Objects in COCO's photos: our tags beside an object detector and the initial network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from scened.models.training.metrics import Figure, interval, ranking_precision
from scened.models.training.seen import Seen
from scened.models.training.tags import TagTruth
from scened.models.training.views import BILINEAR

__all__ = ["Detector", "coco_figures"]

WEIGHTS = "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
LABELS = "coral_coco_labels.txt"

Array = npt.NDArray[np.float64]


class Detector:
    """COCO SSD MobileNet v1: the highest score of each class in a picture."""

    def __init__(self, teachers: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.names = (teachers / LABELS).read_text().split("\n")
        self._network = Interpreter(model_path=str(teachers / WEIGHTS), num_threads=1)
        self._network.allocate_tensors()

    def __call__(self, picture: Image.Image) -> dict[str, float]:
        """Return the best score by class name, of the classes that are found at all."""
        (image,) = self._network.get_input_details()
        _, height, width, _ = image["shape"]
        view = np.asarray(picture.resize((int(width), int(height)), BILINEAR))[None]
        self._network.set_tensor(image["index"], view)
        self._network.invoke()
        outputs = [self._network.get_tensor(o["index"]) for o in self._network.get_output_details()]
        _, classes, scores, _ = (output[0] for output in outputs)
        best: dict[str, float] = {}
        for number, score in zip(classes.astype(int), scores, strict=True):
            name = self.names[number]
            best[name] = max(float(score), best.get(name, 0.0))
        return best


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
    found = [detector(photo.open()) for photo in photos]
    theirs = np.array([[scores.get(name, 0.0) for name in names] for scores in found])
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
            (initial[:, columns], "initial network, float"),
            (theirs, "COCO SSD, a detector"),
        )
    ]
