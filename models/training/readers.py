"""Embedding heads each of which has not seen one part of the photos: what they read of it.

What a head has learnt by heart it reads from almost any features. What it makes of a photo it has
never seen is what the features truly show, so the backbone is taught by that.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from scened.models.training.corpus import Photo
from scened.models.training.embedding_head import EmbeddingSettings, train_embedding
from scened.models.training.features import Cache
from scened.models.training.product import PhotoTower
from scened.models.training.sayings import Sayings

__all__ = ["Reader", "Readers", "fit_readers", "part_of"]

PARTS = 3

log = logging.getLogger(__name__)


class Reader(NamedTuple):
    """A head, the captioned photos it has not seen (int64 [P]), their captions [P, 5, 256]."""

    photo: PhotoTower
    unseen: Tensor
    texts: Tensor


class Readers(nn.Module):
    """Some readers, which stand still while the backbone learns."""

    def __init__(self, readers: Sequence[Reader], count: int) -> None:
        """Take readers of `count` photos in all."""
        super().__init__()
        self.towers = nn.ModuleList(reader.photo for reader in readers)
        self.requires_grad_(requires_grad=False).eval()
        for number, reader in enumerate(readers):
            self.register_buffer(f"texts{number}", reader.texts)
            caption_of = torch.full((count,), -1)
            caption_of[reader.unseen] = torch.arange(len(reader.unseen))
            self.register_buffer(f"caption_of{number}", caption_of)

    def loss(self, pooled: Tensor, places: Tensor, scale: Tensor) -> Tensor:
        """Return how hard a photo is told from all others its reader has not seen, on the mean.

        `pooled` [B, F] are the learner's features of the photos at `places` [B]; a photo without
        captions asks for nothing.
        """
        total, asked = pooled.new_zeros(()), 0
        for number, tower in enumerate(self.towers):
            texts = self.get_buffer(f"texts{number}")
            own = self.get_buffer(f"caption_of{number}")[places]
            mine = own >= 0
            if not mine.any():
                continue
            chosen = torch.randint(texts.shape[1], (len(texts),), device=pooled.device)
            said = texts[torch.arange(len(texts), device=pooled.device), chosen]
            likeness = tower(pooled[mine]) @ said.T * scale
            total = total + functional.cross_entropy(likeness, own[mine], reduction="sum")
            asked += int(mine.sum())
        return total / max(asked, 1)


def part_of(photo: Photo) -> int:
    """Return which reader never sees a photo."""
    return zlib.crc32(photo.key.encode()) % PARTS


def fit_readers(
    cache: Cache, said: Sayings, captioned: Tensor, settings: EmbeddingSettings, kept: Path
) -> Readers:
    """Fit each reader to the photos of all other parts, or load those kept in a file.

    `captioned` [P] are the places of the train photos that have captions.
    """
    parts = torch.tensor([part_of(photo) for photo in cache.photos])
    if not kept.exists():
        fitted = []
        for part in range(PARTS):
            head = train_embedding(cache, said, settings, parts == part)
            unseen = captioned[parts[captioned] == part]
            with torch.no_grad():
                texts = head.text(said.pieces[unseen].flatten(0, 1)).unflatten(0, (len(unseen), -1))
            fitted.append({"photo": head.photo.state_dict(), "unseen": unseen, "texts": texts})
            log.info("readers: %d of %d fitted", part + 1, PARTS)
        torch.save(fitted, kept)
    readers = []
    for each in torch.load(kept, weights_only=True):
        tower = PhotoTower(cache.pooled.shape[2])
        tower.load_state_dict(each["photo"])
        readers.append(Reader(tower, each["unseen"], each["texts"]))
    return Readers(readers, len(cache.photos))
