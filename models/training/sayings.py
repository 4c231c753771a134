"""What can be said of each photo: its captions, or the words of its tags."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from scened.models.training.corpus import Photo
from scened.models.training.tag_head import Known
from scened.models.training.tags import TagTruth
from scened.models.training.text_tower import tokenise

__all__ = ["VARIANTS", "Sayings", "gather_sayings"]

VARIANTS = 5  # of what is said of a photo: as many as it has captions
MOST_TAGS = 2  # in one text
SEED = 4


class Sayings(NamedTuple):
    """Word pieces int64 [photos, 5, L] (0 is padding; all 0 where nothing is said).

    `tags` int64 [photos, 5, 2] names the tags a text is made of (-1: none, or a caption), and
    `present` bool [photos, T] the tags known to be there.
    """

    pieces: Tensor
    tags: Tensor
    present: Tensor


def gather_sayings(photos: list[Photo], truth: TagTruth, known: Known) -> Sayings:
    """Collect the captions, and for photos without them texts like "dog and snow"."""
    rng = np.random.default_rng(SEED)
    present = (known.value * known.known) > 0
    tags = torch.full((len(photos), VARIANTS, MOST_TAGS), -1)
    texts: list[str] = []
    for place, photo in enumerate(photos):
        captions = photo.record.get("captions")
        narrow = _narrowest(truth, present[place].nonzero().flatten().tolist())
        for variant in range(VARIANTS):
            if captions:
                texts.append(captions[variant % len(captions)])
                continue
            chosen = rng.permutation(narrow)[: rng.integers(1, MOST_TAGS + 1)].astype(int)
            tags[place, variant, : len(chosen)] = torch.from_numpy(chosen)
            texts.append(" and ".join(_word(truth, int(tag), rng) for tag in chosen))
    pieces = tokenise(texts)
    return Sayings(pieces.view(len(photos), VARIANTS, -1), tags, present)


def _narrowest(truth: TagTruth, present: list[int]) -> list[int]:
    """Return the tags that none of the others lies below."""
    names = {truth.names[tag] for tag in present}
    vocabulary = truth.vocabulary
    return [t for t in present if names.isdisjoint(vocabulary.descendants(truth.names[t]))]


def _word(truth: TagTruth, tag: int, rng: np.random.Generator) -> str:
    entry = truth.vocabulary.tags[tag]
    return str(rng.choice([entry.name, entry.name, *entry.synonyms]))
