"""The face head, and what all parts of the network agree on."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = [
    "EMBEDDING",
    "STRIDE",
    "FaceOutput",
    "FacePyramid",
    "best_device",
    "cells",
]

EMBEDDING = 256
PYRAMID = 64  # channels
STRIDE = 4  # px between cells of the face head
REACH = 8  # px from a cell to each side of a face where the head says nothing else
PRIOR = 0.01  # the score an untrained face head gives everywhere


class FaceOutput(NamedTuple):
    """What is said at each cell of a face: logits [B, h, w], distances [B, h, w, 4] in px.

    `scores` are of a face being centred there, `distances` to its left, top, right and bottom,
    `quality` of how much the box they make will overlap the face.
    """

    scores: Tensor
    distances: Tensor
    quality: Tensor

    @property
    def likely(self) -> Tensor:
        """Return [B, h, w], 0 to 1: that there is a face, and that its box is right."""
        return self.scores.sigmoid() * self.quality.sigmoid()


class FacePyramid(nn.Module):
    """A feature pyramid merged to one map that scores and boxes faces, as in FCOS.

    The map has stride 8 and each place of it answers for the four cells within: a small face is
    less than 8 px, but a map of stride 4 would cost four times as much. What the backbone sees at
    stride 4 enters by fours as well. Source: Shi et al., sub-pixel convolution, 2016.

    Where a face is and how far it reaches have a tower each, of which the latter also tells how
    well it knows. Source: Tian et al., FCOS, 2019; Jiang et al., Acquisition of localization
    confidence, 2018 (quality).
    """

    def __init__(self, channels: tuple[int, int, int, int]) -> None:
        """Take the channels of the backbone's maps at strides 4, 8, 16 and 32."""
        super().__init__()
        finest, *others = channels
        self.finest = nn.Conv2d(finest, PYRAMID, 2, stride=2)
        self.fine, self.middle, self.coarse = (nn.Conv2d(count, PYRAMID, 1) for count in others)
        self.scoring, self.boxing = _tower(), _tower()
        self.predict_score = nn.Conv2d(PYRAMID, 4, 1)
        self.predict_box = nn.Conv2d(PYRAMID, 4 * 5, 1)
        for layer in (self.finest, self.fine, self.middle, self.coarse):
            nn.init.zeros_(layer.bias)
            layer.weight.data.mul_(0.3)  # the backbone's linear maps have a spread of several
        for layer in (self.predict_score, self.predict_box):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
        nn.init.constant_(self.predict_score.bias, -math.log((1 - PRIOR) / PRIOR))

    def forward(self, finest: Tensor, fine: Tensor, middle: Tensor, coarse: Tensor) -> FaceOutput:
        """Merge the backbone's maps and predict at each stride-4 cell."""
        x = self.middle(middle) + _doubled(self.coarse(coarse))
        x = functional.relu(self.finest(finest) + self.fine(fine) + _doubled(x))
        score = functional.pixel_shuffle(self.predict_score(self.scoring(x)), 2)[:, 0].float()
        box = functional.pixel_shuffle(self.predict_box(self.boxing(x)), 2)
        box = box.permute(0, 2, 3, 1).float()
        return FaceOutput(score, torch.exp(box[..., :4].clamp(-4.0, 5.0)) * REACH, box[..., 4])


def best_device() -> torch.device:
    """Return the graphics processor where there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def cells(height: int, width: int) -> Tensor:
    """Return the centres [h, w, 2] (x, y in px) of the face head's cells for a picture's size."""
    y = (torch.arange(height // STRIDE) + 0.5) * STRIDE
    x = (torch.arange(width // STRIDE) + 0.5) * STRIDE
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)


def _tower() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(PYRAMID, PYRAMID, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(PYRAMID, PYRAMID, 3, padding=1),
        nn.ReLU(inplace=True),
    )


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")
