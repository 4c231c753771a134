"""What the face head should say for known boxes, and how far its answer is from it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from scened.models.training.network import STRIDE, FaceOutput, cells
from scened.models.training.views import Boxes

__all__ = ["FaceLosses", "FaceTarget", "face_loss", "face_target"]

LEAST_SIDE = 4.0  # px; smaller faces are neither asked for nor forbidden
SPREAD = 0.12  # of a face's side: the deviation of its bump on the heat map
LEAST_SPREAD = 2.8  # px
REGRESSED = 0.45  # cells with at least this heat learn the box
POSITIVE_POWER, NEGATIVE_POWER = 2.0, 4.0  # of the focal loss


class FaceTarget(NamedTuple):
    """For each cell [h, w]: heat (1 at a face's centre), box [h, w, 4] in px, and loss weight."""

    heat: Tensor
    boxes: Tensor
    weight: Tensor


def face_target(boxes: Boxes, unsure: Boxes, shape: tuple[int, int]) -> FaceTarget:
    """Draw faces, [N, 4] left, top, right, bottom in px of a view of `shape`, on its cells.

    Within `unsure` boxes a face is neither asked for nor forbidden, nor where one is very small.

    Source: Zhou et al., Objects as Points, 2019 (heat); Tian et al., FCOS, 2019 (boxes).
    """
    centres = cells(*shape).numpy()
    heat = np.zeros(centres.shape[:2], np.float32)
    weight = np.ones_like(heat)
    owner = np.zeros((*heat.shape, 4), np.float32)
    for box in unsure:
        weight[_inside(centres, box)] = 0
    sides = boxes[:, 2:] - boxes[:, :2]
    # Largest first, so that a small face in front keeps its cells.
    for index in np.argsort(-np.prod(sides, axis=1)):
        box, side = boxes[index], sides[index]
        if side.min() < LEAST_SIDE:
            weight[_inside(centres, box) & (heat < REGRESSED)] = 0
            continue
        middle = (box[:2] + box[2:]) / 2
        spread = np.maximum(side * SPREAD, LEAST_SPREAD)
        bump = np.exp(-(((centres - middle) / spread) ** 2).sum(axis=-1) / 2)
        nearest = np.unravel_index(bump.argmax(), bump.shape)
        bump[nearest] = 1.0
        mine = (bump >= REGRESSED) & (bump >= heat)
        owner[mine] = box
        weight[mine] = 1
        heat = np.maximum(heat, bump)
    tensors = (torch.from_numpy(a) for a in (heat, owner, weight))
    return FaceTarget(*tensors)


class FaceLosses(NamedTuple):
    """What a face head got wrong: where faces are, how far they reach, how well it knows."""

    scores: Tensor
    boxes: Tensor
    quality: Tensor


def face_loss(answer: FaceOutput, target: FaceTarget) -> FaceLosses:
    """Return the losses of a batch: answers [B, h, w], targets stacked likewise.

    Source: Law and Deng, CornerNet, 2018 (focal loss on a heat map); Rezatofighi et al., 2019
    (generalised IoU, for boxes); the cross-entropy of quality is against the boxes' own IoU.
    """
    positive = target.heat >= 1.0
    score = answer.scores.sigmoid().clamp(1e-5, 1 - 1e-5)
    hit = -torch.log(score) * (1 - score) ** POSITIVE_POWER
    miss = -torch.log(1 - score) * score**POSITIVE_POWER
    miss = miss * (1 - target.heat) ** NEGATIVE_POWER * target.weight
    count = positive.sum().clamp(min=1)
    focal = torch.where(positive, hit, miss).sum() / count

    chosen = (target.heat >= REGRESSED) & (target.weight > 0) & (target.boxes[..., 2] > 0)
    if not chosen.any():
        return FaceLosses(focal, focal.new_zeros(()), focal.new_zeros(()))
    height, width = (STRIDE * side for side in answer.scores.shape[1:])
    centres = cells(height, width).to(chosen.device).expand(*answer.scores.shape, 2)[chosen]
    distances = answer.distances[chosen]
    predicted = torch.cat([centres - distances[:, :2], centres + distances[:, 2:]], dim=1)
    heat = target.heat[chosen]
    overlap, generalised = _overlaps(predicted, target.boxes[chosen])
    quality = functional.binary_cross_entropy_with_logits(answer.quality[chosen], overlap.detach())
    return FaceLosses(focal, ((1 - generalised) * heat).sum() / heat.sum(), quality)


def _inside(centres: npt.NDArray[np.float32], box: Boxes) -> npt.NDArray[np.bool_]:
    near = (centres > box[:2] - STRIDE / 2) & (centres < box[2:] + STRIDE / 2)
    return np.logical_and(near[..., 0], near[..., 1])


def _overlaps(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Return the intersection over union of boxes [N, 4], plain and generalised."""
    shared = torch.minimum(first[:, 2:], second[:, 2:]) - torch.maximum(first[:, :2], second[:, :2])
    shared_area = shared.clamp(min=0).prod(dim=1)
    hull = torch.maximum(first[:, 2:], second[:, 2:]) - torch.minimum(first[:, :2], second[:, :2])
    hull_area = hull.clamp(min=1e-3).prod(dim=1)
    areas = (first[:, 2:] - first[:, :2]).clamp(min=0).prod(dim=1)
    areas = areas + (second[:, 2:] - second[:, :2]).clamp(min=0).prod(dim=1)
    union = (areas - shared_area).clamp(min=1e-3)
    overlap = shared_area / union
    return overlap, overlap - (hull_area - union) / hull_area
