"""The recipe: which legs of training follow each other, and the settings of each."""

from __future__ import annotations

import msgspec
import torch

from scened.models.training.batches import BatchSettings

__all__ = ["FACE_HEAD_LEGS", "LARGER", "LAST_LEG", "LEGS", "Mean", "Settings"]

LARGER = 4  # times as large a step is on a graphics processor


class Settings(msgspec.Struct, frozen=True):
    """The recipe of a leg. Rates are AdamW's; the others multiply losses."""

    minutes: float
    seed: int = 1
    back: float = 0.0  # of the way to the initial network's weights, before the first step
    batch: BatchSettings = BatchSettings()
    backbone_rate: float = 4e-5
    face_rate: float = 1e-3
    head_rate: float = 1e-4
    weight_decay: float = 1e-4
    warm_up_steps: int = 60
    hold_logits: float = 1.0
    hold_features: float = 2.0
    face_scores: float = 1.0
    face_boxes: float = 2.0
    face_quality: float = 1.0
    tags: float = 0.0
    names: float = 0.0
    likeness: float = 0.0
    reading: float = 0.0
    averaging: float = 0.997  # of the weights that are kept, per step
    bfloat16: bool = True

    @property
    def all_heads(self) -> bool:
        """Tell whether the tag and embedding heads take part."""
        return bool(self.tags or self.names or self.likeness or self.reading)

    def on(self, device: torch.device) -> Settings:
        """Return the recipe for a device: a graphics processor takes larger steps.

        Rates grow with the root of that. Source: Malladi et al., On the SDEs and Scaling Rules for
        Adaptive Gradient Algorithms, 2022.
        """
        if device.type != "cuda":
            return self
        rates = ("backbone_rate", "face_rate", "head_rate")
        return msgspec.structs.replace(
            self,
            batch=self.batch.times(LARGER),
            **{rate: getattr(self, rate) * LARGER**0.5 for rate in rates},
        )


class Mean(msgspec.Struct, frozen=True):
    """A leg without training: the mean of other legs' weights, `of` which are told by name."""

    of: tuple[str, ...]


WITH_MOSAICS = BatchSettings(
    photos=16,
    captioned=0.5,
    rough=0.4,
    mixed=4,
    faces=16,
    faces_found=3,
    face_free=1,
    mosaics=0.3,
)
LEGS: dict[str, Settings | Mean] = {
    "faces": Settings(minutes=60),
    "joint": Settings(
        minutes=80,
        seed=2,
        batch=BatchSettings(photos=14, rough=0.5, faces=20, faces_large=3),
        tags=0.1,
        names=0.5,
        likeness=0.2,
    ),
    "longer": Settings(
        minutes=75,
        seed=4,
        batch=BatchSettings(photos=14, rough=0.4, faces=18, faces_found=4, face_free=1),
        backbone_rate=5e-5,
        face_rate=5e-4,
        tags=0.1,
        names=1.0,
        likeness=0.3,
    ),
    "finer": Settings(
        minutes=75,
        seed=6,
        back=0.25,
        batch=BatchSettings(photos=12, side=256, rough=0.4, faces=18, faces_found=4, face_free=1),
        backbone_rate=4e-5,
        face_rate=1e-3,
        hold_logits=2.0,
        tags=0.1,
        names=1.0,
        likeness=0.1,
    ),
    "mosaic": Settings(
        minutes=62,
        seed=8,
        back=0.15,
        batch=WITH_MOSAICS,
        face_rate=5e-4,
        hold_logits=2.0,
        tags=0.1,
        names=1.0,
        likeness=0.3,
    ),
    "reading": Settings(
        minutes=66,
        seed=10,
        batch=WITH_MOSAICS,
        face_rate=5e-4,
        hold_logits=2.0,
        tags=0.1,
        names=1.0,
        reading=0.5,
    ),
    "mean": Mean(("mosaic", "reading")),
    "rereading": Settings(
        minutes=42,
        seed=12,
        batch=WITH_MOSAICS,
        face_rate=5e-4,
        hold_logits=2.0,
        tags=0.1,
        names=1.0,
        reading=0.7,
    ),
}
LAST_LEG = list(LEGS)[-1]
# After these the face head is trained alone.
FACE_HEAD_LEGS = ("joint", "finer", "mosaic", "reading", "rereading")
