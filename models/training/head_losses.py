"""What the tag and embedding heads ask of the backbone while all heads are trained at once."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from scened.models.training.detector import load_detections
from scened.models.training.embedding_head import EmbeddingSettings
from scened.models.training.features import load_features
from scened.models.training.heads import load_text_tower
from scened.models.training.network import EMBEDDING
from scened.models.training.product import PhotoTower, TagHead
from scened.models.training.readers import Readers, fit_readers
from scened.models.training.sayings import gather_sayings
from scened.models.training.tag_head import Known, TagSettings, gather_truth, name_loss
from scened.models.training.tags import load_tag_truth
from scened.models.training.teacher import load_initial
from scened.models.training.text_tower import tokenise

__all__ = ["Heads", "Lessons", "load_heads", "load_lessons"]

CAPTIONS = 5  # of a photo
READER_STEPS = 480
SCALE = 20.0  # of likenesses at the start; learnt
FROM_ELSEWHERE = 0.25  # how much the initial network's naming counts on photos not of ImageNet

log = logging.getLogger(__name__)


class Heads(nn.Module):
    """The tag and embedding heads as they are trained."""

    def __init__(self, classes: Tensor, features: int) -> None:
        """Take `classes`, float [1001, T]: one where an ImageNet output means a tag."""
        super().__init__()
        self.tags = TagHead(classes, features)
        self.embedding = PhotoTower(features)
        self.log_scale = nn.Parameter(torch.tensor(math.log(SCALE)))

    def scale(self) -> Tensor:
        """Return what likenesses are multiplied with before they are compared."""
        return self.log_scale.exp().clamp(max=100)


class Lessons:
    """What is known of each photo, to compute the heads' losses from.

    Photos are named by their place in the list of `features.head_photos`.
    """

    def __init__(
        self,
        known: Known,
        trusted: Tensor,
        leaves: Tensor,
        texts: Tensor,
        readers: Readers | None,
        device: torch.device,
    ) -> None:
        """Take tags, where ImageNet's naming is to be trusted, captions' vectors, and readers.

        `trusted` float [photos], `leaves` int64 [L]: tags that name an ImageNet class most
        narrowly. `texts` float [photos, 5, 256]: unit vectors, zero for photos without captions.
        """
        self._known = Known(*(values.to(device) for values in known))
        self._trusted = trusted.to(device)
        self._leaves = leaves.to(device)
        captioned = texts.square().sum((1, 2)) > 0
        self._texts = texts[captioned].to(device)
        caption_of = torch.full((len(texts),), -1)
        caption_of[captioned] = torch.arange(len(self._texts))
        self._caption_of = caption_of.to(device)
        self._readers = None if readers is None else readers.to(device)

    def losses(
        self, heads: Heads, pooled: Tensor, logits: Tensor, wanted: Tensor, places: Tensor
    ) -> dict[str, Tensor]:
        """Return the losses of some photos.

        `pooled` [B, F] and `logits` [B, 1001] are the learner's, `wanted` [B, 1001] the
        initial network's. The likeness is contrasted with a caption of every photo at once, whose
        vectors do not change: so a small batch does no harm (it did: README).
        """
        tags = heads.tags(pooled, logits)
        value, weight = self._known.value[places], self._known.weight[places]
        told = functional.binary_cross_entropy_with_logits(tags, value, weight, reduction="sum")
        losses = {
            "tags": told / len(places),
            "names": self._names(heads, tags, wanted, places),
            "likeness": self._likeness(heads, pooled, places),
        }
        if self._readers is not None:
            losses["reading"] = self._readers.loss(pooled, places, heads.scale())
        return losses

    def _names(self, heads: Heads, tags: Tensor, wanted: Tensor, places: Tensor) -> Tensor:
        """Return how far the narrowest tags' order is from the initial network's."""
        shares = (wanted.softmax(dim=1) @ heads.tags.classes)[:, self._leaves]
        return (name_loss(tags[:, self._leaves], shares) * self._trusted[places]).mean()

    def _likeness(self, heads: Heads, pooled: Tensor, places: Tensor) -> Tensor:
        own = self._caption_of[places]
        if not (own >= 0).any():
            return pooled.new_zeros(())
        embedded = heads.embedding(pooled[own >= 0])
        count, captions, _ = self._texts.shape
        chosen = torch.randint(captions, (count,), device=pooled.device)
        said = self._texts[torch.arange(count, device=pooled.device), chosen]
        likeness = embedded @ said.T * heads.scale()
        return functional.cross_entropy(likeness, own[own >= 0])


def load_heads(leg: Path) -> Heads:
    """Return the heads that were fitted after a leg of training."""
    kept = torch.load(leg / "heads.pt", weights_only=True)
    heads = Heads(kept["tags"]["classes"], kept["tags"]["linear.weight"].shape[1])
    heads.tags.load_state_dict(kept["tags"])
    heads.embedding.load_state_dict(kept["embedding"])
    return heads


def load_lessons(
    work: Path, leg: Path, settings: TagSettings, device: torch.device, *, read: bool
) -> Lessons:
    """Gather what is known of the photos; `leg` holds the features and heads fitted before.

    With `read`, readers are fitted there too.
    """
    truth = load_tag_truth()
    cache = load_features(work, leg)
    heads = load_heads(leg)
    initial = load_initial(work)
    pooled = torch.from_numpy(cache.pooled[0])
    with torch.no_grad():
        odds = heads.tags.log_odds(initial.classify(pooled))
        known = gather_truth(cache, truth, odds, load_detections(work), settings)
        text = load_text_tower(leg)
        texts = torch.zeros(len(cache.photos), CAPTIONS, EMBEDDING)
        for place, photo in enumerate(cache.photos):
            if "captions" in photo.record and photo.split == "train":
                texts[place] = text(tokenise(photo.record["captions"][:CAPTIONS]))
        captioned = (texts.square().sum((1, 2)) > 0).nonzero().flatten()
    readers = None
    if read:
        said = gather_sayings(cache.photos, truth, known)
        kept = leg / "readers.pt"
        readers = fit_readers(cache, said, captioned, EmbeddingSettings(steps=READER_STEPS), kept)
    trusted = [1.0 if p.source == "imagenet" else FROM_ELSEWHERE for p in cache.photos]
    leaves = torch.tensor(truth.imagenet_leaves())
    log.info("lessons: of %d photos", len(cache.photos))
    return Lessons(known, torch.tensor(trusted), leaves, texts, readers, device)
