"""Faces that a teacher finds on photos whose faces nobody labelled."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from scened.analysis.faces import Floats, suppress, within_picture
from scened.models.training.command_line import data_and_work
from scened.models.training.corpus import Photo, is_face_free, load_photos
from scened.models.training.yunet import YuNet

__all__ = ["FoundFaces", "load_found_faces", "make_found_faces"]

FOLDERS = ("captions", "classes", "multilabel")
FILE = "found-faces.json"
LONG_SIDE = 640  # px, of the teacher's input: twice the learner's
CERTAIN, DOUBTFUL = 0.65, 0.3  # score from which on a box is a face, or may be one
OVERLAP = 0.4

log = logging.getLogger(__name__)

Box = tuple[float, float, float, float]


class FoundFaces(msgspec.Struct, frozen=True):
    """Boxes (x, y, width, height as fractions): faces, and what may be one or not."""

    faces: list[Box]
    unsure: list[Box]


def make_found_faces(data: Path, work: Path) -> None:
    """Look for faces on every photo that may have some; write `work`/found-faces.json."""
    if (work / FILE).exists():
        log.info("found faces: done already")
        return
    teacher = YuNet(data / "teachers")
    photos = load_photos(work, FOLDERS)
    found = {}
    for place, photo in enumerate(photos):
        if photo.split == "train" and not is_face_free(photo):
            faces = _find(teacher, photo)
            if faces.faces:
                found[photo.key] = faces
        if place % 2000 == 0:
            log.info("found faces: looked at %d of %d photos", place, len(photos))
    (work / FILE).write_bytes(msgspec.json.encode(found))


def load_found_faces(work: Path) -> dict[str, FoundFaces]:
    """Return what was found, by the photos' keys: only photos with a certain face."""
    return msgspec.json.decode((work / FILE).read_bytes(), type=dict[str, FoundFaces])


def _find(teacher: YuNet, photo: Photo) -> FoundFaces:
    boxes, scores = teacher(photo.open(), LONG_SIDE)
    likely = scores >= DOUBTFUL
    visible, sure = within_picture(boxes[likely]), scores[likely]
    kept = suppress(visible, sure, OVERLAP)
    certain = sure[kept] >= CERTAIN
    return FoundFaces(_rounded(visible[kept][certain]), _rounded(visible[kept][~certain]))


def _rounded(boxes: Floats) -> list[Box]:
    return [(x, y, w, h) for x, y, w, h in boxes.round(4).tolist()]


def main() -> None:
    """Look for faces from the command line."""
    make_found_faces(*data_and_work(__doc__))


if __name__ == "__main__":
    main()
