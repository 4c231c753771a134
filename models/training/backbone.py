"""The backbones that packs are made on: MobileNet-EdgeTPU, or any that timm knows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from scened.models.training import torchvision_stubs  # noqa: F401  (before timm)

import timm  # isort: skip

__all__ = [
    "CLASSES",
    "DEFAULT",
    "Backbone",
    "BackboneOutput",
    "EdgeTpu",
    "Timm",
    "UnfitBackbone",
    "new_backbone",
    "with_weights",
]

CLASSES = 1001  # ImageNet's thousand after a background class
DEFAULT = "mobilenet_edgetpu_100"
STRIDES = (4, 8, 16, 32)
NEVER = -30.0  # the background's logit where a classifier lacks it
EXAMPLE_SIDE = 64  # px, of a picture that tells the maps' sizes


class UnfitBackbone(ValueError):
    """The network cannot carry our heads."""


class BackboneOutput(NamedTuple):
    """Maps [B, C, h, w] at strides 4, 8, 16 and 32, and pooled features [B, F]."""

    finest: Tensor
    fine: Tensor
    middle: Tensor
    coarse: Tensor
    pooled: Tensor

    @property
    def maps(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the maps, finest first."""
        return self.finest, self.fine, self.middle, self.coarse


class Backbone(nn.Module, ABC):
    """What every backbone offers: maps and features of pictures, and ImageNet's classes of these.

    `channels` are those of the maps, `features` the number of pooled features.
    """

    channels: tuple[int, int, int, int]
    features: int
    classifier: nn.Module

    @abstractmethod
    def forward(self, pictures: Tensor) -> BackboneOutput:
        """Look at pictures, uint8 [B, H, W, 3] RGB, H and W multiples of 32."""

    @abstractmethod
    def classify(self, pooled: Tensor) -> Tensor:
        """Return logits [B, 1001] of features [B, F]: background first."""


class EdgeTpu(Backbone):
    """MobileNet-EdgeTPU 1.0 with batch norms folded into biases.

    Source: timm's `mobilenet_edgetpu_100`; the weights come from `teacher.py`.
    """

    channels = (32, 48, 96, 192)
    features = 1280

    def __init__(self) -> None:
        super().__init__()
        model = timm.create_model(DEFAULT, num_classes=CLASSES, pad_type="same")
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
        """Look at pictures, uint8 [B, H, W, 3] RGB, H and W multiples of 32."""
        x = self.stem(_planes((pictures.float() - 128) / 127))  # the teacher's own scale
        for block in self.blocks[:2]:
            x = block(x)
        finest = x
        fine = x = self.blocks[2](x)
        for block in self.blocks[3:5]:
            x = block(x)
        middle = x
        for block in self.blocks[5:]:
            x = block(x)
        pooled = functional.adaptive_avg_pool2d(self.head(x), 1).flatten(1)
        return BackboneOutput(finest, fine, middle, x, pooled)

    def classify(self, pooled: Tensor) -> Tensor:
        """Return logits [B, 1001] of features [B, 1280]: background first."""
        logits: Tensor = self.classifier(pooled)
        return logits


class Timm(Backbone):
    """Any of timm's networks for ImageNet that has maps at strides 4, 8, 16 and 32.

    Batch norms keep the statistics they came with. Source: timm's `forward_intermediates`.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, name: str) -> None:
        """Build the network of a name from `timm.list_models()`, without weights.

        Raises UnfitBackbone.
        """
        super().__init__()
        if not timm.is_model(name):
            raise UnfitBackbone(f"timm knows no network called {name}")
        self.model = timm.create_model(name, num_classes=CLASSES - 1)
        self.classifier = self.model.get_classifier()
        described = self.model.pretrained_cfg
        self.register_buffer("mean", 255 * torch.tensor(described["mean"]), persistent=False)
        self.register_buffer("spread", 255 * torch.tensor(described["std"]), persistent=False)
        self.places = self._places(name)
        self.eval()
        with torch.inference_mode():
            example = torch.zeros(1, EXAMPLE_SIDE, EXAMPLE_SIDE, 3, dtype=torch.uint8)
            output = self(example)
        finest, fine, middle, coarse = (each.shape[1] for each in output.maps)
        self.channels = (finest, fine, middle, coarse)
        self.features = output.pooled.shape[1]

    def train(self, mode: bool = True) -> Timm:
        """Learn or not, but leave the norms' statistics alone: our batches are small."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):  # also timm's own kinds
                module.eval()
        return self

    def forward(self, pictures: Tensor) -> BackboneOutput:
        """Look at pictures, uint8 [B, H, W, 3] RGB, H and W multiples of 32."""
        x = _planes((pictures.float() - self.mean) / self.spread)
        last, maps = self.model.forward_intermediates(x, indices=self.places)
        finest, fine, middle, coarse = maps
        pooled = self.model.forward_head(last, pre_logits=True)
        return BackboneOutput(finest, fine, middle, coarse, pooled)

    def classify(self, pooled: Tensor) -> Tensor:
        """Return logits [B, 1001] of features [B, F]: background first."""
        return functional.pad(self.classifier(pooled), (1, 0), value=NEVER)

    def _places(self, name: str) -> list[int]:
        reductions = [stage["reduction"] for stage in getattr(self.model, "feature_info", [])]
        if not hasattr(self.model, "forward_intermediates") or not set(STRIDES) <= set(reductions):
            raise UnfitBackbone(f"{name} has no maps at strides 4, 8, 16 and 32")
        return [len(reductions) - 1 - reductions[::-1].index(stride) for stride in STRIDES]


def new_backbone(name: str = DEFAULT) -> Backbone:
    """Build a backbone without weights. Raises UnfitBackbone."""
    return EdgeTpu() if name == DEFAULT else Timm(name)


def with_weights(name: str, weights: Path) -> Backbone:
    """Build a backbone of timm's with the weights of a file (safetensors, or torch's own).

    Raises UnfitBackbone where the file does not hold this network's weights.
    """
    backbone = Timm(name)
    try:
        timm.models.load_checkpoint(backbone.model, str(weights))
    except (OSError, RuntimeError, KeyError) as error:
        raise UnfitBackbone(f"{weights} does not hold the weights of {name}: {error}") from error
    return backbone


class _FixedPadConv(nn.Conv2d):
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


def _planes(pictures: Tensor) -> Tensor:
    """Turn [B, H, W, 3] into [B, 3, H, W], channels last in memory."""
    return pictures.permute(0, 3, 1, 2)


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
        kind, padding = _FixedPadConv, (0, 0)
    return kind(
        old.in_channels,
        old.out_channels,
        old.kernel_size,
        old.stride,
        padding,
        groups=old.groups,
        bias=True,
    )
