"""The embedding head: likeness, taught by captions and by the initial features' own structure."""

from __future__ import annotations

import copy
import logging
import math
from functools import partial
from typing import NamedTuple

import msgspec
import torch
from torch import Tensor, nn
from torch.nn import functional

from scened.models.training.features import Cache
from scened.models.training.product import PhotoTower
from scened.models.training.sayings import Sayings
from scened.models.training.text_tower import TextTower, start_vectors
from scened.models.training.weights import mean_of

__all__ = ["EmbeddingHead", "EmbeddingSettings", "recall_at", "train_embedding"]

log = logging.getLogger(__name__)


class EmbeddingSettings(msgspec.Struct, frozen=True):
    """The recipe of the embedding head."""

    seed: int = 2
    runs: int = 1  # from one start, each in its own order; what is kept is their mean
    steps: int = 720
    captioned: int = 1024  # photos with a caption each, per step
    named: int = 256  # photos with the words of their tags instead, per step
    others: int = 256  # photos without words, per step
    rate: float = 1e-3
    word_rate: float = 3e-4
    weight_decay: float = 0.1
    features_dropped: float = 0.5
    words_dropped: float = 0.3
    temperature: float = 0.05  # of the contrast at the start; learnt
    structure: float = 0.25  # weight of keeping the features' own likenesses
    structure_temperature: float = 0.07
    steady: float = 1.5  # weight of a photo's views being alike


class EmbeddingHead(NamedTuple):
    """The photo side that ships, on raw features, the text tower, and each run's curve."""

    photo: PhotoTower
    text: TextTower
    curves: list[list[dict[str, float]]]


class _Run(NamedTuple):
    photo: PhotoTower
    text: TextTower
    curve: list[dict[str, float]]


class _Rows(NamedTuple):
    """Places of train photos by what goes with them: captions, tags' words, nothing."""

    captioned: Tensor
    named: Tensor
    others: Tensor


def train_embedding(
    cache: Cache, said: Sayings, settings: EmbeddingSettings, left_out: Tensor | None = None
) -> EmbeddingHead:
    """Train on cached features [views, photos, F] of the train photos.

    `left_out`, bool [photos], are not shown.

    Loss: symmetric contrast of photos and texts (Radford et al., CLIP, 2021), plus the
    divergence between the photos' likenesses by features and by embedding (as in Tejankar et
    al., ISD, 2021). A text made of tags is not contrasted with other photos that carry them.
    The mean of some runs does what their ensemble would: they start from the same place.
    """
    torch.manual_seed(settings.seed)
    rows = _rows(cache, said, left_out)
    train = torch.cat(list(rows))
    pooled = torch.from_numpy(cache.pooled)
    mean, spread = pooled[:, train].mean((0, 1)), pooled[:, train].std((0, 1)) + 1e-3
    photo = PhotoTower(pooled.shape[2], settings.features_dropped)
    text = TextTower(start_vectors())
    standard = (pooled - mean) / spread
    runs = []
    for number in range(settings.runs):
        torch.manual_seed(settings.seed + number)
        start = copy.deepcopy(photo), copy.deepcopy(text)
        runs.append(_run(*start, standard, rows, said, settings))
    photo, text = mean_of([run.photo for run in runs]), mean_of([run.text for run in runs])
    photo.fold(mean, spread)
    for tower in (photo, text):
        tower.requires_grad_(requires_grad=False).eval()
    return EmbeddingHead(photo, text, [run.curve for run in runs])


def recall_at(photos: Tensor, texts: Tensor, owner: Tensor) -> dict[int, Tensor]:
    """Tell for each text whether its photo is among the nearest 1, 5 and 10.

    Takes unit vectors [P, 256], [T, 256] and each text's photo, int64 [T].
    """
    likeness = texts @ photos.T
    own = likeness[torch.arange(len(texts)), owner]
    before = (likeness > own[:, None]).sum(dim=1)
    return {k: before < k for k in (1, 5, 10)}


