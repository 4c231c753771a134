"""The network: one MobileNet-EdgeTPU backbone with a tag, an embedding and a face head."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from scened.models.training import torchvision_stubs  # noqa: F401  (before timm)

import timm  # isort: skip

__all__ = [
    "CLASSES",
    "EMBEDDING",
    "FEATURES",
    "STRIDE",
    "Backbone",
    "BackboneOutput",
    "FaceOutput",
    "FacePyramid",
    "FixedPadConv",
    "best_device",
    "cells",
    "normalise",
]

CLASSES = 1001  # ImageNet's thousand after a background class
FEATURES = 1280  # pooled channels
EMBEDDING = 256
PYRAMID = 64  # channels
STRIDE = 8  # px between cells of the face head
MEAN, SCALE = 128.0, 127.0  # of the teacher's own input
PRIOR = 0.01  # the score an untrained face head gives everywhere


class BackboneOutput(NamedTuple):
    """Maps at strides 8 (48 channels), 16 (96) and 32 (192), and pooled features [B, 1280]."""

    fine: Tensor
    middle: Tensor
    coarse: Tensor
    pooled: Tensor


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


class FixedPadConv(nn.Conv2d):
    """A strided convolution padded like TensorFlow's SAME for inputs of even size.

    The padding is stated in numbers, so that it can be exported for a free height and width.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  (torch's own name)
        """Pad one more at the end than at the start, then convolve."""
        total = self.kernel_size[0] - self.stride[0]
        before = total // 2
        padded = functional.pad(input, (before, total - before, before, total - before))
        return functional.conv2d(
            padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups
        )


class Backbone(nn.Module):
    """MobileNet-EdgeTPU 1.0 with batch norms folded into biases, and its ImageNet classifier.

    Input: float [B, 3, H, W], normalised, H and W multiples of 32. Source: timm's
    `mobilenet_edgetpu_100`; the weights come from `teacher.py`.
    """

    def __init__(self) -> None:
        super().__init__()
        model = timm.create_model("mobilenet_edgetpu_100", num_classes=CLASSES, pad_type="same")
        _fold_norms(model)
        self.stem = nn.Sequential(model.conv_stem, model.bn1)
        self.blocks = model.blocks
        self.head = nn.Sequential(model.conv_head, model.bn2)
        self.classifier = model.classifier

    def convolutions(self) -> list[nn.Conv2d]:
        """Return every convolution in the order of computation."""
        parts = (self.stem, self.blocks, self.head)
        return [m for part in parts for m in part.modules() if isinstance(m, nn.Conv2d)]

    def forward(self, pictures: Tensor) -> BackboneOutput:
        """Compute the maps and the pooled features."""
        x = self.stem(pictures)
        for block in self.blocks[:3]:
            x = block(x)
        fine = x
        for block in self.blocks[3:5]:
            x = block(x)
        middle = x
        for block in self.blocks[5:]:
            x = block(x)
        pooled = functional.adaptive_avg_pool2d(self.head(x), 1).flatten(1)
        return BackboneOutput(fine, middle, x, pooled)


class FacePyramid(nn.Module):
    """A feature pyramid merged to one stride-8 map that scores and boxes faces, as in FCOS.

    Where a face is and how far it reaches have a tower each, of which the latter also tells how
    well it knows. Source: Tian et al., FCOS, 2019; Jiang et al., Acquisition of localization
    confidence, 2018 (quality).
    """

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Conv2d(48, PYRAMID, 1)
        self.middle = nn.Conv2d(96, PYRAMID, 1)
        self.coarse = nn.Conv2d(192, PYRAMID, 1)
        self.scoring, self.boxing = _tower(), _tower()
        self.predict_score = nn.Conv2d(PYRAMID, 1, 1)
        self.predict_box = nn.Conv2d(PYRAMID, 5, 1)
        for layer in (self.fine, self.middle, self.coarse):
            nn.init.zeros_(layer.bias)
            layer.weight.data.mul_(0.3)  # the backbone's linear maps have a spread of several
        for layer in (self.predict_score, self.predict_box):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
        nn.init.constant_(self.predict_score.bias, -math.log((1 - PRIOR) / PRIOR))

    def forward(self, fine: Tensor, middle: Tensor, coarse: Tensor) -> FaceOutput:
        """Merge the backbone's maps and predict at each stride-8 cell."""
        x = self.middle(middle) + _doubled(self.coarse(coarse))
        x = functional.relu(self.fine(fine) + _doubled(x))
        score = self.predict_score(self.scoring(x))[:, 0].float()
        box = self.predict_box(self.boxing(x)).permute(0, 2, 3, 1).float()
        return FaceOutput(score, torch.exp(box[..., :4].clamp(-4.0, 5.0)) * STRIDE, box[..., 4])


def best_device() -> torch.device:
    """Return the graphics processor where there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def normalise(pictures: Tensor) -> Tensor:
    """Turn uint8 [B, H, W, 3] RGB into the backbone's float [B, 3, H, W], channels last."""
    return ((pictures.float() - MEAN) / SCALE).permute(0, 3, 1, 2)


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


def _fold_norms(model: nn.Module) -> None:
    """Give each convolution a bias and leave only the activation of the norm that follows it."""
    previous: tuple[nn.Module, str, nn.Conv2d] | None = None
    for name, module in list(model.named_modules()):
        parent = model.get_submodule(name.rpartition(".")[0])
        attribute = name.rpartition(".")[2]
        if isinstance(module, nn.Conv2d):
            previous = (parent, attribute, module)
        elif hasattr(module, "running_mean") and previous is not None:
            owner, place, old = previous
            setattr(owner, place, _with_bias(old))
            setattr(parent, attribute, module.act)
            previous = None
    # The very first projection has no activation in the published weights.
    model.blocks[0][0].bn1 = nn.Identity()


def _with_bias(old: nn.Conv2d) -> nn.Conv2d:
    kind, padding = nn.Conv2d, old.padding
    if old.stride[0] > 1:
        kind, padding = FixedPadConv, (0, 0)
    return kind(
        old.in_channels,
        old.out_channels,
        old.kernel_size,
        old.stride,
        padding,
        groups=old.groups,
        bias=True,
    )
