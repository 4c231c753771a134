"""Choose where a pack looks closer, and from which score on a box is called a face."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from torch.nn import functional

from scened.analysis.faces import calibrated, settle
from scened.models.pack import MANIFEST_NAME, NETWORK_NAME, FaceSettings, open_pack
from scened.models.training.corpus import Photo, held_out, load_photos
from scened.models.training.features import session
from scened.models.training.metrics import Matches, match
from scened.models.training.second_look import FaceFinder, choose_closer

__all__ = ["OVERLAP", "SMALL_FACE", "best_threshold", "choose", "true_faces"]

OVERLAP = 0.5  # boxes that overlap more are one face
SMALL_FACE = 12.0  # px, the side of a face when the photo's long side is 640
REFERENCE_SIDE = 640  # px
FAVOUR_PRECISION = 0.5  # beta of the F score: a wrong face is worse than a missed one

Array = npt.NDArray[np.float64]


def true_faces(photo: Photo, least: float) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Return a photo's boxes [M, 4], fractions, and which are of `least` px or more at 640."""
    boxes = np.array(photo.record["faces"], np.float64).reshape(-1, 4)
    size = np.array([photo.record["width"], photo.record["height"]], np.float64)
    sides = boxes[:, 2:] * size * REFERENCE_SIDE / size.max()
    return boxes, np.sqrt(sides.prod(axis=1)) >= least


def choose(network: onnxruntime.InferenceSession, photos: Sequence[Photo]) -> FaceSettings:
    """Return the settings that serve best on photos of faces the network has not learnt from."""
    finders = [FaceFinder(network, photo.open()) for photo in photos]
    settings = FaceSettings(0.0, OVERLAP, choose_closer(finders, OVERLAP))
    found = []
    for finder, photo in zip(finders, photos, strict=True):
        boxes, scores, _ = finder.find(settings)
        found.append(match(*settle(boxes, scores, OVERLAP), *true_faces(photo, SMALL_FACE)))
    settings = _fitted(settings, found)
    probable = [each._replace(scores=calibrated(each.scores, settings)) for each in found]
    return msgspec.structs.replace(settings, threshold=best_threshold(probable))


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


def _fitted(settings: FaceSettings, photos: Sequence[Matches]) -> FaceSettings:
    """Return settings that make scores the share of boxes that are right. Source: Platt, 1999."""
    scores = torch.from_numpy(np.concatenate([photo.scores for photo in photos]))
    right = torch.from_numpy(np.concatenate([photo.right for photo in photos])).double()
    line = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([line], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        odds = torch.logit(scores, 1e-6) * line[0] + line[1]
        wrong = functional.binary_cross_entropy_with_logits(odds, right)
        wrong.backward()
        return wrong

    optimiser.step(loss)
    slope, offset = line.tolist()
    return msgspec.structs.replace(settings, slope=round(slope, 4), offset=round(offset, 4))


def main() -> None:
    """Choose the face settings of a pack anew, without training or exporting anything."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--pack", type=Path, default=Path("models/packs/everyday-1"))
    parser.add_argument("--work", type=Path, default=Path("training-work"))
    options = parser.parse_args()
    manifest = open_pack(options.pack).manifest
    photos = [photo for photo in load_photos(options.work, ("faces",)) if held_out(photo)]
    faces = choose(session(options.pack / NETWORK_NAME), photos)
    print(faces)
    changed = msgspec.json.encode(msgspec.structs.replace(manifest, faces=faces))
    (options.pack / MANIFEST_NAME).write_bytes(msgspec.json.format(changed) + b"\n")


if __name__ == "__main__":
    main()
