"""The embedding head: likeness, taught by captions and by the initial features' own structure."""

from __future__ import annotations

import logging
import math
from functools import partial
from typing import NamedTuple

import msgspec
import torch
from torch import Tensor, nn
from torch.nn import functional

from scened.models.training.features import Cache
from scened.models.training.network import EMBEDDING, FEATURES
from scened.models.training.text_tower import PADDING, TextTower, start_vectors, tokenise

__all__ = ["EmbeddingHead", "EmbeddingSettings", "recall_at", "train_embedding"]

CAPTIONS = 5  # of a photo

log = logging.getLogger(__name__)


class EmbeddingSettings(msgspec.Struct, frozen=True):
    """The recipe of the embedding head."""

    seed: int = 2
    steps: int = 240
    captioned: int = 1024  # photos with a caption each, per step
    others: int = 512  # photos without, per step
    rate: float = 1e-3
    word_rate: float = 3e-4
    weight_decay: float = 0.02
    temperature: float = 0.05  # of the contrast at the start; learnt
    structure: float = 1.0  # weight of keeping the features' own likenesses
    structure_temperature: float = 0.07


class EmbeddingHead(NamedTuple):
    """The layer that ships, on raw features, and the text tower, which does not (yet)."""

    layer: nn.Linear
    text: TextTower
    curve: list[dict[str, float]]


def train_embedding(cache: Cache, settings: EmbeddingSettings) -> EmbeddingHead:
    """Train on cached features [views, photos, 1280]; only train photos are used.

    Loss: symmetric contrast with one of each photo's captions (Radford et al., CLIP, 2021),
    plus the divergence between the photos' likenesses by features and by embedding
    (as in Tejankar et al., ISD, 2021).
    """
    torch.manual_seed(settings.seed)
    train = torch.tensor([p.split == "train" for p in cache.photos])
    captioned = torch.tensor(["captions" in p.record for p in cache.photos]) & train
    with_captions = captioned.nonzero().flatten()
    without = (train & ~captioned).nonzero().flatten()
    pooled = torch.from_numpy(cache.pooled)
    mean, spread = pooled[:, train].mean((0, 1)), pooled[:, train].std((0, 1)) + 1e-3
    captions = [cache.photos[i].record["captions"] for i in with_captions.tolist()]
    pieces = tokenise([own[n % len(own)] for own in captions for n in range(CAPTIONS)])
    pieces = pieces[:, : int((pieces != PADDING).sum(dim=1).max())]
    pieces = pieces.view(len(captions), CAPTIONS, -1)

    layer = nn.Linear(FEATURES, EMBEDDING)
    text = TextTower(start_vectors())
    log_scale = nn.Parameter(torch.tensor(1 / settings.temperature).log())
    others = [p for name, p in text.named_parameters() if name != "vectors.weight"]
    optimisers = [
        torch.optim.AdamW(
            [*layer.parameters(), *others, log_scale],
            settings.rate,
            weight_decay=settings.weight_decay,
        ),
        torch.optim.SparseAdam([text.vectors.weight], settings.word_rate),
    ]
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(optimiser, partial(_share, steps=settings.steps))
        for optimiser in optimisers
    ]
    curve: list[dict[str, float]] = []
    for step in range(settings.steps):
        rows = torch.randperm(len(with_captions))[: settings.captioned]
        first = with_captions[rows]
        second = without[torch.randperm(len(without))[: settings.others]]
        photos = torch.cat([first, second])
        views = torch.randint(len(pooled), (len(photos),))
        features = (pooled[views, photos] - mean) / spread
        embedded = functional.normalize(layer(features), dim=1)
        said = text(pieces[rows, torch.randint(CAPTIONS, (len(rows),))])
        likeness = embedded[: len(rows)] @ said.T * log_scale.exp().clamp(max=100)
        diagonal = torch.arange(len(rows))
        contrast = functional.cross_entropy(likeness, diagonal)
        contrast = (contrast + functional.cross_entropy(likeness.T, diagonal)) / 2
        structure = _structure(embedded, features, settings.structure_temperature)
        loss = contrast + settings.structure * structure
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        for optimiser, schedule in zip(optimisers, schedules, strict=True):
            optimiser.step()
            schedule.step()
        if step % 20 == 19:
            values = {"contrast": contrast.item(), "structure": structure.item()}
            curve.append({"step": step + 1, **values})
            log.info("embedding: step %d %s", step + 1, values)
    with torch.no_grad():
        layer.weight.div_(spread)
        layer.bias.sub_(layer.weight @ mean)
    return EmbeddingHead(layer.requires_grad_(False), text.requires_grad_(False).eval(), curve)


def recall_at(photos: Tensor, texts: Tensor, owner: Tensor) -> dict[int, Tensor]:
    """Tell for each text whether its photo is among the nearest 1, 5 and 10.

    Takes unit vectors [P, 256], [T, 256] and each text's photo, int64 [T].
    """
    likeness = texts @ photos.T
    own = likeness[torch.arange(len(texts)), owner]
    before = (likeness > own[:, None]).sum(dim=1)
    return {k: before < k for k in (1, 5, 10)}


def _share(step: int, steps: int) -> float:
    """Return the share of the full rate: a short rise, then a cosine."""
    return min(1.0, (step + 1) / (0.1 * steps)) * 0.5 * (1 + math.cos(math.pi * step / steps))


def _structure(embedded: Tensor, features: Tensor, temperature: float) -> Tensor:
    """Return how far likenesses by embedding are from those by (standardised) features."""
    known = functional.normalize(features, dim=1)
    self_mask = torch.eye(len(known)) * -1e4
    wanted = (known @ known.T) / temperature + self_mask
    found = (embedded @ embedded.T) / temperature + self_mask
    return functional.kl_div(
        found.log_softmax(1), wanted.log_softmax(1), reduction="batchmean", log_target=True
    )
