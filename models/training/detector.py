"""What an object detector sees in each photo: soft answers where a source tells little."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from scened.models.training.command_line import data_and_work
from scened.models.training.features import head_photos
from scened.models.training.views import BILINEAR

__all__ = ["Detector", "load_detections", "make_detections"]

WEIGHTS = "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
LABELS = "coral_coco_labels.txt"
FILE = "detections.npz"

Array = npt.NDArray[np.float32]

log = logging.getLogger(__name__)


class Detector:
    """COCO SSD MobileNet v1: the highest score of each class in a picture.

    `names` are COCO's classes in the order of its outputs, with gaps.
    """

    def __init__(self, teachers: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.names = (teachers / LABELS).read_text().split("\n")
        self._network = Interpreter(model_path=str(teachers / WEIGHTS), num_threads=1)
        self._network.allocate_tensors()

    def __call__(self, picture: Image.Image) -> Array:
        """Return the best score of each class, float32 [names]; 0 where it is not found."""
        (image,) = self._network.get_input_details()
        _, height, width, _ = image["shape"]
        view = np.asarray(picture.resize((int(width), int(height)), BILINEAR))[None]
        self._network.set_tensor(image["index"], view)
        self._network.invoke()
        outputs = [self._network.get_tensor(o["index"]) for o in self._network.get_output_details()]
        _, classes, scores, _ = (output[0] for output in outputs)
        best = np.zeros(len(self.names), np.float32)
        np.maximum.at(best, classes.astype(int), scores)
        return best


def make_detections(data: Path, work: Path) -> None:
    """Run the detector on every head photo; write `work`/detections.npz."""
    if (work / FILE).exists():
        log.info("detections: done already")
        return
    detector = Detector(data / "teachers")
    photos = head_photos(work)
    scores = np.zeros((len(photos), len(detector.names)), np.float16)
    for place, photo in enumerate(photos):
        scores[place] = detector(photo.open())
        if place % 2000 == 0:
            log.info("detections: %d of %d", place, len(photos))
    np.savez_compressed(work / FILE, scores=scores, names=np.array(detector.names))


def load_detections(work: Path) -> dict[str, Array]:
    """Return for each of COCO's classes the best score in each head photo, float32 [photos]."""
    with np.load(work / FILE, allow_pickle=False) as kept:
        scores = kept["scores"].astype(np.float32)
        return {str(name): scores[:, place] for place, name in enumerate(kept["names"])}


def main() -> None:
    """Run the detector from the command line."""
    make_detections(*data_and_work(__doc__))


if __name__ == "__main__":
    main()
