"""Batches for the joint training: photos for tags and likeness, and photos with known faces."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import msgspec
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from scened.models.training.corpus import Photo, held_out, is_face_free
from scened.models.training.face_loss import FaceTarget, face_target
from scened.models.training.found_faces import FoundFaces
from scened.models.training.views import (
    FaceView,
    Pixels,
    face_view,
    general_view,
    mixed,
    mosaic,
    roughened,
    stretched,
)

__all__ = ["Batch", "BatchSettings", "Sampler"]

SHAPES = ((320, 320), (320, 256), (256, 320), (320, 256), (256, 320))  # of face batches
OTHER_SHARES = {"classes": 4, "multilabel": 1, "faces": 1}  # of the photos without captions


class BatchSettings(msgspec.Struct, frozen=True):
    """What a step is shown."""

    photos: int = 16  # per step, at `side`
    side: int = 224  # px
    captioned: float = 0.4  # share of the photos, those that have captions
    rough: float = 0.0  # share of the photos that the learner sees roughened
    mixed: int = 0  # views of two photos at once, per step, besides; to hold on to what is known
    faces: int = 16  # per step, at long side 320
    faces_large: int = 2  # of them, from the larger photos
    faces_found: int = 0  # of them, from photos on which a teacher found the faces
    face_free: int = 2  # of them, from photos without any
    mosaics: float = 0.0  # share of the remaining ones that show four photos at half the size

    def times(self, factor: int) -> BatchSettings:
        """Return what a step that is so many times as large is shown."""
        counts = ("photos", "mixed", "faces", "faces_large", "faces_found", "face_free")
        return msgspec.structs.replace(self, **{n: getattr(self, n) * factor for n in counts})


class Batch(NamedTuple):
    """One step's input: general photos, and photos with the face head's targets.

    `clean` is what the initial network sees, `photos` what the learner sees of the same;
    `places` are the first photos' places in the list the sampler was given, those after them
    show two at once. Pictures are uint8 [B, H, W, 3].
    """

    clean: Tensor
    photos: Tensor
    places: Tensor
    face_photos: Tensor
    faces: FaceTarget

    def to(self, device: torch.device) -> Batch:
        """Return the same batch on a device."""
        return Batch(
            self.clean.to(device),
            self.photos.to(device),
            self.places.to(device),
            self.face_photos.to(device),
            FaceTarget(*(part.to(device) for part in self.faces)),
        )


class Sampler:
    """Draws batches; a batch depends only on the seed and its number."""

    def __init__(
        self,
        general: Sequence[Photo],
        faces: Sequence[Photo],
        found: Mapping[str, FoundFaces],
        seed: int,
        settings: BatchSettings,
    ) -> None:
        """Take all photos, and what a teacher found on some; only those to train on are drawn."""
        self._settings = settings
        self._seed = seed
        self._photos = general
        self._places = {
            folder: [
                place
                for place, photo in enumerate(general)
                if photo.folder == folder and _to_train_on(photo)
            ]
            for folder in ("captions", *OTHER_SHARES)
        }
        usable = [photo for photo in (*faces, *general) if _to_train_on(photo)]
        self._large = [p for p in usable if p.folder == "faces_large"]
        self._faces: dict[str, list[Photo]] = {}
        for photo in faces:
            if _to_train_on(photo) and photo.folder == "faces":
                self._faces.setdefault(photo.source, []).append(photo)
        self._free = [p for p in usable if is_face_free(p)]
        self._found = found
        self._with_found = [p for p in usable if p.key in found]

    def batches(self, start: int) -> Iterator[Batch]:
        """Yield batches from number `start` on, in order, prepared ahead by a thread a core."""
        threads = max(1, (os.cpu_count() or 1) - 1)
        with ThreadPoolExecutor(threads) as pool:
            numbers = itertools.count(start)
            ahead = deque(pool.submit(self.batch, next(numbers)) for _ in range(2 * threads + 2))
            while True:
                yield ahead.popleft().result()
                ahead.append(pool.submit(self.batch, next(numbers)))

    def batch(self, number: int) -> Batch:
        """Draw and augment batch `number`."""
        s = self._settings
        rng = np.random.default_rng([self._seed, number])
        places, clean = self._general(s.photos, rng)
        shown = [
            np.asarray(roughened(Image.fromarray(view), rng)) if rng.random() < s.rough else view
            for view in clean
        ]
        pairs = zip(*(self._general(s.mixed, rng)[1] for _ in range(2)), strict=True)
        both = [mixed(first, second, rng.random()) for first, second in pairs]
        face_photos, faces = self.faces(rng)
        return Batch(
            clean=torch.from_numpy(np.stack([*clean, *both])),
            photos=torch.from_numpy(np.stack([*shown, *both])),
            places=torch.tensor(places),
            face_photos=face_photos,
            faces=faces,
        )

    def _general(self, count: int, rng: np.random.Generator) -> tuple[list[int], list[Pixels]]:
        """Draw some photos: their places, and a view of each."""
        captioned = self._settings.captioned
        parts = np.array(list(OTHER_SHARES.values()))
        shares = [captioned, *(1 - captioned) * parts / parts.sum()]
        folders = rng.choice(list(self._places), count, p=shares)
        places = [int(rng.choice(self._places[str(folder)])) for folder in folders]
        chosen = [self._photos[place] for place in places]
        views = [general_view(p.open(), p.squashed, self._settings.side, rng) for p in chosen]
        return places, views

    def faces(self, rng: np.random.Generator) -> tuple[Tensor, FaceTarget]:
        """Draw and augment the photos with known faces: uint8 [B, H, W, 3], and the targets."""
        s = self._settings
        shape = SHAPES[rng.integers(len(SHAPES))]
        small = s.faces - s.faces_large - s.faces_found - s.face_free
        views = [
            self._mosaic(shape, rng)
            if rng.random() < s.mosaics
            else self._face_view(self._small(rng), shape, rng)
            for _ in range(small)
        ]
        chosen = [_pick(self._large, rng) for _ in range(s.faces_large)]
        chosen += [_pick(self._with_found, rng) for _ in range(s.faces_found)]
        chosen += [_pick(self._free, rng) for _ in range(s.face_free)]
        views += [self._face_view(photo, shape, rng) for photo in chosen]
        targets = [face_target(view.faces, view.unsure, shape) for view in views]
        stacked = FaceTarget(*(torch.stack(part) for part in zip(*targets, strict=True)))
        return torch.from_numpy(np.stack([view.pixels for view in views])), stacked

    def _small(self, rng: np.random.Generator) -> Photo:
        """Draw from each source as often, whatever its size: the largest has the plainest faces."""
        return _pick(self._faces[str(rng.choice(list(self._faces)))], rng)

    def _mosaic(self, shape: tuple[int, int], rng: np.random.Generator) -> FaceView:
        part = (shape[0] // 2, shape[1] // 2)
        return mosaic([self._face_view(self._small(rng), part, rng, 0.5) for _ in range(4)])

    def _face_view(
        self, photo: Photo, shape: tuple[int, int], rng: np.random.Generator, shrunk: float = 1.0
    ) -> FaceView:
        picture = photo.open()
        if photo.squashed:
            picture = stretched(picture, rng)
        told = photo.record.get("faces")
        if told is None and photo.key in self._found:
            found = self._found[photo.key]
            return face_view(picture, found.faces, found.unsure, shape, rng, shrunk)
        return face_view(picture, told or [], [], shape, rng, shrunk)


def _to_train_on(photo: Photo) -> bool:
    return photo.split == "train" and not held_out(photo)


def _pick(photos: Sequence[Photo], rng: np.random.Generator) -> Photo:
    return photos[int(rng.integers(len(photos)))]