def _run(
    photo: PhotoTower,
    text: TextTower,
    pooled: Tensor,
    rows: _Rows,
    said: Sayings,
    settings: EmbeddingSettings,
) -> _Run:
    """Train towers on standardised features [views, photos, F]."""
    log_scale = nn.Parameter(torch.tensor(math.log(1 / settings.temperature)))
    optimisers = _optimisers(photo, text, log_scale, settings)
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(optimiser, partial(_share, steps=settings.steps))
        for optimiser in optimisers
    ]
    curve: list[dict[str, float]] = []
    for step in range(settings.steps):
        told = torch.cat(
            [_some(rows.captioned, settings.captioned), _some(rows.named, settings.named)]
        )
        photos = torch.cat([told, _some(rows.others, settings.others)])
        views = torch.randint(len(pooled), (len(photos),))
        features = pooled[views, photos]
        embedded = photo(features)
        variant = torch.randint(said.pieces.shape[1], (len(told),))
        pieces = said.pieces[told, variant]
        pieces = pieces * (torch.rand(pieces.shape) >= settings.words_dropped)
        likeness = embedded[: len(told)] @ text(pieces).T * log_scale.exp().clamp(max=100)
        likeness = likeness.masked_fill(_also_true(said, told, variant), -1e4)
        diagonal = torch.arange(len(told))
        contrast = functional.cross_entropy(likeness, diagonal)
        contrast = (contrast + functional.cross_entropy(likeness.T, diagonal)) / 2
        structure = _structure(embedded, features, settings.structure_temperature)
        other_views = torch.randint(len(pooled), (len(photos),))
        again = photo(pooled[other_views, photos])
        apart = 1 - (embedded * again).sum(dim=1).mean()
        loss = contrast + settings.structure * structure + settings.steady * apart
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        for optimiser, schedule in zip(optimisers, schedules, strict=True):
            optimiser.step()
            schedule.step()
        if step % 20 == 19:
            values = {
                "contrast": contrast.item(),
                "structure": structure.item(),
                "apart": apart.item(),
            }
            curve.append({"step": step + 1, **values})
            log.info("embedding: step %d %s", step + 1, values)
    return _Run(photo, text, curve)


def _rows(cache: Cache, said: Sayings, left_out: Tensor | None) -> _Rows:
    train = torch.tensor([p.split == "train" for p in cache.photos])
    if left_out is not None:
        train &= ~left_out
    captions = torch.tensor(["captions" in p.record for p in cache.photos])
    words = said.pieces.any(dim=2).all(dim=1)
    parts = (train & captions, train & ~captions & words, train & ~captions & ~words)
    return _Rows(*(part.nonzero().flatten() for part in parts))


def _some(rows: Tensor, count: int) -> Tensor:
    return rows[torch.randperm(len(rows))[:count]]


def _optimisers(
    photo: PhotoTower, text: TextTower, log_scale: nn.Parameter, settings: EmbeddingSettings
) -> list[torch.optim.Optimizer]:
    others = [p for name, p in text.named_parameters() if name != "vectors.weight"]
    return [
        torch.optim.AdamW(
            [*photo.parameters(), *others, log_scale],
            settings.rate,
            weight_decay=settings.weight_decay,
        ),
        torch.optim.SparseAdam([text.vectors.weight], settings.word_rate),
    ]


def _also_true(said: Sayings, told: Tensor, variant: Tensor) -> Tensor:
    """Tell where a text made of tags is true of another photo too: bool [photos, texts]."""
    tags = said.tags[told, variant]
    present = said.present[told]
    true = torch.ones(len(told), len(told), dtype=torch.bool)
    for column in range(tags.shape[1]):
        tag = tags[:, column]
        true &= present[:, tag.clamp(min=0)] | (tag < 0)[None, :]
    true &= (tags[:, 0] >= 0)[None, :]
    return true.fill_diagonal_(fill_value=False)


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
