"""The network as it ships: a uint8 picture in, tags, embedding and faces out."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from scened.models.training.backbone import Backbone
from scened.models.training.network import EMBEDDING, STRIDE, FacePyramid

__all__ = ["Outputs", "PhotoTower", "Product", "TagHead", "face_boxes"]

HIDDEN = 512  # values between features and embedding
LEAST_PROBABILITY = 1e-4  # of a tag by the ImageNet classifier, before its log-odds are taken


class Outputs(NamedTuple):
    """The pack's four outputs, for a batch of one."""

    tags: Tensor
    embedding: Tensor
    face_boxes: Tensor
    face_scores: Tensor


class TagHead(nn.Module):
    """Tag logits from two kinds of evidence: the ImageNet classifier's, and the features'.

    The classifier's probabilities are summed over each tag's classes; their log-odds, times a
    weight per tag, are added to a linear layer on the pooled features. So a tag keeps all that
    the initial network knew of it, and one that ImageNet lacks is learnt from photos alone.
    """

    classes: Tensor

    def __init__(self, classes: Tensor, features: int) -> None:
        """Take `classes`, float [1001, T]: one where an ImageNet output means a tag."""
        super().__init__()
        known = classes.any(dim=0).float()
        self.register_buffer("classes", classes)
        self.evidence = nn.Parameter(known.clone())
        self.linear = nn.Linear(features, classes.shape[1])
        nn.init.zeros_(self.linear.weight)
        self.linear.bias.data.copy_(-4.0 * (1 - known))  # unknown tags start as rare

    def log_odds(self, logits: Tensor) -> Tensor:
        """Return the classifier's log-odds of each tag: [B, 1001] -> [B, T]."""
        share = (logits.softmax(dim=1) @ self.classes).clamp(LEAST_PROBABILITY, 1 - 1e-4)
        return torch.log(share) - torch.log(1 - share)

    def forward(self, pooled: Tensor, logits: Tensor) -> Tensor:
        """Return tag logits [B, T] from features [B, F] and class logits [B, 1001]."""
        return self.evidence * self.log_odds(logits) + self.linear(pooled)


class PhotoTower(nn.Module):
    """The embedding of a photo from its pooled features, as TextTower gives that of words.

    A linear layer, and what a hidden one adds to it.
    """

    def __init__(self, features: int, dropped: float = 0.0) -> None:
        """Leave out a share of the features, and of the hidden values, in training."""
        super().__init__()
        self.drop = nn.Dropout(dropped)
        self.direct = nn.Linear(features, EMBEDDING)
        self.hidden = nn.Linear(features, HIDDEN)
        self.deep = nn.Linear(HIDDEN, EMBEDDING)

    def forward(self, features: Tensor) -> Tensor:
        """Return unit vectors [B, 256] of features [B, F]."""
        features = self.drop(features)
        hidden = self.drop(functional.relu(self.hidden(features)))
        return functional.normalize(self.direct(features) + self.deep(hidden), dim=1)

    def fold(self, mean: Tensor, spread: Tensor) -> None:
        """Take raw features from now on, where standardised ones were learnt from."""
        with torch.no_grad():
            for layer in (self.direct, self.hidden):
                layer.weight.div_(spread)
                layer.bias.sub_(layer.weight @ mean)


class Product(nn.Module):
    """All heads on one backbone, in one forward."""

    def __init__(self, backbone: Backbone, classes: Tensor) -> None:
        super().__init__()
        self.backbone = backbone
        self.faces = FacePyramid(backbone.channels)
        self.tags = TagHead(classes, backbone.features)
        self.embedding = PhotoTower(backbone.features)

    def forward(self, image: Tensor) -> Outputs:
        """Analyse one picture, uint8 [1, H, W, 3] RGB, H and W multiples of 32."""
        seen = self.backbone(image)
        tags = self.tags(seen.pooled, self.backbone.classify(seen.pooled)).sigmoid()
        embedding = self.embedding(seen.pooled)
        found = self.faces(*seen.maps)
        boxes = face_boxes(found.distances)
        return Outputs(tags[0], embedding[0], boxes[0], found.likely.flatten())


def face_boxes(distances: Tensor) -> Tensor:
    """Turn distances [B, h, w, 4] (px) into boxes [B, h * w, 4]: x, y, width, height, fractions.

    Boxes are clipped to the picture. Sizes come from the tensor alone, so that the exported
    graph works for any.
    """
    rows, columns = distances.shape[1], distances.shape[2]
    x = ((torch.arange(columns) + 0.5) / columns)[None, None, :]
    y = ((torch.arange(rows) + 0.5) / rows)[None, :, None]
    left, top, right, bottom = (distances[..., side] / STRIDE for side in range(4))
    left, right = (x - left / columns).clamp(min=0), (x + right / columns).clamp(max=1)
    top, bottom = (y - top / rows).clamp(min=0), (y + bottom / rows).clamp(max=1)
    return torch.stack([left, top, right - left, bottom - top], dim=-1).flatten(1, 2)
